//! Who opted out is in no version of a dataset, and in none that comes later.

use std::io::ErrorKind;
use std::sync::Arc;

use sekisho_model::SnapshotPin;
use sekisho_vault::{Error, IngestOptions, Leavers, Manifest, OptedOut, Snapshot, Vault};

use crate::support::{COST, Faulty, Home, SUBJECT, latest, small, texts, visits};

/// `a` to `d` are people 0 to 3; each has a visit that costs so many.
fn clinic(home: &Home) -> Manifest {
    home.file("visits.csv", "id,cost\na,0\nb,1\nc,2\nd,3\nb,1\n");
    home.manifest(&visits(&[SUBJECT, COST]))
}

fn leavers(home: &Home, ids: &str) -> Leavers {
    home.file("leavers.txt", ids);
    Leavers::read(&home.path("data/leavers.txt")).unwrap()
}

async fn opt_out(home: &Home, vault: &Vault, ids: &str) -> OptedOut {
    vault.opt_out(&"clinic".parse().unwrap(), &leavers(home, ids), false).await.unwrap()
}

async fn pinned(vault: &Vault, number: u64) -> Result<Snapshot, Error> {
    vault.snapshot(&"clinic".parse().unwrap(), SnapshotPin::Number(number)).await
}

async fn people(snapshot: &Snapshot) -> Vec<String> {
    texts(snapshot, "visits").await.into_iter().map(|row| row[0].clone()).collect()
}

#[tokio::test]
async fn a_successor_has_everybody_else_with_the_ids_that_they_had() {
    let home = Home::new();
    let (vault, manifest) = (home.vault(), clinic(&home));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    let done = opt_out(&home, &vault, "b\nd\nb\n").await;
    assert_eq!((done.named, done.leaving, done.absent, done.unknown_lines.as_slice()), (2, 2, 0, &[][..]));
    let successors: Vec<String> =
        done.successors.iter().map(|(version, next)| format!("{version} {next}")).collect();
    assert_eq!(successors, ["clinic@1 clinic@2"]);
    let snapshot = latest(&home.vault(), "clinic").await;
    assert_eq!((snapshot.id.number, snapshot.follows().unwrap().number), (2, 1));
    assert_eq!(texts(&snapshot, "visits").await, [["0", "0"], ["2", "2"]]);
    snapshot.verify().await.unwrap();
    // The same again changes nothing; of two, only the new one leaves.
    assert!(opt_out(&home, &vault, "d\nb").await.successors.is_empty());
    let more = opt_out(&home, &vault, "d\na").await;
    assert_eq!((more.named, more.leaving, more.absent), (2, 1, 1));
    assert_eq!(people(&latest(&vault, "clinic").await).await, ["2"]);
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let home = Home::new();
    let (vault, manifest) = (home.vault(), clinic(&home));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    let before = home.files();
    let dataset = "clinic".parse().unwrap();
    let would = vault.opt_out(&dataset, &leavers(&home, "stranger\nb\n"), true).await.unwrap();
    assert_eq!((would.named, would.leaving, would.unknown_lines.as_slice()), (2, 1, &[1][..]));
    assert_eq!(would.successors.len(), 1);
    assert!(home.files() == before);
    assert!(!format!("{would:?}").contains("leaving"), "counts are not printed by chance");
    let nothing = vault.opt_out(&"none".parse().unwrap(), &leavers(&home, "b"), true).await;
    assert!(matches!(nothing, Err(Error::DatasetUnknown { .. })));
}

#[tokio::test]
async fn a_pinned_version_loses_them_too_and_stays_what_it_was_otherwise() {
    let home = Home::new();
    let (vault, manifest) = (home.vault(), clinic(&home));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    home.file("visits.csv", "id,cost\nd,7\nb,8\ne,9\n");
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    let done = opt_out(&home, &vault, "b").await;
    assert_eq!(done.successors.len(), 2);
    assert_eq!(people(&latest(&vault, "clinic").await).await, ["3", "4"]);
    // Whichever number of a line a project pins, it reads the last of the line.
    let (of_first, of_successor) = (pinned(&vault, 1).await.unwrap(), pinned(&vault, 4).await.unwrap());
    assert_eq!((of_first.id.number, of_successor.id.number), (4, 4));
    assert_eq!(people(&of_first).await, ["0", "2", "3"]);
    assert_eq!(pinned(&vault, 2).await.unwrap().id, latest(&vault, "clinic").await.id);
    assert!(matches!(pinned(&vault, 9).await, Err(Error::SnapshotUnknown { .. })));
}

