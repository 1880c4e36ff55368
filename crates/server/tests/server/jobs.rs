//! The life of a job, as its submitter and the others of the project see it.

use std::fs;

use sekisho_client::v1::job::State;
use sekisho_client::{Client, Submission, v1};
use tonic::Code;

use crate::support::{Home, PATIENCE, PEOPLE, limited, settled};
use crate::tokens::{job_service, signed};

/// Each person's measurements times each other's, three times over: minutes of work.
const LONG: &str = "SELECT COUNT(*) AS n FROM labs a JOIN labs b ON a.patient_id = b.patient_id \
     JOIN labs c ON a.patient_id = c.patient_id JOIN labs d ON a.patient_id = d.patient_id \
     WHERE a.value + b.value > c.value + d.value";

async fn submit(client: &Client, project: &str, sql: &str) -> v1::Job {
    let job = client.submit(&Submission::new(project, sql).unwrap()).await.unwrap();
    assert_eq!(job.state(), State::Queued);
    job
}

async fn state_of(client: &Client, job: &v1::Job) -> State {
    client.job(&job.name).await.unwrap().state()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_each_state_in_order() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    for (project, sql, path) in [
        ("nafld", PEOPLE, &[State::Queued, State::Running, State::Checking, State::Released][..]),
        ("nafld-review", PEOPLE, &[State::Queued, State::Running, State::Checking, State::Held]),
        ("nafld", "SELECT * FROM patients", &[State::Queued, State::Running, State::Refused]),
    ] {
        let job = submit(&client, project, sql).await;
        let mut seen = Vec::new();
        let watching = client.watch(&job.name, |job| seen.push(job.state()));
        tokio::time::timeout(PATIENCE, watching).await.unwrap().unwrap();
        // A watcher may come late, and then misses the beginning alone.
        assert!(!seen.is_empty() && path.ends_with(&seen), "{sql}: {seen:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stays_cancelled() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    let mut jobs = Vec::new();
    // Two run at once; the third waits.
    for _ in 0..3 {
        jobs.push(submit(&client, "nafld", LONG).await);
    }
    let mut running = job_service(&server, "analyst").await;
    let request = signed(&server, "analyst", v1::WatchJobRequest { name: jobs[0].name.clone() });
    let mut states = running.watch_job(request).await.unwrap().into_inner();
    let began = async { while states.message().await.unwrap().unwrap().state() == State::Queued {} };
    tokio::time::timeout(PATIENCE, began).await.unwrap();
    assert_eq!(state_of(&client, &jobs[0]).await, State::Running);
    assert_eq!(state_of(&client, &jobs[2]).await, State::Queued);

    for job in [&jobs[2], &jobs[0], &jobs[1]] {
        let cancelled = client.cancel(&job.name).await.unwrap();
        assert_eq!(cancelled.state(), State::Cancelled);
        assert_eq!(cancelled.problem.unwrap().code, "CANCELLED");
    }
    let last = states.message().await.unwrap().unwrap();
    assert_eq!(last.state(), State::Cancelled, "the watcher is told, and the stream ends");
    assert!(states.message().await.unwrap().is_none());
    // The places are free again, and a settled job stays as it is.
    let after = submit(&client, "nafld", PEOPLE).await;
    assert_eq!(settled(&client, &after.name).await.state(), State::Released);
    assert_eq!(client.cancel(&after.name).await.unwrap().state(), State::Released);

    server.kill();
    let server = home.start().await;
    let client = server.client("analyst").await;
    for job in &jobs {
        assert_eq!(state_of(&client, job).await, State::Cancelled);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_submitter_takes_a_job_back() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    let job = submit(&client, "nafld", LONG).await;
    for person in ["researcher", "analyst-2", "operator"] {
        let error = server.client(person).await.cancel(&job.name).await.unwrap_err();
        assert_eq!(error.problem().code, "NOT_FOUND", "{person}");
    }
    // A member of the project sees it, and sees that it goes on.
    let researcher = server.client("researcher").await;
    assert!([State::Queued, State::Running].contains(&state_of(&researcher, &job).await));
    assert_eq!(client.cancel(&job.name).await.unwrap().state(), State::Cancelled);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_result_is_given_to_nobody_and_survives_a_restart() {
    let home = Home::new();
    let mut server = home.start().await;
    let name = submit(&server.client("analyst").await, "nafld-review", PEOPLE).await.name;
    settled(&server.client("analyst").await, &name).await;
    for restarted in [false, true] {
        if restarted {
            server.stop().await;
            server = home.start().await;
        }
        for person in ["analyst", "researcher"] {
            let client = server.client(person).await;
            let job = client.job(&name).await.unwrap();
            assert_eq!((job.state(), &job.release), (State::Held, &None));
            let receipt = client.receipt(&name).await.unwrap_err().problem();
            assert_eq!(receipt.code, "WRONG_STATE", "{person}");
            let mut service = job_service(&server, person).await;
            let request = signed(&server, person, v1::FetchResultRequest { name: name.clone() });
            let status = service.fetch_result(request).await.unwrap_err();
            assert_eq!(status.code(), Code::FailedPrecondition, "{person}");
            assert_eq!(status.message(), "the job is held, so it has no result to fetch");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_verifies_offline_and_covers_the_result() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    let outcome = client.sql("nafld", PEOPLE).await.unwrap();
    client.verify(&outcome).await.unwrap();
    let receipt = client.receipt(&outcome.job.name).await.unwrap();
    let key = server.profile("analyst").log_key.unwrap();
    server.stop().await;

    let verified = receipt.verify(&key).unwrap();
    let arrow = outcome.arrow.unwrap();
    verified.covers_arrow(&arrow).unwrap();
    let mut altered = arrow.to_vec();
    altered[arrow.len() / 2] ^= 1;
    assert!(verified.covers_arrow(&altered).is_err());
    // Neither the key of another log nor another entry will do.
    let other = Home::new();
    let log_key = other.beside("log.key");
    let other_key = sekisho_audit::LogKey::open(&log_key, "sekisho").unwrap();
    assert!(receipt.verify(other_key.verifier_key()).is_err());
    let mut forged = receipt;
    forged.entry = forged.entry.replace("\"nafld@1\"", "\"nafld@2\"");
    assert!(forged.verify(&key).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_pages_newest_first() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    let mut names = Vec::new();
    for _ in 0..5 {
        let job = submit(&client, "nafld", "SELECT * FROM patients").await;
        settled(&client, &job.name).await;
        names.push(job.name);
    }
    names.reverse();
    let mut service = job_service(&server, "analyst").await;
    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    let mut request = v1::ListJobsRequest {
        parent: "projects/nafld".into(),
        page_size: 2,
        ..v1::ListJobsRequest::default()
    };
    for _ in 0..3 {
        let page = service.list_jobs(signed(&server, "analyst", request.clone())).await.unwrap().into_inner();
        sizes.push(page.jobs.len());
        listed.extend(page.jobs.into_iter().map(|job| job.name));
        request.page_token = page.next_page_token;
    }
    assert_eq!((sizes.as_slice(), request.page_token.as_str()), (&[2, 2, 1][..], ""));
    assert_eq!(listed, names);
    assert_eq!(client.list("nafld", 4).await.unwrap().len(), 4);

    request.page_token = "not a token".into();
    let status = service.list_jobs(signed(&server, "analyst", request)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    server.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_state_says_so_and_leaves_the_first_alone() {
    let home = Home::new();
    let server = home.start().await;
    let ready = fs::read(home.state().join("ready.json")).unwrap();
    let mut second = limited(None);
    let second = second.args(["demo", "--once", "--state"]).arg(home.state()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    let named = home.state().canonicalize().unwrap();
    assert!(said.contains(named.to_str().unwrap()) && said.contains("--state DIR"), "{said}");
    assert_eq!(fs::read(home.state().join("ready.json")).unwrap(), ready);
    server.answers().await;
    // The directory is free again when the first one has ended.
    server.stop().await;
    home.start().await.answers().await;
}
