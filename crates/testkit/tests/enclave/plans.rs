//! Several statements of one study, judged as one release: the first one is what matters most.

use sekisho_client::{Client, Document, State, StudyPlan, Submission, exit_code};
use sekisho_testkit::Enclave;
use serde_json::{Value, json};

const IN_47: &str = "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47'";
const BUT_FEW: &str =
    "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47' AND NOT (birth_year = 1931 AND sex = 'F')";
const FEW: &str =
    "SELECT COUNT(*) AS n FROM patients WHERE prefecture = '47' AND birth_year = 1931 AND sex = 'F'";
const BY_SEX: &str = "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY sex";

fn plan(statements: &[(&str, &str)]) -> Submission {
    let statements = statements.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()));
    Submission::new("ward", StudyPlan::new(statements).unwrap().to_sql()).unwrap()
}

async fn run(client: &Client, statements: &[(&str, &str)]) -> Document {
    let outcome = client.run(&plan(statements), |_| ()).await.unwrap();
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(document.state, State::Released, "{:?}", document.error);
    document
}

/// For each statement, its name and whether its only cell is shown.
fn shown(document: &Document) -> Vec<(&str, bool)> {
    let shown = document.statements.iter().map(|of| (of.name.as_str(), of.withheld.is_empty()));
    shown.collect()
}

#[tokio::test]
async fn of_two_statements_that_differ_by_few_people_the_later_one_is_withheld() {
    for statements in [[("whole", IN_47), ("part", BUT_FEW)], [("part", BUT_FEW), ("whole", IN_47)]] {
        let enclave = Enclave::start().await.unwrap();
        let client = enclave.client("analyst").await.unwrap();
        let [(first, _), (second, _)] = statements;
        let document = run(&client, &statements).await;
        assert_eq!(shown(&document), [(first, true), (second, false)]);
        // What the first shows is what it shows alone; and what was withheld stays so.
        let again = run(&client, &[statements[1], statements[0]]).await;
        assert_eq!(shown(&again), [(second, false), (first, true)]);
        assert_eq!(again.statements[1].rows, document.statements[0].rows);
    }
}

#[tokio::test]
async fn a_later_total_does_not_tell_what_an_earlier_statement_hides() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let document = run(&client, &[("few", FEW), ("others", BUT_FEW), ("total", IN_47)]).await;
    assert_eq!(shown(&document), [("few", false), ("others", true), ("total", false)]);
}

