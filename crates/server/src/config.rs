//! The settings of a server: one TOML file, every field documented, no hidden default for a secret.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
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
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// The issuer's key set: a file, or an `https` address.
    pub keys: String,
    /// How far clocks may be apart, in seconds; at most 5.
    #[serde(default)]
    pub leeway_seconds: u64,
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
        if !config.tokens.keys.contains("://") {
            config.tokens.keys = folder.join(&config.tokens.keys).display().to_string();
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
