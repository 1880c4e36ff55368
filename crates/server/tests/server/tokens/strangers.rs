//! What somebody of another organisation learns of a project and its jobs: not even that they exist.

use crate::support::{Home, PEOPLE, Server};
use sekisho_wire::v1;
use tonic::{Code, Status};

use super::{channel, job_service, refusals, signed, whole};

/// The answers of each call to `analyst-2` over a project and a job; the first call is about neither.
async fn answers(server: &Server, project: &str, job: &str) -> Vec<Status> {
    let mut jobs = job_service(server, "analyst-2").await;
    let mut catalog = super::CatalogServiceClient::new(channel(&server.profile("analyst-2")).await);
    let (parent, name) = (|| format!("projects/{project}"), || job.to_owned());
    macro_rules! of {
        ($client:ident.$call:ident($message:expr)) => {
            $client.$call(signed(server, "analyst-2", $message)).await.unwrap_err()
        };
    }
    vec![
        of!(jobs.submit_job(v1::SubmitJobRequest {
            parent: parent(),
            sql: PEOPLE.into(),
            request_id: "r".into(),
            ..v1::SubmitJobRequest::default()
        })),
        of!(jobs.check_job(v1::CheckJobRequest {
            parent: parent(),
            sql: PEOPLE.into(),
            ..v1::CheckJobRequest::default()
        })),
        of!(jobs.list_jobs(v1::ListJobsRequest { parent: parent(), ..v1::ListJobsRequest::default() })),
        of!(catalog.get_budget(v1::GetBudgetRequest { parent: parent() })),
        of!(catalog.get_catalog(v1::GetCatalogRequest { parent: parent() })),
        of!(jobs.get_job(v1::GetJobRequest { name: name() })),
        of!(jobs.watch_job(v1::WatchJobRequest { name: name() })),
        of!(jobs.cancel_job(v1::CancelJobRequest { name: name() })),
        of!(jobs.fetch_result(v1::FetchResultRequest { name: name() })),
        of!(jobs.get_receipt(v1::GetReceiptRequest { name: name() })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_yours_is_byte_for_byte_what_does_not_exist() {
    let home = Home::new();
    let server = home.start().await;
    let job = server.client("analyst").await.sql("nafld", PEOPLE).await.unwrap().job.name;
    let real = answers(&server, "nafld", &job).await;
    let pairs = [
        ("nowhere", "projects/nowhere/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("nafld", "projects/nafld/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("no such\nname", "no such name"),
        ("", ""),
        ("../nafld", "projects/../jobs/1"),
        ("ward", "projects/ward-2/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ];
    for (project, name) in pairs {
        for (real, absent) in real.iter().zip(answers(&server, project, name).await) {
            assert_eq!(real.code(), Code::NotFound, "{real:?}");
            assert_eq!(whole(real), whole(&absent), "{project:?}");
        }
    }
    // Without a token nobody even gets that far.
    let unsigned = refusals(&channel(&server.profile("analyst-2")).await, None, &job).await;
    assert!(unsigned.iter().all(|status| status.code() == Code::Unauthenticated));
    // One's own project answers.
    let own = server.client("analyst-2").await.sql("ward-2", PEOPLE).await.unwrap();
    assert!(own.arrow.is_some(), "{:?}", own.job.problem);
    let job = server.client("analyst").await.job(&job).await.unwrap();
    assert_eq!(job.state(), v1::job::State::Released, "nobody took it back");
    server.stop().await;
}
