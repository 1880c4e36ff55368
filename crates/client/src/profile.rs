//! Where the server is, whom to trust and who the caller is: a small TOML file.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Account, Error, Login, Result};

/// A connection's address and credentials.
///
/// ```toml
/// address = "https://127.0.0.1:8443"
/// ca = "ca.pem"                    # or the PEM text itself; a relative path is relative to this file
/// token = "eyJhbGciOi…"            # or a table [login], see Login
/// log_key = "example.org/log+…"    # optional: the log's public key, to check receipts
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Profile {
    /// `https://HOST:PORT`.
    pub address: String,
    /// The only certificate authority that is trusted, in PEM.
    pub ca: String,
    /// As whom calls are made.
    pub credentials: Credentials,
    /// The public key of the server's audit log.
    pub log_key: Option<String>,
}

/// As whom calls are made.
#[derive(Clone, Eq, PartialEq)]
pub enum Credentials {
    /// As whoever signed in with `sekisho login`.
    Login(Account),
    /// As whom this bearer token speaks for.
    Token(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    address: String,
    ca: String,
    token: Option<String>,
    log_key: Option<String>,
    login: Option<Login>,
}

impl Profile {
    /// Reads a profile and the CA file that it names.
    ///
    /// # Errors
    ///
    /// [`Error::Profile`] if a file cannot be read or does not have this form.
    pub fn load(path: &Path) -> Result<Self> {
        let unusable = |reason: String| Error::Profile { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        Self::read(&text, path).map_err(unusable)
    }

    /// The token that stands in the profile, if one does.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Token(token) => Some(token),
            Credentials::Login(_) => None,
        }
    }

    /// The login that the profile asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if it holds a token instead.
    pub fn account(&self) -> Result<&Account> {
        match &self.credentials {
            Credentials::Login(account) => Ok(account),
            Credentials::Token(_) => Err(Error::argument(
                "the profile holds a token: nobody signs in with it; write a table [login] in place of the token",
            )),
        }
    }

    /// The profile of a person in the state directory of a demonstration server.
    #[must_use]
    pub fn path_in_state(state: &Path, name: &str) -> PathBuf {
        state.join("profiles").join(format!("{name}.toml"))
    }

    fn read(text: &str, path: &Path) -> Result<Self, String> {
        let folder = path.parent().unwrap_or(Path::new("."));
        // The parser's own message would quote the line, and a line may hold the token.
        let file: File =
            toml::from_str(text).map_err(|error| format!("not a profile: {}", error.message()))?;
        if !file.address.starts_with("https://") {
            return Err("its address does not begin with `https://`; the server speaks TLS only".to_owned());
        }
        let ca = if file.ca.trim_start().starts_with("-----BEGIN") {
            file.ca
        } else {
            let path = folder.join(&file.ca);
            fs::read_to_string(&path).map_err(|error| format!("its CA `{}`: {error}", path.display()))?
        };
        let credentials = match (file.token, file.login) {
            (Some(token), None) => Credentials::Token(token.trim().to_owned()),
            (None, Some(login)) => Credentials::Login(Account::of_profile(path, &file.address, login)?),
            (Some(_), Some(_)) => return Err("it has a token and a table [login]; leave one out".to_owned()),
            (None, None) => return Err("it has neither a token nor a table [login]".to_owned()),
        };
        Ok(Self { address: file.address, ca, credentials, log_key: file.log_key })
    }
}

impl fmt::Debug for Profile {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_relative_ca_is_beside_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("profiles")).unwrap();
        fs::write(folder.path().join("ca.pem"), PEM).unwrap();
        let path = Profile::path_in_state(folder.path(), "analyst");
        fs::write(
            &path,
            "address = \"https://h:1\"\nca = \"../ca.pem\"\ntoken = \"t\\n\"\nlog_key = \"k\"\n",
        )
        .unwrap();
        let profile = Profile::load(&path).unwrap();
        assert_eq!((profile.ca.as_str(), profile.token()), (PEM, Some("t")));
        assert_eq!(profile.log_key.as_deref(), Some("k"));
    }

    #[test]
    fn the_ca_may_stand_in_the_profile() {
        let text = format!("address = \"https://h:1\"\nca = \"\"\"\n{PEM}\"\"\"\ntoken = \"t\"\n");
        assert_eq!(Profile::read(&text, Path::new("/nowhere/p.toml")).unwrap().ca, PEM);
    }

    #[test]
    fn plain_http_is_refused() {
        let text = format!("address = \"http://h:1\"\nca = \"\"\"\n{PEM}\"\"\"\ntoken = \"t\"\n");
        assert!(Profile::read(&text, Path::new("p.toml")).unwrap_err().contains("TLS only"));
    }

    #[test]
    fn neither_errors_nor_debug_show_the_token() {
        let broken = Profile::read("address = \"https://h\"\ntoken = \"SECRET\" x\n", Path::new("p.toml"))
            .unwrap_err();
        assert!(!broken.contains("SECRET"), "{broken}");
        let text = format!("address = \"https://h:1\"\nca = \"\"\"\n{PEM}\"\"\"\ntoken = \"SECRET\"\n");
        let profile = Profile::read(&text, Path::new("p.toml")).unwrap();
        assert!(!format!("{profile:?}").contains("SECRET"));
    }

    #[test]
    fn a_profile_has_a_token_or_a_login() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        fs::write(&path, "").unwrap();
        let read = |text: &str| {
            Profile::read(&format!("address = \"https://h:1\"\nca = \"\"\"\n{PEM}\"\"\"\n{text}"), &path)
        };
        let login = "[login]\nissuer = \"https://id.example\"\nclient_id = \"sekisho-cli\"\n";
        let profile = read(login).unwrap();
        let account = profile.account().unwrap();
        assert_eq!((account.login.client_id.as_str(), profile.token()), ("sekisho-cli", None));
        assert_eq!(account.address, "https://h:1");
        assert!(read("token = \"t\"").unwrap().account().unwrap_err().to_string().contains("[login]"));
        assert!(read("").unwrap_err().contains("neither"));
        assert!(read(&format!("token = \"t\"\n{login}")).unwrap_err().contains("leave one out"));
        assert!(read(&format!("{login}client_secret = \"s\"")).unwrap_err().contains("client_secret"));
    }
}
