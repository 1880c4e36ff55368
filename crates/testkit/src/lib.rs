//! Fixtures and a whole server for tests.
//!
//! A [`Enclave`] is the demonstration in a folder of its own, served by this process over real TLS. This
//! crate is a dev-dependency only and never part of a program.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sekisho_client::{Client, Document, Profile};
use sekisho_server::State;
use sekisho_server::demo::{Demo, start};
use sekisho_server::serve::Running;
use tempfile::TempDir;

/// A whole server over a fresh state directory.
#[derive(Debug)]
pub struct Enclave {
    running: Option<Running>,
    state: State,
    root: PathBuf,
    _folder: Option<TempDir>,
}

impl Enclave {
    /// Starts one on a free port, with the demonstration's data and people.
    ///
    /// # Errors
    /// Where a step of the demonstration fails.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the state")?;
        let root = folder.path().join("state");
        let mut enclave = Self::start_at(&root, Vec::new()).await?;
        enclave._folder = Some(folder);
        Ok(enclave)
    }

    /// Starts one over the state directory `root`, with further datasets.
    ///
    /// # Errors
    /// Where a step of the demonstration fails.
    pub async fn start_at(root: &Path, datasets: Vec<PathBuf>) -> Result<Self> {
        let demo = Demo {
            state: Some(root.to_owned()),
            listen: ([127, 0, 0, 1], 0).into(),
            datasets,
            no_examples: true,
            once: false,
        };
        let (state, running) = start(&demo).await?;
        Ok(Self { running: Some(running), state, root: root.to_owned(), _folder: None })
    }

    /// The state directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The paths in it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The running server.
    ///
    /// # Errors
    /// After [`Enclave::stop`].
    pub fn running(&self) -> Result<&Running> {
        self.running.as_ref().context("the server was stopped")
    }

    /// The profile of a demonstration person.
    ///
    /// # Errors
    /// Where there is no such person.
    pub fn profile(&self, person: &str) -> Result<Profile> {
        Ok(Profile::load(&Profile::path_in_state(&self.root, person))?)
    }

    /// A client that speaks for a demonstration person.
    ///
    /// # Errors
    /// Where there is no such person, or the server cannot be reached.
    pub async fn client(&self, person: &str) -> Result<Client> {
        Ok(Client::connect(&self.profile(person)?).await?)
    }

    /// What `analyst` is answered.
    ///
    /// # Errors
    /// Where the call itself fails; a refusal is a document.
    pub async fn ask(&self, project: &str, sql: &str) -> Result<Document> {
        let outcome = self.client("analyst").await?.sql(project, sql).await?;
        Ok(Document::of_outcome(&outcome)?)
    }

    /// Stops the server; the state directory stays.
    ///
    /// # Errors
    /// Where the server ended with an error.
    pub async fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }
}
