//! What is read of snapshots of this version, of the one before, and of later ones.

use object_store::memory::InMemory;
use sekisho_model::Isolating;
use serde_json::{Value, json};

use super::*;

/// A body as the first version wrote it.
const FORMAT_1: &str = include_str!("format-1.json");

struct Home {
    keyring: Arc<Keyring>,
    _dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Arc::new(Keyring::create(&dir.path().join("master.key")).unwrap());
        Self { keyring, _dir: dir }
    }

    fn id() -> SnapshotId {
        SnapshotId { dataset: "clinic".parse().unwrap(), number: 3 }
    }

    /// The bytes of a manifest with this body.
    fn sealed(&self, format: u32, body: &str) -> Vec<u8> {
        let path = crate::snapshot::path(&Self::id());
        let envelope = Envelope {
            format,
            dataset: "clinic".into(),
            number: 3,
            key: self.keyring.id(),
            sealed: self.keyring.seal(body.as_bytes(), path.as_ref()).unwrap(),
        };
        serde_json::to_vec(&envelope).unwrap()
    }

    fn read(&self, bytes: &[u8]) -> Result<Snapshot> {
        let path = crate::snapshot::path(&Self::id());
        read(bytes, &path, Self::id(), Arc::clone(&self.keyring), Arc::new(InMemory::new()))
    }

    /// The body of a snapshot as this version writes it.
    fn body(&self, snapshot: &Snapshot) -> Value {
        let path = crate::snapshot::path(&Self::id());
        let envelope: Envelope = serde_json::from_slice(&write(snapshot, &path).unwrap()).unwrap();
        assert_eq!(envelope.format, FORMAT);
        serde_json::from_slice(&self.keyring.unseal(&envelope.sealed, path.as_ref()).unwrap()).unwrap()
    }
}

fn isolating(snapshot: &Snapshot) -> Vec<&str> {
    let columns = snapshot.dataset.tables.iter().flat_map(|table| &table.columns);
    let isolating = columns.filter(|column| column.isolating == Some(Isolating::Unknown));
    isolating.map(|column| column.name.as_str()).collect()
}

#[test]
fn of_an_old_snapshot_every_column_that_could_be_isolating_is() {
    let home = Home::new();
    let snapshot = home.read(&home.sealed(1, FORMAT_1)).unwrap();
    assert_eq!(isolating(&snapshot), ["age", "cost", "level", "seen_at"]);
    let mut columns = snapshot.dataset.tables.iter().flat_map(|table| &table.columns);
    assert!(columns.all(|column| !column.code && !column.sensitive));
}

#[test]
fn a_snapshot_comes_back_as_it_was_written() {
    let home = Home::new();
    let mut snapshot = home.read(&home.sealed(1, FORMAT_1)).unwrap();
    let columns = &mut snapshot.dataset.tables[0].columns;
    columns[3].code = true;
    columns[4].isolating = None;
    columns[5].isolating = Some(Isolating::Found(sekisho_model::Step::number("0.05").unwrap()));
    columns[5].sensitive = true;
    columns[7].isolating = Some(Isolating::Declared(sekisho_model::Step::date("month").unwrap()));
    let written = home.body(&snapshot);
    let read = home.read(&home.sealed(FORMAT, &written.to_string())).unwrap();
    assert_eq!(read.dataset, snapshot.dataset);
    assert_eq!(home.body(&read), written);
}

#[test]
fn a_version_or_a_step_that_is_not_ours_is_not_guessed() {
    let home = Home::new();
    let snapshot = home.read(&home.sealed(1, FORMAT_1)).unwrap();
    let body = home.body(&snapshot);
    let newer = |error: Error| matches!(error, Error::Newer { .. });
    let altered = |error: Error| matches!(error, Error::Altered { .. });
    assert!(newer(home.read(&home.sealed(FORMAT + 1, &body.to_string())).unwrap_err()));
    // The version stands outside of the seal, and must be the one of the body.
    assert!(altered(home.read(&home.sealed(1, &body.to_string())).unwrap_err()));
    assert!(altered(home.read(&home.sealed(2, FORMAT_1)).unwrap_err()));
    assert!(altered(home.read(&home.sealed(0, FORMAT_1)).unwrap_err()));
    assert!(altered(home.read(&home.sealed(2, &body.to_string())).unwrap_err()), "it says who left");
    for step in ["fortnight", "0", "-5", ""] {
        let mut body = body.clone();
        body["tables"][0]["columns"][4]["isolating"] = json!({"found": {"step": step}});
        assert!(newer(home.read(&home.sealed(FORMAT, &body.to_string())).unwrap_err()), "{step}");
    }
}

#[test]
fn of_a_snapshot_of_the_second_version_nobody_left_and_it_begins_its_line() {
    let home = Home::new();
    let mut body = home.body(&home.read(&home.sealed(1, FORMAT_1)).unwrap());
    for name in ["line", "absent"] {
        assert!(body.as_object_mut().unwrap().remove(name).is_some());
    }
    let snapshot = home.read(&home.sealed(2, &body.to_string())).unwrap();
    assert_eq!((snapshot.line, snapshot.absent.is_empty(), snapshot.follows()), (3, true, None));
    // Nor can a version that has people absent be passed off as an older one.
    body["absent"] = json!([4]);
    assert!(matches!(home.read(&home.sealed(2, &body.to_string())).unwrap_err(), Error::Altered { .. }));
    assert!(matches!(home.read(&home.sealed(3, &body.to_string())).unwrap_err(), Error::Altered { .. }));
}
