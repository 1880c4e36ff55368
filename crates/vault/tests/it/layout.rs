//! How tables lie in their files: clustered by person, the same from little memory and from much.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray, UInt32Array,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use sekisho_vault::{Error, IngestOptions, Snapshot};

use crate::support::{COST, Home, SUBJECT, demo, latest, small, texts, visits};

/// The people of each row group of a table's files, in order.
fn groups(home: &Home, snapshot: &Snapshot, table: &str) -> Vec<Vec<u32>> {
    let mut groups = Vec::new();
    for file in &snapshot.table(table).unwrap().files {
        let open = || {
            let options = ArrowReaderOptions::new()
                .with_file_decryption_properties(snapshot.decryption(&file.path).unwrap());
            let disk = File::open(home.root().join(file.path.as_ref())).unwrap();
            ParquetRecordBatchReaderBuilder::try_new_with_options(disk, options).unwrap()
        };
        let mut people = Vec::new();
        for group in 0..open().metadata().num_row_groups() {
            let rows = open().with_row_groups(vec![group]).build().unwrap();
            let ids = |batch: RecordBatch| {
                batch.column(0).as_any().downcast_ref::<UInt32Array>().unwrap().values().to_vec()
            };
            let group: Vec<u32> = rows.flat_map(|batch| ids(batch.unwrap())).collect();
            people.extend(group.iter().copied());
            groups.push(group);
        }
        assert_eq!(people.len() as u64, file.rows);
        assert_eq!(
            (people.first(), people.last()),
            (file.first_subject.as_ref(), file.last_subject.as_ref())
        );
        assert_eq!(std::fs::metadata(home.root().join(file.path.as_ref())).unwrap().len(), file.size);
    }
    groups
}

#[tokio::test]
async fn no_row_group_and_no_file_splits_a_person() {
    let home = Home::new();
    let vault = home.vault();
    vault.ingest(&demo("nafld"), &small(64 << 20)).await.unwrap();
    let snapshot = latest(&vault, "nafld").await;
    assert!(snapshot.table("labs").unwrap().files.len() > 10);
    for table in ["patients", "labs", "events"] {
        let groups = groups(&home, &snapshot, table);
        let all: Vec<u32> = groups.iter().flatten().copied().collect();
        assert!(all.is_sorted());
        let sets: Vec<BTreeSet<u32>> = groups.iter().map(|group| group.iter().copied().collect()).collect();
        assert!(sets.windows(2).all(|pair| pair[0].last() < pair[1].first()), "{table}");
        // Groups are as full as people allow: the last person alone takes them over the mark.
        for group in groups.iter().rev().skip(1) {
            let last = group.iter().filter(|id| Some(*id) == group.last()).count();
            assert!(group.len() >= 1000 && group.len() - last < 1000, "{table}");
        }
    }
}

#[tokio::test]
async fn spilled_runs_give_the_same_rows_as_memory() {
    let home = Home::new();
    let vault = home.vault();
    let spilled = vault.ingest(&demo("nafld"), &small(200 << 10)).await.unwrap();
    let whole = vault.ingest(&demo("nafld"), &IngestOptions::default()).await.unwrap();
    assert_eq!((spilled.rows, whole.new_people), (whole.rows, 0));
    let dataset = "nafld".parse().unwrap();
    let first = vault.snapshot(&dataset, sekisho_model::SnapshotPin::Number(1)).await.unwrap();
    let second = latest(&vault, "nafld").await;
    for table in ["patients", "labs", "events"] {
        assert!(texts(&first, table).await == texts(&second, table).await, "{table}");
    }
    let left = std::fs::read_dir(home.root().join("tmp")).unwrap().count();
    assert_eq!(left, 1, "only the lock stays in the folder for temporary files");
}

#[tokio::test]
async fn rows_in_any_order_are_clustered_and_stay_in_order_within_a_person() {
    let home = Home::new();
    let vault = home.vault();
    let mut csv = String::from("id,cost\n");
    for row in 0..30_000_u64 {
        // A fixed scramble of 700 people.
        csv.push_str(&format!("p{},{row}\n", (row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 700));
    }
    home.file("visits.csv", &csv);
    let manifest = home.manifest(&visits(&[SUBJECT, COST]));
    for memory in [4 << 10, 64 << 20] {
        vault.ingest(&manifest, &small(memory)).await.unwrap();
        let snapshot = latest(&vault, "clinic").await;
        let rows: Vec<(u32, u64)> = texts(&snapshot, "visits")
            .await
            .iter()
            .map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap()))
            .collect();
        assert_eq!(rows.len(), 30_000);
        assert!(rows.is_sorted());
        assert!(groups(&home, &snapshot, "visits").windows(2).all(|pair| pair[0].last() < pair[1].first()));
    }
}

