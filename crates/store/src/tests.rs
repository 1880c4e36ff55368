//! What a crash, a broken log and a full disk do to the store, instant by instant.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::PoisonError;

use futures::{FutureExt as _, StreamExt as _};
use sekisho_audit::{self as audit, Entry, EventKind, Log, LogKey};
use sekisho_model::{Digest, JobName, JobState, Timestamp};
use sekisho_release::Event;
use tempfile::TempDir;

use crate::outbox::Step;
use crate::{Change, Error, JobRecord, LedgerHead, LedgerStep, NewJob, Result, SealedResult, Store};

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    async fn open(&self) -> Store {
        let key = LogKey::open(&self.folder.path().join("key"), "log").unwrap();
        let log = Log::open(&self.log(""), key).unwrap();
        Store::open(&self.folder.path().join("state.db"), log).await.unwrap()
    }

    fn log(&self, file: &str) -> PathBuf {
        self.folder.path().join("log").join(file)
    }

    /// A store with a job in this state.
    async fn open_with(&self, state: JobState) -> Store {
        let store = self.open().await;
        accept(&store).await.unwrap();
        for event in [Event::Start, Event::Check] {
            if store.job(&name()).await.unwrap().unwrap().state != state {
                advance(&store, event).await.unwrap();
            }
        }
        store
    }

    fn report(&self) -> audit::Report {
        let key = LogKey::open(&self.folder.path().join("key"), "log").unwrap();
        audit::verify(&self.log(""), key.verifier_key()).unwrap()
    }
}

fn name() -> JobName {
    "projects/ward/jobs/00000000000000000000000001".parse().unwrap()
}

fn entry(event: Event) -> Entry {
    let rule = sekisho_release::TABLE.iter().find(|rule| rule.event == event).unwrap();
    Entry::new(event.as_str(), Timestamp(5), rule.audit.parse().unwrap(), "enclave").of_job(&name())
}

async fn accept(store: &Store) -> Result<JobRecord> {
    let job = NewJob {
        name: name(),
        request_id: None,
        analysis: "SELECT 1".into(),
        submitter: "analyst".into(),
        organisation: "a".into(),
    };
    store.accept(job, entry(Event::Accept)).await
}

/// The first page of the ledger.
fn step() -> LedgerStep {
    let page = b"page".to_vec();
    LedgerStep { head: LedgerHead::begin("ward".parse().unwrap()).with(&page), page }
}

async fn advance(store: &Store, event: Event) -> Result<JobRecord> {
    let result = SealedResult { bytes: b"sealed".to_vec(), digest: Digest::of(b"stream") };
    let (change, entry) = if event == Event::Release {
        let entry = entry(event).with("release_sha256", result.digest.to_string());
        let step = step();
        let entry = step.head.noted_in(entry);
        (Change { result: Some(result), ledger: Some(step), ..Change::default() }, entry)
    } else {
        (Change::default(), entry(event))
    };
    store.advance(&name(), event, change, entry).await
}

async fn change(store: &Store, event: Event) -> Result<JobRecord> {
    if event == Event::Accept { accept(store).await } else { advance(store, event).await }
}

fn stop_at(store: &Store, step: Option<Step>) {
    *store.inner().stop_at.lock().unwrap_or_else(PoisonError::into_inner) = step;
}

async fn state(store: &Store) -> Option<JobState> {
    store.job(&name()).await.unwrap().map(|job| job.state)
}

/// Job, outbox and log say the same, and each entry is there once.
async fn agree(fixture: &Fixture, store: &Store) {
    let mut writer = store.inner().writer.lock().await;
    assert!(writer.pending().await.unwrap().is_empty());
    let (logged, _) = writer.logged().await.unwrap();
    let report = fixture.report();
    assert_eq!((report.size, report.unsigned_bytes), (logged, 0));
    drop(writer);
    let version = store.job(&name()).await.unwrap().map_or(0, |job| job.version);
    assert_eq!(version, logged, "one entry for each state");
    for index in 0..logged {
        let proof = store.receipt(index).await.unwrap();
        proof.verify(&store.verifier_key().await.unwrap()).unwrap();
    }
    let released = state(store).await == Some(JobState::Released);
    assert_eq!(store.result(&name()).await.unwrap().is_some(), released);
    let ledger = store.ledger(&"ward".parse().unwrap()).await.unwrap();
    assert_eq!(
        ledger.pages.len(),
        usize::from(released),
        "what is released is in the ledger, and nothing else"
    );
}

