//! The real binary against a scripted server over real TLS.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

#[path = "../../../client/tests/client/fake.rs"]
mod fake;
mod given;
mod login;
mod plan;
mod serve;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;

use fake::{Fake, TOKEN};
use serde_json::Value;

const RELEASED: &str = "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex";

/// What a reader of a file or a pipe is told of every result of groups.
const ABSENT: &str =
    "note: groups without a number that may be shown are absent; what was released earlier counts too\n";

/// A server on threads of its own, and the binary beside it.
struct Room {
    fake: Fake,
    _runtime: tokio::runtime::Runtime,
}

/// What a run of the binary gave.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Room {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let fake = runtime.block_on(Fake::start());
        Self { fake, _runtime: runtime }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command.env("SEKISHO_PROFILE", self.fake.folder().join("profiles/analyst.toml"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    fn sql(&self, sql: &str, args: &[&str]) -> Ran {
        self.run(&[&["sql", "--project", "ward"], args, &[sql]].concat())
    }

    fn fed(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("SEKISHO_PROFILE").env_remove("NO_COLOR");
    command
}

#[test]
fn a_released_result_is_a_plain_table_in_a_pipe() {
    let ran = Room::new().sql(RELEASED, &[]);
    let expected = "
 sex  |    n |    over_95
------+------+------------
 F    | 8203 |         11
 M    | 9346 | [withheld]
 NULL |   12 |       NULL
";
    assert_eq!((ran.code, format!("\n{}", ran.stdout).as_str(), ran.stderr.as_str()), (0, expected, ABSENT));
    // Without groups there is nothing that could be absent.
    assert_eq!(Room::new().sql("SELECT COUNT(*) AS n FROM patients", &[]).stderr, "");
}

#[test]
fn a_released_result_comes_as_csv_json_and_arrow_too() {
    let room = Room::new();
    let csv = room.sql(RELEASED, &["--format", "csv"]);
    assert_eq!((csv.code, csv.stdout.as_str()), (0, "sex,n,over_95\nF,8203,11\nM,9346,[withheld]\n,12,\n"));
    assert_eq!(csv.stderr, ABSENT);

    let json = room.sql(RELEASED, &["--format", "json"]);
    let document = json.json();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "job",
        "state",
        "snapshot",
        "columns",
        "rows",
        "withheld",
        "groups_may_be_absent",
        "policy",
        "receipt",
        "error",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&document["groups_may_be_absent"], json.stderr.as_str()), (&true.into(), ""));
    assert_eq!(document["rows"][1], serde_json::json!({"sex": "M", "n": 9346, "over_95": null}));
    assert_eq!(document["withheld"], serde_json::json!([{"row": 1, "column": "over_95"}]));

    let arrow = room.command(&["sql", "--project", "ward", "--format", "arrow", RELEASED]).output().unwrap();
    assert_eq!(arrow.stdout, fake::arrow_of(RELEASED));
}

#[test]
fn the_footer_says_what_stands_behind_the_numbers() {
    let room = Room::new();
    for format in ["table", "csv"] {
        let ran = room.sql(RELEASED, &["--footer", "--format", format]);
        let policy = format!("japan-rwd (sha256 {})", fake::policy().sha256);
        assert!(ran.stdout.contains("ward@3") && ran.stdout.contains(&policy), "{}", ran.stdout);
    }
}

#[test]
fn a_refusal_shows_the_sql_with_a_caret_and_exits_11() {
    let ran = Room::new().sql("-- refused\nSELECT patient_id FROM patients", &[]);
    let expected = "\
refused[RECORDS_IN_OUTPUT]: the result would hold records of people
 --> line 2, column 8
  |
2 | SELECT patient_id FROM patients
  |        ^^^^^^^^^^
  = hint: aggregate, such as COUNT(*)
";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (11, "", expected));
}

#[test]
fn a_refusal_in_json_is_on_standard_output_too() {
    let ran = Room::new().sql("/* refused */ SELECT patient_id", &["--format", "json"]);
    let document = ran.json();
    assert_eq!((ran.code, &document["state"]), (11, &"refused".into()));
    assert_eq!(document["error"]["position"], serde_json::json!({"line": 1, "column": 22}));
    assert!(ran.stderr.contains("refused[RECORDS_IN_OUTPUT]"));
}

