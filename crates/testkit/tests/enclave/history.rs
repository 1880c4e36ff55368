//! What was released before counts for everybody who comes after.

use sekisho_client::{Document, State};
use sekisho_testkit::Enclave;
use serde_json::{Value, json};

const IN_47: &str = "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47'";
const BUT_ONE: &str =
    "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47' AND NOT (birth_year = 1931 AND sex = 'F')";

async fn ask(enclave: &Enclave, person: &str, project: &str, sql: &str) -> Document {
    let outcome = enclave.client(person).await.unwrap().sql(project, sql).await.unwrap();
    Document::of_outcome(&outcome).unwrap()
}

/// Rows and blanks of an answer.
fn answer(document: &Document) -> (Value, Vec<(usize, String)>) {
    let json: Value = serde_json::from_str(&document.to_json_line()).unwrap();
    let withheld = document.withheld.iter().map(|cell| (cell.row, cell.column.clone()));
    (json["rows"].clone(), withheld.collect())
}

/// One blank, whatever the reason.
fn blank() -> (Value, Vec<(usize, String)>) {
    (json!([{"n": null}]), vec![(0, "n".to_owned())])
}

#[tokio::test]
async fn two_analysts_of_two_projects_cannot_difference_each_others_releases() {
    for (first, second) in [(IN_47, BUT_ONE), (BUT_ONE, IN_47)] {
        let enclave = Enclave::start().await.unwrap();
        let shown = ask(&enclave, "analyst", "ward", first).await;
        assert_eq!((shown.state, shown.withheld.len()), (State::Released, 0));
        let stopped = ask(&enclave, "analyst-2", "ward-2", second).await;
        assert_eq!(stopped.state, State::Released, "{:?}", stopped.error);
        assert_eq!(answer(&stopped), blank());
        // Nor can the first analyst, who learns as little.
        let own = ask(&enclave, "analyst", "ward", second).await;
        assert_eq!(answer(&own), answer(&stopped));
        // What stopped it does not show: a count over few is the same blank.
        let few =
            "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47' AND birth_year = 1931 AND sex = 'F'";
        assert_eq!(answer(&ask(&enclave, "analyst-2", "ward-2", few).await), answer(&stopped));
    }
}

#[tokio::test]
async fn a_bin_of_a_histogram_is_the_count_that_it_stands_for() {
    let histogram = |people: &str| {
        format!(
            "SELECT bins[1]['n'] AS n FROM (SELECT histogram(birth_year, make_array(1900, 2030)) AS bins FROM patients \
             WHERE {people}) h"
        )
    };
    let everybody = "prefecture = '47'";
    let but_one = "prefecture = '47' AND NOT (birth_year = 1931 AND sex = 'F')";
    let enclave = Enclave::start().await.unwrap();
    let counted = answer(&ask(&enclave, "analyst", "ward", IN_47).await);
    assert_eq!(counted.1, []);
    assert_eq!(answer(&ask(&enclave, "analyst", "ward", &histogram(everybody)).await), counted);
    let filtered = format!(
        "SELECT COUNT(*) FILTER (WHERE birth_year >= 1900 AND birth_year <= 2030) AS n FROM patients WHERE {everybody}"
    );
    assert_eq!(answer(&ask(&enclave, "analyst", "ward", &filtered).await), counted);
    // The bins of two questions differ by one person, whoever asks.
    assert_eq!(answer(&ask(&enclave, "analyst-2", "ward-2", &histogram(but_one)).await), blank());
}

#[tokio::test]
async fn of_two_halves_of_a_difference_at_the_same_instant_one_is_shown() {
    let enclave = Enclave::start().await.unwrap();
    let (one, other) =
        tokio::join!(ask(&enclave, "analyst", "ward", IN_47), ask(&enclave, "analyst-2", "ward-2", BUT_ONE));
    let withheld = [&one, &other].map(|document| answer(document) == blank());
    assert!(withheld[0] != withheld[1], "{withheld:?}");
}

#[tokio::test]
async fn the_same_analysis_has_the_same_answer_after_a_restart_and_other_releases() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    let table = "SELECT prefecture, sex, COUNT(*) AS n FROM patients GROUP BY ROLLUP(prefecture, sex)
                 ORDER BY prefecture, sex";
    let mut enclave = Enclave::start_at(&root, Vec::new()).await.unwrap();
    let first = answer(&ask(&enclave, "analyst", "ward", table).await);
    enclave.stop().await.unwrap();

    let mut enclave = Enclave::start_at(&root, Vec::new()).await.unwrap();
    // The ledger was read back: the other half of a difference is stopped.
    ask(&enclave, "analyst", "ward", "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex").await;
    let stopped = ask(&enclave, "analyst-2", "ward-2", BUT_ONE).await;
    assert_eq!(answer(&stopped), blank());
    assert_eq!(answer(&ask(&enclave, "analyst-2", "ward-2", table).await), first);
    enclave.stop().await.unwrap();

    // The log has how far the ledger reached with each release. The same table again has a page that adds nothing, as
    // any other: a receipt does not tell who asked the same before.
    let log = std::fs::read_to_string(enclave.state().path("log/entries.jsonl")).unwrap();
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let positions: Vec<String> = entries
        .filter(|entry| entry["kind"] == "job.released")
        .map(|entry| entry["details"]["ledger_position"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(positions, ["1", "2", "3", "4"]);
}
