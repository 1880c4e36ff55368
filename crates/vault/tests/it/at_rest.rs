//! What lies on the disk says nothing without the key, and cannot be changed unseen.

use std::os::unix::fs::PermissionsExt as _;

use sekisho_model::SnapshotPin;
use sekisho_vault::{Error, IngestOptions, Keyring, Vault};

use crate::support::{Home, SUBJECT, demo, latest, read, small, visits};

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_id_and_no_value_lies_on_the_disk_in_the_clear() {
    let home = Home::new();
    let long = |tail: &str| format!("a-value-that-occurs-nowhere-else-{tail}");
    let (amount, id) = (0x0123_4567_89AB_CDEF_i64, long("person"));
    let columns = [
        SUBJECT,
        "name = \"doctor\"\nclass = \"identifier\"",
        "name = \"amount\"\nclass = \"measure\"\ntype = \"integer\"",
        &format!("name = \"kind\"\nclass = \"dimension\"\ntype = \"text\"\nvalues = [\"{}\"]", long("kind")),
        "name = \"note\"\nclass = \"free-text\"",
    ];
    let mut csv = String::from("id,doctor,amount,kind,note\n");
    for _ in 0..2000 {
        csv.push_str(&format!("{id},{},{amount},{},{}\n", long("doctor"), long("kind"), long("note")));
    }
    home.file("visits.csv", csv);
    for pseudonym in ["hmac", "keep"] {
        let text = visits(&columns).replace("title", &format!("pseudonym = \"{pseudonym}\"\ntitle"));
        let text = text.replace("clinic", &format!("clinic-{pseudonym}"));
        let vault = home.vault();
        vault.ingest(&home.manifest(&text), &small(4 << 10)).await.unwrap();
        let snapshot = latest(&vault, &format!("clinic-{pseudonym}")).await;
        let rows = read(&snapshot, "visits").await.unwrap();
        assert_eq!(rows.num_rows(), 2000);
        assert_eq!(rows.num_columns(), 4, "free text is left out");
        let shown = format!("{rows:?}");
        assert!(shown.contains(&long("kind")) && !shown.contains(&long("doctor")) && !shown.contains(&id));
        let quiet = format!("{vault:?} {snapshot:?} {:?}", snapshot.tables());
        assert!(!quiet.contains("2000") && !quiet.contains("occurs"), "{quiet}");
    }
    let files = home.files();
    assert!(files.len() >= 6);
    for (path, bytes) in files {
        for needle in [b"occurs-nowhere".as_slice(), &amount.to_le_bytes(), &amount.to_be_bytes()] {
            assert!(!holds(&bytes, needle), "{}", path.display());
        }
        if path.extension().is_some_and(|extension| extension == "parquet") {
            assert!(bytes.starts_with(b"PARE") && bytes.ends_with(b"PARE"), "footer is encrypted");
            assert!(!holds(&bytes, b"amount"), "column names are encrypted");
        }
    }
    let mode = std::fs::metadata(home.root()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn the_ward_lies_on_the_disk_without_one_of_its_ids() {
    let home = Home::new();
    home.vault().ingest(&demo("ward"), &IngestOptions::default()).await.unwrap();
    for (path, bytes) in home.files() {
        assert!(!holds(&bytes, b"P0000") && !holds(&bytes, b"9999999"), "{}", path.display());
    }
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let home = Home::new();
    home.file("visits.csv", "id\na\n");
    home.vault().ingest(&home.manifest(&visits(&[SUBJECT])), &IngestOptions::default()).await.unwrap();
    let other = Keyring::create(&home.path("other.key")).unwrap();
    let vault = Vault::open(&home.root(), other).unwrap();
    let error = vault.snapshot(&"clinic".parse().unwrap(), SnapshotPin::Latest).await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    assert!(error.to_string().contains("another master key"), "{error}");
    let error =
        vault.ingest(&home.manifest(&visits(&[SUBJECT])), &IngestOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
}

#[tokio::test]
async fn a_changed_byte_is_found_in_every_file() {
    let home = Home::new();
    let body: String = (0..50).map(|row| format!("p{row}\n")).collect();
    home.file("visits.csv", format!("id\n{body}"));
    let manifest = home.manifest(&visits(&[SUBJECT]));
    home.vault().ingest(&manifest, &IngestOptions::default()).await.unwrap();
    for (path, sound) in home.files() {
        if path.starts_with(home.root().join("tmp")) {
            continue;
        }
        for at in (0..sound.len()).step_by(7) {
            let mut altered = sound.clone();
            altered[at] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            let snapshot = home.vault().snapshot(&manifest.dataset, SnapshotPin::Latest).await;
            let verified = match snapshot {
                Ok(snapshot) => snapshot.verify().await,
                Err(error) => Err(error),
            };
            // White space of the envelope's JSON may change; nothing else may.
            let json = path.extension().is_some_and(|extension| extension == "json");
            let blank = json && sound[at].is_ascii_whitespace();
            assert!(verified.is_err() || blank, "{} byte {at}", path.display());
        }
        std::fs::write(&path, &sound).unwrap();
    }
}

#[tokio::test]
async fn an_altered_file_is_not_read_even_unverified() {
    let home = Home::new();
    let vault = home.vault();
    vault.ingest(&demo("ward"), &IngestOptions::default()).await.unwrap();
    let snapshot = latest(&vault, "ward").await;
    let path = |table: &str| home.root().join(snapshot.table(table).unwrap().files[0].path.as_ref());
    let sound = std::fs::read(path("claims")).unwrap();
    for at in [4, 40, sound.len() / 2, sound.len() - 9, sound.len() - 40] {
        let mut altered = sound.clone();
        altered[at] ^= 0x40;
        std::fs::write(path("claims"), altered).unwrap();
        let error = read(&snapshot, "claims").await.unwrap_err();
        assert!(matches!(error, Error::Altered { .. }), "{at}: {error:?}");
    }
    // A sound file under another's name is refused too, and so is one that is gone.
    std::fs::copy(path("patients"), path("claims")).unwrap();
    assert!(matches!(read(&snapshot, "claims").await, Err(Error::Altered { .. })));
    std::fs::remove_file(path("claims")).unwrap();
    assert!(matches!(read(&snapshot, "claims").await, Err(Error::Altered { .. })));
    assert!(matches!(snapshot.verify().await, Err(Error::Altered { .. })));
    assert!(snapshot.decryption(&"other/file".into()).is_err());
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_unknown() {
    let home = Home::new();
    let vault = home.vault();
    assert!(vault.datasets().await.unwrap().is_empty());
    let dataset = "clinic".parse().unwrap();
    let open = async |pin| vault.snapshot(&dataset, pin).await.unwrap_err();
    assert!(matches!(open(SnapshotPin::Latest).await, Error::DatasetUnknown { .. }));
    assert!(matches!(open(SnapshotPin::Number(1)).await, Error::SnapshotUnknown { .. }));
}
