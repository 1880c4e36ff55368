//! The store through its public face.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures::{Stream, StreamExt as _};
use sekisho_audit::{Entry, EventKind, Log, LogKey};
use sekisho_model::{
    Analysis, Code, CodeList, Digest, Finite, JobName, JobState, Parameter, Position, Refusal, Timestamp,
};
use sekisho_release::{Event, TABLE};
use sekisho_store::{
    Change, Error, JobRecord, LedgerHead, LedgerStep, NewJob, PolicyRef, Result, SealedResult, Store,
};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

async fn try_open(folder: &Path, log: &str) -> Result<Store> {
    let key = LogKey::open(&folder.join("key"), "log").unwrap();
    Store::open(&folder.join("state.db"), Log::open(&folder.join(log), key).unwrap()).await
}

async fn open(folder: &TempDir) -> Store {
    try_open(folder.path(), "log").await.unwrap()
}

fn name(n: u64) -> JobName {
    format!("projects/ward/jobs/{n:026}").parse().unwrap()
}

fn new_job(n: u64) -> NewJob {
    NewJob {
        name: name(n),
        request_id: None,
        analysis: format!("SELECT {n}").into(),
        submitter: "analyst".into(),
        organisation: "a".into(),
    }
}

fn entry_at(at: u64, n: u64, event: Event) -> Entry {
    let rule = TABLE.iter().find(|rule| rule.event == event).unwrap();
    Entry::new(format!("{n}.{event}.{at}"), Timestamp(at), rule.audit.parse().unwrap(), "x").of_job(&name(n))
}

async fn accept(store: &Store, n: u64) -> JobRecord {
    store.accept(new_job(n), entry_at(1, n, Event::Accept)).await.unwrap()
}

async fn advance(store: &Store, n: u64, event: Event) -> Result<JobRecord> {
    let (mut change, mut entry) = (Change::default(), entry_at(2, n, event));
    if matches!(event, Event::Release | Event::Hold) {
        let result = sealed(n);
        let step = step(n);
        entry = step.head.noted_in(entry.with("release_sha256", result.digest.to_string()));
        (change.result, change.ledger) = (Some(result), Some(step));
    }
    store.advance(&name(n), event, change, entry).await
}

/// The first page of a dataset of its own.
fn step(n: u64) -> LedgerStep {
    let page = format!("page {n}").into_bytes();
    let head = LedgerHead::begin(format!("ward-{n}").parse().unwrap()).with(&page);
    LedgerStep { head, page }
}

fn sealed(n: u64) -> SealedResult {
    SealedResult { bytes: format!("sealed {n}").into_bytes(), digest: Digest::of(&n.to_be_bytes()) }
}

#[tokio::test]
async fn what_is_known_of_a_job_is_kept_from_state_to_state_and_over_a_restart() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    let policy = PolicyRef { profile: "japan-rwd".into(), sha256: Digest::of(b"policy") };
    let started = Change {
        snapshot: Some("ward@3".parse().unwrap()),
        policy: Some(policy.clone()),
        ..Change::default()
    };
    store.advance(&name(1), Event::Start, started, entry_at(2, 1, Event::Start)).await.unwrap();
    let problem = Refusal::new(Code::PicksPeople, "`LIMIT` over records picks people", "aggregate first")
        .at(Some(Position { line: 2, column: 7 }));
    let refused = Change { problem: Some(problem.clone()), ..Change::default() };
    let record =
        store.advance(&name(1), Event::Refuse, refused, entry_at(9, 1, Event::Refuse)).await.unwrap();
    assert_eq!(
        record,
        JobRecord {
            stands_for: None,
            name: name(1),
            state: JobState::Refused,
            version: 3,
            log_index: 2,
            request_id: None,
            sql: "SELECT 1".into(),
            parameters: Vec::new(),
            lists: Vec::new(),
            submitter: "analyst".into(),
            organisation: "a".into(),
            accepted_at: Timestamp(1),
            updated_at: Timestamp(9),
            snapshot: Some("ward@3".parse().unwrap()),
            policy: Some(policy),
            problem: Some(problem),
            release: None,
        }
    );
    store.close().await;
    assert_eq!(open(&folder).await.job(&name(1)).await.unwrap(), Some(record));
    let mode = |file| folder.path().join(file).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state.db"), 0o600);
}

fn list(name: &str, csv: &str) -> CodeList {
    CodeList { name: name.parse().unwrap(), csv: csv.to_owned() }
}

