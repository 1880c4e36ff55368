//! Rules about the source of the store itself.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use sekisho_audit::EventKind;

/// Public functions that change nothing, or only bring to its end what was written with its entry.
const NO_CHANGE: [&str; 16] = [
    "open",
    "replay",
    "job",
    "analysis",
    "answers",
    "jobs",
    "unsettled",
    "result",
    "ledger",
    "watch",
    "receipt",
    "is_logged",
    "log_checkpoint",
    "verifier_key",
    "close",
    "fmt",
];

fn source(file: &str) -> String {
    std::fs::read_to_string(Path::new("src").join(file)).unwrap()
}

#[test]
fn every_public_method_that_changes_something_takes_an_entry() {
    let source = source("store.rs");
    let mut changing = Vec::new();
    for function in source.split("\n    pub ").skip(1).filter(|text| text.contains("fn ")) {
        let signature = function.split_once(" {\n").unwrap().0;
        let name = signature.split_once("fn ").unwrap().1.split(['(', '<']).next().unwrap();
        if !NO_CHANGE.contains(&name) {
            assert!(signature.contains("entry: Entry"), "`{name}` takes no entry");
            changing.push(name);
        }
    }
    assert_eq!(changing, ["accept", "advance", "record"]);
}

#[test]
fn only_two_files_write_to_the_database_and_only_the_store_calls_them() {
    let folder = Path::new("src");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let source = source(&file);
        let writes = ["INSERT ", "UPDATE ", "DELETE ", "REPLACE "].iter().any(|word| source.contains(word));
        assert_eq!(writes, ["change.rs", "write.rs"].contains(&&*file), "{file}");
    }
}

#[test]
fn every_move_of_a_job_has_its_kind_of_entry() {
    for rule in sekisho_release::TABLE {
        assert!(rule.audit.parse::<EventKind>().is_ok(), "{}", rule.audit);
    }
}
