//! `--serve-lines`: one document for each line, in order, whatever the line holds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use proptest::prelude::*;
use serde_json::Value;

use crate::{Ran, Room};

const SERVE: [&str; 6] = ["sql", "--project", "ward", "--format", "json", "--serve-lines"];

fn documents(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_are_answered_in_order_and_bad_ones_do_not_stop_them() {
    let room = Room::new();
    let input = b"{\"sql\": \"SELECT 1\", \"project\": \"ward\"}\n\
        not json\n\
        {\"sql\": 1}\n\
        {\"sql\": \"refused patient_id\"}\n\
        {\"sql\": \"SELECT 1\", \"project\": \"other\"}\n\
        \xff\xfe\n\
        \n\
        {\"sql\": \"held\", \"more\": true}";
    let ran = room.fed(&SERVE, input);
    assert_eq!(ran.code, 0);
    let documents = documents(&ran);
    let told: Vec<(&str, Option<&str>)> = documents
        .iter()
        .map(|document| (document["state"].as_str().unwrap(), document["error"]["code"].as_str()))
        .collect();
    let invalid = ("failed", Some("INVALID_ARGUMENT"));
    let expected = [
        ("released", None),
        invalid,
        invalid,
        ("refused", Some("RECORDS_IN_OUTPUT")),
        ("failed", Some("NOT_FOUND")),
        invalid,
        invalid,
        ("held", None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_answer_comes_before_the_next_line_is_sent() {
    let room = Room::new();
    let mut child = room.command(&SERVE).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        input.write_all(b"{\"sql\": \"SELECT 1\"}\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["state"], "released");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_lost_server_fails_the_line_and_not_the_command() {
    let room = Room::new();
    let mut child = room.command(&SERVE).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = || {
        input.write_all(b"{\"sql\": \"SELECT 1\"}\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(ask()["state"], "released");
    drop(room);
    let lost = ask();
    assert_eq!((&lost["state"], &lost["error"]["code"]), (&"failed".into(), &"UNREACHABLE".into()));
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_garbage_stops_the_answers() {
    let room = Room::new();
    let line = prop_oneof![
        proptest::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..60),
        "\\{\"sql\": ?(\"[ -~]{0,20}\"|[0-9]|null|\\[|\\{)[ -~]{0,10}".prop_map(String::into_bytes),
    ];
    // Each case runs the binary once, so that there are few, of many lines each.
    let config = ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(lines in proptest::collection::vec(line, 1..40))| {
        let mut input = lines.join(&b'\n');
        input.push(b'\n');
        let ran = room.fed(&SERVE, &input);
        prop_assert_eq!(ran.code, 0);
        prop_assert_eq!(documents(&ran).len(), lines.len());
    });
}
