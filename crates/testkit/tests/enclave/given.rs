//! Code lists and parameters on their way through the whole enclave.

use sekisho_client::{Document, State, Submission, exit_code};
use sekisho_testkit::Enclave;
use serde_json::{Value, json};

const SQL: &str = "SELECT c.kind, COUNT(DISTINCT d.patient_id) AS people FROM diagnoses d \
    JOIN codes c ON d.icd10 = c.code WHERE d.date >= $1 GROUP BY c.kind ORDER BY c.kind";

fn submission(sql: &str) -> Submission {
    Submission::new("ward", sql)
        .unwrap()
        .with_parameter("2015-01-01::date".parse().unwrap())
        .with_list("codes", "code,kind\nE11,diabetes\nE14,diabetes\n")
}

#[tokio::test]
async fn a_list_and_a_parameter_are_kept_with_the_job_and_named_in_the_log() {
    let mut enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let submission = submission(SQL);
    let outcome = client.run(&submission, |_| ()).await.unwrap();
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(document.state, State::Released, "{:?}", document.error);
    let written = "SELECT 'diabetes' AS kind, COUNT(DISTINCT patient_id) AS people FROM diagnoses \
        WHERE icd10 IN ('E11', 'E14') AND date >= DATE '2015-01-01'";
    assert_eq!(document.rows, enclave.ask("ward", written).await.unwrap().rows);

    // What was asked stays with the job: values, and which list it was.
    let digest = "a09c8301070c514ac0c1797274b192612f95a3812afe0a355a75981aa2a98887";
    let job = client.job(&outcome.job.name).await.unwrap();
    assert_eq!(job.parameters.len(), 1);
    assert_eq!((job.code_lists[0].name.as_str(), job.code_lists[0].sha256.as_str()), ("codes", digest));
    let same = client.submit(&submission).await.unwrap();
    assert_eq!(same.name, job.name, "the same request is the same job");
    let other = Submission { lists: vec![("codes".into(), "code,kind\nI10,x\n".into())], ..submission };
    assert_eq!(client.submit(&other).await.unwrap_err().problem().code, "INVALID_ARGUMENT");
    enclave.stop().await.unwrap();
    let entry = accepted(&enclave, &job.name);
    assert_eq!(entry["details"]["list_codes_sha256"], json!(digest));
    assert_eq!(entry["details"]["request_sha256"].as_str().map(str::len), Some(64));
}

/// The log's entry about the acceptance of a job.
fn accepted(enclave: &Enclave, job: &str) -> Value {
    let log = std::fs::read_to_string(enclave.state().path("log/entries.jsonl")).unwrap();
    let mut entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let id = job.rsplit('/').next().unwrap();
    entries.find(|entry| entry["kind"] == "job.accepted" && entry["job"] == id).unwrap()
}

#[tokio::test]
async fn a_list_that_is_no_table_and_one_that_is_too_long_are_refused_with_a_reason() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let list = |csv: String| Submission::new("ward", "SELECT 1 AS one").unwrap().with_list("codes", csv);
    let rows = format!("a\n{}", "1\n".repeat(50_001));
    let cases = [
        (list("a,b\n1\n".into()), "LIST_NOT_ALLOWED", "line 2"),
        (list(rows), "TOO_LARGE", "more than 50000 rows"),
        (list("x".repeat((2 << 20) + 1)), "TOO_LARGE", "longer than 2097152 bytes"),
        (list("a\n1\n".into()).with_list("CODES", "a\n1\n"), "LIST_NOT_ALLOWED", "two code lists"),
    ];
    for (submission, code, words) in cases {
        let checked = Document::of_check(&client.check(&submission).await.unwrap());
        let refused = match client.run(&submission, |_| ()).await {
            Ok(outcome) => Document::of_outcome(&outcome).unwrap(),
            Err(error) => Document::of_error(&error),
        };
        for document in [checked, refused] {
            assert_eq!((document.state, exit_code(Ok(document.state))), (State::Refused, 11), "{words}");
            let problem = document.error.unwrap();
            assert_eq!(problem.code, code, "{problem:?}");
            assert!(problem.message.contains(words), "{problem:?}");
        }
    }
    let misnamed = Submission::new("ward", "SELECT 1 AS one").unwrap().with_list("a b", "a\n1\n");
    assert_eq!(exit_code(Err(&client.check(&misnamed).await.unwrap_err())), 2);
}
