//! `--check`, and what is given with an analysis: parameters and code lists.

use std::fs;

use serde_json::{Value, json};

use crate::{RELEASED, Room};

/// What came to the server with each analysis: the parameters as text, and the lists.
fn given(room: &Room) -> Vec<(String, Vec<(String, String)>)> {
    let given = room.fake.state.given.lock().unwrap();
    let one = |(parameters, lists): &(Vec<_>, Vec<sekisho_client::v1::CodeList>)| {
        let lists = lists.iter().map(|list| (list.name.clone(), list.csv.clone()));
        (format!("{parameters:?}"), lists.collect())
    };
    given.iter().map(one).collect()
}

#[test]
fn a_check_is_allowed_or_refused_and_makes_no_job() {
    let room = Room::new();
    let allowed = room.sql(RELEASED, &["--check"]);
    assert_eq!((allowed.code, allowed.stdout.as_str(), allowed.stderr.as_str()), (0, "allowed\n", ""));
    let document = room.sql(RELEASED, &["--check", "--format", "json"]).json();
    assert_eq!((&document["state"], &document["job"]), (&"allowed".into(), &Value::Null));
    assert_eq!(document.get("costs"), None);
    let costs = room.sql("SELECT icd10 -- released", &["--check"]);
    let said = "costs answers of diagnoses.icd10: 2 and 1 for each group\n";
    assert_eq!((costs.stdout.as_str(), costs.stderr.as_str()), ("allowed\n", said));
    assert_eq!(
        (&document["snapshot"], &document["policy"]["profile"]),
        (&"ward@3".into(), &"japan-rwd".into())
    );

    let refused = room.sql("-- refused\nSELECT patient_id FROM patients", &["--check", "--format", "json"]);
    let document = refused.json();
    assert_eq!((refused.code, &document["state"]), (11, &"refused".into()));
    assert_eq!(document["error"]["position"], json!({"line": 2, "column": 8}));
    assert!(refused.stderr.contains("refused[RECORDS_IN_OUTPUT]") && refused.stderr.contains("^^^"));
    assert!(room.fake.state.jobs.lock().unwrap().is_empty());
}

#[test]
fn a_check_on_a_twin_is_a_check_first() {
    let room = Room::new();
    // What the server refuses needs no twin.
    let refused = "-- refused\nSELECT patient_id FROM patients";
    let twin = room.sql(refused, &["--check", "--twin", "--format", "json"]);
    let alone = room.sql(refused, &["--check", "--format", "json"]);
    assert_eq!((twin.code, &twin.stdout), (11, &alone.stdout));
    // A server that does not give its rules as data is told apart from one that fails.
    let older = room.sql(RELEASED, &["--check", "--twin"]);
    assert_eq!((older.code, older.stdout.as_str()), (12, ""));
    assert!(older.stderr.contains("it has no rules as data"), "{}", older.stderr);
    assert!(room.fake.state.jobs.lock().unwrap().is_empty());
    for misplaced in [&["--twin"][..], &["--check", "--data", "x"]] {
        assert_eq!(room.sql(RELEASED, misplaced).code, 2, "{misplaced:?}");
    }
}

#[test]
fn parameters_and_lists_are_sent_in_their_order() {
    let room = Room::new();
    let folder = room.fake.folder();
    fs::write(folder.join("a.csv"), "\u{feff}code\r\nE11\r\n").unwrap();
    fs::write(folder.join("b=2.csv"), "n\n1\n").unwrap();
    let (a, b) = (folder.join("a.csv"), folder.join("b=2.csv"));
    let with = [format!("codes={}", a.display()), format!("numbers={}", b.display())];
    let args = ["--with", &with[0], "--param", "-12", "--with", &with[1], "--param", "2020-01-31::date"];
    for more in [&["--param", "E11"][..], &["--param", "E11", "--check"]] {
        assert_eq!(room.sql(RELEASED, &[&args[..], more].concat()).code, 0);
    }
    let lists =
        vec![("codes".to_owned(), "code\r\nE11\r\n".to_owned()), ("numbers".to_owned(), "n\n1\n".to_owned())];
    let parameters = "[Parameter { value: Some(Integer(-12)) }, Parameter { value: Some(Date(\"2020-01-31\")) }, \
                      Parameter { value: Some(Text(\"E11\")) }]";
    let expected = (parameters.to_owned(), lists);
    assert_eq!(given(&room), [expected.clone(), expected]);
}

#[test]
fn what_cannot_be_read_is_a_usage_error_and_is_not_sent() {
    let room = Room::new();
    let folder = room.fake.folder();
    fs::write(folder.join("bytes.csv"), b"a\n\xff\xfe\n").unwrap();
    let bytes = format!("codes={}", folder.join("bytes.csv").display());
    let cases: [(&[&str], &str); 7] = [
        (&["--with", "codes"], "NAME=FILE.csv"),
        (&["--with", "=codes.csv"], "NAME=FILE.csv"),
        (&["--with", "codes="], "NAME=FILE.csv"),
        (&["--with", "codes=/no/such/file.csv"], "cannot read `/no/such/file.csv`"),
        (&["--with", &bytes], "not UTF-8"),
        (&["--param", "2020-02-30::date"], "`2020-02-30` is not a date"),
        (&["--check", "--no-wait"], "cannot be used with"),
    ];
    for (args, words) in cases {
        let ran = room.sql(RELEASED, args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    assert!(given(&room).is_empty());
}

#[test]
fn a_dash_for_a_file_is_standard_input() {
    let room = Room::new();
    let csv = ["sql", "--project", "ward", "--format", "csv"];
    let expected = room.run(&[&csv[..], &[RELEASED]].concat()).stdout;
    let ran = room.fed(&[&csv[..], &["-f", "-"]].concat(), format!("\u{feff}{RELEASED}").as_bytes());
    assert_eq!((ran.code, ran.stdout), (0, expected));
    assert!(room.fake.state.jobs.lock().unwrap().values().all(|job| job.sql == RELEASED));
    let both = room.fed(&["sql", "--project", "ward", "-f", "-", RELEASED], b"");
    assert_eq!(both.code, 2);
}

#[test]
fn lines_bring_parameters_and_lists_and_may_only_be_checked() {
    let room = Room::new();
    let line = r#"{"sql": "SELECT 1", "params": [1, 1.5, null, {"date": "2020-01-31"}], "with": {"codes": "a\nE11"}}"#;
    let bad = r#"{"sql": "SELECT 1", "params": [[1]]}"#;
    let input = format!("{line}\n{bad}\n{{\"sql\": \"refused patient_id\"}}\n");
    let serve = ["sql", "--project", "ward", "--serve-lines"];
    let states = |args: &[&str]| -> Vec<String> {
        let ran = room.fed(&[&serve[..], args].concat(), input.as_bytes());
        let state =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["state"].as_str().unwrap().to_owned();
        ran.stdout.lines().map(state).collect()
    };
    assert_eq!(states(&["--check"]), ["allowed", "failed", "refused"]);
    assert!(room.fake.state.jobs.lock().unwrap().is_empty());
    assert_eq!(states(&[]), ["released", "failed", "refused"]);
    let given = given(&room);
    assert_eq!(given.len(), 4);
    assert!(given[0].0.contains("Integer(1)") && given[0].0.contains("Double(1.5)"), "{:?}", given[0]);
    assert!(given[0].0.contains("Null(NullValue)") && given[0].0.contains("2020-01-31"), "{:?}", given[0]);
    assert_eq!(given[0].1, [("codes".to_owned(), "a\nE11".to_owned())]);
    assert_eq!((&given[2], given[3].1.len()), (&given[0], 0));
}