#[tokio::test]
async fn what_comes_with_an_analysis_is_kept_over_a_restart_and_is_part_of_its_request() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let analysis = Analysis {
        sql: "SELECT $1".into(),
        parameters: vec![
            Parameter::Text("it's \"x\"\n".into()),
            Parameter::Null,
            Parameter::Double(Finite::new(0.1).unwrap()),
            Parameter::Date("2020-02-29".parse().unwrap()),
        ],
        lists: vec![list("second", "\u{feff}code\r\n\"E11\"\r\n"), list("first", "a\n")],
    };
    let job = NewJob { request_id: Some("r".into()), analysis: analysis.clone(), ..new_job(1) };
    let record = store.accept(job.clone(), entry_at(1, 1, Event::Accept)).await.unwrap();
    assert_eq!(record.parameters, analysis.parameters);
    let named: Vec<_> = record.lists.iter().map(|list| (list.name.as_str(), list.sha256)).collect();
    assert_eq!(
        named,
        [("second", Digest::of(analysis.lists[0].csv.as_bytes())), ("first", Digest::of(b"a\n")),]
    );
    store.close().await;
    let store = open(&folder).await;
    let resumed = store.unsettled().await.unwrap().remove(0);
    assert_eq!((&resumed, store.analysis(&resumed).await.unwrap()), (&record, analysis.clone()));
    assert_eq!(store.accept(job.clone(), entry_at(1, 1, Event::Accept)).await.unwrap(), record);
    let other = Analysis { lists: vec![list("second", "code\n"), list("first", "a\n")], ..analysis };
    let other = NewJob { name: name(2), analysis: other, ..job };
    let error = store.accept(other, entry_at(1, 2, Event::Accept)).await.unwrap_err();
    assert!(matches!(error, Error::RequestReused), "{error}");
}

#[tokio::test]
async fn a_database_from_before_parameters_and_lists_is_read() {
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("migrations");
    std::fs::create_dir(&first).unwrap();
    std::fs::copy("migrations/0001_jobs.sql", first.join("0001_jobs.sql")).unwrap();
    let options =
        SqliteConnectOptions::new().filename(folder.path().join("state.db")).create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    Migrator::new(first).await.unwrap().run(&mut old).await.unwrap();
    let entry = entry_at(1, 1, Event::Accept);
    sqlx::query("INSERT INTO outbox (id, entry) VALUES (?1, ?2)")
        .bind(&entry.id)
        .bind(entry.encode().unwrap())
        .execute(&mut old)
        .await
        .unwrap();
    let job = format!(
        "INSERT INTO jobs (project, job, sql, submitter, organisation) VALUES ('ward', '{:026}', 'SELECT 1', 'x', 'x');
         INSERT INTO job_states (job, version, outbox, state, entered_at) VALUES (1, 1, 1, 'queued', 1)",
        1
    );
    sqlx::raw_sql(&job).execute(&mut old).await.unwrap();
    old.close().await.unwrap();
    let store = open(&folder).await;
    let record = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!((record.parameters.len(), record.lists.len()), (0, 0));
    assert_eq!(store.analysis(&record).await.unwrap(), "SELECT 1".into());
}

#[tokio::test]
async fn a_released_job_has_its_result_and_a_receipt_that_names_it() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    advance(&store, 1, Event::Start).await.unwrap();
    advance(&store, 1, Event::Check).await.unwrap();
    assert_eq!(store.result(&name(1)).await.unwrap(), None);
    let release = advance(&store, 1, Event::Release).await.unwrap().release.unwrap();
    assert_eq!(store.result(&name(1)).await.unwrap(), Some(sealed(1)));
    assert_eq!(release.digest, sealed(1).digest);
    let receipt = store.receipt(release.log_index).await.unwrap();
    assert_eq!(receipt.checkpoint, store.log_checkpoint().await.unwrap());
    let entry = receipt.verify(&store.verifier_key().await.unwrap()).unwrap();
    assert_eq!(entry.kind, EventKind::JobReleased);
    assert_eq!(entry.details["release_sha256"], sealed(1).digest.to_string());
    assert!(store.receipt(4).await.is_err());
}

