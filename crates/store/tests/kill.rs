//! A process that is killed while it writes loses nothing that it acknowledged.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sekisho_audit::{Entry, Log, LogKey, verify};
use sekisho_model::{DatasetId, Digest, JobName, JobState, Timestamp};
use sekisho_release::{Event, TABLE};
use sekisho_store::{Change, JobRecord, LedgerHead, LedgerStep, NewJob, Result, SealedResult, Store};

/// Where the child works; set only for the child.
const FOLDER: &str = "SEKISHO_STORE_KILL_FOLDER";
const ROUND: &str = "SEKISHO_STORE_KILL_ROUND";

/// How many acknowledgements each round waits for before it kills.
const ROUNDS: [usize; 10] = [1, 2, 5, 9, 14, 3, 21, 7, 30, 11];

/// How many jobs the child has under way at once.
const TASKS: u64 = 4;

async fn open(folder: &Path) -> Store {
    let key = LogKey::open(&folder.join("key"), "log").unwrap();
    Store::open(&folder.join("state.db"), Log::open(&folder.join("log"), key).unwrap()).await.unwrap()
}

fn entry(name: &JobName, event: Event, salt: &str) -> Entry {
    let rule = TABLE.iter().find(|rule| rule.event == event).unwrap();
    let id = format!("{}.{event}.{salt}", name.job);
    Entry::new(id, Timestamp(0), rule.audit.parse().unwrap(), "x").of_job(name)
}

/// Each job has a ledger of its own, so that many can be released at once.
fn dataset_of(name: &JobName) -> DatasetId {
    format!("ward-{}", name.job.as_str().to_lowercase()).parse().unwrap()
}

async fn advance(store: &Store, name: &JobName, event: Event, salt: &str) -> Result<()> {
    let (mut change, mut entry) = (Change::default(), entry(name, event, salt));
    if event == Event::Release {
        let digest = Digest::of(name.job.as_str().as_bytes());
        let page = digest.to_string().into_bytes();
        let head = LedgerHead::begin(dataset_of(name)).with(&page);
        entry = head.noted_in(entry.with("release_sha256", digest.to_string()));
        change.ledger = Some(LedgerStep { head, page });
        change.result = Some(SealedResult { bytes: digest.as_bytes().to_vec(), digest });
    }
    store.advance(name, event, change, entry).await.map(|_| ())
}

/// Takes jobs in and moves them on for ever, saying each time what was acknowledged.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
async fn work(store: Store, round: u64, task: u64) {
    for n in 0_u64.. {
        let job = round * 1_000_000 + task * 100_000 + n;
        let name: JobName = format!("projects/ward/jobs/{job:026}").parse().unwrap();
        let new = NewJob {
            name: name.clone(),
            request_id: None,
            analysis: "SELECT 1".into(),
            submitter: "x".into(),
            organisation: "x".into(),
        };
        store.accept(new, entry(&name, Event::Accept, "")).await.unwrap();
        println!("acknowledged queued {name}");
        for event in [Event::Start, Event::Check, Event::Release] {
            advance(&store, &name, event, "").await.unwrap();
        }
        println!("acknowledged released {name}");
    }
}

#[test]
fn the_child_of_the_kill_test() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&folder)).await;
        for job in store.unsettled().await.unwrap() {
            if job.state != JobState::Queued {
                advance(&store, &job.name, Event::Resume, &round).await.unwrap();
            }
            for event in [Event::Start, Event::Check, Event::Release] {
                advance(&store, &job.name, event, &round).await.unwrap();
            }
        }
        let round = round.parse().unwrap();
        let tasks = (0..TASKS).map(|task| tokio::spawn(work(store.clone(), round, task)));
        futures::future::join_all(tasks).await;
    });
}

/// Runs the child until it has acknowledged so much, kills it, and answers all that it acknowledged.
fn run_and_kill(folder: &Path, round: usize, acknowledgements: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["the_child_of_the_kill_test", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(std::result::Result::unwrap);
    let mut acknowledged = lines.filter_map(|line| {
        // The test harness prints the test's name on the same line before the first one.
        let (_, rest) = line.split_once("acknowledged ")?;
        Some(rest.to_owned())
    });
    let mut all: Vec<String> = acknowledged.by_ref().take(acknowledgements).collect();
    child.kill().unwrap();
    all.extend(acknowledged);
    child.wait().unwrap();
    assert!(all.len() >= acknowledgements, "the child ended by itself");
    all
}

async fn all_jobs(store: &Store) -> Vec<JobRecord> {
    let (mut jobs, mut token) = (Vec::new(), None);
    loop {
        let page = store.jobs(&"ward".parse().unwrap(), None, 500, token.as_deref()).await.unwrap();
        jobs.extend(page.jobs);
        token = page.next;
        if token.is_none() {
            return jobs;
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut acknowledged = BTreeSet::new();
    for (round, acknowledgements) in ROUNDS.into_iter().enumerate() {
        acknowledged.extend(run_and_kill(folder.path(), round, acknowledgements));
        runtime.block_on(async {
            let store = open(folder.path()).await;
            let key = store.verifier_key().await.unwrap();
            let jobs = all_jobs(&store).await;
            for line in &acknowledged {
                let (state, name) = line.split_once(' ').unwrap();
                let job = jobs.iter().find(|job| job.name.to_string() == name).unwrap();
                assert!(state == "queued" || job.state == JobState::Released, "{line}");
            }
            let states: u64 = jobs.iter().map(|job| job.version).sum();
            assert_eq!(states, verify(&folder.path().join("log"), &key).unwrap().size, "one entry a state");
            for record in jobs {
                let name = record.name;
                let result = store.result(&name).await.unwrap();
                assert_eq!(result.is_some(), record.state == JobState::Released);
                let ledger = store.ledger(&dataset_of(&name)).await.unwrap();
                assert_eq!(ledger.pages.len(), usize::from(record.state == JobState::Released));
                if let Some(release) = record.release {
                    let proven = store.receipt(release.log_index).await.unwrap().verify(&key).unwrap();
                    assert_eq!(proven.job, Some(name.job));
                }
            }
            store.close().await;
        });
    }
}
