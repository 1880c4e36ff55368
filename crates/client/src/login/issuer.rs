//! The issuer's addresses, as its own configuration says, and how they are asked: bounded in size and
//! time, over TLS unless the issuer is on this machine, and nowhere else than there.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::form::{Begun, Denied, Form, MAX_SHOWN, Reply};
use crate::{Error, Result};

/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Where the configuration lies (OpenID Connect Discovery, 4.1).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// An issuer whose configuration was read.
pub(crate) struct Issuer {
    http: Client,
    name: String,
    found: Configuration,
}

/// The members that are read (RFC 8414, 2; RFC 8628, 4).
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Issuer {
    /// Reads the configuration of an issuer.
    pub(crate) async fn discover(name: &str) -> Result<Self> {
        let address = format!("{}{WELL_KNOWN}", name.trim_end_matches('/'));
        let address = checked(&address, None).map_err(|problem| {
            Error::argument(format!("the profile's issuer `{name}` cannot be used: {problem}"))
        })?;
        // A redirect could lead a secret or a token elsewhere.
        let http = Client::builder().redirect(Policy::none()).timeout(TIMEOUT);
        // What is not encrypted does not leave this machine, through a proxy of the environment neither.
        let http = if address.scheme() == "https" { http } else { http.no_proxy() };
        let http = http
            .build()
            .map_err(|error| Error::argument(format!("cannot set up TLS: {}", innermost(&error))))?;
        let (status, body) = answered(name, http.get(address)).await?;
        if status != StatusCode::OK {
            return Err(unusable(name, &format!("its configuration is answered with {}", status.as_u16())));
        }
        let found: Configuration = read(name, "configuration", &body)?;
        if found.issuer != name {
            // Byte for byte: the token will name what stands there (OpenID Connect Discovery, 4.3).
            let other: String = found.issuer.chars().take(MAX_SHOWN).collect();
            let other = crate::render::escaped(&other);
            return Err(unusable(name, &format!("its configuration is that of the issuer `{other}`")));
        }
        Ok(Self { http, name: name.to_owned(), found })
    }

    /// Begins a device flow.
    pub(crate) async fn begin(&self, form: Form) -> Result<Begun> {
        let Some(address) = &self.found.device_authorization_endpoint else {
            return Err(Error::argument(format!(
                "the issuer `{}` lets nobody sign in with a code (device flow); sign in with --client-credentials",
                self.name
            )));
        };
        match self.post(address, &form).await? {
            (StatusCode::OK, body) => {
                let begun: Begun = read(&self.name, "code", &body)?;
                let prompt = begun.prompt();
                for page in std::iter::once(&prompt.address).chain(&prompt.address_with_code) {
                    checked(page, Some(&self.name)).map_err(|problem| {
                        unusable(&self.name, &format!("the page for its code: {problem}"))
                    })?;
                }
                Ok(begun)
            }
            (status, body) => Err(super::refused(&self.denied(status, &body)?.to_string())),
        }
    }

    /// Asks for a token.
    pub(crate) async fn ask(&self, form: Form) -> Result<Reply> {
        let (status, body) = self.post(&self.found.token_endpoint, &form).await?;
        if status != StatusCode::OK {
            return self.denied(status, &body).map(Reply::Denied);
        }
        let granted: super::Granted = read(&self.name, "token", &body)?;
        if !granted.token_type.eq_ignore_ascii_case("bearer") {
            return Err(unusable(&self.name, "its token is not of the type `Bearer`"));
        }
        Ok(Reply::Granted(granted))
    }

    /// Ends a token, if the issuer can (RFC 7009).
    pub(crate) async fn revoke(&self, form: Form) -> Result<()> {
        let Some(address) = &self.found.revocation_endpoint else { return Ok(()) };
        let (status, body) = self.post(address, &form).await?;
        if status == StatusCode::OK {
            return Ok(());
        }
        let denied = self.denied(status, &body)?;
        // Access tokens that are signed need not be revocable (RFC 7009, 2.2.1).
        if denied.error == "unsupported_token_type" {
            Ok(())
        } else {
            Err(super::refused(&denied.to_string()))
        }
    }

    async fn post(&self, address: &str, form: &Form) -> Result<(StatusCode, Vec<u8>)> {
        let address = checked(address, Some(&self.name))
            .map_err(|problem| unusable(&self.name, &format!("one of its addresses: {problem}")))?;
        let request = self.http.post(address).header("accept", "application/json");
        let methods = &self.found.token_endpoint_auth_methods_supported;
        let named = |method: &str| methods.iter().any(|supported| supported == method);
        // Basic is what every issuer must take, and what it takes if it says nothing (RFC 6749, 2.3.1).
        let basic = named("client_secret_basic") || !named("client_secret_post");
        let mut fields: Vec<(&str, &str)> =
            form.fields().iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = match form.secret() {
            Some(secret) if basic => request.basic_auth(encoded(form.client_id()), Some(encoded(secret))),
            secret => {
                fields.push(("client_id", form.client_id()));
                fields.extend(secret.map(|secret| ("client_secret", secret)));
                request
            }
        };
        answered(&self.name, request.form(&fields)).await
    }

    fn denied(&self, status: StatusCode, body: &[u8]) -> Result<Denied> {
        let unclear = || unusable(&self.name, &format!("it answers {}", status.as_u16()));
        if status.is_client_error() {
            read(&self.name, "refusal", body).map_err(|_| unclear())
        } else {
            Err(unclear())
        }
    }
}

/// The status and the bytes of an answer.
async fn answered(name: &str, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
    let unreachable = |error: reqwest::Error| Error::Unreachable {
        address: name.to_owned(),
        reason: innermost(&error.without_url()),
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_BYTES {
            return Err(unusable(name, &format!("it is larger than {MAX_BYTES} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status(), bytes))
}

/// An answer in its form. The parser's own message could quote a token.
fn read<T: DeserializeOwned>(name: &str, what: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        unusable(name, &format!("line {}, column {} is not that of a {what}", error.line(), error.column()))
    })
}

/// An address that a secret may be sent to: `https`, or `http` on this machine, and there only if the
/// issuer is on it too.
fn checked(text: &str, issuer: Option<&str>) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = host == "localhost" || number.is_ok_and(|number| number.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if here && issuer.is_none_or(|issuer| issuer.starts_with("http://")) => Ok(url),
        _ => Err("it does not begin with `https://`".to_owned()),
    }
}

/// A client's id or secret as it stands in the header (RFC 6749, 2.3.1).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    let sign = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(sign).collect()
}

fn unusable(name: &str, problem: &str) -> Error {
    Error::Answer(format!("the issuer `{name}`: {problem}"))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for (text, issuer, good) in [
            ("https://id.example/token", "https://id.example", true),
            ("https://id.example/token", "http://localhost:1", true),
            ("http://127.0.0.1:7/token", "http://127.0.0.1:7", true),
            ("http://127.0.0.1:7/token", "https://id.example", false),
            ("http://id.example/token", "http://localhost:1", false),
            ("https://a:b@id.example/token", "https://id.example", false),
            ("file:///token", "https://id.example", false),
            ("token", "https://id.example", false),
        ] {
            assert_eq!(checked(text, Some(issuer)).is_ok(), good, "{text} of {issuer}");
        }
    }

    #[test]
    fn an_id_or_secret_of_any_signs_is_one_word() {
        assert_eq!(encoded("a-Z.0_*"), "a-Z.0_*");
        assert_eq!(encoded("a:b c%é"), "a%3Ab%20c%25%C3%A9");
    }
}
