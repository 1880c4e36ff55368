//! After one person left, nothing that the program answers tells in which groups they were.
//!
//! Two worlds differ in one person's row alone. That person leaves; whatever is asked then is answered with the same
//! bytes in both, but for what was told before.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sekisho_client::Document;
use serde_json::Value;

use super::support::{Home, Server, Start, assert_verifies};

const BY_PLACE: &str = "SELECT place, COUNT(*) AS n FROM people GROUP BY place ORDER BY place";

/// What is asked for the first time after the person left: finer, coarser, restricted, and the same in other words.
const AFTER: [&str; 5] = [
    "SELECT place, age, COUNT(*) AS n FROM people GROUP BY place, age ORDER BY place, age",
    "SELECT COUNT(*) AS n FROM people",
    "SELECT place, COUNT(*) AS n FROM people WHERE age = 40 GROUP BY place ORDER BY place",
    "SELECT place AS area, COUNT(*) AS people FROM people GROUP BY place ORDER BY place",
    "SELECT age, COUNT(*) AS n FROM people GROUP BY age ORDER BY age",
];

/// A dataset of 180 people; the first of them, who will leave, lives where it is said.
fn dataset(home: &Home, leaver: (&str, u32)) -> PathBuf {
    let folder = home.beside("data");
    fs::create_dir(&folder).unwrap();
    let column = |name: &str, class: &str, kind: &str| {
        format!("[[table.column]]\nname = \"{name}\"\ndescription = \"-\"\nclass = \"{class}\"\n{kind}\n")
    };
    let manifest = [
        "dataset = \"town\"\ntitle = \"A town\"\nsource = \"made up\"\nlicence = \"none\"\npseudonym = \"keep\"\n".into(),
        "[[table]]\nname = \"people\"\ndescription = \"-\"\nfile = \"people.csv\"\n".into(),
        column("id", "subject", ""),
        column("place", "dimension", "type = \"text\""),
        column("age", "dimension", "type = \"integer\""),
    ];
    let path = folder.join("manifest.toml");
    fs::write(&path, manifest.concat()).unwrap();
    let mut rows = format!("id,place,age\nP000,{},{}\n", leaver.0, leaver.1);
    for person in 1..180_usize {
        let place = ["east", "north", "west"][person % 3];
        writeln!(rows, "P{person:03},{place},{}", 20 + 20 * (person / 3 % 4)).unwrap();
    }
    fs::write(folder.join("people.csv"), rows).unwrap();
    path
}

fn leave(home: &Home, ids: &str) {
    let file = home.beside("leavers.txt");
    fs::write(&file, ids).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekishod"));
    command.args(["consent", "opt-out", "--dataset", "town", "--state"]).arg(home.state());
    assert!(command.arg("--subjects").arg(file).status().unwrap().success());
}

async fn ask(server: &Server, sql: &str) -> (Document, Vec<u8>) {
    let outcome = server.client("analyst").await.sql("town", sql).await.unwrap();
    let arrow = outcome.arrow.as_ref().map(|arrow| arrow.to_vec()).unwrap_or_default();
    (Document::of_outcome(&outcome).unwrap(), arrow)
}

/// A document but for its job and receipt.
fn told(document: &Document) -> Value {
    let mut json: Value = serde_json::from_str(&document.to_json_line()).unwrap();
    json["job"].take();
    json["receipt"].take();
    json
}

/// What one world tells: before the person left, the same again, and what is asked for the first time.
async fn world(leaver: (&str, u32)) -> (Vec<Vec<u8>>, Vec<(Value, Vec<u8>)>) {
    let home = Home::new();
    let datasets = [dataset(&home, leaver)];
    let start = Start { datasets: &datasets, ..Start::default() };
    let server = home.start_with(&start).await;
    let (before, first) = ask(&server, BY_PLACE).await;
    assert_eq!((before.withheld.len(), before.stands_for.as_deref()), (0, None));
    leave(&home, "P000\n");
    let (again, second) =
        ask(&server, "SELECT place,  COUNT(*) AS n -- again\nFROM people GROUP BY place ORDER BY place")
            .await;
    assert_eq!((again.snapshot.as_deref(), again.stands_for.as_deref()), (Some("town@1"), Some("town@2")));
    assert_ne!(again.receipt, before.receipt, "a release of its own");
    let mut after = Vec::new();
    for sql in AFTER {
        let (document, arrow) = ask(&server, sql).await;
        assert_eq!((document.snapshot.as_deref(), document.stands_for.as_deref()), (Some("town@2"), None));
        after.push((told(&document), arrow));
    }
    // The process ends at once; whatever was told stays told, and is found again.
    server.kill();
    let server = home.start().await;
    let (_, third) = ask(&server, BY_PLACE).await;
    for (sql, (_, arrow)) in AFTER.iter().zip(&after) {
        assert_eq!(&ask(&server, sql).await.1, arrow, "{sql}");
    }
    leave(&home, "P001\nP002\n");
    let (fourth, bytes) = ask(&server, BY_PLACE).await;
    assert_eq!(fourth.stands_for.as_deref(), Some("town@3"));
    server.stop().await;
    assert_verifies(&home.state());
    (vec![first, second, third, bytes], after)
}

#[tokio::test]
async fn after_one_person_left_every_answer_has_the_same_bytes_wherever_they_were() {
    let (one, other) = tokio::join!(world(("east", 40)), world(("west", 80)));
    for (repeated, _) in [&one, &other] {
        assert!(repeated.iter().all(|bytes| *bytes == repeated[0]), "the earlier answer, byte for byte");
    }
    assert_ne!(one.0, other.0, "the worlds differ in what was told before");
    assert_eq!(one.1, other.1);
    let shown = one.1.iter().filter(|(told, _)| told["withheld"].as_array().unwrap().is_empty()).count();
    assert!(shown > 0, "not everything is blank");
}
