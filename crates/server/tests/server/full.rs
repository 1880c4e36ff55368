//! What a full disk does: a clear error, and nothing lost. Files may not grow past a limit, which fails
//! a write in the same way.

use std::fs;
use std::path::Path;

use sekisho_audit::{Entry, EventKind, Log, LogKey};
use sekisho_client::v1::job::State;
use sekisho_client::{Client, Submission};
use sekisho_model::Timestamp;
use sekisho_store::Store;

use crate::support::{Home, PEOPLE, Server, Start, assert_verifies, limited, settled, until};

/// The most jobs that are sent until storage is full.
const MOST: usize = 200;

fn submission(number: usize) -> Submission {
    let request_id = format!("request-{number}");
    Submission { request_id, ..Submission::new("nafld", PEOPLE).unwrap() }
}

/// Sends jobs until one is not accepted; answers how many were, and their names.
async fn fill(client: &Client) -> Vec<String> {
    let mut accepted = Vec::new();
    for number in 0..MOST {
        match client.submit(&submission(number)).await {
            Ok(job) => accepted.push(job.name),
            Err(error) => {
                let problem = error.problem();
                assert_eq!(problem.code, "STORAGE", "{problem:?}");
                assert_eq!(problem.message, "the enclave's storage is full or cannot be written");
                return accepted;
            }
        }
    }
    panic!("{MOST} jobs did not fill the storage");
}

/// Every accepted job is released; so are those that were not accepted, when they are sent again.
async fn all_is_there(server: &Server, accepted: &[String]) {
    let client = server.client("analyst").await;
    for (number, name) in accepted.iter().enumerate() {
        let job = settled(&client, name).await;
        assert_eq!(job.state(), State::Released, "{:?}", job.problem);
        client.verify(&client.outcome(job).await.unwrap()).await.unwrap();
        assert_eq!(&client.submit(&submission(number)).await.unwrap().name, name);
    }
    for number in [accepted.len(), MOST] {
        let again = client.submit(&submission(number)).await.unwrap();
        assert_eq!(settled(&client, &again.name).await.state(), State::Released);
    }
    assert_eq!(client.list("nafld", 2 * MOST).await.unwrap().len(), accepted.len() + 2, "one job a request");
    server.answers().await;
}

