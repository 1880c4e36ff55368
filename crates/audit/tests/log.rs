//! The log through its public face: the tree, durability, and what a full disk does.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use sekisho_audit::{Entry, Error, EventKind, Log, LogKey, Receipt, verify};
use sekisho_model::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

fn open(folder: &TempDir) -> Log {
    let key = LogKey::open(&folder.path().join("key"), "example.org/log").unwrap();
    Log::open(&folder.path().join("log"), key).unwrap()
}

fn entry(n: u64) -> Entry {
    Entry::new(format!("e-{n}"), Timestamp(n), EventKind::JobAccepted, "analyst").with("n", n.to_string())
}

/// RFC 6962, section 2.1, word for word.
fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let hash = Sha256::new().chain_update([1]).chain_update(naive_root(left));
            hash.chain_update(naive_root(right)).finalize().into()
        }
    }
}

/// RFC 6962, section 2.1.1, word for word.
fn naive_path(m: usize, leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, other) =
        if m < k { (naive_path(m, left), right) } else { (naive_path(m - k, right), left) };
    path.push(naive_root(other));
    path
}

/// The largest power of two smaller than n.
fn split(n: usize) -> usize {
    (0..).map(|bit| 1 << bit).take_while(|power| *power < n).last().unwrap()
}

#[test]
fn roots_and_proofs_are_those_of_rfc_6962_at_every_size() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    let mut leaves: Vec<Vec<u8>> = Vec::new();
    for size in 0..=70_u64 {
        assert_eq!(log.size(), size);
        assert_eq!(log.root(), naive_root(&leaves), "{size}");
        for (index, leaf) in leaves.iter().enumerate() {
            let receipt = log.receipt(index as u64).unwrap();
            assert_eq!(&receipt.entry, leaf);
            assert_eq!(receipt.proof, naive_path(index, &leaves), "{index} of {size}");
        }
        assert_eq!(log.append(&[entry(size)]).unwrap(), [size]);
        leaves.push(entry(size).encode().unwrap());
    }
}

#[test]
fn a_batch_gives_the_same_tree_as_single_appends() {
    let (one, many) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (mut single, mut batch) = (open(&one), open(&many));
    for size in 1..=9_u64 {
        let first = batch.size();
        let entries: Vec<Entry> = (first..first + size).map(entry).collect();
        let indexes: Vec<u64> = (first..first + size).collect();
        assert_eq!(batch.append(&entries).unwrap(), indexes);
        for entry in &entries {
            single.append(std::slice::from_ref(entry)).unwrap();
        }
        assert_eq!(single.root(), batch.root());
    }
    assert_eq!(batch.append(&[]).unwrap(), [0; 0]);
}

#[test]
fn a_receipt_holds_offline_and_nothing_in_it_can_be_changed() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    log.append(&(0..11).map(entry).collect::<Vec<_>>()).unwrap();
    let key = log.verifier_key().to_owned();
    let receipt = log.receipt(6).unwrap();
    assert_eq!(receipt.verify(&key).unwrap(), entry(6));
    let log_of_others = TempDir::new().unwrap();
    let other_key = open(&log_of_others).verifier_key().to_owned();
    let changed = |change: fn(&mut Receipt)| {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        receipt.verify(&key)
    };
    let broken = [
        receipt.verify(&other_key),
        receipt.verify("no key"),
        changed(|receipt| receipt.entry = entry(7).encode().unwrap()),
        changed(|receipt| receipt.index = 7),
        changed(|receipt| receipt.index = u64::MAX),
        changed(|receipt| receipt.proof[0][0] ^= 1),
        changed(|receipt| receipt.proof.push([0; 32])),
        changed(|receipt| receipt.proof.clear()),
        changed(|receipt| receipt.checkpoint = receipt.checkpoint.replacen("11", "12", 1)),
        changed(|receipt| receipt.checkpoint.clear()),
    ];
    for result in broken {
        assert!(matches!(result, Err(Error::Receipt { .. })), "{result:?}");
    }
}

#[test]
fn an_acknowledged_entry_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    for n in 0..20 {
        let mut log = open(&folder);
        assert_eq!(log.size(), n);
        log.append(&[entry(n)]).unwrap();
    }
    let log = open(&folder);
    assert_eq!(log.entry(13).unwrap(), entry(13));
    assert_eq!(log.position("e-13"), Some(13));
    assert!(!log.contains("e-20"));
    assert!(matches!(log.entry(20), Err(Error::NoEntry { index: 20 })));
    assert!(matches!(log.receipt(20), Err(Error::NoEntry { index: 20 })));
}

#[test]
fn an_id_stands_in_the_log_once() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    log.append(&[entry(0)]).unwrap();
    assert!(matches!(log.append(&[entry(1), entry(0)]), Err(Error::Duplicate { .. })));
    assert!(matches!(log.append(&[entry(1), entry(1)]), Err(Error::Duplicate { .. })));
    assert_eq!(log.size(), 1, "a batch with a duplicate is not appended in part");
    assert_eq!(log.append(&[entry(1)]).unwrap(), [1]);
}

#[test]
fn one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    let key = || LogKey::open(&folder.path().join("key"), "example.org/log").unwrap();
    assert!(matches!(Log::open(&folder.path().join("log"), key()), Err(Error::Busy)));
    drop(log);
    Log::open(&folder.path().join("log"), key()).unwrap();
}

