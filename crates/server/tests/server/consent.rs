//! People opt out while the server runs, and nobody can tell afterwards what is theirs.

use std::fs;
use std::process::{Command, Output};

use sekisho_client::{Document, State};
use serde_json::Value;

use super::support::{Home, Server, assert_verifies, limited};

/// The patient whom the demonstration's attacks are after: a woman of Okinawa (47), born in 1931.
const VICTIM: &str = "P000042";

const BY_SEX: &str =
    "SELECT sex, COUNT(*) AS n FROM patients WHERE prefecture = '47' GROUP BY sex ORDER BY sex";

const BY_HOSPITAL: &str = "SELECT hospital_id, COUNT(*) AS n FROM patients GROUP BY hospital_id";

fn opt_out(home: &Home, ids: &str, more: &[&str]) -> Output {
    let file = home.beside("leavers.txt");
    fs::write(&file, ids).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekishod"));
    command.args(["consent", "opt-out", "--dataset", "ward", "--state"]).arg(home.state());
    command.arg("--subjects").arg(file).args(more).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(text).unwrap()
}

async fn ask(server: &Server, person: &str, project: &str, sql: &str) -> Document {
    let outcome = server.client(person).await.sql(project, sql).await.unwrap();
    Document::of_outcome(&outcome).unwrap()
}

fn json(document: &Document) -> Value {
    serde_json::from_str(&document.to_json_line()).unwrap()
}

/// The classic attack: the same table before and after one person leaves; the difference is that person.
#[tokio::test]
async fn the_same_table_before_and_after_one_person_leaves_does_not_tell_what_is_theirs() {
    let home = Home::new();
    let server = home.start().await;
    let before = json(&ask(&server, "analyst", "ward", BY_SEX).await);
    assert_eq!(
        (before["snapshot"].as_str(), before["withheld"].as_array().unwrap().len()),
        (Some("ward@1"), 0)
    );
    let done = opt_out(&home, &format!("{VICTIM}\n"), &[]);
    assert!(done.status.success(), "{}", said(&done));
    let text = said(&done);
    assert!(text.contains("1 people leave") && text.contains("ward@2 follows ward@1"), "{text}");
    assert!(!text.contains(VICTIM));
    // The running server takes it up. Whoever asks the same is told the same, and of which version it is.
    for (person, project) in [("analyst", "ward"), ("analyst-2", "ward-2")] {
        let after = json(&ask(&server, person, project, BY_SEX).await);
        assert_eq!(
            (after["snapshot"].as_str(), after["stands_for"].as_str()),
            (Some("ward@1"), Some("ward@2"))
        );
        assert_eq!((&after["rows"], after["state"].as_str()), (&before["rows"], Some("released")));
        // In other words it is another question, and nothing of it is told: not of those who are there, either.
        let other = json(&ask(&server, person, project, &BY_SEX.replace("AS n", "AS people")).await);
        assert_eq!((other["snapshot"].as_str(), &other["rows"]), (Some("ward@2"), &Value::Array(Vec::new())));
    }
    // Nor does a total, a margin or a question that was never asked make up for the blank.
    let total = "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47'";
    assert_eq!(ask(&server, "analyst", "ward", total).await.withheld.len(), 1);
    let all = ask(&server, "analyst", "ward", "SELECT COUNT(*) AS n FROM patients").await;
    assert_eq!(all.withheld.len(), 1, "how many are left is how many left");
    server.stop().await;
    assert_verifies(&home.state());
}

/// Whether a sensitive number is shown again must not depend on whether the person is behind it.
#[tokio::test]
async fn a_blank_after_somebody_left_does_not_tell_their_diagnosis() {
    let asked =
        |code: &str| format!("SELECT COUNT(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 = '{code}'");
    let home = Home::new();
    let server = home.start().await;
    let codes = json(
        &ask(
            &server,
            "analyst",
            "ward",
            "SELECT icd10, COUNT(DISTINCT patient_id) AS n FROM diagnoses GROUP BY icd10 ORDER BY n DESC LIMIT 4",
        )
        .await,
    );
    let codes: Vec<String> =
        codes["rows"].as_array().unwrap().iter().map(|row| row["icd10"].as_str().unwrap().into()).collect();
    assert_eq!(codes.len(), 4);
    assert!(opt_out(&home, &format!("{VICTIM}\n"), &[]).status.success());
    let mut shown = Vec::new();
    for code in &codes {
        shown.push(ask(&server, "analyst", "ward", &asked(code)).await.withheld.is_empty());
    }
    assert!(shown.iter().all(|one| *one == shown[0]), "{codes:?} {shown:?}");
}

