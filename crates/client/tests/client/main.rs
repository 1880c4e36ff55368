//! The SDK against a scripted server over real TLS.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

mod fake;
mod login;
mod render;
mod values;

use std::sync::atomic::Ordering;
use std::time::Duration;

use fake::{Fake, TOKEN};
use sekisho_client::{
    Client, Document, Error, Parameter, Profile, Receipt, Settings, State, Submission, exit_code, v1,
};

const RELEASED: &str = "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex";

fn hasty() -> Settings {
    let pause = Duration::from_millis(1);
    Settings { first_pause: pause, longest_pause: pause, attempts: 3, ..Settings::standard() }
}

async fn client(fake: &Fake) -> Client {
    let profile = Profile::load(&Profile::path_in_state(fake.folder(), "analyst")).unwrap();
    Client::connect_with(&profile, hasty()).await.unwrap()
}

async fn connected() -> (Fake, Client) {
    let fake = Fake::start().await;
    let client = client(&fake).await;
    (fake, client)
}

#[tokio::test]
async fn a_released_job_comes_with_its_result_and_each_state_is_told_once() {
    let (_fake, client) = connected().await;
    let mut states = Vec::new();
    let submission = Submission::new("ward", RELEASED).unwrap();
    let outcome = client.run(&submission, |job| states.push(State::of_job(job).unwrap())).await.unwrap();
    assert_eq!(states, [State::Queued, State::Running, State::Checking, State::Released]);
    assert_eq!(outcome.arrow.as_deref(), Some(&*fake::arrow_of(RELEASED)));
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!((document.state, document.withheld.len()), (State::Released, 1));
}

#[tokio::test]
async fn each_state_has_the_exit_code_of_the_contract() {
    let (_fake, client) = connected().await;
    for (sql, state, exit) in [
        (RELEASED, State::Released, 0),
        ("held", State::Held, 10),
        ("refused", State::Refused, 11),
        ("failed", State::Failed, 12),
    ] {
        let outcome = client.sql("ward", sql).await.unwrap();
        let document = Document::of_outcome(&outcome).unwrap();
        assert_eq!((document.state, exit_code(Ok(document.state))), (state, exit), "{sql}");
        assert_eq!(outcome.arrow.is_some(), state == State::Released, "{sql}");
    }
}

#[tokio::test]
async fn parameters_and_lists_go_with_a_job_and_with_a_check() {
    let (fake, client) = connected().await;
    let submission = Submission::new("ward", RELEASED)
        .unwrap()
        .with_parameter("2020-01-31::date".parse().unwrap())
        .with_parameter(Parameter::Null)
        .with_list("codes", "code\nE11\n");
    let job = client.submit(&submission).await.unwrap();
    assert_eq!(Document::of_check(&client.check(&submission).await.unwrap()).state, State::Allowed);
    let value = |value| v1::Parameter { value: Some(value) };
    let parameters =
        vec![value(v1::parameter::Value::Date("2020-01-31".into())), value(v1::parameter::Value::Null(0))];
    let lists = vec![v1::CodeList { name: "codes".into(), csv: "code\nE11\n".into() }];
    assert_eq!(job.parameters, parameters);
    let given = (parameters, lists);
    assert_eq!(*fake.state.given.lock().unwrap(), [given.clone(), given]);
}

#[tokio::test]
async fn an_analysis_refused_before_it_became_a_job_is_a_refusal() {
    let (_fake, client) = connected().await;
    let error = client.sql("ward", "too large").await.unwrap_err();
    let document = Document::of_error(&error);
    assert_eq!((document.state, exit_code(Err(&error))), (State::Refused, 11));
    assert_eq!(document.error.unwrap().code, "TOO_LARGE");
}

