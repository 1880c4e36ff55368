//! What is released, on the NAFLD registry.

use sekisho_client::{Document, State};
use sekisho_testkit::Enclave;
use serde_json::{Value, json};

fn rows(document: &Document) -> Vec<Value> {
    let json: Value = serde_json::from_str(&document.to_json_line()).unwrap();
    json["rows"].as_array().unwrap().clone()
}

#[tokio::test]
async fn counts_are_exact_and_small_cells_are_withheld() {
    let enclave = Enclave::start().await.unwrap();
    let plain = "SELECT male, COUNT(*) AS n FROM patients GROUP BY male ORDER BY male";
    let document = enclave.ask("nafld", plain).await.unwrap();
    assert_eq!(document.state, State::Released);
    assert_eq!(rows(&document), [json!({"male": 0, "n": 9348}), json!({"male": 1, "n": 8201})]);
    assert!(document.withheld.is_empty());

    // Three women and five men are older than 95.
    let branch = "SELECT male, COUNT(*) AS n, COUNT(*) FILTER (WHERE age > 95) AS over_95
                  FROM patients GROUP BY male ORDER BY male";
    let document = enclave.ask("nafld", branch).await.unwrap();
    let expected =
        [json!({"male": 0, "n": 9348, "over_95": null}), json!({"male": 1, "n": 8201, "over_95": null})];
    assert_eq!(rows(&document), expected);
    let withheld: Vec<_> = document.withheld.iter().map(|cell| (cell.row, cell.column.as_str())).collect();
    assert_eq!(withheld, [(0, "over_95"), (1, "over_95")]);

    // Small ages are absent rows, not blanks, and every one that is shown stands on ten people or more.
    let document = enclave
        .ask("nafld", "SELECT age, COUNT(*) AS n FROM patients GROUP BY age ORDER BY age")
        .await
        .unwrap();
    assert!(document.withheld.is_empty());
    let shown = rows(&document);
    assert!(shown.iter().all(|row| row["n"].as_i64().unwrap() >= 10));
    let ages: Vec<i64> = shown.iter().map(|row| row["age"].as_i64().unwrap()).collect();
    assert!(ages.contains(&57) && !ages.contains(&98), "{ages:?}");
}

#[tokio::test]
async fn the_catalogue_shows_what_was_granted_and_nothing_that_was_dropped() {
    let enclave = Enclave::start().await.unwrap();
    let catalog = enclave.client("analyst").await.unwrap().catalog("nafld").await.unwrap();
    let patients = catalog.tables.iter().find(|table| table.name == "patients").unwrap();
    let columns: Vec<&str> = patients.columns.iter().map(|column| column.name.as_str()).collect();
    assert!(columns.contains(&"patient_id") && columns.contains(&"bmi"));
    assert!(!columns.contains(&"matched_case_id"), "another person's identifier is dropped at ingest");
    let steps = patients.columns.iter().filter_map(|column| {
        let isolating = column.isolating.as_ref()?;
        Some((column.name.as_str(), isolating.step.as_str(), isolating.declared))
    });
    assert_eq!(steps.collect::<Vec<_>>(), [("bmi", "0.5", false), ("followup_days", "5", true)]);
    assert!(catalog.snapshot.starts_with("nafld@"));
}