#[tokio::test]
async fn a_held_result_is_kept_and_not_given_out() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    advance(&store, 1, Event::Start).await.unwrap();
    advance(&store, 1, Event::Check).await.unwrap();
    let held = advance(&store, 1, Event::Hold).await.unwrap();
    assert_eq!((held.state, held.release), (JobState::Held, None));
    assert_eq!(store.result(&name(1)).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_request_again_is_the_same_job() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let request = |n: u64| NewJob { request_id: Some("r".into()), analysis: "SELECT 1".into(), ..new_job(n) };
    let first = store.accept(request(1), entry_at(1, 1, Event::Accept)).await.unwrap();
    let again = store.accept(request(2), entry_at(1, 2, Event::Accept)).await.unwrap();
    assert_eq!(first, again);
    let given = Analysis { parameters: vec![Parameter::Integer(1)], ..Analysis::from("SELECT 1") };
    let listed = Analysis { lists: vec![list("codes", "a\n1\n")], ..Analysis::from("SELECT 1") };
    for other in ["SELECT 2".into(), given, listed] {
        let other = NewJob { analysis: other, ..request(3) };
        let error = store.accept(other, entry_at(1, 3, Event::Accept)).await.unwrap_err();
        assert!(matches!(error, Error::RequestReused), "{error}");
    }
    let other_person = NewJob { submitter: "other".into(), ..request(4) };
    assert_eq!(
        store.accept(other_person, entry_at(1, 4, Event::Accept)).await.unwrap().name,
        name(4),
        "another person's request ids are their own"
    );
    assert_eq!(store.unsettled().await.unwrap().len(), 2);
    let last = store.record(Entry::new("x", Timestamp(1), EventKind::AccessDenied, "x")).await.unwrap();
    assert_eq!(last, 2, "a known request leaves no entry");
}

#[tokio::test]
async fn a_wrong_move_names_the_state_and_the_event_and_leaves_no_entry() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    let error = advance(&store, 1, Event::Release).await.unwrap_err();
    assert!(matches!(error, Error::WrongState(_)) && !error.pending(), "{error}");
    assert_eq!(error.to_string(), "a job that is queued does not take `release`");
    assert!(matches!(advance(&store, 2, Event::Start).await, Err(Error::NotFound)));
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().version, 1);
    assert!(store.receipt(1).await.is_err());
}

