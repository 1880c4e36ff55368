//! How documents of the issuer's are read: from a file or over HTTP, never more than a bound, never for long.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::io::AsyncReadExt as _;

use crate::error::chain;

/// Largest document of an issuer, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Longest time that reading the keys may take, the discovery of their address included.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// A client that goes nowhere but where it is sent, beginning with this address.
pub(crate) fn client(first: &Url) -> Result<Client, String> {
    // A redirect could lead to plain http, or to another host's keys.
    let client = Client::builder().redirect(Policy::none()).timeout(FETCH_TIMEOUT);
    // What is not encrypted does not leave this machine, through a proxy of the environment neither.
    let client = if first.scheme() == "https" { client } else { client.no_proxy() };
    client.build().map_err(|error| chain(&error))
}

/// An address that may be asked: `https`, or `http` on loopback, where nobody can listen in.
pub(crate) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address holds a user name or password; leave them out".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("the address must begin with `https://`".to_owned()),
    }
}

pub(crate) async fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut limited = file.take(limit.saturating_add(1));
    limited.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    if bytes.len() > MAX_BYTES { Err(too_large()) } else { Ok(bytes) }
}

pub(crate) async fn fetch(client: &Client, url: Url) -> Result<Vec<u8>, String> {
    let problem = |error: reqwest::Error| chain(&error.without_url());
    let mut response = client.get(url).send().await.map_err(problem)?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {} and not 200", response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(problem)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn too_large() -> String {
    format!("it is larger than {MAX_BYTES} bytes")
}