const MOVES: [(Event, Option<JobState>, JobState); 4] = [
    (Event::Accept, None, JobState::Queued),
    (Event::Start, Some(JobState::Queued), JobState::Running),
    (Event::Release, Some(JobState::Checking), JobState::Released),
    (Event::Cancel, Some(JobState::Running), JobState::Cancelled),
];
const STEPS: [Step; 4] = [Step::Begun, Step::Committed, Step::Logged, Step::Marked];

async fn opened(fixture: &Fixture, from: Option<JobState>) -> Store {
    match from {
        None => fixture.open().await,
        Some(from) => fixture.open_with(from).await,
    }
}

#[tokio::test]
async fn a_crash_at_any_instant_leaves_the_old_state_or_the_new_with_its_entry() {
    for (event, from, to) in MOVES {
        for step in STEPS {
            let fixture = Fixture::new();
            let store = opened(&fixture, from).await;
            stop_at(&store, Some(step));
            assert!(matches!(change(&store, event).await, Err(Error::Crash)));
            let seen = if step == Step::Marked { Some(to) } else { from };
            assert_eq!(state(&store).await, seen, "{event} {step:?}");
            assert_eq!(store.result(&name()).await.unwrap().is_some(), seen == Some(JobState::Released));
            drop(store);

            let store = fixture.open().await;
            let after = if step == Step::Begun { from } else { Some(to) };
            assert_eq!(state(&store).await, after, "{event} {step:?}");
            agree(&fixture, &store).await;

            assert_eq!(change(&store, event).await.unwrap().state, to, "the call can be repeated");
            agree(&fixture, &store).await;
        }
    }
}

#[tokio::test]
async fn a_failure_at_any_instant_is_made_good_by_the_next_change() {
    for (event, from, to) in MOVES {
        for step in STEPS {
            let fixture = Fixture::new();
            let store = opened(&fixture, from).await;
            stop_at(&store, Some(step));
            change(&store, event).await.unwrap_err();
            stop_at(&store, None);
            let seen = Entry::new("seen", Timestamp(6), EventKind::AccessDenied, "x");
            let index = store.record(seen).await.unwrap();
            let after = if step == Step::Begun { from } else { Some(to) };
            assert_eq!(state(&store).await, after, "{event} {step:?}");
            assert_eq!(index + 1, fixture.report().size, "the entry of the failed change stands before");
        }
    }
}

#[tokio::test]
async fn nothing_is_visible_before_it_is_in_the_log() {
    for broken in ["entries.jsonl", "checkpoint.new"] {
        let fixture = Fixture::new();
        let store = fixture.open_with(JobState::Checking).await;
        let mut watch = pin!(store.watch(&name()).await.unwrap());
        assert_eq!(watch.next().await.unwrap().unwrap().state, JobState::Checking);

        let (path, aside) = (fixture.log(broken), fixture.log("aside"));
        let there = fs::rename(&path, &aside).is_ok();
        fs::create_dir(&path).unwrap();
        let error = advance(&store, Event::Release).await.unwrap_err();
        assert!(matches!(error, Error::Log { pending: true, .. }), "{error}");
        assert_eq!(state(&store).await, Some(JobState::Checking));
        assert_eq!(store.unsettled().await.unwrap().len(), 1);
        assert!(store.result(&name()).await.unwrap().is_none());
        assert!(watch.next().now_or_never().is_none());
        let error = store.replay().await.unwrap_err();
        assert!(matches!(error, Error::Log { .. }), "{error}");
        let late = advance(&store, Event::Cancel).await.unwrap_err();
        assert!(!late.pending(), "a later change does not overtake: {late}");
        let again = advance(&store, Event::Release).await.unwrap_err();
        assert!(again.pending(), "the same change is still kept: {again}");

        fs::remove_dir(&path).unwrap();
        if there {
            fs::rename(&aside, &path).unwrap();
        }
        store.replay().await.unwrap();
        assert_eq!(watch.next().await.unwrap().unwrap().state, JobState::Released);
        assert!(watch.next().await.is_none());
        agree(&fixture, &store).await;
        assert_eq!(advance(&store, Event::Release).await.unwrap().state, JobState::Released);
        let error = advance(&store, Event::Cancel).await.unwrap_err();
        assert_eq!(error.to_string(), "a job that is released does not take `cancel`");
    }
}

