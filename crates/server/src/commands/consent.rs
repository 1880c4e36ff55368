//! `sekishod consent`: what data subjects decided about the use of their records.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use sekisho_model::DatasetId;
use sekisho_vault::{Leavers, OptedOut};

use crate::State;
use crate::say::say;

/// Below so many people who leave at once, the operator is told what that does to numbers that were released.
const FEW: usize = 10;

/// Most lines of the file that are named.
const LINES_NAMED: usize = 10;

#[derive(Debug, Subcommand)]
pub(super) enum Consent {
    /// Makes people absent from every job that starts afterwards, in every version of a dataset, and from all
    /// that is taken in later. A running server takes it up. No id is printed or logged.
    #[command(
        after_help = "Example:\n  sekishod consent opt-out --state /var/lib/sekisho --dataset nafld --subjects \
                      leavers.txt --dry-run"
    )]
    OptOut(OptOut),
}

#[derive(Debug, clap::Args)]
pub(super) struct OptOut {
    /// The state directory.
    #[arg(long)]
    state: PathBuf,
    /// The dataset that the people leave.
    #[arg(long)]
    dataset: DatasetId,
    /// A file with one id a line, as the source files have it.
    #[arg(long)]
    subjects: PathBuf,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(command: &Consent) -> Result<()> {
    match command {
        Consent::OptOut(command) => opt_out(command).await,
    }
}

async fn opt_out(command: &OptOut) -> Result<()> {
    let leavers = Leavers::read(&command.subjects)?;
    let state = State::at(&command.state);
    let key = state.master_key();
    anyhow::ensure!(key.exists(), "there is no master key at {}: is this a state directory?", key.display());
    let done = state.vault()?.opt_out(&command.dataset, &leavers, command.dry_run).await;
    report(command, &done.context("the opt-out is not complete")?);
    Ok(())
}

fn report(command: &OptOut, done: &OptedOut) {
    let leave = if command.dry_run { "would leave" } else { "leave" };
    say(&format!(
        "{}: {} ids, {} people {leave}, {} had left before, {} were never seen",
        command.dataset,
        done.named,
        done.leaving,
        done.absent,
        done.unknown_lines.len()
    ));
    if !done.unknown_lines.is_empty() {
        let lines: Vec<String> =
            done.unknown_lines.iter().take(LINES_NAMED).map(ToString::to_string).collect();
        let more = if done.unknown_lines.len() > LINES_NAMED { " and more" } else { "" };
        say(&format!(
            "  never seen: line {}{more}; are they ids of this dataset? If such people come with a later \
             ingest, they are left out of it",
            lines.join(", ")
        ));
    }
    for (version, successor) in &done.successors {
        let follows = if command.dry_run { "would follow" } else { "follows" };
        say(&format!("  {successor} {follows} {version}"));
    }
    if done.successors.is_empty() {
        say("  nothing to do: every version is without them");
    } else if (1..FEW).contains(&done.leaving) {
        say(&format!(
            "  fewer than {FEW} leave at once: numbers that were released with them are not released again \
             without them, since the difference would be theirs; more who leave together cost less"
        ));
    }
    if command.dry_run {
        say("  nothing was changed");
    }
}
