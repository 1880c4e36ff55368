//! `sekishod bench`: what counting people and checking cells costs, against the engine alone.
//!
//! A made-up population is taken in by the vault's own writer, once for each scale. Then twelve queries
//! run three ways over the same files with the same settings, interleaved: as plain DataFusion, as plain
//! DataFusion with `COUNT(DISTINCT patient_id)` in each aggregate, and through the confidential half and
//! the checkpoint.

mod data;
mod first_row;
mod report;
mod suite;
mod usage;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use sekisho_disclosure::{self as disclosure, Profile, Profiles};
use sekisho_model::{DatasetId, Hold, Limits, SnapshotPin, TableGrant};
use sekisho_query::{self as query, Engine, View};
use sekisho_vault::{IngestOptions, Manifest, Snapshot, Vault};
use tokio::task::spawn_blocking;

use crate::State;
use crate::demo::default_state;
use crate::files::make_private_folder;
use crate::say::say;
use report::{Report, Times};
use suite::{Query, SUITE};

/// The rules that the cells are checked by.
const PROFILE: &str = "japan-rwd";

/// Memory for sorting while records are taken in, in bytes.
const SORTING: usize = 1 << 30;

/// Longest time for one query in the measure, so that a defect ends the run.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// What `sekishod bench` may be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Bench {
    /// People in the generated data; about 8.9 records each.
    #[arg(long, default_value_t = 2_250_000, value_parser = clap::value_parser!(u32).range(1000..))]
    pub people: u32,
    /// How often each query runs each way; the medians are reported.
    #[arg(long, default_value_t = NonZeroUsize::MIN.saturating_add(4))]
    pub repeats: NonZeroUsize,
    /// Partitions in which a query runs; by default one for each core.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// Only some of the three ways.
    #[arg(long, value_delimiter = ',', default_value = "plain,count-distinct,sekisho")]
    pub only: Vec<Way>,
    /// Measure how long an analyst waits for the first row instead, through the client and a server of its own.
    #[arg(long, conflicts_with_all = ["people", "threads", "only", "query", "memory_mib"])]
    pub first_row: bool,
    /// Only queries whose name contains this.
    #[arg(long, default_value = "")]
    pub query: String,
    /// Most memory of one query, in MiB.
    #[arg(long, default_value_t = 12 << 10)]
    pub memory_mib: usize,
    /// A table for people, or JSON.
    #[arg(long, default_value = "table")]
    pub format: Format,
    /// Where the generated data is kept; by default `sekisho/bench` below the user's state folder.
    #[arg(long)]
    pub state: Option<PathBuf>,
}

/// One way to run a query.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Way {
    /// DataFusion alone.
    Plain,
    /// DataFusion alone, with `COUNT(DISTINCT patient_id)` in each aggregate.
    CountDistinct,
    /// The confidential half and the checkpoint.
    Sekisho,
}

/// How the report is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// JSON, as `docs/speed.md` describes it.
    Json,
    /// A table.
    Table,
}

/// Measures, and prints the report.
///
/// # Errors
/// Where the data cannot be made or read, or plain DataFusion cannot run a query.
pub async fn run(bench: &Bench) -> Result<()> {
    let root = bench.state.clone().map_or_else(|| default_state("bench"), Ok)?;
    let state = State::create(&root)?;
    if bench.first_row {
        say(&first_row::run(bench, state.path("first-row")).await?);
        return Ok(());
    }
    let ground = Ground::new(bench, &state).await?;
    usage::forget_peak();
    let mut times: Vec<Times> =
        SUITE.iter().filter(|query| query.name.contains(&bench.query)).map(Times::of).collect();
    for repeat in 0..bench.repeats.get() {
        for query in &mut times {
            for way in order(&bench.only, repeat) {
                ground.measure(query, way).await?;
            }
        }
    }
    let tables = ground.view.snapshot.tables();
    let rows = tables.iter().flat_map(|table| &table.files).map(|file| file.rows).sum();
    let report = Report { people: bench.people, rows, threads: ground.threads.get(), times };
    say(&match bench.format {
        Format::Json => report.json(),
        Format::Table => report.table(),
    });
    Ok(())
}

/// The ways in an order that turns with each repeat, so that none is always the first.
fn order(ways: &[Way], repeat: usize) -> Vec<Way> {
    let mut ways = ways.to_vec();
    ways.sort_unstable();
    ways.dedup();
    let turn = repeat.checked_rem(ways.len()).unwrap_or(0);
    ways.rotate_left(turn);
    ways
}

