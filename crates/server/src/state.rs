//! What lies in a state directory, and how a service is opened from it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use sekisho_audit::{Log, LogKey};
use sekisho_authn::Authenticator;
use sekisho_authz::Projects;
use sekisho_disclosure::{LedgerKey, Profiles, RoundingKey, SealKey};
use sekisho_query::Engine;
use sekisho_service::{Histories, Service, Stage};
use sekisho_store::Store;
use sekisho_vault::{Keyring, Vault};

use crate::SystemClock;
use crate::config::Config;
use crate::files::make_private_folder;

/// The name by which the log's key is known to those who verify.
const LOG_NAME: &str = "sekisho";

/// A state directory that a server uses: as long as this lives, no other server starts on it.
#[derive(Debug)]
pub struct InUse {
    _lock: File,
}

/// Paths in a state directory.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// The state directory at `root`.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory itself, made if it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(root: &Path) -> Result<Self> {
        make_private_folder(root)?;
        Ok(Self::at(root))
    }

    /// Takes the directory for one server, before anything in it is touched.
    ///
    /// # Errors
    /// Where another server has it; the message names the directory and what to do.
    pub fn take(&self) -> Result<InUse> {
        let path = self.path("server.lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&path).with_context(|| format!("open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(InUse { _lock: lock }),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another server uses the state directory {}: stop it, or give this one a directory of its own \
                 (`sekishod demo --state DIR`)",
                self.root.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
        }
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The master key, mode 0600.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        self.path("master.key")
    }

    /// The folder of the log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// The log's signing key, mode 0600.
    #[must_use]
    pub fn log_key(&self) -> PathBuf {
        self.path("log.key")
    }

    /// The master key, made if there is none yet and nothing that needs it.
    ///
    /// # Errors
    /// Where the key cannot be read or made, or is missing although there is data.
    pub fn keyring(&self) -> Result<Keyring> {
        let path = self.master_key();
        if path.exists() {
            return Keyring::open(&path).context("open the master key");
        }
        anyhow::ensure!(
            !self.path("vault").exists(),
            "{} is missing, and the vault cannot be read without it: restore it from your backup",
            path.display()
        );
        Keyring::create(&path).context("make the master key")
    }

    /// The vault.
    ///
    /// # Errors
    /// Where key or vault cannot be opened.
    pub fn vault(&self) -> Result<Vault> {
        Vault::open(&self.path("vault"), self.keyring()?).context("open the vault")
    }

    /// The log's key.
    ///
    /// # Errors
    /// Where it cannot be read or made.
    pub fn open_log_key(&self) -> Result<LogKey> {
        LogKey::open(&self.log_key(), LOG_NAME).context("open the log's key")
    }
}

/// Opens everything that a service stands on, and starts it.
///
/// # Errors
/// Where a part of the state or the configuration cannot be opened; the chain of causes says which.
pub async fn open_service(config: &Config) -> Result<Service> {
    let state = State::create(&config.state)?;
    let clock = Arc::new(SystemClock);
    let authenticator =
        Authenticator::new(config.tokens.authentication(), clock.clone()).context("set up tokens")?;
    authenticator.load_keys().await.context("read the issuer's keys")?;
    let profiles = match &config.profiles {
        Some(folder) => Profiles::with_folder(folder),
        None => Profiles::built_in(),
    };
    let profiles = profiles.context("read the disclosure profiles")?;
    let projects = Projects::load(&config.projects).context("read the projects")?;
    let keyring = state.keyring()?;
    let seal = SealKey::new(*keyring.derive("seal"));
    let rounding = RoundingKey::new(*keyring.derive("rounding"));
    let histories = Histories::new(LedgerKey::new(*keyring.derive("ledger")));
    let vault = state.vault()?;
    check_projects(&projects, &profiles, &vault).await?;
    let log = Log::open(&state.log(), state.open_log_key()?).context("open the log")?;
    let store = Store::open(&state.path("state.db"), log).await.context("open the state database")?;
    let engine = Engine::new(vault.object_store());
    let limits = config.limits.limits();
    let stage = Stage {
        authenticator,
        projects,
        profiles,
        vault,
        engine,
        store,
        histories,
        seal,
        rounding,
        limits,
        clock,
    };
    let started = Service::start(stage, config.limits.capacity(), crate::VERSION).await;
    started.map_err(|problem| anyhow::anyhow!("start the service: {}", problem.message))
}

/// Each project's rules and grants must hold together before anybody is served.
async fn check_projects(projects: &Projects, profiles: &Profiles, vault: &Vault) -> Result<()> {
    for project in projects.iter() {
        let snapshot = vault.snapshot(&project.dataset, project.snapshot).await;
        let snapshot = snapshot.with_context(|| format!("the dataset of project `{}`", project.id))?;
        for grant in &project.tables {
            let table = snapshot.dataset.table(&grant.table);
            let unknown = || {
                format!("project `{}` grants `{}`, which its dataset does not have", project.id, grant.table)
            };
            let table = table.with_context(unknown)?;
            for column in grant.columns.iter().flatten() {
                anyhow::ensure!(
                    table.column(column).is_some(),
                    "project `{}` grants the column `{column}` of `{}`, which is not there",
                    project.id,
                    grant.table
                );
            }
        }
        anyhow::ensure!(
            profiles.get(&project.profile).is_ok(),
            "project `{}` names the disclosure profile `{}`, which is not there; there are {}",
            project.id,
            project.profile,
            profiles.iter().map(|profile| format!("`{}`", profile.name())).collect::<Vec<_>>().join(", ")
        );
        let profile = profiles.get(&project.profile).and_then(|profile| profile.stricter(&project.stricter));
        profile.with_context(|| format!("the disclosure rules of project `{}`", project.id))?;
    }
    Ok(())
}