#[test]
fn every_outcome_has_its_exit_code() {
    let room = Room::new();
    let cases: [(&[&str], i32); 13] = [
        (&["sql", "--project", "ward", "held"], 10),
        (&["sql", "--project", "ward", "failed"], 12),
        (&["sql", "--project", "ward", "altered"], 12),
        (&["sql", "--project", "ward", "too large"], 11),
        (&["sql", "--project", "ward", "--check", "refused"], 11),
        (&["sql", "--project", "other", RELEASED], 3),
        (&["result", "projects/ward/jobs/01J"], 3),
        (&["sql", RELEASED], 2),
        (&["sql", "--project", "ward"], 2),
        (&["sql", "--project", "ward", "--fromat"], 2),
        (&["sql", "--project", "ward", "-f", "/no/such/file"], 2),
        (&["--profile", "/no/such/file", "projects"], 2),
        (&["result", "01J"], 2),
    ];
    for (args, code) in cases {
        let ran = room.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn who_cannot_be_reached_or_is_not_believed_gives_13() {
    let room = Room::new();
    fs::write(room.fake.folder().join("other.pem"), fake::certificates().0).unwrap();
    room.fake.write_profile("misled", TOKEN, "other.pem");
    let state = room.fake.folder().to_str().unwrap();
    let misled = Ran::of(bare(&["--state", state, "--as", "misled", "projects"]).output().unwrap());
    assert_eq!(misled.code, 13, "{}", misled.stderr);
    assert!(misled.stderr.contains("certificate"), "{}", misled.stderr);

    let profile = room.fake.folder().join("profiles/analyst.toml");
    let text = fs::read_to_string(&profile).unwrap().replace(&room.fake.address, "https://127.0.0.1:1");
    fs::write(&profile, text).unwrap();
    let ran = room.sql(RELEASED, &["--format", "json"]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (13, &"UNREACHABLE".into()), "{}", ran.stderr);
}

#[test]
fn a_profile_is_chosen_in_three_ways() {
    let room = Room::new();
    let state = room.fake.folder().to_str().unwrap();
    let profile = format!("{state}/profiles/analyst.toml");
    assert_eq!(Ran::of(bare(&["projects", "--profile", &profile]).output().unwrap()).code, 0);
    assert_eq!(Ran::of(bare(&["--state", state, "--as", "analyst", "projects"]).output().unwrap()).code, 0);
    assert_eq!(room.run(&["projects"]).code, 0);
    let none = Ran::of(bare(&["projects"]).output().unwrap());
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("SEKISHO_PROFILE"));
    assert_eq!(Ran::of(bare(&["--state", state, "projects"]).output().unwrap()).code, 2);
    let nobody = Ran::of(bare(&["--state", state, "--as", "nobody", "projects"]).output().unwrap());
    assert!(nobody.code == 2 && nobody.stderr.contains("there are analyst"), "{}", nobody.stderr);
    room.fake.write_profile("stranger", "wrong", "ca.pem");
    let stranger = Ran::of(bare(&["--state", state, "--as", "stranger", "projects"]).output().unwrap());
    assert_eq!(stranger.code, 3);
}

#[test]
fn sql_comes_from_the_line_a_file_or_standard_input() {
    let room = Room::new();
    let file = room.fake.folder().join("query.sql");
    fs::write(&file, format!("\u{feff}{RELEASED}")).unwrap();
    let csv = ["sql", "--project", "ward", "--format", "csv"];
    let expected = room.run(&[&csv[..], &["-- a comment\nSELECT 1"]].concat()).stdout;
    assert_eq!(room.run(&[&csv[..], &["-f", file.to_str().unwrap()]].concat()).stdout, expected);
    assert_eq!(room.fed(&[&csv[..], &["-"]].concat(), RELEASED.as_bytes()).stdout, expected);
    assert!(room.fake.state.jobs.lock().unwrap().values().any(|job| job.sql == RELEASED));
}

#[test]
fn a_broken_watch_does_not_show() {
    let room = Room::new();
    room.fake.state.break_watches.store(2, Ordering::SeqCst);
    room.fake.state.lose_submits.store(1, Ordering::SeqCst);
    let ran = room.sql(RELEASED, &["--format", "json"]);
    assert_eq!((ran.code, &ran.json()["state"]), (0, &"released".into()), "{}", ran.stderr);
    assert_eq!(room.fake.state.jobs.lock().unwrap().len(), 1);
}

#[test]
fn a_job_that_was_not_waited_for_can_be_followed_listed_and_fetched() {
    let room = Room::new();
    let submitted = room.sql(RELEASED, &["--no-wait", "--format", "json"]);
    assert_eq!((submitted.code, &submitted.json()["state"]), (0, &"queued".into()));
    let job = submitted.json()["job"].as_str().unwrap().to_owned();

    let watched = room.run(&["watch", &job]);
    assert_eq!((watched.code, watched.stdout.lines().count()), (0, 3), "{}", watched.stdout);
    assert!(watched.stdout.ends_with("released\n"));

    let id = job.rsplit('/').next().unwrap();
    let fetched = room.run(&["result", id, "--project", "ward", "--format", "csv"]);
    assert_eq!((fetched.code, fetched.stdout.lines().count()), (0, 4), "{}", fetched.stderr);

    let listed = room.run(&["jobs", "--project", "ward", "--format", "json"]).json();
    assert_eq!(listed[0]["created"], "2023-11-14T22:13:20Z");
    assert_eq!((&listed[0]["job"], &listed[0]["state"]), (&job.as_str().into(), &"released".into()));
    assert!(room.run(&["jobs", "--project", "ward"]).stdout.contains("SELECT sex, COUNT(*)"));
}

#[test]
fn a_job_is_taken_back_once() {
    let room = Room::new();
    let job =
        room.sql(RELEASED, &["--no-wait", "--format", "json"]).json()["job"].as_str().unwrap().to_owned();
    let cancelled = room.run(&["cancel", &job]);
    assert_eq!((cancelled.code, cancelled.stdout), (0, format!("{job}  cancelled\n")));
    let released = room.sql(RELEASED, &["--format", "json"]).json()["job"].as_str().unwrap().to_owned();
    let late = room.run(&["cancel", &released]);
    assert_eq!((late.code, late.stdout), (12, format!("{released}  released\n")));
    assert!(late.stderr.contains("error[WRONG_STATE]: the job is released already"), "{}", late.stderr);
    let held = room.sql("held", &["--format", "json"]).json()["job"].as_str().unwrap().to_owned();
    let waits = room.run(&["cancel", &held]);
    assert_eq!((waits.code, waits.stdout), (12, format!("{held}  held\n")));
    assert!(waits.stderr.contains("cannot be taken back yet"), "{}", waits.stderr);
    // Taking back what was taken back is no error.
    assert_eq!(room.run(&["cancel", &job]).code, 0);
}

#[test]
fn a_job_without_a_release_has_no_receipt_and_says_so_by_its_own_exit_code() {
    let room = Room::new();
    for (sql, code) in [("held", 10), ("/* refused */ SELECT patient_id", 11), ("failed", 12)] {
        let job = room.sql(sql, &["--format", "json"]).json()["job"].as_str().unwrap().to_owned();
        for command in ["verify", "receipt"] {
            let ran = room.run(&[command, &job]);
            assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{command} {sql}: {}", ran.stderr);
            assert!(ran.stderr.contains("error[WRONG_STATE]: the job is "), "{}", ran.stderr);
        }
    }
}

#[test]
fn the_catalogue_is_shown_for_people_and_tools() {
    let room = Room::new();
    let json = room.run(&["catalog", "--project", "ward", "--format", "json"]).json();
    let columns = &json["tables"][0]["columns"];
    assert_eq!(columns[1]["values"], serde_json::json!(["F", "M"]));
    assert_eq!(columns[1]["isolating"], Value::Null);
    assert_eq!(columns[2]["isolating"], serde_json::json!({"step": "500", "declared": false}));
    assert_eq!(columns[3]["isolating"], serde_json::json!({"step": "month", "declared": true}));
    assert_eq!(columns[4]["isolating"], serde_json::json!({"step": null, "declared": false}));
    let flags = |column: usize| (columns[column]["code"] == true, columns[column]["sensitive"] == true);
    assert_eq!((flags(1), flags(5)), ((false, false), (true, true)));
    let table = room.run(&["catalog", "--project", "ward"]);
    for shown in [
        "patients",
        "at least 10 people",
        "F, M",
        "ranges in steps of 500",
        "ranges by month",
        "no conditions: no step is known",
        "dimension, code, sensitive",
        "functions of values\n  floor\n\naggregates\n  count, sum\n\nwindow functions",
    ] {
        assert!(table.stdout.contains(shown), "{shown}: {}", table.stdout);
    }
    assert_eq!(room.run(&["catalog", "--project", "other"]).code, 3);
}

#[test]
fn the_budget_is_shown_for_people_and_tools() {
    let room = Room::new();
    let json = room.run(&["budget", "--project", "ward", "--format", "json"]).json();
    assert_eq!(json["max_leverage"], 0.1);
    let icd10 = serde_json::json!({"attribute": "diagnoses.icd10", "used": 41, "worth": 300, "left": 159});
    assert_eq!((&json["share"], &json["attributes"][0]["left"]), (&200.into(), &200.into()));
    assert_eq!(json["attributes"][1], icd10);
    assert_eq!(json["attributes"][0]["worth"], Value::Null);
    let table = room.run(&["budget", "--project", "ward"]);
    for shown in ["projects/ward  snapshot ward@3", "diagnoses.icd10", "159", "no limit", "share 200"] {
        assert!(table.stdout.contains(shown), "{shown}: {}", table.stdout);
    }
    assert_eq!(room.run(&["budget", "--project", "other"]).code, 3);
}

#[test]
fn a_receipt_is_checked_online_and_offline() {
    let room = Room::new();
    let folder = room.fake.folder().to_owned();
    let document = room.sql(RELEASED, &["--format", "json"]);
    let job = document.json()["job"].as_str().unwrap().to_owned();
    let online = room.run(&["verify", &job]);
    assert_eq!(online.code, 0, "{}", online.stderr);
    assert!(online.stdout.contains("log entry  17"), "{}", online.stdout);
    assert!(online.stdout.contains("values     the server's result is the one"), "{}", online.stdout);

    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("receipt.json"), room.run(&["receipt", &job]).stdout).unwrap();
    fs::write(path("result.json"), &document.stdout).unwrap();
    fs::write(path("result.arrow"), fake::arrow_of(RELEASED)).unwrap();
    fs::write(path("other.arrow"), fake::arrow_of("escapes")).unwrap();
    let verify = |arrow: &str| {
        let args = ["verify", "--receipt", &path("receipt.json"), "--log-key", &room.fake.log_key];
        let files = ["--arrow", &path(arrow), "--document", &path("result.json")];
        Ran::of(bare(&[&args[..], &files[..]].concat()).output().unwrap())
    };
    let right = verify("result.arrow");
    assert_eq!(right.code, 0);
    assert!(right.stdout.contains("values     the document's values are those"), "{}", right.stdout);
    let wrong = verify("other.arrow");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (12, ""));
    assert!(wrong.stderr.contains("BAD_RECEIPT"));

    // One digit of the document was changed: beside the result it is found, alone it is said not to be looked at.
    fs::write(path("result.json"), document.stdout.replace("8203", "8204")).unwrap();
    for edited in [verify("result.arrow"), room.run(&["verify", &job, "--document", &path("result.json")])] {
        assert_eq!((edited.code, edited.stdout.as_str()), (12, ""));
        assert!(edited.stderr.contains("the document's values are not those"), "{}", edited.stderr);
    }
    let args = ["verify", "--receipt", &path("receipt.json"), "--log-key", &room.fake.log_key];
    let edited = path("result.json");
    let alone = [&args[..], &["--document", &edited]].concat();
    let ran = Ran::of(bare(&alone).output().unwrap());
    assert!(ran.code == 0 && ran.stdout.contains("values     of the document NOT CHECKED"), "{}", ran.stdout);
    let json = Ran::of(bare(&[&alone[..], &["--format", "json"]].concat()).output().unwrap()).json();
    assert_eq!((&json["values_checked"], &json["job"]), (&false.into(), &job.as_str().into()));
}

#[test]
fn data_cannot_drive_the_terminal() {
    let room = Room::new();
    for format in ["table", "json"] {
        let ran = room.sql("escapes", &["--format", format]);
        assert!(!ran.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ran.stdout);
        assert!(ran.stdout.contains("owned"));
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let room = Room::new();
    let mut child = room.command(&["sql", "--project", "ward", RELEASED]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), ABSENT.as_bytes()));
}

#[test]
fn the_version_names_the_build() {
    let ran = Ran::of(bare(&["--version"]).output().unwrap());
    assert!(ran.stdout.starts_with(concat!("sekisho ", env!("CARGO_PKG_VERSION"))));
}