#[tokio::test]
async fn the_log_says_that_people_left_once_and_neither_who_nor_how_many() {
    let home = Home::new();
    let server = home.start().await;
    let dry = opt_out(&home, &format!("{VICTIM}\nP000007\nQ1\n"), &["--dry-run"]);
    assert!(
        said(&dry).contains("3 ids, 2 people would leave, 0 had left before, 1 were never seen"),
        "{}",
        said(&dry)
    );
    assert!(said(&dry).contains("line 3") && said(&dry).contains("nothing was changed"));
    assert_eq!(json(&ask(&server, "analyst", "ward", BY_SEX).await)["snapshot"], "ward@1");
    assert!(opt_out(&home, &format!("{VICTIM}\nP000007\n"), &[]).status.success());
    for _ in 0..2 {
        let refused = ask(&server, "analyst", "ward", "SELECT * FROM patients").await;
        assert_eq!(refused.state, State::Refused);
        assert_eq!(json(&ask(&server, "analyst", "ward", BY_HOSPITAL).await)["snapshot"], "ward@2");
    }
    server.stop().await;
    let server = home.start().await;
    assert_eq!(json(&ask(&server, "analyst", "ward", BY_HOSPITAL).await)["snapshot"], "ward@2");
    server.stop().await;
    let log = fs::read_to_string(home.state().join("log/entries.jsonl")).unwrap();
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let position = |test: &dyn Fn(&Value) -> bool| entries.iter().position(test).unwrap();
    let left: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "subjects.opted_out").collect();
    assert_eq!(left.len(), 1);
    let details = serde_json::json!({"snapshot": "ward@2", "follows": "ward@1"});
    assert_eq!((&left[0]["details"], left[0]["actor"].as_str()), (&details, Some("operator")));
    // It stands there before the first job that reads the version.
    let first =
        position(&|entry| entry["details"]["snapshot"] == "ward@2" && entry["kind"] == "job.released");
    assert!(position(&|entry| entry["kind"] == "subjects.opted_out") < first);
    let written = String::from_utf8_lossy(&home.written()).into_owned();
    assert!(!log.contains(VICTIM) && !written.contains(VICTIM));
    assert_verifies(&home.state());
}

#[tokio::test]
async fn a_careless_operator_is_told_what_is_wrong_and_nothing_changes() {
    let home = Home::new();
    for (ids, more, expected) in [
        ("", &[][..], "names nobody"),
        (" P000042\n", &[], "line 1 begins or ends with a blank"),
        ("P000042\n", &["--dataset", "other"], "cannot be used multiple times"),
    ] {
        let output = opt_out(&home, ids, more);
        assert!(!output.status.success() && said(&output).contains(expected), "{}", said(&output));
        assert!(!said(&output).contains("P000042"));
    }
    let nowhere = Command::new(env!("CARGO_BIN_EXE_sekishod"))
        .args(["consent", "opt-out", "--dataset", "ward", "--state"])
        .arg(home.beside("nowhere"))
        .arg("--subjects")
        .arg(home.beside("leavers.txt"))
        .output()
        .unwrap();
    assert!(said(&nowhere).contains("is this a state directory?"), "{}", said(&nowhere));
    assert!(!home.beside("nowhere").exists());
}

#[tokio::test]
async fn an_opt_out_that_finds_the_disk_full_is_not_half_done_and_can_be_run_again() {
    let home = Home::new();
    let server = home.start().await;
    let file = home.beside("leavers.txt");
    fs::write(&file, format!("{VICTIM}\n")).unwrap();
    // A manifest does not fit into a file of this size.
    let mut command = limited(Some(512));
    command.args(["consent", "opt-out", "--dataset", "ward", "--state"]).arg(home.state());
    let full = command.arg("--subjects").arg(&file).output().unwrap();
    assert!(!full.status.success() && said(&full).contains("the opt-out is not complete"), "{}", said(&full));
    assert_eq!(json(&ask(&server, "analyst", "ward", BY_SEX).await)["snapshot"], "ward@1");
    assert!(opt_out(&home, &format!("{VICTIM}\n"), &[]).status.success());
    assert_eq!(json(&ask(&server, "analyst", "ward", BY_HOSPITAL).await)["snapshot"], "ward@2");
}