#[tokio::test]
async fn a_job_whose_entry_is_not_in_the_log_does_not_exist() {
    let fixture = Fixture::new();
    let store = fixture.open().await;
    fs::create_dir(fixture.log("checkpoint.new")).unwrap();
    assert!(accept(&store).await.unwrap_err().pending());
    assert!(store.job(&name()).await.unwrap().is_none());
    assert!(store.unsettled().await.unwrap().is_empty());
    assert!(store.jobs(&name().project, None, 0, None).await.unwrap().jobs.is_empty());
    assert!(matches!(store.watch(&name()).await.err(), Some(Error::NotFound)));
    fs::remove_dir(fixture.log("checkpoint.new")).unwrap();
    drop(store);
    let store = fixture.open().await;
    assert_eq!(state(&store).await, Some(JobState::Queued), "a restart takes it up");
    agree(&fixture, &store).await;
}

#[tokio::test]
async fn a_disk_full_under_the_log_says_so_and_loses_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open_with(JobState::Running).await;
    symlink("/dev/full", fixture.log("checkpoint.new")).unwrap();
    let error = advance(&store, Event::Check).await.unwrap_err();
    assert!(matches!(error, Error::Full { pending: true }), "{error}");
    assert!(error.to_string().contains("storage is full"), "{error}");
    assert_eq!(state(&store).await, Some(JobState::Running));
    fs::remove_file(fixture.log("checkpoint.new")).unwrap();
    assert_eq!(advance(&store, Event::Release).await.unwrap().state, JobState::Released);
    agree(&fixture, &store).await;
}

#[tokio::test]
async fn a_disk_full_under_the_database_says_so_and_changes_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open_with(JobState::Checking).await;
    {
        let mut writer = store.inner().writer.lock().await;
        let connection = writer.connection().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(connection).await.unwrap();
    }
    let result = SealedResult { bytes: vec![1; 1 << 20], digest: Digest::of(b"big") };
    let entry = step().head.noted_in(entry(Event::Release));
    let entry = entry.with("release_sha256", result.digest.to_string());
    let change = Change { result: Some(result), ledger: Some(step()), ..Change::default() };
    let error = store.advance(&name(), Event::Release, change.clone(), entry.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Full { pending: false }), "{error}");
    assert_eq!(state(&store).await, Some(JobState::Checking));
    agree(&fixture, &store).await;
    // The connection that failed is gone, and the limit with it.
    let released = store.advance(&name(), Event::Release, change, entry).await.unwrap();
    assert_eq!(released.release.unwrap().digest, Digest::of(b"big"));
    agree(&fixture, &store).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_half_change() {
    let fixture = Fixture::new();
    let store = fixture.open_with(JobState::Queued).await;
    // Polled once, then dropped: the change goes on by itself, and is done before the next one.
    assert!(advance(&store, Event::Start).now_or_never().is_none());
    store.replay().await.unwrap();
    assert_eq!(advance(&store, Event::Check).await.unwrap().version, 3);
    agree(&fixture, &store).await;
}

#[tokio::test]
async fn nobody_left_behind_is_remembered_by_the_watchers() {
    let fixture = Fixture::new();
    let store = fixture.open_with(JobState::Queued).await;
    drop(store.watch(&name()).await.unwrap());
    let kept = store.watch(&name()).await.unwrap();
    advance(&store, Event::Start).await.unwrap();
    assert_eq!(store.inner().watchers.followed(), 1);
    drop(kept);
    advance(&store, Event::Check).await.unwrap();
    assert_eq!(store.inner().watchers.followed(), 0);
}
