//! Which columns a snapshot says are isolating, and by what step, as declared and as found.

use sekisho_model::{DateGrain, Isolating, SnapshotPin, Step};
use sekisho_vault::{IngestOptions, Snapshot};

use crate::support::{Home, SUBJECT, demo, latest, small, visits};

fn found(step: &str) -> Option<Isolating> {
    Some(Isolating::Found(Step::number(step).unwrap()))
}

/// The isolating columns of a snapshot, as `table.column step`.
fn isolating(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &snapshot.dataset.tables {
        for column in &table.columns {
            let step = match column.isolating {
                None => continue,
                Some(Isolating::Declared(step)) => format!("{step} declared"),
                Some(Isolating::Found(step)) => step.to_string(),
                Some(Isolating::Unknown) => "unknown".to_owned(),
            };
            lines.push(format!("{}.{} {step}", table.name, column.name));
        }
    }
    lines
}

/// What is said of a column `x` of these lines, of which the first field is the person.
async fn check(column: &str, rows: impl IntoIterator<Item = String>, expected: Option<Isolating>) {
    let home = Home::new();
    let body: String = rows.into_iter().map(|row| format!("{row}\n")).collect();
    home.file("visits.csv", format!("id,x\n{body}"));
    let vault = home.vault();
    let manifest = home.manifest(&visits(&[SUBJECT, &format!("name = \"x\"\n{column}")]));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    let column_of = |snapshot: &Snapshot| snapshot.dataset.tables[0].column("x").unwrap().isolating;
    assert_eq!(column_of(&latest(&vault, "clinic").await), expected, "{column}");
}

const AMOUNT: &str = "class = \"measure\"\ntype = \"integer\"";

/// Everybody with an amount of their own, from 0 to 1000.
fn own() -> impl Iterator<Item = String> {
    (0..=1000).map(|person| format!("p{person},{person}"))
}

#[tokio::test]
async fn the_demonstration_has_the_steps_that_its_records_ask_for() {
    let home = Home::new();
    let vault = home.vault();
    vault.ingest(&demo("ward"), &IngestOptions::default()).await.unwrap();
    vault.ingest(&demo("nafld"), &small(200 << 10)).await.unwrap();
    assert_eq!(isolating(&latest(&vault, "ward").await), ["claims.points 200"]);
    let steps = ["patients.bmi 0.5", "patients.followup_days 5 declared", "events.days 5 declared"];
    assert_eq!(isolating(&latest(&vault, "nafld").await), steps);
}

#[tokio::test]
async fn what_is_measured_is_numbers_and_times_of_people() {
    let columns = ["class = \"dimension\"\ntype = \"integer\"", "class = \"measure\"\ntype = \"double\""];
    for column in [columns[0], columns[1], AMOUNT] {
        check(column, own(), found("10")).await;
    }
    check("class = \"measure\"\ntype = \"decimal(9,2)\"", own(), found("10")).await;
    check("class = \"dimension\"\ntype = \"text\"", own(), None).await;
    check("class = \"unit\"\nkind = \"ward\"\ntype = \"integer\"", own(), None).await;
    check("class = \"identifier\"", own(), None).await;
    // A code is a name, whatever it looks like.
    check("class = \"dimension\"\ntype = \"integer\"\ncode = true", own(), None).await;
    let day = |person: u32| format!("2024-{:02}-{:02}", person % 12 + 1, person % 28 + 1);
    let days = (0..100).map(|person| format!("p{person},{}", day(person)));
    check("class = \"date\"\ntype = \"date\"", days, None).await;
    let times = (0..100).map(|person| format!("p{person},{} 08:15:{:02}", day(person), person % 60));
    check(
        "class = \"date\"\ntype = \"timestamp\"",
        times,
        Some(Isolating::Found(Step::Date(DateGrain::Day))),
    )
    .await;
}

#[tokio::test]
async fn a_declaration_outweighs_what_is_found() {
    let shared = || (0..600).map(|person| format!("p{person},{}", person % 3 * 100));
    let step = |text: &str| Some(Isolating::Declared(Step::number(text).unwrap()));
    let declared = |line: &str| format!("{AMOUNT}\n{line}");
    check(AMOUNT, shared(), None).await;
    check(&declared("isolating = true"), shared(), found("2")).await;
    check(&declared("isolating = true\nstep = 365"), shared(), step("365")).await;
    check(&declared("step = \"365\""), shared(), None).await;
    check(&declared("step = \"365\""), own(), step("365")).await;
    check(&declared("isolating = false"), own(), None).await;
    // Without a range there is no step, and nothing may be asked for.
    let same = (0..600).map(|person| format!("p{person},7"));
    check(&declared("isolating = true"), same, Some(Isolating::Unknown)).await;
    check(&declared("isolating = true"), [], Some(Isolating::Unknown)).await;
    let month = Some(Isolating::Declared(Step::Date(DateGrain::Month)));
    check("class = \"date\"\ntype = \"date\"\nisolating = true\nstep = \"month\"", [], month).await;
    check("class = \"date\"\ntype = \"timestamp\"\nisolating = true\nstep = \"month\"", [], month).await;
}

#[tokio::test]
async fn rows_without_a_value_count_for_nothing() {
    // Three with a value of their own, among ten thousand without one.
    let rows = || {
        (0..10_000).map(|person| {
            format!("p{person},{}", if person < 3 { format!("{person}00") } else { String::new() })
        })
    };
    check(AMOUNT, rows(), found("2")).await;
    check(AMOUNT, rows().skip(3), None).await;
}

#[tokio::test]
async fn neither_the_order_of_the_source_nor_memory_changes_what_is_found() {
    let home = Home::new();
    let vault = home.vault();
    let columns = ["x", "y"].map(|name| format!("name = \"{name}\"\n{AMOUNT}"));
    let manifest = home.manifest(&visits(&[SUBJECT, &columns[0], &columns[1]]));
    let scrambled = |row: u64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    // More distinct values than are kept: of x most rows are rare, of y fewer than half.
    let mut rows: Vec<String> = (0..150_000)
        .map(|row| {
            let (x, y) = (scrambled(row), if row % 8 < 3 { scrambled(row) } else { row % 8 });
            format!("p{},{x},{y}", scrambled(row) % 9000)
        })
        .collect();
    let mut seen = Vec::new();
    for memory in [200 << 10, 64 << 20] {
        home.file("visits.csv", format!("id,x,y\n{}\n", rows.join("\n")));
        vault.ingest(&manifest, &small(memory)).await.unwrap();
        seen.push(isolating(&latest(&vault, "clinic").await));
        rows.sort_by_key(|row| row.len() * 7 % 5);
        rows.rotate_left(77_777);
    }
    assert_eq!(seen[0], ["visits.x 200000000000"]);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_pinned_snapshot_answers_as_it_always_did() {
    let home = Home::new();
    let vault = home.vault();
    let manifest = home.manifest(&visits(&[SUBJECT, &format!("name = \"x\"\n{AMOUNT}\nsensitive = true")]));
    for factor in [1, 50] {
        let rows: Vec<String> = (0..=1000).map(|person| format!("p{person},{}", person * factor)).collect();
        home.file("visits.csv", format!("id,x\n{}\n", rows.join("\n")));
        vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    }
    for (number, step) in [(1, "visits.x 10"), (2, "visits.x 500")] {
        let snapshot = home.vault().snapshot(&manifest.dataset, SnapshotPin::Number(number)).await.unwrap();
        assert_eq!(isolating(&snapshot), [step]);
        let column = snapshot.dataset.tables[0].column("x").unwrap();
        assert!(column.sensitive && !column.code);
    }
}
