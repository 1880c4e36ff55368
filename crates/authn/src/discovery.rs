//! Where an issuer publishes its keys: what its own configuration says (OpenID Connect Discovery 1.0).
//!
//! The issuer's name is its address, and what is found there must say that it is of this issuer: a
//! configuration that was copied, or is served for another, leads to nobody's keys.

use reqwest::{Client, Url};
use serde::Deserialize;

use crate::fetch::{self, fetch};

/// Where the configuration lies, from the issuer's address (OpenID Connect Discovery, 4.1).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Longest text of an issuer's that a message repeats, in characters.
const MAX_SHOWN: usize = 200;

/// An issuer that is asked where its keys are.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// The issuer as configured; the configuration found must name it byte for byte.
    issuer: String,
    /// The address of its configuration.
    document: Url,
}

/// The members that are read; a member that is there twice is an error, others are ignored.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// The discovery of an issuer; the error says what is wrong with its address.
    pub(crate) fn of(issuer: &str) -> Result<Self, String> {
        let address = fetch::address(issuer)?;
        if address.query().is_some() || address.fragment().is_some() {
            return Err("the address of an issuer has no `?` and no `#`".to_owned());
        }
        let document = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
        Ok(Self { issuer: issuer.to_owned(), document: fetch::address(&document)? })
    }

    /// The address of the configuration.
    pub(crate) fn document(&self) -> &Url {
        &self.document
    }

    /// The address of the key set, as the issuer says now.
    pub(crate) async fn keys(&self, client: &Client) -> Result<Url, String> {
        let json = fetch(client, self.document.clone()).await?;
        self.keys_of(&json)
    }

    fn keys_of(&self, json: &[u8]) -> Result<Url, String> {
        let document: Document = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("line {line}, column {column} is no configuration with `issuer` and `jwks_uri`")
        })?;
        if document.issuer != self.issuer {
            let named = shown(&document.issuer);
            return Err(format!(
                "it is the configuration of the issuer `{named}`; the setting `issuer` must be that, letter for letter"
            ));
        }
        let keys = fetch::address(&document.jwks_uri).map_err(|problem| {
            format!("its `jwks_uri` `{}` is not used: {problem}", shown(&document.jwks_uri))
        })?;
        if keys.scheme() != self.document.scheme() && keys.scheme() == "http" {
            // An issuer elsewhere has no business with what listens on this machine.
            return Err("its `jwks_uri` is plain http, and the issuer is not".to_owned());
        }
        Ok(keys)
    }
}

/// What somebody else wrote, in one line of bounded length.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(issuer: &str, json: &str) -> Result<String, String> {
        Discovery::of(issuer)?.keys_of(json.as_bytes()).map(|url| url.to_string())
    }

    #[test]
    fn the_configuration_lies_below_the_issuer() {
        let at = |issuer: &str| Discovery::of(issuer).map(|found| found.document().to_string());
        let well_known = |host: &str| Ok(format!("{host}/.well-known/openid-configuration"));
        assert_eq!(at("https://id.example"), well_known("https://id.example"));
        assert_eq!(at("https://id.example/"), well_known("https://id.example"));
        assert_eq!(at("https://id.example/realms/a"), well_known("https://id.example/realms/a"));
        assert_eq!(at("http://127.0.0.1:7/"), well_known("http://127.0.0.1:7"));
    }

    #[test]
    fn an_issuer_that_is_no_address_has_no_configuration() {
        for issuer in [
            "issuer",
            "http://id.example",
            "https://a:b@id.example",
            "https://id.example/?a",
            "https://id.example/#a",
        ] {
            assert!(Discovery::of(issuer).is_err(), "{issuer}");
        }
    }

    #[test]
    fn the_configuration_of_another_issuer_is_not_used() {
        let issuer = "https://id.example";
        for other in ["https://id.example/", "https://ID.example", "https://evil.example", ""] {
            let json = format!(r#"{{"issuer": "{other}", "jwks_uri": "https://id.example/jwks"}}"#);
            let problem = found(issuer, &json).unwrap_err();
            assert!(problem.contains(&format!("`{other}`")), "{problem}");
        }
        let json = r#"{"issuer": "https://id.example", "jwks_uri": "https://keys.example/jwks", "x": 1}"#;
        assert_eq!(found(issuer, json).as_deref(), Ok("https://keys.example/jwks"));
    }

    #[test]
    fn keys_are_read_over_tls_wherever_the_issuer_is_elsewhere() {
        for uri in [
            "http://id.example/jwks",
            "http://127.0.0.1/jwks",
            "file:///etc/passwd",
            "https://a@id.example/",
            "jwks",
        ] {
            let json = format!(r#"{{"issuer": "https://id.example", "jwks_uri": "{uri}"}}"#);
            assert!(found("https://id.example", &json).unwrap_err().contains("`jwks_uri`"), "{uri}");
        }
        let json = r#"{"issuer": "http://localhost:1", "jwks_uri": "http://[::1]:2/jwks"}"#;
        assert!(found("http://localhost:1", json).is_ok());
    }

    #[test]
    fn what_an_issuer_says_is_told_on_one_short_line() {
        let long = "\\n".repeat(5000);
        let json = format!(r#"{{"issuer": "{long}", "jwks_uri": ""}}"#);
        let problem = found("https://id.example", &json).unwrap_err();
        assert!(problem.len() < 1000 && !problem.contains('\n'), "{problem}");
        for json in [
            "",
            "[]",
            r#"{"issuer": "https://id.example"}"#,
            r#"{"issuer": "a", "issuer": "b", "jwks_uri": "c"}"#,
        ] {
            assert!(found("https://id.example", json).unwrap_err().contains("line"), "{json}");
        }
    }
}
