//! `sekishod rejudge`: what was released of a dataset, judged again under another profile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use sekisho_audit::Log;
use sekisho_disclosure::{LedgerKey, Page, Profiles, Rejudged, Rejudging};
use sekisho_model::DatasetId;
use sekisho_store::{LedgerHead, Store};

use crate::State;
use crate::say::say;

#[derive(Debug, clap::Args)]
pub(super) struct Rejudge {
    /// The state directory: of a stopped server, or a copy.
    #[arg(long)]
    state: PathBuf,
    /// The dataset whose releases are judged.
    #[arg(long)]
    dataset: DatasetId,
    /// The profile to judge by.
    #[arg(long)]
    profile: String,
    /// A folder of profiles beside those that are compiled in.
    #[arg(long)]
    profiles: Option<PathBuf>,
}

/// Says of each release how many of its sums the profile would withhold. It names releases and rules, and no
/// number of a record: yet which release has small cells is for operators alone.
pub(super) async fn rejudge(command: &Rejudge) -> Result<()> {
    let profiles = match &command.profiles {
        Some(folder) => Profiles::with_folder(folder),
        None => Profiles::built_in(),
    };
    let profiles = profiles.context("read the disclosure profiles")?;
    let profile = profiles.get(&command.profile)?;
    let state = State::at(&command.state);
    anyhow::ensure!(
        state.log().exists(),
        "there is no log at {}: no server has run there yet",
        state.log().display()
    );
    let key = LedgerKey::new(*state.keyring()?.derive("ledger"));
    let log =
        Log::open(&state.log(), state.open_log_key()?).context("open the log (is the server running?)")?;
    let releases = releases(&log, &command.dataset)?;
    let store = Store::open(&state.path("state.db"), log).await.context("open the state database")?;
    let ledger = store.ledger(&command.dataset).await.context("read the ledger")?;
    let mut rejudging = Rejudging::under(profile);
    let mut changed = 0_u32;
    for (position, bytes) in (1..).zip(&ledger.pages) {
        let page = Page::open(bytes, &key, &command.dataset, position);
        let judged = rejudging.page(&page.with_context(|| format!("read page {position} of the ledger"))?);
        changed += u32::from(judged.withheld > 0);
        if judged.withheld > 0 {
            let release =
                releases.get(&position).map_or("a release that the log does not name", String::as_str);
            say(&line(release, &judged));
        }
    }
    say(&format!(
        "{changed} of {} releases of `{}` with new numbers would have sums withheld under `{}` (version {}, {})",
        ledger.pages.len(),
        command.dataset,
        profile.name(),
        profile.version(),
        profile.digest()
    ));
    say(
        "judged again: sums by themselves and together; not: institutions, areas, branches, quantiles, models",
    );
    Ok(())
}

/// The first release that the log names for each page.
fn releases(log: &Log, dataset: &DatasetId) -> Result<BTreeMap<u64, String>> {
    let mut releases = BTreeMap::new();
    for index in 0..log.size() {
        let entry = log.entry(index).context("read the log")?;
        let Some(head) = LedgerHead::of(&entry).filter(|head| head.dataset == *dataset) else { continue };
        let (Some(project), Some(job)) = (&entry.project, &entry.job) else { continue };
        releases.entry(head.position).or_insert_with(|| format!("projects/{project}/jobs/{job}"));
    }
    Ok(releases)
}

fn line(release: &str, judged: &Rejudged) -> String {
    let rules: Vec<String> =
        judged.reasons.iter().map(|(reason, sums)| format!("{} {sums}", reason.name())).collect();
    format!(
        "{release}: {} of {} sums would be withheld ({})",
        judged.withheld,
        judged.shown,
        rules.join(", ")
    )
}