#[tokio::test]
async fn a_plan_is_one_release_with_one_receipt_and_one_page_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    let mut enclave = Enclave::start_at(&root, Vec::new()).await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let submission = plan(&[("main", BY_SEX), ("few", FEW)]);
    let outcome = client.run(&submission, |_| ()).await.unwrap();
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(client.verify(&outcome).await.unwrap().job, outcome.job.name);
    assert_eq!(outcome.job.sql, submission.sql);

    let json: Value = serde_json::from_str(&document.to_json_line()).unwrap();
    let keys: Vec<&str> = json["statements"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["name", "columns", "rows", "withheld", "groups_may_be_absent"]);
    assert_eq!((&json["columns"], &json["rows"], &json["withheld"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(json["statements"][1]["rows"], json!([{"n": null}]));
    assert_eq!(json["statements"][1]["withheld"], json!([{"row": 0, "column": "n"}]));
    assert!(document.has_the_values_of(&document.to_json_line()).unwrap());
    let changed = document.to_json_line().replacen("\"n\":", "\"n\":1", 1);
    assert!(!document.has_the_values_of(&changed).unwrap());

    // The same rows as the statement alone, which adds nothing to the ledger.
    assert_eq!(enclave.ask("ward", BY_SEX).await.unwrap().rows, document.statements[0].rows);
    enclave.stop().await.unwrap();
    let log = std::fs::read_to_string(enclave.state().path("log/entries.jsonl")).unwrap();
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let released: Vec<Value> = entries.filter(|entry| entry["kind"] == "job.released").collect();
    assert_eq!(released.len(), 2);
    assert_eq!(released[0]["details"]["ledger_position"], "1");

    let mut enclave = Enclave::start_at(&root, Vec::new()).await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let job = client.job(&outcome.job.name).await.unwrap();
    assert_eq!(client.outcome(job).await.unwrap().arrow, outcome.arrow, "kept and opened as it was");
    enclave.stop().await.unwrap();
}

#[tokio::test]
async fn one_statement_that_is_refused_refuses_all_by_its_name() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let submission = plan(&[
        ("main", "SELECT icd10, COUNT(DISTINCT patient_id) AS n\nFROM diagnoses GROUP BY icd10"),
        ("records", "SELECT\n  birth_year FROM patients"),
        ("text", "SELEC 1"),
    ]);
    let checked = Document::of_check(&client.check(&submission).await.unwrap());
    let ran = Document::of_outcome(&client.run(&submission, |_| ()).await.unwrap()).unwrap();
    for document in [&checked, &ran] {
        assert_eq!((document.state, exit_code(Ok(document.state))), (State::Refused, 11));
        let problem = document.error.as_ref().unwrap();
        assert_eq!(problem.code, "RECORDS_IN_OUTPUT");
        assert!(problem.message.starts_with("statement `records`: "), "{problem:?}");
        assert_eq!(problem.position.unwrap().line, 6, "of the whole text: {problem:?}");
    }
    let found = checked
        .statements
        .iter()
        .map(|of| (of.name.as_str(), of.costs.len(), of.error.as_ref().map(|problem| problem.code.as_str())));
    let expected =
        [("main", 1, None), ("records", 0, Some("RECORDS_IN_OUTPUT")), ("text", 0, Some("SQL_SYNTAX"))];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(ran.statements, []);
}

#[tokio::test]
async fn parameters_and_lists_are_shared_and_the_costs_are_those_of_all() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let coded = "SELECT COUNT(DISTINCT d.patient_id) AS n FROM diagnoses d JOIN codes c ON d.icd10 = c.code";
    let since = "SELECT COUNT(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 = 'E11' AND date >= $1";
    let submission = |with: &str| {
        plan(&[("listed", coded), ("since", with)])
            .with_parameter("2015-01-01::date".parse().unwrap())
            .with_list("codes", "code\nE11\nE14\n")
    };
    let checked = Document::of_check(&client.check(&submission(since)).await.unwrap());
    assert_eq!((checked.state, checked.error), (State::Allowed, None));
    let answers = |costs: &[sekisho_client::Cost]| {
        let of = costs.iter().find(|cost| cost.attribute == "diagnoses.icd10").unwrap();
        of.answers + of.for_each_group
    };
    let each: Vec<u64> = checked.statements.iter().map(|of| answers(&of.costs)).collect();
    assert_eq!((each.len(), answers(&checked.costs)), (2, each.iter().sum()));
    let outcome = client.run(&submission(since), |_| ()).await.unwrap();
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(shown(&document), [("listed", true), ("since", true)], "{:?}", document.error);
    // A parameter that no statement names is of no use.
    let refused = client.run(&submission(BY_SEX), |_| ()).await.unwrap();
    assert_eq!(refused.job.problem.unwrap().code, "PARAMETER_MISMATCH");
}

#[tokio::test]
async fn what_is_no_plan_is_not_taken() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let many = (0..33).map(|number| format!("-- statement: s{number}\nSELECT 1 AS one\n")).collect();
    for (sql, code, exit) in [
        ("-- statement: a\nSELECT 1\n-- statement: a\nSELECT 1".to_owned(), "INVALID_ARGUMENT", 2),
        ("-- statement: ../a\nSELECT 1".to_owned(), "INVALID_ARGUMENT", 2),
        (many, "TOO_LARGE", 11),
    ] {
        let error = client.submit(&Submission::new("ward", sql).unwrap()).await.unwrap_err();
        assert_eq!((error.problem().code.as_str(), exit_code(Err(&error))), (code, exit));
    }
}
