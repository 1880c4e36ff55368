//! Where the key set comes from: a file, an address, or where the issuer says.

use std::path::PathBuf;

use reqwest::{Client, Url};

use crate::discovery::Discovery;
use crate::error::Error;
use crate::fetch::{self, FETCH_TIMEOUT, fetch, read_file};

/// Where the key set is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// A file on this machine.
    File(PathBuf),
    /// Where the issuer's own configuration says, below the issuer's address (OpenID Connect
    /// Discovery). It is asked again whenever the keys are read.
    Issuer,
    /// An `https` address (`http` only on loopback). Certificates are verified against the
    /// system's trust store, or that in the environment's `SSL_CERT_FILE`.
    Url(String),
}

/// A source that was checked and can be read.
#[derive(Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Issuer { discovery: Discovery, client: Client },
    Url { url: Url, client: Client },
}

impl Source {
    pub(crate) fn open(source: KeySource, issuer: &str) -> Result<Self, Error> {
        let unusable = |setting| move |problem| Error::Config { setting, problem };
        match source {
            KeySource::File(path) => Ok(Self::File(path)),
            KeySource::Issuer => {
                let discovery = Discovery::of(issuer).map_err(unusable("issuer"))?;
                let client = fetch::client(discovery.document()).map_err(unusable("issuer"))?;
                Ok(Self::Issuer { discovery, client })
            }
            KeySource::Url(text) => {
                let url = fetch::address(&text).map_err(unusable("keys"))?;
                let client = fetch::client(&url).map_err(unusable("keys"))?;
                Ok(Self::Url { url, client })
            }
        }
    }

    /// What messages call it.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Issuer { discovery, .. } => format!("`{}`", discovery.document()),
            Self::Url { url, .. } => format!("`{url}`"),
        }
    }

    pub(crate) async fn read(&self) -> Result<Vec<u8>, Error> {
        let reading = async {
            match self {
                Self::File(path) => read_file(path).await,
                Self::Issuer { discovery, client } => {
                    let keys = discovery.keys(client).await?;
                    let at = format!("its keys at `{keys}`");
                    fetch(client, keys).await.map_err(|problem| format!("{at}: {problem}"))
                }
                Self::Url { url, client } => fetch(client, url.clone()).await,
            }
        };
        let read = tokio::time::timeout(FETCH_TIMEOUT, reading).await;
        let read = read.unwrap_or_else(|_| Err(format!("no answer within {} s", FETCH_TIMEOUT.as_secs())));
        read.map_err(|problem| Error::KeySetRead { origin: self.origin(), problem })
    }
}
