//! The checkpoint on the analyst's machine: it says what the enclave says, of records that are nobody's.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sekisho_client::{Document, State, Submission};
use sekisho_testkit::Enclave;
use sekisho_twin::{Order, Records, check, make};

/// The values of one person, who alone has them.
const PLANTED: [&str; 7] =
    ["PLANTED-CODE", "PLANTED-CLINIC", "PLANTED-DOCTOR", "1907", "777.77", "4711", "1999-09-09"];

const MANIFEST: &str = r#"
dataset = "clinic"
title = "A clinic"
source = "Made up"
licence = "Apache-2.0"

[[table]]
name = "visits"
file = "visits.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "clinic", class = "unit", kind = "institution", type = "text" },
    { name = "physician", class = "identifier" },
    { name = "diagnosis", class = "dimension", type = "text", code = true, sensitive = true },
    { name = "birth_year", class = "dimension", type = "integer" },
    { name = "cost", class = "measure", type = "decimal(9,2)", step = 5 },
    { name = "value", class = "measure", type = "integer", isolating = false },
    { name = "date", class = "date", type = "date" },
]

[[table]]
name = "codes"
kind = "code"
file = "codes.csv"
key = "code"
column = [
    { name = "code", class = "dimension", type = "text" },
    { name = "chapter", class = "dimension", type = "text" },
]
"#;

/// A clinic of 400 people with one to five visits each, and the one who is like nobody else.
fn clinic(folder: &Path) -> PathBuf {
    let mut visits = String::from("patient_id,clinic,physician,diagnosis,birth_year,cost,value,date\n");
    for person in 0..400 {
        for visit in 0..=person / 7 % 5 {
            let (code, year, month) = ((person + visit) % 6, 1950 + person % 20, 1 + (person + visit) % 12);
            let (cost, day) = (10 + (person * 37 + visit * 11) % 400, 1 + person % 28);
            let value = if person % 5 == 0 { String::new() } else { (person % 50).to_string() };
            writeln!(
                visits,
                "ID-{person},C{},D{person},E1{code},{year},{cost}.{:02},{value},2020-{month:02}-{day:02}",
                person / 3 % 8,
                person % 100
            )
            .unwrap();
        }
    }
    let [code, clinic, doctor, year, cost, value, date] = PLANTED;
    writeln!(visits, "ID-PLANTED,{clinic},{doctor},{code},{year},{cost},{value},{date}").unwrap();
    fs::write(folder.join("visits.csv"), visits).unwrap();
    let codes: String = (0..6).map(|code| format!("E1{code},{}\n", code % 2)).collect();
    fs::write(folder.join("codes.csv"), format!("code,chapter\n{codes}")).unwrap();
    let manifest = folder.join("manifest.toml");
    fs::write(&manifest, MANIFEST).unwrap();
    manifest
}

fn nothing_told(line: &str) {
    panic!("{line}");
}

fn hushed(_: &str) {}

#[tokio::test]
async fn local_files_are_judged_as_the_enclave_judges_them() {
    let files = Records::Folder("../../tests/data/nafld".into());
    let analyses = [
        "SELECT age, male, COUNT(*) AS n, AVG(weight) AS kg, COUNT(*) FILTER (WHERE died = 1) AS deaths
         FROM patients GROUP BY ROLLUP (male, age) ORDER BY male, age",
        "SELECT e.event, p.male, COUNT(DISTINCT p.patient_id) AS people, MEDIAN(p.bmi) AS bmi
         FROM events e JOIN patients p ON e.patient_id = p.patient_id WHERE p.age >= 85
         GROUP BY e.event, p.male ORDER BY e.event, p.male",
    ];
    for sql in analyses {
        // Each on an empty ledger.
        let enclave = Enclave::start().await.unwrap();
        let client = enclave.client("analyst").await.unwrap();
        let submission = Submission::new("nafld", sql).unwrap();
        let here = check(&client, &submission, &files, &mut nothing_told).await.unwrap();
        assert!(client.list("nafld", 10).await.unwrap().is_empty(), "a check is no job");
        let there = client.run(&submission, |_| ()).await.unwrap();
        let released = Document::of_outcome(&there).unwrap();
        assert_eq!(released.state, State::Released, "{:?}", released.error);
        assert!(!released.withheld.is_empty() && released.rows.len() > 10, "{}", released.rows.len());
        assert_eq!((here.document.state, here.document.twin), (State::Allowed, Some(false)));
        assert_eq!(here.document.withheld, released.withheld);
        assert_eq!(here.document.policy, released.policy);
        assert!(here.arrow.as_deref() == there.arrow.as_deref(), "the same bytes");
    }
}

