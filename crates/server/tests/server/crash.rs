//! What `kill -9` at any instant leaves: every accepted job, once, and a log that verifies.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use sekisho_audit::{Entry, EventKind};
use sekisho_client::v1::job::State;
use sekisho_client::{Client, Settings, Submission};

use crate::support::{Home, PATIENCE, PEOPLE, Random, Server, assert_verifies, copy, settled, verify};

const ROUNDS: u64 = 10;
const JOBS_OF_A_ROUND: u64 = 20;

/// The latest instant at which a server is killed, after its first job was sent.
const LATEST: u64 = 1_500_000;

/// A project, an analysis, and how it must end.
const ANALYSES: &[(&str, &str, State)] = &[
    ("nafld", PEOPLE, State::Released),
    (
        "nafld",
        "SELECT male, died, COUNT(*) AS n, AVG(bmi) AS bmi FROM patients GROUP BY male, died",
        State::Released,
    ),
    ("ward", PEOPLE, State::Released),
    ("nafld-review", PEOPLE, State::Held),
    ("nafld", "SELECT patient_id, age FROM patients", State::Refused),
];

/// What moves a job to a settled state.
const SETTLING: &[EventKind] = &[
    EventKind::JobCancelled,
    EventKind::JobFailed,
    EventKind::JobHeld,
    EventKind::JobRefused,
    EventKind::JobReleased,
];

/// Jobs that the server accepted, by request id.
type Accepted = RefCell<BTreeMap<String, String>>;

fn submission(number: u64) -> (Submission, State) {
    let (project, sql, state) = Random(number).choose(ANALYSES);
    let submission = Submission::new(*project, *sql).unwrap();
    (Submission { request_id: format!("request-{number}"), ..submission }, *state)
}

/// Sends a round's jobs, all at once, and kills the server while it has them.
async fn round(server: Server, numbers: std::ops::Range<u64>, instant: Duration, accepted: &Accepted) {
    let settings = Settings { attempts: 1, ..Settings::standard() };
    let client = Client::connect_with(&server.profile("analyst"), settings).await.unwrap();
    let sending = numbers.map(async |number| {
        let (submission, _) = submission(number);
        // What was not answered before the end was not accepted.
        if let Ok(job) = client.submit(&submission).await {
            accepted.borrow_mut().insert(submission.request_id, job.name.clone());
            let _watched = client.watch(&job.name, |_| ()).await;
        }
    });
    let _early = tokio::time::timeout(instant, join_all(sending)).await;
    server.kill();
}

/// The entries of a log that nobody writes to.
fn entries(state: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(state.join("log/entries.jsonl")).unwrap();
    text.lines().map(|line| Entry::decode(line.as_bytes()).unwrap()).collect()
}

/// The entries by which each job was moved to a settled state.
fn ends(state: &Path) -> BTreeMap<String, Vec<EventKind>> {
    let mut ends: BTreeMap<String, Vec<EventKind>> = BTreeMap::new();
    for entry in entries(state) {
        let (Some(project), Some(job)) = (entry.project, entry.job) else { continue };
        let of_job = ends.entry(format!("projects/{project}/jobs/{job}")).or_default();
        if SETTLING.contains(&entry.kind) {
            of_job.push(entry.kind);
        }
    }
    ends
}

