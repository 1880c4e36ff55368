//! The operator's commands.

mod consent;
mod rejudge;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use sekisho_authn::issuer::{Grant, Issuer};
use sekisho_model::Clock as _;
use sekisho_vault::{IngestOptions, Manifest};
use tokio::signal::unix::{SignalKind, signal};

use self::consent::Consent;
use self::rejudge::Rejudge;
use crate::bench::{self, Bench};
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::say::say;
use crate::serve;
use crate::{State, SystemClock};

/// The enclave's server and its operator's commands.
#[derive(Debug, Parser)]
#[command(name = "sekishod", version = crate::VERSION, about, after_help = "Example:\n  sekishod demo")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures what counting people and checking cells costs, over generated data.
    #[command(after_help = "Example:\n  sekishod bench --people 225000 --repeats 3")]
    Bench(Bench),
    /// What data subjects decided about the use of their records.
    #[command(subcommand)]
    Consent(Consent),
    /// Everything at once on loopback: demonstration data, keys, people, server and examples.
    #[command(after_help = "Example:\n  sekishod demo --state /tmp/sekisho --listen 127.0.0.1:7443")]
    Demo(Demo),
    /// Takes a dataset in as its next snapshot.
    #[command(
        after_help = "Example:\n  sekishod ingest --state /var/lib/sekisho --manifest nafld/manifest.toml"
    )]
    Ingest(Ingest),
    /// Makes the keys of a new state directory.
    #[command(after_help = "Example:\n  sekishod keygen --state /var/lib/sekisho")]
    Keygen(Keygen),
    /// Judges what was released of a dataset again, under another profile. The server must be stopped.
    #[command(
        after_help = "Example:\n  sekishod rejudge --state /var/lib/sekisho --dataset nafld --profile all-of-us"
    )]
    Rejudge(Rejudge),
    /// Serves.
    #[command(after_help = "Example:\n  sekishod serve --config /etc/sekisho/sekishod.toml")]
    Serve(Serve),
    /// Issues a token of the embedded demonstration issuer.
    #[command(
        after_help = "Example:\n  sekishod token --state DIR --subject analyst --organisation org-a --hours 8"
    )]
    Token(Token),
    /// Checks that the log is complete and unaltered.
    #[command(after_help = "Example:\n  sekishod verify --state /var/lib/sekisho")]
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Ingest {
    /// The state directory.
    #[arg(long)]
    state: PathBuf,
    /// The dataset's manifest.
    #[arg(long)]
    manifest: PathBuf,
    /// Memory for sorting, in MiB.
    #[arg(long, default_value_t = 256)]
    memory_mib: usize,
}

#[derive(Debug, clap::Args)]
struct Keygen {
    /// The state directory.
    #[arg(long)]
    state: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// The configuration file; `demo` writes one to copy from.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Token {
    /// The state directory.
    #[arg(long)]
    state: PathBuf,
    /// Who the token speaks for.
    #[arg(long)]
    subject: String,
    /// The organisation that they work for.
    #[arg(long)]
    organisation: Option<String>,
    /// What they are to the enclave, such as `checker`.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// How long it is valid.
    #[arg(long, default_value_t = 8)]
    hours: u64,
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The state directory.
    #[arg(long)]
    state: PathBuf,
    /// The log's public key, if you keep it elsewhere (as you should); the state directory's own else.
    #[arg(long)]
    key: Option<String>,
}

/// Runs the command that was asked for.
///
/// # Errors
/// The chain of causes, in words for the operator.
pub async fn run(arguments: Arguments) -> Result<()> {
    // A write past a file-size limit is then an error like a full disk, not the end of the process.
    let _listening = signal(SignalKind::from_raw(libc::SIGXFSZ)).context("listen to SIGXFSZ")?;
    match arguments.command {
        Command::Bench(command) => bench::run(&command).await,
        Command::Consent(command) => consent::run(&command).await,
        Command::Demo(command) => demo::run(&command).await,
        Command::Ingest(command) => ingest(&command).await,
        Command::Keygen(command) => keygen(&command),
        Command::Rejudge(command) => rejudge::rejudge(&command).await,
        Command::Serve(command) => serve::serve(&Config::read(&command.config)?, serve::interrupted()?).await,
        Command::Token(command) => token(&command),
        Command::Verify(command) => verify(&command),
    }
}

async fn ingest(command: &Ingest) -> Result<()> {
    let manifest = Manifest::read(&command.manifest)?;
    let state = State::at(&command.state);
    let key = state.master_key();
    anyhow::ensure!(key.exists(), "there is no master key at {}: run `sekishod keygen` first", key.display());
    let vault = state.vault()?;
    let options = IngestOptions { memory_bytes: command.memory_mib << 20, ..IngestOptions::default() };
    let taken = vault.ingest(&manifest, &options).await?;
    say(&format!("{}: {} people, {} of them new", taken.snapshot, taken.people, taken.new_people));
    for (table, rows) in &taken.rows {
        let empty = if *rows == 0 { " (nothing follows the header line)" } else { "" };
        say(&format!("  {table}: {rows} rows{empty}"));
    }
    Ok(())
}

fn keygen(command: &Keygen) -> Result<()> {
    let state = State::create(&command.state)?;
    let kept = state.master_key().exists();
    state.keyring()?;
    let log = state.open_log_key()?;
    let made = if kept { "it was there and stays as it is" } else { "made now" };
    say(&format!(
        "master key: {} ({made}; keep a copy elsewhere: without it the data is lost)",
        state.master_key().display()
    ));
    say(&format!("log key:    {} (give it to those who verify)", log.verifier_key()));
    let identity = crate::tls::create_or_open(&state.path("tls"))?;
    let tls = identity.certificate.display();
    say(&format!("TLS:        {tls} (for loopback alone: give the server a certificate of your own)"));
    Ok(())
}

fn token(command: &Token) -> Result<()> {
    let state = State::at(&command.state);
    let issuer = Issuer::create_or_open(&state.path("issuer"), demo::ISSUER, demo::AUDIENCE)?;
    let grant = Grant {
        subject: command.subject.clone(),
        organisation: command.organisation.clone(),
        roles: command.roles.clone(),
        lifetime: Duration::from_secs(command.hours.saturating_mul(3600)),
    };
    say(&issuer.issue(&grant, SystemClock.now())?);
    Ok(())
}

fn verify(command: &Verify) -> Result<()> {
    let state = State::at(&command.state);
    let key = match &command.key {
        Some(key) => key.clone(),
        None => {
            let path = state.log_key();
            anyhow::ensure!(path.exists(), "there is no log key at {}; give one with --key", path.display());
            state.open_log_key()?.verifier_key().to_owned()
        }
    };
    anyhow::ensure!(
        state.log().exists(),
        "there is no log at {}: no server has run there yet",
        state.log().display()
    );
    let report = sekisho_audit::verify(&state.log(), &key).context("the log is not as it was signed")?;
    say(&format!("the log is complete and unaltered: {} entries, root {}", report.size, report.root));
    if report.unsigned_bytes > 0 {
        bail!(
            "{} bytes follow that are not signed: an append is under way, or was cut off by a crash; \
             start and stop the server and verify again",
            report.unsigned_bytes
        );
    }
    Ok(())
}
