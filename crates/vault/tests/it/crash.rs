//! Whatever breaks off an ingest, the last snapshot is intact and the next ingest works.

use std::io::ErrorKind;
use std::sync::Arc;

use sekisho_model::SnapshotPin;
use sekisho_vault::{Error, IngestOptions, Manifest, Vault};
use tokio::sync::Barrier;

use crate::support::{COST, Faulty, Home, SUBJECT, latest, small, texts, visits};

fn two_tables(home: &Home) -> Manifest {
    let second = "[[table]]\nname = \"other\"\nfile = \"other.csv\"\n[[table.column]]\n";
    home.manifest(&format!("{}{second}{SUBJECT}\n", visits(&[SUBJECT, COST])))
}

async fn check_intact(vault: &Vault, number: u64) {
    let dataset = "clinic".parse().unwrap();
    let ids = vault.snapshots(&dataset).await.unwrap();
    assert_eq!(ids.iter().map(|id| id.number).collect::<Vec<_>>(), (1..=number).collect::<Vec<_>>());
    let snapshot = vault.snapshot(&dataset, SnapshotPin::Number(1)).await.unwrap();
    snapshot.verify().await.unwrap();
    assert_eq!(texts(&snapshot, "visits").await, [["0", "1"], ["1", "2"]]);
}

#[tokio::test]
async fn a_failure_at_any_write_leaves_the_last_snapshot_intact() {
    for fault in [ErrorKind::StorageFull, ErrorKind::Other] {
        let mut steps = 0;
        loop {
            let home = Home::new();
            let manifest = two_tables(&home);
            home.file("visits.csv", "id,cost\na,1\nb,2\n");
            home.file("other.csv", "id\nb\nc\n");
            home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();

            home.file("visits.csv", "id,cost\nd,9\na,8\n");
            let store = Faulty::failing(&home.root(), steps, fault);
            let vault = home.vault_over(Arc::clone(&store) as _);
            let outcome = vault.ingest(&manifest, &IngestOptions::default()).await;
            let done = match outcome {
                // The manifest was published: only tidying up can fail after that.
                Ok(made) => {
                    assert_eq!(made.snapshot.number, 2);
                    true
                }
                Err(error) => {
                    assert_eq!(
                        matches!(error, Error::DiskFull { .. }),
                        fault == ErrorKind::StorageFull,
                        "{error:?}"
                    );
                    assert!(error.to_string().contains("earlier snapshots are intact"), "{error}");
                    check_intact(&home.vault(), 1).await;
                    false
                }
            };
            // After the crash: the same ingest goes through and ids are as if nothing had happened.
            let made = home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();
            check_intact(&home.vault(), made.snapshot.number).await;
            assert_eq!(made.people, 4);
            assert_eq!(
                texts(&latest(&home.vault(), "clinic").await, "visits").await,
                [["0", "8"], ["3", "9"]]
            );
            if done && store.left() > 0 {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 5, "two tables, the registry, the staged manifest, its publication: {steps}");
    }
}

#[tokio::test]
async fn what_a_killed_ingest_leaves_behind_does_no_harm() {
    let home = Home::new();
    let manifest = two_tables(&home);
    home.file("visits.csv", "id,cost\na,1\nb,2\n");
    home.file("other.csv", "id\n");
    home.vault().ingest(&manifest, &small(1 << 20)).await.unwrap();
    // Half a file, half an upload, half a manifest that was never published, and spilled runs.
    std::fs::create_dir_all(home.root().join("datasets/clinic/files/0123")).unwrap();
    for name in [
        "datasets/clinic/files/0123/visits-0000.parquet",
        "datasets/clinic/files/0123/other-0000.parquet#1",
        "datasets/clinic/snapshots/00000002.json#1",
        "staging/0123",
    ] {
        std::fs::create_dir_all(home.root().join("staging")).unwrap();
        std::fs::write(home.root().join(name), b"PARE").unwrap();
    }
    std::fs::create_dir(home.root().join("tmp/ingest-killed")).unwrap();
    let vault = home.vault();
    assert!(!home.root().join("tmp/ingest-killed").exists());
    check_intact(&vault, 1).await;
    vault.ingest(&manifest, &small(1 << 20)).await.unwrap();
    check_intact(&vault, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_ingests_at_once_one_wins_and_the_other_is_told() {
    let home = Home::new();
    let manifest = home.manifest(&visits(&[SUBJECT, COST]));
    home.file("visits.csv", "id,cost\na,1\nb,2\n");
    let store = Faulty::meeting(&home.root(), Arc::new(Barrier::new(2)));
    let (one, two) = (home.vault_over(Arc::clone(&store) as _), home.vault_over(store));
    let options = IngestOptions::default();
    let (one, two) = tokio::join!(one.ingest(&manifest, &options), two.ingest(&manifest, &options));
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap().snapshot.number, 1);
    let error = lost.unwrap_err();
    assert!(matches!(&error, Error::Conflict { snapshot } if snapshot.number == 1), "{error:?}");
    assert!(error.to_string().contains("ingest again"), "{error}");
    check_intact(&home.vault(), 1).await;
    assert_eq!(home.vault().ingest(&manifest, &options).await.unwrap().snapshot.number, 2);
}
