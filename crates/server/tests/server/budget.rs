//! What a project is told of its budget: its own answers, and nothing of anybody else's.

use sekisho_client::{Document, State, Submission, v1};

use super::support::{Home, Server};

const BY_SEX: &str = "SELECT p.sex, COUNT(DISTINCT d.patient_id) AS n FROM diagnoses d \
                      JOIN patients p ON p.patient_id = d.patient_id WHERE d.icd10 = 'E11' GROUP BY p.sex";

async fn run(server: &Server, person: &str, project: &str, sql: &str) -> Document {
    let outcome = server.client(person).await.sql(project, sql).await.unwrap();
    Document::of_outcome(&outcome).unwrap()
}

async fn budget(server: &Server, person: &str, project: &str) -> v1::Budget {
    server.client(person).await.budget(project).await.unwrap()
}

fn used(budget: &v1::Budget, attribute: &str) -> u64 {
    budget.attributes.iter().find(|spent| spent.attribute == attribute).unwrap().used
}

#[tokio::test]
async fn a_project_is_told_what_it_was_given_itself_and_nothing_of_others() {
    let home = Home::new();
    let server = home.start().await;
    let nothing = budget(&server, "analyst", "ward").await;
    assert!(nothing.attributes.iter().all(|spent| spent.used == 0 && spent.worth.is_some()), "{nothing:?}");
    let of_others = budget(&server, "analyst-2", "ward-2").await;

    // What it will cost is told before, from the plan, and what it did cost is what was shown.
    let submission = Submission::new("ward", BY_SEX).unwrap();
    let costs = server.client("analyst").await.check(&submission).await.unwrap().costs;
    let cost = costs.iter().find(|cost| cost.attribute == "diagnoses.icd10").unwrap();
    assert_eq!((cost.answers, cost.for_each_group), (0, 1));
    assert_eq!(budget(&server, "analyst", "ward").await, nothing, "a check costs nothing");
    let shown = run(&server, "analyst", "ward", BY_SEX).await;
    let numbers = shown.rows.len() - shown.withheld.len();
    assert!(numbers > 0, "{shown:?}");
    let first = budget(&server, "analyst", "ward").await;
    assert_eq!(used(&first, "diagnoses.icd10"), u64::try_from(numbers).unwrap());
    assert_eq!(used(&first, "claims.points"), 0);

    // The same again is given once; what reads no attribute costs nothing; a table by codes is one answer.
    run(&server, "analyst", "ward", BY_SEX).await;
    run(&server, "analyst", "ward", "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex").await;
    assert_eq!(budget(&server, "analyst", "ward").await, first);
    run(&server, "analyst", "ward", "SELECT icd10, COUNT(*) AS n FROM diagnoses GROUP BY icd10").await;
    let after = budget(&server, "analyst", "ward").await;
    assert_eq!(used(&after, "diagnoses.icd10"), used(&first, "diagnoses.icd10") + 1);

    // Another project over the same data sees none of it, not even where its own question was asked before.
    assert_eq!(budget(&server, "analyst-2", "ward-2").await, of_others);
    let same = run(&server, "analyst-2", "ward-2", BY_SEX).await;
    assert_eq!(same.rows, shown.rows);
    assert_eq!(
        used(&budget(&server, "analyst-2", "ward-2").await, "diagnoses.icd10"),
        used(&first, "diagnoses.icd10")
    );
    server.stop().await;
    let server = home.start().await;
    assert_eq!(budget(&server, "analyst", "ward").await, after, "a restart forgets nothing");
    // Nor is a stranger told anything.
    assert!(server.client("analyst-2").await.budget("ward").await.is_err());
}

#[tokio::test]
async fn a_refused_plan_costs_nothing() {
    let home = Home::new();
    let server = home.start().await;
    let submission =
        Submission::new("ward", "SELECT icd10 FROM diagnoses WHERE patient_id = 'P000042'").unwrap();
    let checked = server.client("analyst").await.check(&submission).await.unwrap();
    assert!(checked.problem.is_some() && checked.costs.is_empty());
}

#[tokio::test]
async fn a_project_that_was_given_its_share_is_told_so_before_its_job_runs() {
    let home = Home::new();
    let policy = std::fs::read_to_string(home.state().join("projects/ward.toml")).unwrap();
    let small = policy
        .replace("name = \"ward\"", "name = \"ward-small\"")
        .replace("profile =", "answers = 2\nprofile =");
    std::fs::write(home.state().join("projects/ward-small.toml"), small).unwrap();
    let server = home.start().await;
    // What others ask uses up nothing of its share.
    for sql in [BY_SEX, "SELECT AVG(points) AS mean, COUNT(points) AS n, SUM(points) AS sum FROM claims"] {
        run(&server, "analyst", "ward", sql).await;
    }
    assert_eq!(budget(&server, "analyst", "ward-small").await.share, Some(2));
    assert_eq!(run(&server, "analyst", "ward-small", BY_SEX).await.state, State::Released);
    let refused = run(&server, "analyst", "ward-small", BY_SEX).await;
    let problem = refused.error.unwrap();
    assert_eq!((refused.state, problem.code.as_str()), (State::Refused, "BUDGET_SPENT"));
    assert!(problem.message.contains("`diagnoses.icd10`"), "{}", problem.message);
    let submission = Submission::new("ward-small", BY_SEX).unwrap();
    let checked = server.client("analyst").await.check(&submission).await.unwrap();
    assert_eq!(checked.problem.unwrap().message, problem.message);
    // Another attribute, and what reads none, is open.
    for sql in ["SELECT COUNT(*) AS n, SUM(points) AS sum FROM claims", "SELECT COUNT(*) AS n FROM patients"]
    {
        let document = run(&server, "analyst", "ward-small", sql).await;
        assert_eq!(document.state, State::Released, "{sql}: {:?}", document.error);
    }
    assert_eq!(
        run(&server, "analyst", "ward", BY_SEX).await.state,
        State::Released,
        "others are not concerned"
    );
}
