//! Where the key set comes from: a file or an address.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::io::AsyncReadExt as _;

use crate::error::{Error, chain};

/// Largest key set, in bytes.
const MAX_KEY_SET_BYTES: usize = 256 * 1024;
/// Longest time that a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the key set is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// A file on this machine.
    File(PathBuf),
    /// An `https` address (`http` only on loopback). Certificates are verified against the
    /// system's trust store, or that in the environment's `SSL_CERT_FILE`.
    Url(String),
}

/// A source that was checked and can be read.
#[derive(Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Url { url: Url, client: Client },
}

impl Source {
    pub(crate) fn open(source: KeySource) -> Result<Self, Error> {
        match source {
            KeySource::File(path) => Ok(Self::File(path)),
            KeySource::Url(text) => {
                let url = checked_url(&text)?;
                // A redirect could lead to plain http, or to another host's keys.
                let client = Client::builder()
                    .redirect(Policy::none())
                    .timeout(FETCH_TIMEOUT)
                    .build()
                    .map_err(|error| config(chain(&error)))?;
                Ok(Self::Url { url, client })
            }
        }
    }

    /// What messages call it.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Url { url, .. } => format!("`{url}`"),
        }
    }

    pub(crate) async fn read(&self) -> Result<Vec<u8>, Error> {
        let read = match self {
            Self::File(path) => read_file(path).await,
            Self::Url { url, client } => fetch(client, url.clone()).await,
        };
        read.map_err(|problem| Error::KeySetRead { origin: self.origin(), problem })
    }
}

async fn read_file(path: &PathBuf) -> Result<Vec<u8>, String> {
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let limit = u64::try_from(MAX_KEY_SET_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut limited = file.take(limit.saturating_add(1));
    limited.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    if bytes.len() > MAX_KEY_SET_BYTES { Err(too_large()) } else { Ok(bytes) }
}

async fn fetch(client: &Client, url: Url) -> Result<Vec<u8>, String> {
    let problem = |error: reqwest::Error| chain(&error.without_url());
    let mut response = client.get(url).send().await.map_err(problem)?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {} and not 200", response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(problem)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_KEY_SET_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large() -> String {
    format!("it is larger than {MAX_KEY_SET_BYTES} bytes")
}

fn checked_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| config(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config("the address holds a user name or password; leave them out".to_owned()));
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(config("the address must begin with `https://`".to_owned())),
    }
}

fn config(problem: String) -> Error {
    Error::Config { setting: "keys", problem }
}