#[tokio::test]
async fn a_twin_has_what_was_released_and_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = clinic(folder.path());
    let enclave = Enclave::start_at(&folder.path().join("state"), vec![manifest]).await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let order =
        Order { project: "clinic".to_owned(), folder: folder.path().join("twin"), people: None, seed: 7 };
    let made = make(&client, &order, &mut hushed).await.unwrap();
    let jobs = client.list("clinic", 50).await.unwrap();
    assert!(made.releases >= 7 && jobs.len() >= made.releases, "{made:?}, {} jobs", jobs.len());
    assert_eq!(made.people, 401);

    let read = |name: &str| fs::read_to_string(made.folder.join(name)).unwrap();
    for name in ["manifest.toml", "visits.csv", "codes.csv", "twin.json"] {
        let text = read(name);
        let found = text.split([',', '"', ' ', '\n']).find(|value| PLANTED.contains(value));
        assert_eq!((found, text.contains("ID-")), (None, false), "{name}");
        let mode = fs::metadata(made.folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(read("manifest.toml").contains("Synthetic") && read("twin.json").contains("\"synthetic\": true"));
    // Labels are those that were released, people have as many records as they have on average, and a column
    // that may not be asked for is made up.
    let visits = read("visits.csv");
    let columns: Vec<Vec<&str>> = visits.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!((1_000..1_400).contains(&columns.len()), "{}", columns.len());
    assert!(columns.iter().all(|row| row[1].starts_with("clinic-") && row[2].starts_with("physician-")));
    assert!(columns.iter().all(|row| row[3].starts_with("E1") && row[4].starts_with("19")));
    assert!(columns.iter().all(|row| row[5].ends_with("0.00") || row[5].ends_with("5.00")));
    assert!(columns.iter().any(|row| row[6].is_empty()) && columns.iter().any(|row| !row[6].is_empty()));
    assert!(columns.iter().all(|row| row[7].starts_with("2020-")));
    assert_eq!(read("codes.csv").lines().count(), 7);

    // The same twin again, and its files as files of one's own.
    let again = Order { folder: folder.path().join("again"), ..order.clone() };
    make(&client, &again, &mut hushed).await.unwrap();
    assert_eq!(fs::read_to_string(again.folder.join("visits.csv")).unwrap(), visits);
    let sql =
        "SELECT c.chapter, v.birth_year, COUNT(*) AS n FROM visits v JOIN codes c ON v.diagnosis = c.code
               GROUP BY c.chapter, v.birth_year ORDER BY 1, 2";
    let submission = Submission::new("clinic", sql).unwrap();
    let twin = check(&client, &submission, &Records::Twin(order.folder), &mut nothing_told).await.unwrap();
    let files = check(&client, &submission, &Records::Folder(again.folder), &mut nothing_told).await.unwrap();
    assert_eq!((twin.document.twin, files.document.twin), (Some(true), Some(false)));
    assert!(twin.arrow.is_some() && twin.arrow == files.arrow);
    assert!(twin.document.rows.len() > 10, "{}", twin.document.rows.len());
    assert!(twin.document.to_json_line().contains("\"twin\":true"));
}

#[tokio::test]
async fn a_check_makes_the_twin_that_it_needs_and_asks_for_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let twin = Records::Twin(folder.path().join("cache").join("ward"));
    let submission = |sql: &str| Submission::new("ward", sql).unwrap();

    // What the plan refuses needs no records, and has the words of the enclave.
    let refused = submission("SELECT birth_year FROM patients");
    let here = check(&client, &refused, &twin, &mut nothing_told).await.unwrap();
    let there = Document::of_check(&client.check(&refused).await.unwrap());
    assert_eq!((here.document.state, here.arrow.is_some()), (State::Refused, false));
    assert_eq!(here.document.error, there.error);

    let by_year = submission(
        "SELECT birth_year, sex, COUNT(*) AS n, COUNT(*) FILTER (WHERE prefecture = '47') AS in_47
         FROM patients GROUP BY birth_year, sex ORDER BY birth_year, sex",
    );
    let first = check(&client, &by_year, &twin, &mut hushed).await.unwrap();
    assert_eq!((first.document.state, first.document.twin), (State::Allowed, Some(true)));
    assert!(!first.document.rows.is_empty() && !first.document.withheld.is_empty());
    let jobs = client.list("ward", 100).await.unwrap().len();
    let second = check(&client, &by_year, &twin, &mut nothing_told).await.unwrap();
    assert_eq!(second.arrow, first.arrow);
    assert_eq!(client.list("ward", 100).await.unwrap().len(), jobs);

    // Where every result waits for a checker, one does, and the twin is drawn from the catalogue alone.
    let review =
        Submission::new("nafld-review", "SELECT male, COUNT(*) AS n FROM patients GROUP BY male").unwrap();
    let review_twin = Records::Twin(folder.path().join("cache").join("nafld-review"));
    let drawn = check(&client, &review, &review_twin, &mut hushed).await.unwrap();
    assert_eq!((drawn.document.rows.len(), drawn.document.withheld.len()), (2, 0));
    assert_eq!(client.list("nafld-review", 10).await.unwrap().len(), 1);

    // Files without a table of the project are not taken for its records.
    let other = Records::Folder("../../tests/data/nafld".into());
    let error = check(&client, &by_year, &other, &mut hushed).await.unwrap_err().to_string();
    assert!(error.contains("`diagnoses`") || error.contains("`patients."), "{error}");
}