#[tokio::test]
async fn what_is_not_there_and_who_is_not_let_in_get_3() {
    let (fake, client) = connected().await;
    let error = client.sql("other", RELEASED).await.unwrap_err();
    assert_eq!((exit_code(Err(&error)), error.problem().code.as_str()), (3, "NOT_FOUND"));
    let stranger = Profile::load(&fake.write_profile("stranger", "wrong", "ca.pem")).unwrap();
    let error = Client::connect(&stranger).await.unwrap().projects().await.unwrap_err();
    assert_eq!((exit_code(Err(&error)), error.problem().code.as_str()), (3, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn a_server_that_is_not_there_cannot_be_reached() {
    let fake = Fake::start().await;
    let profile = Profile {
        address: "https://127.0.0.1:1".to_owned(),
        ..Profile::load(&Profile::path_in_state(fake.folder(), "analyst")).unwrap()
    };
    let error = Client::connect_with(&profile, hasty()).await.err().unwrap();
    assert_eq!(exit_code(Err(&error)), 13, "{error}");
    let error = Client::connect_lazily(&profile, hasty()).unwrap().projects().await.unwrap_err();
    assert_eq!(exit_code(Err(&error)), 13, "{error}");
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_trusted() {
    let fake = Fake::start().await;
    let (other_ca, _) = fake::certificates();
    std::fs::write(fake.folder().join("other.pem"), other_ca).unwrap();
    let profile = Profile::load(&fake.write_profile("misled", TOKEN, "other.pem")).unwrap();
    let error = Client::connect_with(&profile, hasty()).await.err().unwrap();
    assert!(matches!(&error, Error::Unreachable { reason, .. } if reason.contains("certificate")), "{error}");
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_makes_one_job() {
    let (fake, client) = connected().await;
    fake.state.lose_submits.store(2, Ordering::SeqCst);
    client.sql("ward", RELEASED).await.unwrap();
    assert_eq!(fake.state.jobs.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_broken_watch_is_taken_up_again() {
    let (fake, client) = connected().await;
    fake.state.break_watches.store(2, Ordering::SeqCst);
    let outcome = client.sql("ward", RELEASED).await.unwrap();
    assert_eq!(outcome.job.state(), v1::job::State::Released);
    assert_eq!(fake.state.watches.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_watch_that_never_brings_anything_new_is_given_up() {
    let (fake, client) = connected().await;
    fake.state.break_watches.store(1000, Ordering::SeqCst);
    let error = client.sql("ward", RELEASED).await.unwrap_err();
    assert_eq!(exit_code(Err(&error)), 13, "{error}");
    assert!(fake.state.watches.load(Ordering::SeqCst) < 10);
}

#[tokio::test]
async fn a_result_that_is_not_the_one_vouched_for_is_not_shown() {
    let (_fake, client) = connected().await;
    let error = client.sql("ward", "altered").await.unwrap_err();
    assert!(matches!(error, Error::Answer(_)), "{error}");
}

#[tokio::test]
async fn a_check_answers_without_a_job() {
    let (fake, client) = connected().await;
    let allowed =
        Document::of_check(&client.check(&Submission::new("ward", RELEASED).unwrap()).await.unwrap());
    assert_eq!((allowed.state, allowed.job), (State::Allowed, None));
    let refused =
        Document::of_check(&client.check(&Submission::new("ward", "refused").unwrap()).await.unwrap());
    assert_eq!((refused.state, refused.error.unwrap().code.as_str()), (State::Refused, "RECORDS_IN_OUTPUT"));
    assert!(fake.state.jobs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_list_goes_over_all_pages_and_no_further_than_asked() {
    let (_fake, client) = connected().await;
    for _ in 0..3 {
        client.submit(&Submission::new("ward", RELEASED).unwrap()).await.unwrap();
    }
    assert_eq!(client.list("ward", 50).await.unwrap().len(), 3);
    assert_eq!(client.list("projects/ward", 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_queued_job_can_be_taken_back() {
    let (_fake, client) = connected().await;
    let job = client.submit(&Submission::new("ward", RELEASED).unwrap()).await.unwrap();
    assert_eq!(client.cancel(&job.name).await.unwrap().state(), v1::job::State::Cancelled);
}

#[tokio::test]
async fn a_receipt_holds_offline_for_its_own_release_only() {
    let (fake, client) = connected().await;
    let outcome = client.sql("ward", RELEASED).await.unwrap();
    let verified = client.verify(&outcome).await.unwrap();
    assert_eq!((verified.log_index, verified.snapshot.as_deref()), (17, Some("ward@3")));
    assert_eq!(verified.at, "2023-11-14T22:13:20.000Z");

    let receipt = client.receipt(&outcome.job.name).await.unwrap();
    let receipt = Receipt::read(&receipt.to_json()).unwrap();
    let verified = receipt.verify(&fake.log_key).unwrap();
    verified.covers_arrow(outcome.arrow.as_ref().unwrap()).unwrap();
    assert!(verified.covers_arrow(b"other").is_err());
    let mut document = Document::of_outcome(&outcome).unwrap();
    verified.covers_document(&document).unwrap();
    document.snapshot = Some("ward@4".to_owned());
    assert!(verified.covers_document(&document).unwrap_err().to_string().contains("snapshot"));
}

#[tokio::test]
async fn a_receipt_that_was_changed_or_signed_by_another_does_not_hold() {
    let (fake, client) = connected().await;
    let outcome = client.sql("ward", RELEASED).await.unwrap();
    let receipt = client.receipt(&outcome.job.name).await.unwrap();
    let broken = |change: fn(&mut Receipt)| {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        receipt.verify(&fake.log_key).unwrap_err()
    };
    for error in [
        broken(|receipt| receipt.entry = receipt.entry.replace("ward@3", "ward@4")),
        broken(|receipt| receipt.log_index = 3),
        broken(|receipt| receipt.proof.truncate(1)),
        broken(|receipt| receipt.proof[0].push('=')),
        broken(|receipt| receipt.checkpoint = receipt.checkpoint.replace("18", "19")),
        broken(|receipt| receipt.job.push('X')),
        receipt.verify(&Fake::start().await.log_key).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Receipt(_)), "{error}");
        assert_eq!(exit_code(Err(&error)), 12);
    }
}
