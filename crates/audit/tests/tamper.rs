//! Whatever is done to the files of a log is found, and where it was done is said.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use sekisho_audit::{Entry, Error, EventKind, Finding, Log, LogKey, verify};
use sekisho_model::Timestamp;
use tempfile::TempDir;

struct Case {
    folder: TempDir,
    key: String,
}

impl Case {
    fn new(size: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let key = LogKey::open(&folder.path().join("key"), "log").unwrap();
        let verifier_key = key.verifier_key().to_owned();
        let entry =
            |n: usize| Entry::new(format!("e-{n}"), Timestamp(7), EventKind::JobReleased, "x".repeat(n % 5));
        let entries: Vec<Entry> = (0..size).map(entry).collect();
        Log::open(&folder.path().join("log"), key).unwrap().append(&entries).unwrap();
        Self { folder, key: verifier_key }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("log").join(file)
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let bytes = fs::read(self.path("entries.jsonl")).unwrap();
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    fn put(&self, lines: &[Vec<u8>]) {
        fs::write(self.path("entries.jsonl"), lines.concat()).unwrap();
    }

    /// What verification finds; a log with a finding cannot be opened either.
    fn finding(&self) -> Option<Finding> {
        let finding = verify(&self.path(""), &self.key).err();
        let key = LogKey::open(&self.folder.path().join("key"), "log").unwrap();
        let copy = TempDir::new().unwrap();
        for file in ["entries.jsonl", "checkpoint", "leaves"] {
            if self.path(file).exists() {
                fs::copy(self.path(file), copy.path().join(file)).unwrap();
            }
        }
        let opened = Log::open(copy.path(), key);
        assert_eq!(finding.is_some(), matches!(opened, Err(Error::Altered(_))), "{opened:?}");
        finding
    }

    fn index(&self) -> Option<u64> {
        self.finding()?.index()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_edit_of_any_byte_is_found_at_its_entry(size in 1_usize..40, place: prop::sample::Index, flip in 1_u8..) {
        let case = Case::new(size);
        let mut lines = case.lines();
        let line = place.index(size);
        let at = place.index(lines[line].len());
        lines[line][at] ^= flip;
        case.put(&lines);
        prop_assert_eq!(case.index(), Some(line as u64));
    }

    #[test]
    fn a_deletion_is_found_at_its_entry(size in 1_usize..40, place: prop::sample::Index) {
        let case = Case::new(size);
        let mut lines = case.lines();
        let line = place.index(size);
        lines.remove(line);
        case.put(&lines);
        prop_assert_eq!(case.index(), Some(line as u64));
    }

    #[test]
    fn an_insertion_is_found_at_its_place(size in 1_usize..40, place: prop::sample::Index, of: prop::sample::Index) {
        let case = Case::new(size);
        let mut lines = case.lines();
        let line = place.index(size);
        lines.insert(line, lines[of.index(size)].clone());
        prop_assume!(lines[line] != lines[line + 1]);
        case.put(&lines);
        prop_assert_eq!(case.index(), Some(line as u64));
    }

    #[test]
    fn an_exchange_of_two_entries_is_found_at_the_first(
        size in 2_usize..40,
        one: prop::sample::Index,
        two: prop::sample::Index,
    ) {
        let case = Case::new(size);
        let mut lines = case.lines();
        let (one, two) = (one.index(size), two.index(size));
        prop_assume!(one != two);
        lines.swap(one, two);
        case.put(&lines);
        prop_assert_eq!(case.index(), Some(one.min(two) as u64));
    }

    #[test]
    fn a_truncation_at_any_byte_is_found_at_the_first_entry_that_is_not_whole(
        size in 1_usize..40,
        place: prop::sample::Index,
    ) {
        let case = Case::new(size);
        let bytes = fs::read(case.path("entries.jsonl")).unwrap();
        let cut = place.index(bytes.len());
        fs::write(case.path("entries.jsonl"), &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
        let finding = case.finding();
        let right = matches!(finding, Some(Finding::Missing { index, .. }) if index == whole);
        prop_assert!(right, "{:?}", finding);
    }

    #[test]
    fn an_edit_is_found_even_if_the_hashes_are_edited_too(size in 1_usize..40, place: prop::sample::Index) {
        let case = Case::new(size);
        let mut lines = case.lines();
        let line = place.index(size);
        lines[line][2] ^= 1;
        case.put(&lines);
        let mut leaves = fs::read(case.path("leaves")).unwrap();
        leaves[line * 32] ^= 1;
        fs::write(case.path("leaves"), leaves).unwrap();
        let found = matches!(case.finding(), Some(Finding::Unlocated { .. }));
        prop_assert!(found);
    }

    #[test]
    fn an_edit_of_any_byte_of_the_checkpoint_is_found(place: prop::sample::Index, flip in 1_u8..) {
        let case = Case::new(9);
        let mut bytes = fs::read(case.path("checkpoint")).unwrap();
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(case.path("checkpoint"), bytes).unwrap();
        let finding = case.finding();
        let found = matches!(finding, Some(Finding::Signature | Finding::Checkpoint { .. }));
        prop_assert!(found, "{:?}", finding);
    }
}

#[test]
fn an_untouched_log_has_no_finding() {
    for size in [0, 1, 2, 7, 8, 70] {
        let case = Case::new(size);
        assert!(case.finding().is_none());
        assert_eq!(verify(&case.path(""), &case.key).unwrap().size, size as u64);
    }
}

#[test]
fn a_missing_file_is_found() {
    let case = Case::new(3);
    fs::remove_file(case.path("entries.jsonl")).unwrap();
    assert!(matches!(case.finding(), Some(Finding::Missing { index: 0, size: 3 })));
    let case = Case::new(3);
    fs::remove_file(case.path("checkpoint")).unwrap();
    assert!(matches!(case.finding(), Some(Finding::Checkpoint { reason: "is missing" })));
    assert!(verify(&case.path("nowhere"), &case.key).is_err());
}

#[test]
fn an_older_checkpoint_does_not_cover_newer_entries() {
    let case = Case::new(3);
    let old = fs::read(case.path("checkpoint")).unwrap();
    let key = LogKey::open(&case.folder.path().join("key"), "log").unwrap();
    let mut log = Log::open(&case.path(""), key).unwrap();
    log.append(&[Entry::new("late", Timestamp(8), EventKind::JobHeld, "enclave")]).unwrap();
    drop(log);
    fs::write(case.path("checkpoint"), old).unwrap();
    let report = verify(&case.path(""), &case.key).unwrap();
    assert_eq!(report.size, 3);
    assert!(report.unsigned_bytes > 0);
}

#[test]
fn another_key_signed_nothing_here() {
    let (case, other) = (Case::new(3), Case::new(3));
    assert!(matches!(verify(&case.path(""), &other.key), Err(Finding::Signature)));
    assert!(matches!(verify(&case.path(""), "log+nonsense"), Err(Finding::Signature)));
    fs::copy(other.path("checkpoint"), case.path("checkpoint")).unwrap();
    assert!(matches!(case.finding(), Some(Finding::Signature)));
}