#[tokio::test]
async fn dense_ids_follow_the_ids_of_people_and_not_the_order_of_rows() {
    let mut tables = Vec::new();
    for rows in [["b,1", "10,2", "9,3", "a,4"], ["9,3", "a,4", "10,2", "b,1"]] {
        let home = Home::new();
        home.file("visits.csv", format!("id,cost\n{}\n", rows.join("\n")));
        let vault = home.vault();
        vault.ingest(&home.manifest(&visits(&[SUBJECT, COST])), &IngestOptions::default()).await.unwrap();
        tables.push(texts(&latest(&vault, "clinic").await, "visits").await);
    }
    assert_eq!(tables[0], [["0", "3"], ["1", "4"], ["2", "1"], ["3", "2"]]);
    assert_eq!(tables[0], tables[1]);
}

#[tokio::test]
async fn a_second_snapshot_keeps_dense_ids_and_appends_new_people() {
    let home = Home::new();
    let vault = home.vault();
    let manifest = home.manifest(&visits(&[SUBJECT, COST]));
    home.file("visits.csv", "id,cost\nb,1\na,2\n");
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    home.file("visits.csv", "id,cost\nnew,5\nb,3\nlast,6\n");
    let made = home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();
    assert_eq!((made.people, made.new_people), (4, 2));
    assert_eq!(texts(&latest(&vault, "clinic").await, "visits").await, [["1", "3"], ["2", "5"], ["3", "6"]]);
    home.file("visits.csv", "id,cost\nlast,7\na,8\n");
    let made = home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();
    assert_eq!((made.snapshot.number, made.people, made.new_people), (3, 4, 0));
    assert_eq!(texts(&latest(&vault, "clinic").await, "visits").await, [["0", "8"], ["3", "7"]]);
    let ids: Vec<String> =
        vault.snapshots(&manifest.dataset).await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["clinic@1", "clinic@2", "clinic@3"]);
    assert_eq!(vault.datasets().await.unwrap(), std::slice::from_ref(&manifest.dataset));

    let kept = home.manifest(&visits(&[SUBJECT, COST]).replace("title", "pseudonym = \"keep\"\ntitle"));
    let error = vault.ingest(&kept, &IngestOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::PseudonymChanged { .. }), "{error}");
}

#[tokio::test]
async fn a_table_without_rows_has_a_file() {
    let home = Home::new();
    let vault = home.vault();
    home.file("visits.csv", "id,cost\n");
    vault.ingest(&home.manifest(&visits(&[SUBJECT, COST])), &IngestOptions::default()).await.unwrap();
    let snapshot = latest(&vault, "clinic").await;
    let file = &snapshot.table("visits").unwrap().files[0];
    assert_eq!((file.rows, file.first_subject, file.last_subject), (0, None, None));
    assert!(texts(&snapshot, "visits").await.is_empty());
}

#[tokio::test]
async fn parquet_and_csv_sources_give_the_same_table() {
    let home = Home::new();
    let vault = home.vault();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("notes", Arc::new(StringArray::from(vec!["x", "y", "z"]))),
        ("score", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-2e-7)]))),
        ("id", Arc::new(Int32Array::from(vec![7, 5, 7]))),
        ("seen", Arc::new(Date32Array::from(vec![Some(0), Some(19_000), None]))),
        ("urgent", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(home.path("data/visits.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    home.file(
        "visits.csv",
        "id,seen,score,urgent,notes\n7,1970-01-01,1.5,1,x\n5,2022-01-08,,,y\n7,,-0.0000002,false,z\n",
    );
    let text = visits(&[
        SUBJECT,
        "name = \"seen\"\nclass = \"date\"\ntype = \"date\"",
        "name = \"score\"\nclass = \"measure\"\ntype = \"double\"",
        "name = \"urgent\"\nclass = \"dimension\"\ntype = \"boolean\"",
        "name = \"notes\"\nclass = \"free-text\"",
    ]);
    let mut tables = Vec::new();
    for file in ["visits.csv", "visits.parquet"] {
        let manifest = home.manifest(&text.replace("visits.csv", file));
        vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
        tables.push(texts(&latest(&vault, "clinic").await, "visits").await);
    }
    assert_eq!(tables[0][0], ["0", "2022-01-08", "", ""]);
    assert_eq!(tables[0][1], ["1", "1970-01-01", "1.5", "true"]);
    assert_eq!(tables[0], tables[1]);

    let both = home.manifest(&text.replace("\"visits.csv\"", "[\"visits.csv\", \"visits.parquet\"]"));
    vault.ingest(&both, &IngestOptions::default()).await.unwrap();
    assert_eq!(texts(&latest(&vault, "clinic").await, "visits").await.len(), 6);
}