#[test]
fn a_tail_that_was_never_signed_is_cut_off() {
    let whole = entry(3).encode().unwrap();
    for tail in [&whole[..1], &whole[..40], &whole[..], &[&whole[..], b"\n"].concat()[..], b"\n\n"] {
        let folder = TempDir::new().unwrap();
        open(&folder).append(&[entry(0), entry(1)]).unwrap();
        let path = folder.path().join("log/entries.jsonl");
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(tail).unwrap();
        let key = open_key(&folder);
        let report = verify(&folder.path().join("log"), &key).unwrap();
        assert_eq!((report.size, report.unsigned_bytes), (2, tail.len() as u64));

        let mut log = open(&folder);
        assert_eq!(log.size(), 2);
        assert!(!log.contains("e-3"), "what nobody signed is not in the log");
        log.append(&[entry(2)]).unwrap();
        drop(log);
        let report = verify(&folder.path().join("log"), &key).unwrap();
        assert_eq!((report.size, report.unsigned_bytes), (3, 0));
    }
}

fn open_key(folder: &TempDir) -> String {
    LogKey::open(&folder.path().join("key"), "example.org/log").unwrap().verifier_key().to_owned()
}

#[test]
fn a_tail_put_there_while_running_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    log.append(&[entry(0)]).unwrap();
    let path = folder.path().join("log/entries.jsonl");
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[b'x'; 5000]).unwrap();
    log.append(&[entry(1)]).unwrap();
    let report = verify(&folder.path().join("log"), log.verifier_key()).unwrap();
    assert_eq!((report.size, report.unsigned_bytes), (2, 0));
}

/// Puts something in the place of a file, tries to append, and puts the file back.
fn with_broken(log: &mut Log, path: &Path, broken: fn(&Path)) -> Error {
    let aside = path.with_extension("aside");
    let existed = fs::rename(path, &aside).is_ok();
    broken(path);
    let error = log.append(&[entry(100), entry(101)]).unwrap_err();
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
    if existed {
        fs::rename(aside, path).unwrap();
    }
    error
}

#[test]
fn a_full_disk_appends_nothing_and_a_later_append_works() {
    let full = |path: &Path| symlink("/dev/full", path).unwrap();
    for (file, before) in [("entries.jsonl", 0), ("leaves", 0), ("checkpoint.new", 0), ("checkpoint.new", 5)]
    {
        let folder = TempDir::new().unwrap();
        let mut log = open(&folder);
        log.append(&(0..before).map(entry).collect::<Vec<_>>()).unwrap();
        let (root, checkpoint) = (log.root(), log.checkpoint().to_owned());
        let error = with_broken(&mut log, &folder.path().join("log").join(file), full);
        assert!(matches!(error, Error::Full { .. }), "{file}: {error}");
        assert!(error.to_string().contains("no space left"), "{error}");
        assert_eq!((log.size(), log.root(), log.checkpoint()), (before, root, &*checkpoint));
        assert!(!log.contains("e-100"));
        let report = verify(&folder.path().join("log"), log.verifier_key()).unwrap();
        assert_eq!((report.size, report.unsigned_bytes), (before, 0), "{file}: the unfinished tail stays");

        assert_eq!(log.append(&[entry(100)]).unwrap(), [before]);
        drop(log);
        assert_eq!(open(&folder).entry(before).unwrap(), entry(100));
    }
}

#[test]
fn a_file_that_was_gone_for_a_while_does_not_stop_the_log() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    log.append(&[entry(0), entry(1)]).unwrap();
    let directory = |path: &Path| fs::create_dir(path).unwrap();
    for file in ["entries.jsonl", "leaves", "checkpoint.new"] {
        let error = with_broken(&mut log, &folder.path().join("log").join(file), directory);
        assert!(matches!(error, Error::Io { .. }), "{file}: {error}");
        assert_eq!(log.size(), 2);
    }
    let error = with_broken(&mut log, &folder.path().join("log/entries.jsonl"), |path| {
        fs::write(path, "").unwrap();
    });
    assert!(matches!(error, Error::Altered(_)), "an emptied file is not appended to: {error}");
    assert_eq!(log.append(&[entry(2)]).unwrap(), [2]);
    drop(log);
    assert_eq!(open(&folder).size(), 3);
}

#[test]
fn leaves_are_made_anew_when_they_are_gone() {
    let folder = TempDir::new().unwrap();
    let leaves = folder.path().join("log/leaves");
    let mut log = open(&folder);
    log.append(&[entry(0), entry(1)]).unwrap();
    let good = fs::read(&leaves).unwrap();
    fs::remove_file(&leaves).unwrap();
    log.append(&[entry(2)]).unwrap();
    assert_eq!(fs::read(&leaves).unwrap()[..64], good[..]);
    drop(log);
    for damaged in [&b""[..], &good[..33], &[0; 96], &[7; 500]] {
        fs::write(&leaves, damaged).unwrap();
        drop(open(&folder));
        let healed = fs::read(&leaves).unwrap();
        assert_eq!((healed.len(), &healed[..64]), (96, &good[..]));
    }
}

#[test]
fn the_checkpoint_is_a_signed_note_of_its_standard() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder);
    log.append(&[entry(0), entry(1)]).unwrap();
    let lines: Vec<&str> = log.checkpoint().lines().collect();
    assert_eq!(lines[..2], ["example.org/log", "2"]);
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("\u{2014} example.org/log "));
    assert_eq!(lines.len(), 5);
    assert_eq!(fs::read_to_string(folder.path().join("log/checkpoint")).unwrap(), log.checkpoint());
}
