//! Whom the server lets in, and what strangers, forgers and broken clients get: nothing, and an answer.

mod forge;
mod hostile;
mod strangers;

use sekisho_client::Profile;
use sekisho_wire::v1::catalog_service_client::CatalogServiceClient;
use sekisho_wire::v1::job_service_client::JobServiceClient;
use sekisho_wire::{error_info, v1};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt as _;

use crate::support::{Home, Server};
use forge::Forger;

/// A connection to the server that trusts its CA alone.
async fn channel(profile: &Profile) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&profile.ca));
    let endpoint = Endpoint::from_shared(profile.address.clone()).unwrap().tls_config(tls).unwrap();
    endpoint.connect().await.unwrap()
}

/// The generated client, with nothing around it.
pub(crate) async fn job_service(server: &Server, person: &str) -> JobServiceClient<Channel> {
    JobServiceClient::new(channel(&server.profile(person)).await)
}

/// A request with a person's token.
pub(crate) fn signed<T>(server: &Server, person: &str, message: T) -> Request<T> {
    bearing(message, server.profile(person).token())
}

/// A request with a token, or with none.
fn bearing<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

/// All that a status says, but for the time at which it was said.
fn whole(status: &Status) -> (Code, String, Vec<u8>, Vec<String>) {
    let mut metadata: Vec<String> = status.metadata().iter().map(|item| format!("{item:?}")).collect();
    metadata.retain(|item| !item.contains("\"date\""));
    metadata.sort();
    (status.code(), status.message().to_owned(), status.details().to_vec(), metadata)
}

/// The answer of each kind of call to one token.
async fn refusals(channel: &Channel, token: Option<&str>, job: &str) -> Vec<Status> {
    let mut jobs = JobServiceClient::new(channel.clone());
    let mut catalog = CatalogServiceClient::new(channel.clone());
    let parent = || "projects/nafld".to_owned();
    let sql = || "SELECT 1".to_owned();
    let submit = v1::SubmitJobRequest { parent: parent(), sql: sql(), ..v1::SubmitJobRequest::default() };
    let check = v1::CheckJobRequest { parent: parent(), sql: sql(), ..v1::CheckJobRequest::default() };
    let list = v1::ListJobsRequest { parent: parent(), ..v1::ListJobsRequest::default() };
    let name = || job.to_owned();
    let ask = MessageRequest::ListServices(String::new());
    let ask = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let reflected = reflection.server_reflection_info(bearing(tokio_stream::iter([ask]), token)).await;
    vec![
        catalog.list_projects(bearing(v1::ListProjectsRequest {}, token)).await.unwrap_err(),
        catalog.get_budget(bearing(v1::GetBudgetRequest { parent: parent() }, token)).await.unwrap_err(),
        catalog.get_catalog(bearing(v1::GetCatalogRequest { parent: parent() }, token)).await.unwrap_err(),
        jobs.submit_job(bearing(submit, token)).await.unwrap_err(),
        jobs.check_job(bearing(check, token)).await.unwrap_err(),
        jobs.list_jobs(bearing(list, token)).await.unwrap_err(),
        jobs.get_job(bearing(v1::GetJobRequest { name: name() }, token)).await.unwrap_err(),
        jobs.watch_job(bearing(v1::WatchJobRequest { name: name() }, token)).await.unwrap_err(),
        jobs.cancel_job(bearing(v1::CancelJobRequest { name: name() }, token)).await.unwrap_err(),
        jobs.fetch_result(bearing(v1::FetchResultRequest { name: name() }, token)).await.unwrap_err(),
        jobs.get_receipt(bearing(v1::GetReceiptRequest { name: name() }, token)).await.unwrap_err(),
        reflected.unwrap_err(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_valid_opens_nothing_and_is_answered_alike() {
    let home = Home::new();
    let server = home.start().await;
    let profile = server.profile("analyst");
    let channel = channel(&profile).await;
    let job =
        server.client("analyst").await.sql("nafld", "SELECT COUNT(*) AS n FROM patients").await.unwrap().job;
    let forger = Forger::new(&home.state(), profile.token().unwrap());
    // What the forger makes is accepted where nothing is wrong with it.
    let unchanged = bearing(v1::GetJobRequest { name: job.name.clone() }, Some(&forger.token(|_, _| ())));
    assert!(JobServiceClient::new(channel.clone()).get_job(unchanged).await.is_ok());

    let mut cases = forger.wrong_tokens();
    cases.push(("none", None));
    for (what, token) in cases {
        let statuses = refusals(&channel, token.as_deref(), &job.name).await;
        for status in &statuses {
            assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status:?}");
            assert!(status.message().starts_with("the token is not valid: "), "{what}: {}", status.message());
            let info = status.get_details_error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), ("UNAUTHENTICATED", error_info::DOMAIN));
            assert_eq!(info.metadata.keys().collect::<Vec<_>>(), [error_info::HINT], "{what}");
            assert_eq!(info.metadata[error_info::HINT], "get a new token", "{what}");
            let said = format!("{status:?}");
            let parts = ["nafld", "analyst", "org-a", "sekisho.invalid", forger.key_id.as_str(), "issuer/"];
            let told: Vec<_> = parts.iter().filter(|part| said.contains(**part)).collect();
            assert!(told.is_empty(), "{what}: {told:?} in {said}");
            assert_eq!(whole(status), whole(&statuses[0]), "{what}: every call is answered alike");
        }
    }
    server.answers().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_asks_for_a_token_and_health_does_not() {
    let home = Home::new();
    let server = home.start().await;
    let profile = server.profile("auditor");
    let channel = channel(&profile).await;
    let health =
        HealthClient::new(channel.clone()).check(HealthCheckRequest { service: String::new() }).await;
    assert_eq!(health.unwrap().into_inner().status, 1, "it serves");

    let ask = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request }])
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let status = reflection.server_reflection_info(bearing(ask(), None)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let answers = reflection.server_reflection_info(bearing(ask(), profile.token())).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    assert!(format!("{answer:?}").contains("sekisho.v1.JobService"));
    server.stop().await;
}
