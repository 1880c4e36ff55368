//! `--plan`: several statements, shown under their names.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::{ABSENT, RELEASED, Ran, Room};

/// Writes a plan of two statements, one of them in a file of its own.
fn plan(room: &Room, second: &str) -> PathBuf {
    let folder = room.fake.folder();
    fs::write(folder.join("second.sql"), second).unwrap();
    let path = folder.join("study.toml");
    let toml = format!(
        "[[statement]]\nname = \"main\"\nsql = \"{RELEASED}\"\n\n[[statement]]\nname = \"second\"\nfile = \"second.sql\"\n"
    );
    fs::write(&path, toml).unwrap();
    path
}

fn run(room: &Room, plan: &std::path::Path, args: &[&str]) -> Ran {
    room.run(&[&["sql", "--project", "ward", "--plan", plan.to_str().unwrap()], args].concat())
}

const TABLE: &str = " sex  |    n |    over_95
------+------+------------
 F    | 8203 |         11
 M    | 9346 | [withheld]
 NULL |   12 |       NULL
";

const CSV: &str = "sex,n,over_95\nF,8203,11\nM,9346,[withheld]\n,12,\n";

#[test]
fn a_plan_is_sent_as_one_text_and_shown_under_the_names() {
    let room = Room::new();
    let path = plan(&room, "SELECT 2;\n");
    let ran = run(&room, &path, &[]);
    let expected = format!("main\n{TABLE}\nsecond\n{TABLE}");
    assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (0, expected, ABSENT));
    let sent: Vec<String> =
        room.fake.state.jobs.lock().unwrap().values().map(|job| job.sql.clone()).collect();
    assert_eq!(sent, [format!("-- statement: main\n{RELEASED}\n-- statement: second\nSELECT 2;\n")]);
}

#[test]
fn the_document_of_a_plan_has_each_statement() {
    let room = Room::new();
    let path = plan(&room, "SELECT 2");
    let document = run(&room, &path, &["--format", "json"]).json();
    assert_eq!((&document["columns"], &document["rows"]), (&json!([]), &json!([])));
    let names: Vec<&str> =
        document["statements"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main", "second"]);
    assert_eq!(document["statements"][1]["rows"][1], json!({"sex": "M", "n": 9346, "over_95": null}));
    assert_eq!(document["statements"][1]["withheld"], json!([{"row": 1, "column": "over_95"}]));
    let alone = room.sql(RELEASED, &["--format", "json"]).json();
    assert_eq!(alone.get("statements"), None);
    assert_eq!(alone["rows"], document["statements"][0]["rows"]);
}

#[test]
fn several_tables_go_into_files_of_their_own() {
    let room = Room::new();
    let path = plan(&room, "SELECT 2");
    let refused = run(&room, &path, &["--format", "csv"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("--output DIR"), "{}", refused.stderr);
    assert!(room.fake.state.jobs.lock().unwrap().is_empty(), "nothing was run for it");

    let folder = room.fake.folder().join("tables");
    let output = folder.to_str().unwrap();
    for format in ["csv", "arrow"] {
        let ran = run(&room, &path, &["--format", format, "--output", output]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    }
    for name in ["main", "second"] {
        assert_eq!(fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap(), CSV);
    }
    let streams = ["main", "second"].map(|name| fs::read(folder.join(format!("{name}.arrow"))).unwrap());
    // One after the other they are what the receipt speaks of, and what goes into a pipe.
    let piped =
        room.command(&["sql", "--project", "ward", "--format", "arrow", "--plan", path.to_str().unwrap()]);
    let piped = { piped }.output().unwrap();
    assert_eq!(piped.stdout, streams.concat());
    assert!(String::from_utf8(piped.stderr).unwrap().starts_with("note: 2 Arrow streams"));

    let job = room.fake.state.jobs.lock().unwrap().keys().next().unwrap().clone();
    let again = room.fake.folder().join("again");
    let args = ["result", &job, "--format", "csv", "--footer", "--output", again.to_str().unwrap()];
    assert_eq!(room.run(&args).code, 0);
    let written = fs::read_to_string(again.join("second.csv")).unwrap();
    assert!(written.starts_with(CSV) && written.contains("# snapshot: ward@3"), "{written}");
    assert_eq!(room.run(&["result", &job, "--format", "csv"]).code, 2);
    assert_eq!(room.run(&["result", &job, "--output", output]).code, 2, "a table is for people");
}

#[test]
fn a_receipt_covers_all_statements() {
    let room = Room::new();
    let path = plan(&room, "SELECT 2");
    let document = run(&room, &path, &["--format", "json"]);
    let job = document.json()["job"].as_str().unwrap().to_owned();
    let file = room.fake.folder().join("result.json");
    fs::write(&file, &document.stdout).unwrap();
    assert_eq!(room.run(&["verify", &job, "--document", file.to_str().unwrap()]).code, 0);
    let (first, last) = document.stdout.rsplit_once("9346").unwrap();
    fs::write(&file, format!("{first}9347{last}")).unwrap();
    let altered = room.run(&["verify", &job, "--document", file.to_str().unwrap()]);
    assert_eq!(altered.code, 12);
    assert!(altered.stderr.contains("values are not those"), "{}", altered.stderr);
}

#[test]
fn a_check_of_a_plan_says_what_it_found_of_each_statement() {
    let room = Room::new();
    let path = plan(&room, "SELECT icd10");
    let allowed = run(&room, &path, &["--check"]);
    let costs = "costs answers of diagnoses.icd10: 2 and 1 for each group\n";
    assert_eq!((allowed.code, allowed.stdout.as_str()), (0, "allowed\n"));
    assert_eq!(allowed.stderr, format!("{costs}main: allowed\n{costs}second: allowed\n{costs}"));
    let path = plan(&room, "-- refused\nSELECT patient_id FROM patients");
    let refused = run(&room, &path, &["--check", "--format", "json"]);
    assert_eq!(refused.code, 11);
    assert!(refused.stderr.contains("main: allowed\nsecond: refused\n"), "{}", refused.stderr);
    let document = refused.json();
    assert_eq!(document["error"]["position"], json!({"line": 5, "column": 8}));
    assert_eq!(document["statements"][0].get("error"), None);
    assert_eq!(document["statements"][1]["error"]["code"], "RECORDS_IN_OUTPUT");
}

#[test]
fn what_is_no_plan_is_a_usage_error_and_is_not_sent() {
    let room = Room::new();
    let path = plan(&room, " ");
    let empty = run(&room, &path, &[]);
    assert_eq!((empty.code, empty.stdout.as_str()), (2, ""));
    assert!(empty.stderr.contains("the statement `second` is empty"), "{}", empty.stderr);
    for args in [&["SELECT 1"][..], &["-f", "x.sql"], &["--serve-lines"], &["--output", "x"]] {
        assert_eq!(run(&room, &path, args).code, 2, "{args:?}");
    }
    assert_eq!(run(&room, &room.fake.folder().join("none.toml"), &[]).code, 2);
    assert!(room.fake.state.jobs.lock().unwrap().is_empty());
    // A server cannot choose where a file is written.
    let path = plan(&room, "SELECT 2 -- misnamed");
    let folder = room.fake.folder().join("tables");
    let ran = run(&room, &path, &["--format", "csv", "--output", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(ran.stderr.contains("BAD_ANSWER") && !folder.exists(), "{}", ran.stderr);
}