/// The generated snapshot of this scale; it is made if it is not there.
async fn population(bench: &Bench, state: &State, vault: &Vault) -> Result<Snapshot> {
    let dataset: DatasetId = format!("bench-{}-v{}", bench.people, data::VERSION).parse()?;
    if vault.snapshots(&dataset).await?.is_empty() {
        if bench.format == Format::Table {
            say(&format!("making the records of {} people", bench.people));
        }
        let folder = state.path("incoming");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
        make_private_folder(&folder)?;
        let (into, people) = (folder.clone(), u64::from(bench.people));
        spawn_blocking(move || data::write(&into, people)).await?.context("write the records")?;
        let mut manifest = Manifest::parse(data::MANIFEST, &folder.join("manifest.toml"))?;
        manifest.dataset = dataset.clone();
        let options = IngestOptions { memory_bytes: SORTING, ..IngestOptions::default() };
        vault.ingest(&manifest, &options).await?;
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    Ok(vault.snapshot(&dataset, SnapshotPin::Latest).await?)
}

/// What every query runs on.
struct Ground {
    engine: Engine,
    threads: NonZeroUsize,
    view: View,
    profile: Profile,
    limits: Limits,
}

impl Ground {
    /// The generated records, and the rules of the measure.
    async fn new(bench: &Bench, state: &State) -> Result<Self> {
        let vault = state.vault()?;
        let snapshot = Arc::new(population(bench, state, &vault).await?);
        // Everything is read once, so that no query pays for the disk; and what was kept is still whole.
        snapshot.verify().await.context("read the generated data")?;
        let threads = bench.threads.or_else(|| std::thread::available_parallelism().ok());
        let threads = threads.unwrap_or(NonZeroUsize::MIN);
        let grants = snapshot.dataset.tables.iter();
        let grants = grants.map(|table| TableGrant { table: table.name.clone(), columns: None }).collect();
        let profile = Profiles::built_in()?.get(PROFILE)?.clone();
        Ok(Self {
            engine: Engine::new(vault.object_store()).with_partitions(threads),
            threads,
            view: View { snapshot: Arc::clone(&snapshot), grants, profile: profile.clone() },
            profile,
            limits: Limits {
                memory: bench.memory_mib.saturating_mul(1 << 20),
                time: PATIENCE,
                ..Limits::default()
            },
        })
    }

    /// Runs a query once, and adds how long it took.
    async fn measure(&self, times: &mut Times, way: Way) -> Result<()> {
        let query = times.query;
        let (began, used) = (Instant::now(), usage::processor());
        match way {
            Way::Plain => self.plain(&query.plain(), query).await?,
            Way::CountDistinct => self.plain(&query.count_distinct(), query).await?,
            Way::Sekisho => match self.sekisho(query).await? {
                Ok(stages) => times.stages.push(stages),
                Err(refused) => {
                    times.refused = Some(refused);
                    return Ok(());
                }
            },
        }
        let took = began.elapsed();
        let used = usage::processor().saturating_sub(used);
        times.add(way, took, used);
        Ok(())
    }

    async fn plain(&self, sql: &str, query: &Query) -> Result<()> {
        let ran = self.engine.run_plain(sql, &self.view.snapshot, &self.limits).await;
        ran.with_context(|| format!("plain DataFusion on `{}`", query.name))
    }

    /// How long each stage took, or the code of the refusal.
    async fn sekisho(&self, query: &Query) -> Result<Result<[Duration; 4], String>> {
        let began = Instant::now();
        let (sql, view, limits) = (query.plain(), self.view.clone(), self.limits.clone());
        let planned = spawn_blocking(move || query::plan(&sql, &view, &limits)).await?;
        let plan = match planned {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal.code.to_string())),
        };
        let planned = began.elapsed();
        let (unreleased, public) = match self.engine.execute(plan, &self.limits).await {
            Ok(executed) => executed,
            Err(failure) => return Ok(Err(failure.refusal().code.to_string())),
        };
        let executed = began.elapsed();
        let profile = self.profile.clone();
        let checked = spawn_blocking(move || {
            disclosure::check(unreleased, &disclosure::Ledger::new(), &profile, Hold::ByRule)
        })
        .await?;
        let checked = checked.context("check the cells")?;
        let judged = began.elapsed();
        if let Err(failure) = checked.publish(public).await {
            return Ok(Err(failure.refusal().code.to_string()));
        }
        let ends = [planned, executed, judged, began.elapsed()];
        let mut begins = [Duration::ZERO, planned, executed, judged].into_iter();
        Ok(Ok(ends.map(|end| end.saturating_sub(begins.next().unwrap_or_default()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_the_first_in_turn() {
        let ways = [Way::Sekisho, Way::Plain, Way::CountDistinct, Way::Plain];
        assert_eq!(order(&ways, 0), [Way::Plain, Way::CountDistinct, Way::Sekisho]);
        assert_eq!(order(&ways, 4), [Way::CountDistinct, Way::Sekisho, Way::Plain]);
        assert_eq!(order(&[Way::Sekisho], 3), [Way::Sekisho]);
    }
    #[tokio::test]
    async fn every_query_of_the_suite_is_accepted_and_answers() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::create(folder.path()).unwrap();
        let bench = Bench {
            people: 12_000,
            repeats: NonZeroUsize::MIN,
            threads: NonZeroUsize::new(2),
            only: vec![Way::Sekisho],
            first_row: false,
            query: String::new(),
            memory_mib: 256,
            format: Format::Json,
            state: None,
        };
        let ground = Ground::new(&bench, &state).await.unwrap();
        for query in &SUITE {
            // People are counted beside, as an analyst would who checks the answer.
            for sql in [query.plain(), query.count_distinct()] {
                let plan = query::plan(sql.as_str(), &ground.view, &ground.limits)
                    .unwrap_or_else(|refusal| panic!("{}: {refusal:?}", query.name));
                let (unreleased, public) = ground.engine.execute(plan, &ground.limits).await.unwrap();
                let ledger = disclosure::Ledger::new();
                let checked = disclosure::check(unreleased, &ledger, &ground.profile, Hold::ByRule).unwrap();
                let answers = |table: &disclosure::CheckedTable| table.batch().num_rows() > 0;
                assert!(checked.tables().iter().all(answers), "{} has no row", query.name);
                checked.publish(public).await.unwrap();
            }
        }
    }
}