/// It still answers what needs no room.
async fn still_up(server: &Server, accepted: &[String]) {
    let client = server.client("analyst").await;
    for name in accepted {
        client.job(name).await.unwrap();
    }
    assert!(client.catalog("nafld").await.is_ok());
    assert_eq!(client.submit(&submission(MOST)).await.unwrap_err().problem().code, "STORAGE");
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// A limit that the write-ahead log of the state database meets first.
fn limit_of_database(state: &Path) -> u64 {
    size(&state.join("state.db")).max(size(&state.join("state.db-wal"))) + (1 << 20)
}

/// Makes the audit log so long that it meets the limit first, when it has grown by `room`.
async fn limit_of_log(state: &Path, room: u64) -> u64 {
    let log =
        Log::open(&state.join("log"), LogKey::open(&state.join("log.key"), "sekisho").unwrap()).unwrap();
    let store = Store::open(&state.join("state.db"), log).await.unwrap();
    let entries = state.join("log/entries.jsonl");
    let fill = async |id: &str, bytes: u64| {
        let entry = Entry::new(id, Timestamp(1), EventKind::PolicyLoaded, "test");
        let before = size(&entries);
        store.record(entry.with("text", "x".repeat(bytes.try_into().unwrap()))).await.unwrap();
        size(&entries) - before - bytes
    };
    for id in ["1", "2", "3", "4"] {
        fill(id, 1_000_000).await;
    }
    let frame = fill("5", 0).await;
    // A limit is a number of whole blocks.
    let limit = (size(&entries) + frame + room).next_multiple_of(512);
    fill("6", limit - room - frame - size(&entries)).await;
    store.close().await;
    limit
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_clearly_and_a_restart_finds_everything() {
    let home = Home::new();
    let largest_file = Some(limit_of_database(&home.state()));
    let server = home.start_with(&Start { largest_file, ..Start::default() }).await;
    let accepted = fill(&server.client("analyst").await).await;
    assert!(!accepted.is_empty());
    still_up(&server, &accepted).await;
    server.stop().await;

    let server = home.start().await;
    all_is_there(&server, &accepted).await;
    server.stop().await;
    assert_verifies(&home.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_clearly_and_a_restart_finds_everything() {
    let home = Home::new();
    let largest_file = Some(limit_of_log(&home.state(), 4096).await);
    let server = home.start_with(&Start { largest_file, ..Start::default() }).await;
    let accepted = fill(&server.client("analyst").await).await;
    assert!(!accepted.is_empty());
    still_up(&server, &accepted).await;
    server.kill();

    let server = home.start().await;
    all_is_there(&server, &accepted).await;
    server.stop().await;
    assert_verifies(&home.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_on_by_themselves_when_there_is_room_again() {
    let home = Home::new();
    let largest_file = Some(limit_of_log(&home.state(), 4096).await);
    let server = home.start_with(&Start { largest_file, ..Start::default() }).await;
    let accepted = fill(&server.client("analyst").await).await;
    server.lift_limit();
    let client = server.client("analyst").await;
    for name in &accepted {
        assert_eq!(settled(&client, name).await.state(), State::Released);
    }
    all_is_there(&server, &accepted).await;
    server.stop().await;
    assert_verifies(&home.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_kept_although_its_caller_saw_an_error_runs_when_there_is_room() {
    let home = Home::new();
    // The entry of the server's start fits, that of a job does not.
    let largest_file = Some(limit_of_log(&home.state(), 200).await);
    let server = home.start_with(&Start { largest_file, ..Start::default() }).await;
    let client = server.client("analyst").await;
    assert!(fill(&client).await.is_empty());
    assert!(client.list("nafld", MOST).await.unwrap().is_empty(), "what is not in the log is not seen");
    server.lift_limit();
    let job = until("the job", async || client.list("nafld", MOST).await.unwrap().pop()).await;
    assert_eq!(settled(&client, &job.name).await.state(), State::Released);
    assert_eq!(client.submit(&submission(0)).await.unwrap().name, job.name);
    server.stop().await;
    assert_verifies(&home.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_error_that_is_full_does_not_stop_the_server() {
    let home = Home::new();
    let full = Path::new("/dev/full");
    let server = home.start_with(&Start { log: Some("trace"), stderr: Some(full), ..Start::default() }).await;
    server.answers().await;
    server.answers().await;
    server.stop().await;
    assert_verifies(&home.state());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_fills_the_disk_leaves_the_last_snapshot() {
    let home = Home::new();
    let ingest = |largest_file| {
        let manifest = Path::new("../../tests/data/nafld/manifest.toml");
        let mut command = limited(largest_file);
        command.arg("ingest").arg("--state").arg(home.state()).arg("--manifest").arg(manifest);
        command.output().unwrap()
    };
    let before = files(&home.state().join("vault"));
    for largest_file in [1 << 10, 64 << 10, 512 << 10] {
        let output = ingest(Some(largest_file));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("earlier snapshots are intact"), "{said}");
        assert_eq!(files(&home.state().join("vault")), before, "nothing is left over");
    }
    let server = home.start().await;
    assert_eq!(server.client("analyst").await.catalog("nafld").await.unwrap().snapshot, "nafld@1");
    server.answers().await;
    server.stop().await;

    let output = ingest(None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = home.start().await;
    assert_eq!(server.client("analyst").await.catalog("nafld").await.unwrap().snapshot, "nafld@2");
    server.answers().await;
    server.stop().await;
}

/// The files below a folder, with their sizes.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), size(&path)));
        }
    }
    files.sort();
    files
}