#[tokio::test]
async fn a_change_that_does_not_fit_its_entry_is_not_made() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    accept(&store, 2).await;
    advance(&store, 1, Event::Start).await.unwrap();
    advance(&store, 1, Event::Check).await.unwrap();
    let with = |result: Option<SealedResult>| Change { result, ledger: Some(step(1)), ..Change::default() };
    let release = step(1).head.noted_in(entry_at(3, 1, Event::Release));
    let named = release.clone().with("release_sha256", sealed(7).digest.to_string());
    let right = release.clone().with("release_sha256", sealed(1).digest.to_string());
    let ledger = |ledger| Change { ledger, ..with(Some(sealed(1))) };
    let ahead = LedgerStep { head: step(1).head.with(b"page 1"), ..step(1) };
    let cases = [
        (Event::Cancel, Change::default(), entry_at(3, 2, Event::Cancel)),
        (Event::Cancel, Change::default(), entry_at(3, 1, Event::Fail)),
        (Event::Cancel, with(None), entry_at(3, 1, Event::Cancel)),
        (Event::Cancel, with(Some(sealed(1))), entry_at(3, 1, Event::Cancel)),
        (Event::Release, with(None), release.clone()),
        (Event::Release, with(Some(sealed(1))), release),
        (Event::Release, with(Some(sealed(1))), named),
        (Event::Release, ledger(None), right.clone()),
        (Event::Release, ledger(Some(step(2))), right.clone()),
        (Event::Release, ledger(Some(LedgerStep { page: Vec::new(), ..step(1) })), right.clone()),
        (Event::Release, ledger(Some(ahead.clone())), ahead.head.noted_in(right)),
        (Event::Cancel, Change::default(), Entry { id: "1.start.2".into(), ..entry_at(3, 1, Event::Cancel) }),
    ];
    for (event, change, entry) in cases {
        let error = store.advance(&name(1), event, change, entry).await.unwrap_err();
        assert!(matches!(error, Error::Misfit { .. }), "{error}");
    }
    let error = store.record(entry_at(3, 1, Event::Release)).await.unwrap_err();
    assert!(matches!(error, Error::Misfit { .. }), "{error}");
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().state, JobState::Checking);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_moves_at_once_exactly_one_wins() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    for n in 0..12 {
        accept(&store, n).await;
        let twice = async |one, two| {
            let task = |event| {
                let store = store.clone();
                tokio::spawn(async move { advance(&store, n, event).await })
            };
            let (one, two) = (task(one), task(two));
            (one.await.unwrap(), two.await.unwrap())
        };
        advance(&store, n, Event::Start).await.unwrap();
        advance(&store, n, Event::Check).await.unwrap();
        let (release, cancel) = twice(Event::Release, Event::Cancel).await;
        let state = store.job(&name(n)).await.unwrap().unwrap().state;
        match (release, cancel) {
            (Ok(_), Err(Error::WrongState(_))) => assert_eq!(state, JobState::Released),
            (Err(Error::WrongState(_)), Ok(_)) => assert_eq!(state, JobState::Cancelled),
            other => panic!("{other:?}"),
        }
        let released = store.result(&name(n)).await.unwrap().is_some();
        assert_eq!(released, state == JobState::Released);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_sees_every_state_in_order_and_ends() {
    use JobState::{Checking, Queued, Released, Running};
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    accept(&store, 1).await;
    accept(&store, 2).await;
    let slow = store.watch(&name(1)).await.unwrap();
    let quick = tokio::spawn(states(store.watch(&name(1)).await.unwrap()));
    for event in [Event::Start, Event::Resume, Event::Start, Event::Check] {
        let entry = Entry { id: format!("{event}.{}", log_size(&store).await), ..entry_at(2, 1, event) };
        store.advance(&name(1), event, Change::default(), entry).await.unwrap();
        let entry = entry_at(2, 2, Event::Start);
        store.advance(&name(2), Event::Start, Change::default(), entry).await.unwrap();
    }
    let late = store.watch(&name(1)).await.unwrap();
    advance(&store, 1, Event::Release).await.unwrap();
    let all = vec![Queued, Running, Queued, Running, Checking, Released];
    assert_eq!(quick.await.unwrap(), all);
    assert_eq!(states(slow).await, all);
    assert_eq!(states(late).await, [Checking, Released]);
    assert_eq!(states(store.watch(&name(1)).await.unwrap()).await, [Released]);
    assert!(matches!(store.watch(&name(3)).await.err(), Some(Error::NotFound)));
}

/// The states of a watch until it ends; none is left out.
async fn states(watch: impl Stream<Item = Result<JobRecord>>) -> Vec<JobState> {
    let states: Vec<JobRecord> = watch.map(Result::unwrap).collect().await;
    let versions: Vec<u64> = states.iter().map(|job| job.version).collect();
    assert_eq!(versions, (versions[0]..=*versions.last().unwrap()).collect::<Vec<_>>());
    states.into_iter().map(|job| job.state).collect()
}

/// The size of the log; it differs after each change.
async fn log_size(store: &Store) -> String {
    store.log_checkpoint().await.unwrap().lines().nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn pages_are_newest_first_and_neither_overlap_nor_leave_out() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    for n in 1..=7 {
        accept(&store, n).await;
    }
    let mine = NewJob { submitter: "other".into(), ..new_job(8) };
    store.accept(mine, entry_at(1, 8, Event::Accept)).await.unwrap();
    let project = name(1).project;
    let (mut seen, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.jobs(&project, Some("analyst"), 3, token.as_deref()).await.unwrap();
        pages += 1;
        seen.extend(page.jobs.into_iter().map(|job| job.name));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=7).rev().map(name).collect::<Vec<_>>());
    assert_eq!(pages, 3);
    assert_eq!(store.jobs(&project, None, 0, None).await.unwrap().jobs.len(), 8);
    assert!(store.jobs(&"other".parse().unwrap(), None, 9, None).await.unwrap().jobs.is_empty());
    assert!(matches!(store.jobs(&project, None, 3, Some("' OR 1")).await, Err(Error::PageToken)));
}

#[tokio::test]
async fn a_log_and_a_database_of_different_age_are_not_opened() {
    let folder = TempDir::new().unwrap();
    let copy = |to: &str| {
        std::fs::create_dir(folder.path().join(to)).unwrap();
        for file in ["entries.jsonl", "checkpoint"] {
            std::fs::copy(folder.path().join("log").join(file), folder.path().join(to).join(file)).unwrap();
        }
    };
    let store = open(&folder).await;
    accept(&store, 1).await;
    store.close().await;
    copy("older");
    std::fs::copy(folder.path().join("state.db"), folder.path().join("older.db")).unwrap();
    let store = open(&folder).await;
    accept(&store, 2).await;
    store.close().await;

    let error = try_open(folder.path(), "older").await.unwrap_err();
    assert!(error.to_string().contains("the log is older"), "{error}");
    let error = try_open(folder.path(), "empty").await.unwrap_err();
    assert!(error.to_string().contains("the log is older"), "{error}");
    let log = || {
        let key = LogKey::open(&folder.path().join("key"), "log").unwrap();
        Log::open(&folder.path().join("log"), key).unwrap()
    };
    let error = Store::open(&folder.path().join("older.db"), log()).await.unwrap_err();
    assert!(error.to_string().contains("the database is older"), "{error}");
    let error = Store::open(&folder.path().join("new.db"), log()).await.unwrap_err();
    assert!(error.to_string().contains("the database is older"), "{error}");
    assert_eq!(open(&folder).await.unsettled().await.unwrap().len(), 2);
}
