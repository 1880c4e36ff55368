//! The demonstration datasets come out as they went in, in the order of the dense id.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;

use flate2::read::GzDecoder;
use sekisho_model::{ColumnClass, ColumnType};
use sekisho_vault::{IngestOptions, Snapshot};

use crate::support::{Home, demo, latest, small, texts};

/// A source file, row by row, without the columns that are dropped.
fn source(dataset: &str, table: &str, dropped: &[usize]) -> Vec<Vec<String>> {
    let path = format!("../../tests/data/{dataset}/{table}.csv.gz");
    let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(path).unwrap()));
    let kept = |record: csv::StringRecord| {
        let fields = record.iter().enumerate().filter(|(at, _)| !dropped.contains(at));
        fields.map(|(_, field)| field.to_owned()).collect()
    };
    reader.records().map(|record| kept(record.unwrap())).collect()
}

/// A decimal without the zeros at its end.
fn plain(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    text.to_owned()
}

/// The dense ids of everybody in the first table, who all have a row there: shorter ids first.
fn numbered(dataset: &str, table: &str) -> HashMap<String, usize> {
    let ids: BTreeSet<(usize, String)> =
        source(dataset, table, &[]).into_iter().map(|row| (row[0].len(), row[0].clone())).collect();
    ids.into_iter().zip(0..).map(|((_, id), number)| (id, number)).collect()
}

/// Every stored row of a table of people is the source's, in the order of the people; their rows stay in order.
async fn check(snapshot: &Snapshot, table: &str, dropped: &[usize], ids: &HashMap<String, usize>) -> usize {
    let mut expected = source(snapshot.id.dataset.as_str(), table, dropped);
    for row in &mut expected {
        row[0] = ids[&row[0]].to_string();
    }
    expected.sort_by_key(|row| row[0].parse::<u32>().unwrap());
    let mut stored = texts(snapshot, table).await;
    let columns = &snapshot.dataset.table(table).unwrap().columns;
    for (at, column) in columns.iter().enumerate() {
        if matches!(column.data_type, ColumnType::Decimal { .. }) {
            stored.iter_mut().chain(&mut expected).for_each(|row| row[at] = plain(&row[at]));
        }
    }
    assert_eq!(stored.len(), expected.len());
    if let Some(at) = (0..stored.len()).find(|at| stored[*at] != expected[*at]) {
        panic!("{table} row {at}: {:?} is not {:?}", stored[at], expected[at]);
    }
    stored.len()
}

#[tokio::test]
async fn nafld_comes_out_exactly_as_it_went_in() {
    let home = Home::new();
    let vault = home.vault();
    let made = vault.ingest(&demo("nafld"), &IngestOptions::default()).await.unwrap();
    assert_eq!(made.snapshot.to_string(), "nafld@1");
    assert_eq!((made.people, made.new_people), (17_549, 17_549));
    let rows = [("patients", 17_549), ("labs", 400_123), ("events", 34_340)];
    assert_eq!(made.rows, rows.map(|(name, rows)| (name.to_owned(), rows)));

    let snapshot = latest(&vault, "nafld").await;
    let columns = &snapshot.dataset.table("patients").unwrap().columns;
    assert!(columns.iter().all(|column| column.name != "matched_case_id"));
    assert_eq!(columns[2].values, Some(vec!["0".into(), "1".into()]));
    let ids = numbered("nafld", "patients");
    for (table, rows) in rows {
        let dropped: &[usize] = if table == "patients" { &[6] } else { &[] };
        assert_eq!(check(&snapshot, table, dropped, &ids).await as u64, rows);
    }
    // Sums, as an independent program computes them from the source files.
    let sum = async |table: &str, column: usize, scale: usize| {
        let unscaled = |row: &Vec<String>| {
            let (whole, fraction) = row[column].split_once('.').unwrap_or((&row[column], ""));
            format!("{whole}{fraction:0<scale$}").parse::<i128>().unwrap_or(0)
        };
        texts(&snapshot, table).await.iter().map(unscaled).sum::<i128>()
    };
    assert_eq!(sum("labs", 3, 14).await, 2_551_517_892_866_259_241_987);
    assert_eq!(sum("patients", 5, 14).await, 37_856_981_136_947_375_002);
    assert_eq!(sum("patients", 3, 1).await, 11_021_278);
    assert_eq!(sum("patients", 1, 0).await, 924_124);
    snapshot.verify().await.unwrap();
}

#[tokio::test]
async fn ward_comes_out_exactly_as_it_went_in_from_little_memory() {
    let home = Home::new();
    let vault = home.vault();
    let made = vault.ingest(&demo("ward"), &small(64 << 10)).await.unwrap();
    assert_eq!(made.people, 3000);
    let snapshot = latest(&vault, "ward").await;
    let ids = numbered("ward", "patients");
    for (table, rows) in [
        ("patients", 3000),
        ("diagnoses", 6116),
        ("lab_results", 7523),
        ("claims", 7607),
        ("prescriptions", 4350),
    ] {
        assert_eq!(check(&snapshot, table, &[], &ids).await, rows);
    }
    assert_eq!(texts(&snapshot, "icd10").await, source("ward", "icd10", &[]));
    assert_eq!(snapshot.table("icd10").unwrap().key.as_deref(), Some("code"));
    assert!(snapshot.dataset.units.is_empty());
    let hospital = snapshot.dataset.table("patients").unwrap().column("hospital_id").unwrap();
    assert_eq!(hospital.class, ColumnClass::Dimension);
}
