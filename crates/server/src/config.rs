//! The settings of a server: one TOML file, every field documented, no hidden default for a secret.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sekisho_authn::{ClaimNames, Config as Authentication, KeySource, TokenType};
use sekisho_model::Limits;
use sekisho_service::Capacity;
use serde::{Deserialize, Serialize};

/// A server's settings. Relative paths are relative to the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The folder that holds vault, log, jobs and keys.
    pub state: PathBuf,
    /// The folder of project files.
    pub projects: PathBuf,
    /// A folder of disclosure profiles beside the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<PathBuf>,
    /// TLS.
    pub tls: Tls,
    /// Whose tokens are taken.
    pub tokens: Tokens,
    /// How much a job may use.
    #[serde(default)]
    pub limits: JobLimits,
}

/// Files of the server's identity.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM of the certificate chain.
    pub certificate: PathBuf,
    /// PEM of the private key.
    pub key: PathBuf,
}

/// Whose tokens are taken.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The `iss` claim. Without `keys` also the issuer's address: an OpenID provider.
    pub issuer: String,
    /// The `aud` claim. It names this enclave, and is no client's id.
    pub audience: String,
    /// The issuer's key set: a file, or an `https` address. Left out, the issuer's configuration at
    /// its address says where the keys are (OpenID Connect Discovery), now and after each rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// How far clocks may be apart, in seconds; at most 5.
    #[serde(default)]
    pub leeway_seconds: u64,
    /// Which `typ` tokens must have.
    #[serde(rename = "type", default)]
    pub kind: TokenKind,
    /// The claim that says for which organisation a person works: a name, or `/` and the way to a
    /// nested one.
    #[serde(default = "organisation_claim")]
    pub organisation_claim: String,
    /// The claim that lists a person's roles, named likewise.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
}

/// How the issuer marks its access tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum TokenKind {
    /// With `typ: at+jwt` (RFC 9068).
    #[default]
    #[serde(rename = "at+jwt")]
    AccessToken,
    /// Not at all, or as any other JWT.
    #[serde(rename = "unmarked")]
    Unmarked,
}

fn organisation_claim() -> String {
    ClaimNames::default().organisation
}

fn roles_claim() -> String {
    ClaimNames::default().roles
}

impl Tokens {
    /// What the authenticator is told.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        let keys = match &self.keys {
            Some(address) if address.contains("://") => KeySource::Url(address.clone()),
            Some(file) => KeySource::File(PathBuf::from(file)),
            None => KeySource::Issuer,
        };
        Authentication {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            keys,
            leeway: Duration::from_secs(self.leeway_seconds),
            types: match self.kind {
                TokenKind::AccessToken => TokenType::AccessToken,
                TokenKind::Unmarked => TokenType::Unmarked,
            },
            claims: ClaimNames {
                organisation: self.organisation_claim.clone(),
                roles: self.roles_claim.clone(),
            },
        }
    }
}

/// How much a job may use, and how many there may be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobLimits {
    /// Longest time from start to verdict, in seconds.
    pub seconds: u64,
    /// Most memory of a job's confidential half, in MiB.
    pub memory_mib: usize,
    /// Most rows of a result.
    pub rows: usize,
    /// Longest SQL text, in bytes, the texts among its parameters included.
    pub sql_bytes: usize,
    /// Most statements of an analysis, judged as one release.
    pub statements: usize,
    /// Most parameters of an analysis.
    pub parameters: usize,
    /// Most code lists of an analysis.
    pub lists: usize,
    /// Most bytes of an analysis' code lists together.
    pub list_bytes: usize,
    /// Most rows of one code list.
    pub list_rows: usize,
    /// Most columns of one code list.
    pub list_columns: usize,
    /// Deepest nesting of brackets in the SQL text.
    pub nesting: usize,
    /// Most parts (plan nodes and expressions) of an analysis.
    pub plan_nodes: usize,
    /// Jobs that run at once.
    pub running: usize,
    /// Jobs that are accepted and not settled.
    pub unsettled: usize,
    /// Checks of a plan (`sekisho sql --check`) that are made at once, beside the jobs.
    pub checks: usize,
    /// Checks that wait for their turn.
    pub checks_waiting: usize,
}

impl Default for JobLimits {
    fn default() -> Self {
        let (limits, capacity) = (Limits::default(), Capacity::default());
        Self {
            seconds: limits.time.as_secs(),
            memory_mib: limits.memory >> 20,
            rows: limits.rows,
            sql_bytes: limits.sql_bytes,
            statements: limits.statements,
            parameters: limits.parameters,
            lists: limits.lists,
            list_bytes: limits.list_bytes,
            list_rows: limits.list_rows,
            list_columns: limits.list_columns,
            nesting: limits.nesting,
            plan_nodes: limits.plan_nodes,
            running: capacity.running,
            unsettled: capacity.unsettled,
            checks: capacity.checks,
            checks_waiting: capacity.checks_waiting,
        }
    }
}

impl JobLimits {
    /// The limits of one job.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            sql_bytes: self.sql_bytes,
            statements: self.statements,
            parameters: self.parameters,
            lists: self.lists,
            list_bytes: self.list_bytes,
            list_rows: self.list_rows,
            list_columns: self.list_columns,
            nesting: self.nesting,
            plan_nodes: self.plan_nodes,
            time: Duration::from_secs(self.seconds),
            memory: self.memory_mib.saturating_mul(1 << 20),
            rows: self.rows,
        }
    }

    /// How many jobs there may be.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        Capacity {
            running: self.running,
            unsettled: self.unsettled,
            checks: self.checks,
            checks_waiting: self.checks_waiting,
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Where the file cannot be read, or a field is unknown, missing or makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let mut config: Self = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let paths =
            [&mut config.state, &mut config.projects, &mut config.tls.certificate, &mut config.tls.key];
        for relative in paths.into_iter().chain(config.profiles.as_mut()) {
            *relative = folder.join(&*relative);
        }
        if let Some(file) = config.tokens.keys.as_mut().filter(|keys| !keys.contains("://")) {
            *file = folder.join(&*file).display().to_string();
        }
        let limits = &config.limits;
        if [limits.running, limits.unsettled, limits.checks].contains(&0) || limits.seconds == 0 {
            bail!(
                "in {}: limits.running, limits.unsettled, limits.checks and limits.seconds are at least 1",
                path.display()
            );
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Authentication, toml::de::Error> {
        let always = "issuer = \"https://id.example\"\naudience = \"sekisho\"\n";
        toml::from_str::<Tokens>(&format!("{always}{text}")).map(|tokens| tokens.authentication())
    }

    #[test]
    fn without_keys_the_issuer_is_asked_for_them() {
        let read = tokens("").unwrap();
        assert_eq!((read.keys, read.types), (KeySource::Issuer, TokenType::AccessToken));
        assert_eq!(read.claims, ClaimNames::default());
        assert_eq!(tokens("keys = \"jwks.json\"").unwrap().keys, KeySource::File("jwks.json".into()));
        let address = "https://id.example/jwks";
        assert_eq!(
            tokens(&format!("keys = \"{address}\"")).unwrap().keys,
            KeySource::Url(address.to_owned())
        );
    }

    #[test]
    fn the_form_of_tokens_is_one_of_two() {
        let unmarked = tokens("type = \"unmarked\"\nroles_claim = \"/realm_access/roles\"").unwrap();
        assert_eq!(unmarked.types, TokenType::Unmarked);
        assert_eq!(unmarked.claims.roles, "/realm_access/roles");
        for wrong in ["type = \"any\"", "type = \"JWT\"", "typ = \"at+jwt\"", "role_claim = \"r\""] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }
}
