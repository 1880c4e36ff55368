//! The ledgers of what was released, through the store's public face.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use sekisho_audit::{Entry, Log, LogKey};
use sekisho_model::{Digest, JobName, Timestamp};
use sekisho_release::{Event, TABLE};
use sekisho_store::{Change, Error, LedgerHead, LedgerStep, NewJob, Result, SealedResult, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

async fn try_open(folder: &Path) -> Result<Store> {
    let key = LogKey::open(&folder.join("key"), "log").unwrap();
    Store::open(&folder.join("state.db"), Log::open(&folder.join("log"), key).unwrap()).await
}

async fn open(folder: &TempDir) -> Store {
    try_open(folder.path()).await.unwrap()
}

fn name(n: u64) -> JobName {
    format!("projects/ward/jobs/{n:026}").parse().unwrap()
}

fn entry(n: u64, event: Event) -> Entry {
    let rule = TABLE.iter().find(|rule| rule.event == event).unwrap();
    Entry::new(format!("{n}.{event}"), Timestamp(1), rule.audit.parse().unwrap(), "x").of_job(&name(n))
}

/// Takes in a job and brings it before the checkpoint.
async fn checking(store: &Store, n: u64) {
    let job = NewJob {
        name: name(n),
        request_id: None,
        analysis: "SELECT 1".into(),
        submitter: "analyst".into(),
        organisation: "a".into(),
    };
    store.accept(job, entry(n, Event::Accept)).await.unwrap();
    for event in [Event::Start, Event::Check] {
        store.advance(&name(n), event, Change::default(), entry(n, event)).await.unwrap();
    }
}

fn sealed(n: u64) -> SealedResult {
    SealedResult { bytes: format!("sealed {n}").into_bytes(), digest: Digest::of(&n.to_be_bytes()) }
}

/// Releases two jobs of one dataset, each with a page.
async fn release_twice(store: &Store) -> LedgerHead {
    let mut head = LedgerHead::begin("ward".parse().unwrap());
    for n in [1, 2] {
        checking(store, n).await;
        let page = format!("page {n}").into_bytes();
        let released = |head: &LedgerHead| {
            let entry = entry(n, Event::Release).with("release_sha256", sealed(n).digest.to_string());
            let step = LedgerStep { head: head.with(&page), page: page.clone() };
            let entry = step.head.noted_in(entry);
            (Change { result: Some(sealed(n)), ledger: Some(step), ..Change::default() }, entry)
        };
        if n == 2 {
            // Judged with the ledger as it was before the first release.
            let (change, entry) = released(&LedgerHead::begin(head.dataset.clone()));
            let late = store.advance(&name(n), Event::Release, change, entry).await.unwrap_err();
            assert!(matches!(late, Error::Misfit { .. }), "{late}");
        }
        let (change, entry) = released(&head);
        store.advance(&name(n), Event::Release, change, entry).await.unwrap();
        head = head.with(&page);
    }
    head
}

#[tokio::test]
async fn a_release_that_was_judged_with_an_older_ledger_is_not_made() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let head = release_twice(&store).await;
    let ledger = store.ledger(&head.dataset).await.unwrap();
    assert_eq!((ledger.pages, ledger.head), (vec![b"page 1".to_vec(), b"page 2".to_vec()], head));
}

#[tokio::test]
async fn a_ledger_that_lacks_what_the_log_says_was_released_does_not_open() {
    for lost in [
        "DELETE FROM ledger_pages WHERE position = 2",
        "UPDATE ledger_pages SET chain = sha.chain FROM ledger_pages AS sha WHERE sha.position = 1",
    ] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder).await;
        release_twice(&store).await;
        store.close().await;
        let options = SqliteConnectOptions::new().filename(folder.path().join("state.db"));
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(lost).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
        let opened = try_open(folder.path()).await;
        let error = opened.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("restore the state database"), "{error}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_older_than_the_log_does_not_open() {
    let folder = TempDir::new().unwrap();
    let (database, backup) = (folder.path().join("state.db"), folder.path().join("backup.db"));
    open(&folder).await.close().await;
    std::fs::copy(&database, &backup).unwrap();
    let store = open(&folder).await;
    release_twice(&store).await;
    store.close().await;
    // A careless restore: the database of before the releases beside the log of after them.
    std::fs::remove_file(&database).unwrap();
    std::fs::copy(&backup, &database).unwrap();
    let error = try_open(folder.path()).await.unwrap_err().to_string();
    assert!(error.contains("the database is older; restore both from one backup"), "{error}");
}

#[tokio::test]
async fn a_page_that_was_exchanged_is_not_read() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let head = release_twice(&store).await;
    store.close().await;
    let options = SqliteConnectOptions::new().filename(folder.path().join("state.db"));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE ledger_pages SET bytes = x'00' WHERE position = 1")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let read = open(&folder).await.ledger(&head.dataset).await;
    assert!(matches!(read, Err(Error::Corrupt { what: "ledger" })), "{read:?}");
}