/// The entry that moves a job to its last state.
fn settling(state: State) -> EventKind {
    if state == State::Released {
        EventKind::JobReleased
    } else if state == State::Held {
        EventKind::JobHeld
    } else {
        EventKind::JobRefused
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_accepted_job_is_lost_and_none_is_released_twice() {
    let home = Home::new();
    let accepted = Accepted::default();
    let mut random = Random(20_260_311);
    for index in 0..ROUNDS {
        let server = home.start().await;
        let instant = Duration::from_micros(random.below(LATEST));
        let first = index * JOBS_OF_A_ROUND;
        round(server, first..first + JOBS_OF_A_ROUND, instant, &accepted).await;
    }
    let accepted = accepted.into_inner();
    assert!(accepted.len() > 50, "only {} jobs were accepted: the test proves little", accepted.len());

    let server = home.start().await;
    let client = server.client("analyst").await;
    let mut names = BTreeSet::new();
    for number in 0..ROUNDS * JOBS_OF_A_ROUND {
        let (submission, state) = submission(number);
        // The same request again is the same job; one that was never accepted is accepted now.
        let job = client.submit(&submission).await.unwrap();
        if let Some(name) = accepted.get(&submission.request_id) {
            assert_eq!(&job.name, name);
        }
        assert_eq!(client.submit(&submission).await.unwrap().name, job.name);
        let job = settled(&client, &job.name).await;
        assert_eq!(job.state(), state, "{}: {:?}", job.name, job.problem);
        assert!(names.insert(job.name.clone()), "two requests have one job");
        // The client holds the bytes against the digest of the release.
        let outcome = client.outcome(job).await.unwrap();
        assert_eq!(outcome.arrow.is_some(), state == State::Released);
        if outcome.arrow.is_some() {
            client.verify(&outcome).await.unwrap();
        }
    }
    let mut listed = BTreeSet::new();
    for project in ["nafld", "nafld-review", "ward"] {
        listed.extend(client.list(project, 1000).await.unwrap().into_iter().map(|job| job.name));
    }
    assert_eq!(listed, names, "a job that nobody asked for");
    server.stop().await;

    let ends = ends(&home.state());
    assert_eq!(ends.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    for number in 0..ROUNDS * JOBS_OF_A_ROUND {
        let (submission, state) = submission(number);
        if let Some(name) = accepted.get(&submission.request_id) {
            assert_eq!(ends[name], [settling(state)], "{name}");
        }
    }
    assert!(ends.values().all(|settles| settles.len() == 1));
    assert_verifies(&home.state());
}

/// The log's folder and key, copied from a server that was stopped, with one change to its lines.
fn altered(state: &Path, change: impl FnOnce(&mut Vec<String>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&state.join("log"), &folder.path().join("log"));
    fs::copy(state.join("log.key"), folder.path().join("log.key")).unwrap();
    let path = folder.path().join("log/entries.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_place_of_an_edit_a_deletion_and_a_swap() {
    let home = Home::new();
    let server = home.start().await;
    server.answers().await;
    server.stop().await;
    let state = home.state();
    assert_verifies(altered(&state, |_| ()).path());

    type Change = fn(&mut Vec<String>);
    let changes: &[(&str, Change, &str)] = &[
        ("a byte", |lines| lines[3] = lines[3].replacen("\"at\":1", "\"at\":2", 1), "entry 3 is not the one"),
        ("a deletion", |lines| drop(lines.remove(2)), "entry 2 is not the one"),
        ("the last one", |lines| drop(lines.pop()), "is missing, of"),
        ("a swap", |lines| lines.swap(1, 4), "entry 1 is not the one"),
        ("an insertion", |lines| lines.insert(2, lines[2].clone()), "entry 3 is not the one"),
    ];
    for (what, change, place) in changes {
        let folder = altered(&state, change);
        let output = verify(folder.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{what}");
        assert!(said.contains(place), "{what}: {said}");
    }
    // The key of another log vouches for nothing.
    let folder = altered(&state, |_| ());
    fs::remove_file(folder.path().join("log.key")).unwrap();
    sekisho_audit::LogKey::open(&folder.path().join("log.key"), "sekisho").unwrap();
    assert!(!verify(folder.path()).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_over_an_altered_log() {
    let home = Home::new();
    let server = home.start().await;
    server.answers().await;
    server.stop().await;
    let path = home.state().join("log/entries.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"at\":1", "\"at\":2", 1)).unwrap();
    let mut command = crate::support::limited(None);
    command.args(["demo", "--no-examples", "--once", "--state"]).arg(home.state());
    let starting = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(PATIENCE, starting).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("entry 0 is not the one"), "{said}");
    assert!(!home.state().join("ready.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_the_clear_that_a_killed_run_left_are_removed() {
    let home = Home::new();
    let left = home.state().join("incoming/nafld");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("patients.csv.gz"), "in the clear").unwrap();
    home.start().await.stop().await;
    assert!(!home.state().join("incoming").exists());
}