#[tokio::test]
async fn who_left_stays_away_from_what_is_taken_in_later_even_if_they_were_never_seen() {
    let home = Home::new();
    let (vault, manifest) = (home.vault(), clinic(&home));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    let done = opt_out(&home, &vault, "b\nlater\n").await;
    assert_eq!((done.leaving, done.unknown_lines.as_slice()), (1, &[2][..]));
    home.file("visits.csv", "id,cost\nb,1\nlater,2\nnew,3\na,4\n");
    for memory in [4 << 10, 64 << 20] {
        let made = vault.ingest(&manifest, &small(memory)).await.unwrap();
        assert_eq!(made.rows, [("visits".to_owned(), 2)]);
        let snapshot = latest(&vault, "clinic").await;
        assert_eq!((snapshot.id.clone(), snapshot.follows()), (made.snapshot, None));
        assert_eq!(texts(&snapshot, "visits").await, [["0", "4"], ["5", "3"]]);
        assert_eq!(snapshot.table("visits").unwrap().files[0].rows, 2, "their rows are not even stored");
    }
}

/// Whatever breaks off an opt-out, nobody who left is read afterwards without its being run again, and running
/// it again completes it.
#[tokio::test]
async fn a_failure_at_any_write_of_an_opt_out_is_made_good_by_running_it_again() {
    for fault in [ErrorKind::StorageFull, ErrorKind::Other] {
        let mut steps = 0;
        loop {
            let home = Home::new();
            let manifest = clinic(&home);
            for _ in 0..2 {
                home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();
            }
            let store = Faulty::failing(&home.root(), steps, fault);
            let vault = home.vault_over(Arc::clone(&store) as _);
            let named = leavers(&home, "b\nstranger\n");
            let outcome = vault.opt_out(&"clinic".parse().unwrap(), &named, false).await;
            for number in [1, 2] {
                match pinned(&home.vault(), number).await {
                    Ok(snapshot) if outcome.is_ok() => assert_eq!(people(&snapshot).await, ["0", "2", "3"]),
                    // Either nothing has happened yet, or this version has its successor already.
                    Ok(snapshot) => {
                        let left = snapshot.follows().is_some();
                        assert_eq!(people(&snapshot).await.contains(&"1".to_owned()), !left);
                    }
                    Err(error) => {
                        assert!(matches!(error, Error::OptOutUnfinished { .. }), "{error:?}");
                        assert!(outcome.is_err() && error.to_string().contains("opt-out` again"), "{error}");
                    }
                }
            }
            if let Err(error) = &outcome {
                let full = matches!(error, Error::DiskFull { .. });
                assert_eq!(full, fault == ErrorKind::StorageFull, "{error:?}");
            }
            opt_out(&home, &home.vault(), "b\nstranger\n").await;
            for number in [1, 2] {
                assert_eq!(people(&pinned(&home.vault(), number).await.unwrap()).await, ["0", "2", "3"]);
            }
            if outcome.is_ok() && store.left() > 0 {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 5, "the registry, two staged manifests, their publication: {steps}");
    }
}

#[tokio::test]
async fn no_id_of_who_left_lies_on_the_disk_in_the_clear_or_in_an_error() {
    let home = Home::new();
    let (vault, manifest) = (home.vault(), clinic(&home));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    opt_out(&home, &vault, "b\nZx7qCanary\n").await;
    let holds = |bytes: &[u8]| bytes.windows(10).any(|part| part == b"Zx7qCanary");
    assert!(!home.files().iter().any(|(_, bytes)| holds(bytes)));
    home.file("leavers.txt", "Zx7qCanary\n b\n");
    let error = Leavers::read(&home.path("data/leavers.txt")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Canary"), "{error}");
}
