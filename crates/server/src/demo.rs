//! `sekishod demo`: everything at once, with nothing to set up.
//!
//! A state directory with demonstration data, people and projects is made (or used again), the service
//! starts on loopback, a few example jobs go through the real client over TLS, and the server serves
//! until it is interrupted.

mod data;
mod examples;
mod people;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sekisho_authn::ClaimNames;
use sekisho_authn::issuer::Issuer;
use serde_json::json;

use crate::config::{Config, JobLimits, Tls, TokenKind, Tokens};
use crate::files::{Readers, make_private_folder, replace};
use crate::say::say;
use crate::serve::{self, Running};
use crate::{State, tls};

pub use examples::EXAMPLES;

/// The `iss` claim of the embedded demonstration issuer.
pub const ISSUER: &str = "https://issuer.sekisho.invalid";

/// The `aud` claim of its tokens.
pub const AUDIENCE: &str = "sekisho";

/// What `sekishod demo` may be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Demo {
    /// Where state is kept; by default `sekisho/demo` below the user's state folder.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// The address to listen on: one of loopback, or 0.0.0.0 where a container forwards the port. Port 0 takes
    /// a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// A dataset of your own: its manifest. A project over it, named after it, is made for `analyst`.
    #[arg(long = "dataset", value_name = "MANIFEST")]
    pub datasets: Vec<PathBuf>,
    /// Do not run the example jobs.
    #[arg(long)]
    pub no_examples: bool,
    /// Prepare everything, run the examples, and exit.
    #[arg(long)]
    pub once: bool,
}

/// Runs the demonstration until it is interrupted.
///
/// # Errors
/// Where a step fails; the chain of causes says which.
pub async fn run(demo: &Demo) -> Result<()> {
    let interrupted = serve::interrupted()?;
    let (state, running) = start(demo).await?;
    let served = async {
        if !demo.no_examples {
            examples::run(&state).await?;
        }
        if !demo.once {
            say(&format!("\nserving on https://{}; stop with Ctrl-C", reached_at(running.address)));
            say(&format!("profiles: {}", state.path("profiles").display()));
            interrupted.await;
        }
        Ok(())
    };
    let outcome = served.await;
    // A client that finds no ready.json knows that nothing listens.
    let _removed = fs::remove_file(state.path("ready.json"));
    running.stop().await?;
    outcome
}

/// Prepares the state directory, starts the server, and writes `ready.json`.
///
/// # Errors
/// Where a step fails; the chain of causes says which.
pub async fn start(demo: &Demo) -> Result<(State, Running)> {
    let root = demo.state.clone().map_or_else(|| default_state("demo"), Ok)?;
    let state = State::create(&root)?;
    let root = root.canonicalize().context("the state directory")?;
    let state_at = State::at(&root);
    // Before anything is touched: a server that runs there goes on as if nobody had come.
    let in_use = state_at.take()?;
    // What a run that was killed left behind.
    let _removed = fs::remove_file(state.path("ready.json"));
    let identity = tls::create_or_open(&state.path("tls"))?;
    let issuer = Issuer::create_or_open(&state.path("issuer"), ISSUER, AUDIENCE)
        .context("the demonstration issuer")?;
    data::take_in(&state, &demo.datasets).await?;
    let config_path = state.path("sekishod.toml");
    replace(&config_path, toml::to_string(&config(demo.listen, &issuer, &state))?.as_bytes(), Readers::All)?;
    let running = serve::start_in(&Config::read(&config_path)?, in_use).await?;
    let log_key =
        running.service.log_key().await.map_err(|problem| anyhow::anyhow!("{}", problem.message))?;
    let address = reached_at(running.address);
    people::write_profiles(&state, &issuer, address, &log_key)?;
    let ready = json!({
        "grpc": format!("https://{address}"),
        "ca": root.join("tls/ca.pem"),
        "profiles": root.join("profiles"),
        "pid": std::process::id(),
    });
    replace(&state.path("ready.json"), ready.to_string().as_bytes(), Readers::All)?;
    debug_assert!(identity.ca.exists());
    Ok((state_at, running))
}

/// An address of `--listen`, in words that say what to write.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "say ADDRESS:PORT, such as 127.0.0.1:7443".to_owned())?;
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        return Ok(address);
    }
    Err("the demonstration's certificate is for loopback: say 127.0.0.1:PORT, or 0.0.0.0:PORT where a container \
         forwards the port"
        .to_owned())
}

/// Where clients on this machine find a server that listens there: the certificate names loopback alone.
fn reached_at(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// Relative paths, so that the state directory may be copied and started elsewhere.
fn config(listen: SocketAddr, issuer: &Issuer, state: &State) -> Config {
    let root = state.path("");
    let relative = |path: PathBuf| path.strip_prefix(&root).map(Path::to_owned).unwrap_or(path);
    Config {
        listen,
        state: ".".into(),
        projects: "projects".into(),
        profiles: None,
        tls: Tls { certificate: "tls/server.pem".into(), key: "tls/server.key".into() },
        tokens: Tokens {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            keys: Some(relative(issuer.key_set()).display().to_string()),
            leeway_seconds: 0,
            kind: TokenKind::AccessToken,
            organisation_claim: ClaimNames::default().organisation,
            roles_claim: ClaimNames::default().roles,
        },
        limits: JobLimits::default(),
    }
}

/// The folder of this name below the user's folder for state; it is made if it is not there.
pub(crate) fn default_state(name: &str) -> Result<PathBuf> {
    let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = home("XDG_STATE_HOME").or_else(|| Some(home("HOME")?.join(".local/state")));
    let folder =
        base.context("say with --state where state is kept: neither XDG_STATE_HOME nor HOME is set")?;
    let folder = folder.join("sekisho").join(name);
    make_private_folder(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_the_certificate_names_or_any() {
        let port = |text: &str| address(text).map(|address| address.port());
        assert_eq!(port("127.0.0.1:7443"), Ok(7443));
        assert_eq!(port("[::]:1"), Ok(1));
        assert!(address("127.0.0.1").unwrap_err().contains("ADDRESS:PORT"));
        assert!(address("192.0.2.1:7443").unwrap_err().contains("for loopback"));
    }

    #[test]
    fn who_listens_everywhere_is_reached_on_loopback() {
        let reached = |text: &str| reached_at(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:7555"), "127.0.0.1:7555");
        assert_eq!(reached("[::]:7555"), "[::1]:7555");
        assert_eq!(reached("127.0.0.2:7555"), "127.0.0.2:7555");
    }
}
