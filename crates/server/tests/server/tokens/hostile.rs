//! Requests that no client of ours makes: too large, too deep, or no gRPC at all.

use std::time::Duration;

use sekisho_client::Submission;
use sekisho_client::v1::job::State;
use sekisho_wire::v1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{job_service, signed};
use crate::support::{Home, PATIENCE, Random, Server, settled};

/// How deep nobody writes.
const DEEP: usize = 10_000;

fn nested(before: &str, middle: &str, after: &str) -> String {
    format!("{}{middle}{}", before.repeat(DEEP), after.repeat(DEEP))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_large_is_refused_at_the_door() {
    let home = Home::new();
    let server = home.start().await;
    let mut service = job_service(&server, "analyst").await;
    let parent = || "projects/nafld".to_owned();
    for (bytes, reason) in [(1 << 20, Some("TOO_LARGE")), (5 << 20, None)] {
        let sql = format!("SELECT COUNT(*) FROM patients WHERE age > 1{}", " ".repeat(bytes));
        let submit =
            v1::SubmitJobRequest { parent: parent(), sql: sql.clone(), ..v1::SubmitJobRequest::default() };
        let status = service.submit_job(signed(&server, "analyst", submit)).await.unwrap_err();
        assert_eq!(status.get_details_error_info().map(|info| info.reason).as_deref(), reason, "{status:?}");
        let expected = if reason.is_some() { Code::InvalidArgument } else { Code::OutOfRange };
        assert_eq!(status.code(), expected, "{status:?}");
        server.answers().await;
    }
    let sql = format!("SELECT 1{}", " ".repeat(1 << 20));
    let check = v1::CheckJobRequest { parent: parent(), sql, ..v1::CheckJobRequest::default() };
    let checked = service.check_job(signed(&server, "analyst", check)).await.unwrap().into_inner();
    assert_eq!(checked.problem.unwrap().code, "TOO_LARGE");
    server.answers().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_deep_is_refused_and_the_server_stays_up() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    let count = "SELECT COUNT(*) AS n FROM patients WHERE ";
    let texts = [
        ("brackets", format!("{count}{}", nested("(", "age > 1", ")"))),
        ("open brackets", format!("{count}{}", "(".repeat(DEEP))),
        ("NOT", format!("{count}{}", nested("NOT ", "age > 1", ""))),
        ("minus", format!("{count} age > {}", nested("- ", "1", ""))),
        ("OR", format!("{count}{}", nested("", "age > 1", " OR age = 2"))),
        ("plus", format!("{count} age > {}", nested("", "1", " + 1"))),
        ("CASE", format!("{count}{}", nested("CASE WHEN ", "TRUE", " THEN 1 END"))),
        ("CAST", format!("{count}{}", nested("CAST(", "age", " AS INT)"))),
        ("functions", format!("{count}{}", nested("abs(", "age", ")"))),
        ("sub-queries", nested("SELECT * FROM (", "SELECT 1", ")")),
        ("UNION", nested("", "SELECT 1", " UNION SELECT 1")),
        ("joins", nested("", "SELECT COUNT(*) FROM patients", ", patients")),
        ("arrays", format!("SELECT {}", nested("[", "1", "]"))),
        ("types", format!("SELECT CAST(1 AS {})", nested("ARRAY<", "INT", ">"))),
        ("EXPLAIN", nested("EXPLAIN ", "SELECT 1", "")),
        ("comments", nested("/*", " SELECT 1", "*/")),
        ("quotes", nested("'", "", "")),
    ];
    for (what, sql) in texts {
        let job = client.submit(&Submission::new("nafld", sql).unwrap()).await.unwrap();
        let job = settled(&client, &job.name).await;
        let problem = job.problem.clone().unwrap_or_default();
        assert_eq!(job.state(), State::Refused, "{what}: {problem:?}");
        assert!(!problem.code.is_empty() && !problem.message.is_empty(), "{what}: {problem:?}");
    }
    server.answers().await;
    server.stop().await;
}

/// A plain connection to the server's port.
async fn connect(server: &Server) -> TcpStream {
    let address = server.profile("analyst").address;
    TcpStream::connect(address.strip_prefix("https://").unwrap()).await.unwrap()
}

/// What the server says before it hangs up.
async fn read_to_end(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset is an end too.
    let _ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("it hangs up");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tls_is_hung_up_on() {
    let home = Home::new();
    let server = home.start().await;
    let mut random = Random(7);
    let garbage: Vec<u8> = (0..65_536).map(|_| random.next().to_le_bytes()[0]).collect();
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // The head of a handshake record, with nonsense in it.
    let hello = [&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &garbage[..189]].concat();
    for bytes in [garbage, http, http2, hello, vec![0; 100_000]] {
        let mut stream = connect(&server).await;
        // It may hang up before it has read all.
        let _written = stream.write_all(&bytes).await;
        let said = read_to_end(stream).await;
        assert!(said.len() < 64, "an alert at most: {} bytes", said.len());
        server.answers().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_stop_in_the_middle_of_a_handshake_keep_nobody_out_and_are_let_go() {
    let home = Home::new();
    let server = home.start().await;
    let mut silent = Vec::new();
    for sent in 0..100 {
        let mut stream = connect(&server).await;
        // Nothing at all, or the beginning of a handshake.
        stream.write_all(&[0x16, 3, 1, 0, 200, 1, 0][..sent % 8]).await.unwrap();
        silent.push(stream);
    }
    server.answers().await;
    for stream in silent {
        let said = tokio::time::timeout(Duration::from_secs(60), read_to_end(stream)).await;
        assert!(said.unwrap().len() < 64);
    }
    server.answers().await;
    server.stop().await;
}
