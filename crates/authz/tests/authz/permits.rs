//! The truth table of role × resource × action, as a file that a person can read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sekisho_authn::Principal;
use sekisho_authz::{Action, Denied, Projects, Resource, Rule};
use sekisho_model::ProjectId;
use tempfile::TempDir;

use crate::people::Door;

const JOB: &str = "01JXZ8Q0V3T7M5K9N1P4R6S8WA";

/// Three rules: by both, by subject alone, by organisation alone.
const TRIAL: &str = r#"
name = "trial"
title = "A project with one rule of each kind"
dataset = "ward"
snapshot = "latest"
profile = "japan-rwd"
people = [
    { subject = "asa", organisation = "org-a" },
    { subject = "ben" },
    { organisation = "org-c" },
]
tables = [{ name = "patients" }]
"#;

fn trial() -> Projects {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("trial.toml"), TRIAL).unwrap();
    let other = TRIAL.replace("\"trial\"", "\"other\"").replace("asa", "eve").replace("ben", "eve2");
    fs::write(folder.path().join("other.toml"), other.replace("org-c", "org-e")).unwrap();
    Projects::load(folder.path()).unwrap()
}

async fn roles(door: &Door) -> Vec<(&'static str, Principal)> {
    let everything = ["checker", "committee", "operator", "auditor", "admin"];
    vec![
        ("subject and organisation match", door.sign_in("asa", Some("org-a"), &[]).await),
        ("subject matches", door.sign_in("ben", Some("org-z"), &[]).await),
        ("subject matches, no organisation", door.sign_in("ben", None, &[]).await),
        ("organisation matches", door.sign_in("cem", Some("org-c"), &[]).await),
        ("only the subject of a rule with both", door.sign_in("asa", Some("org-z"), &[]).await),
        ("the same, no organisation", door.sign_in("asa", None, &[]).await),
        ("only the organisation of a rule with both", door.sign_in("dan", Some("org-a"), &[]).await),
        ("member of another project", door.sign_in("eve", Some("org-a"), &[]).await),
        ("organisation's name as subject", door.sign_in("org-c", None, &[]).await),
        ("nearly the same name", door.sign_in("Ben", Some("org-cc"), &[]).await),
        ("stranger with every role", door.sign_in("zoe", Some("org-z"), &everything).await),
    ]
}

fn resources(own: &str) -> Vec<(&'static str, Resource)> {
    let job = |project: &str, submitter: &str| Resource::Job {
        name: format!("projects/{project}/jobs/{JOB}").parse().unwrap(),
        submitter: submitter.to_owned(),
    };
    let project = |name: &str| Resource::Project(name.parse::<ProjectId>().unwrap());
    vec![
        ("project", project("trial")),
        ("own job", job("trial", own)),
        ("another's job", job("trial", "somebody")),
        ("no such project", project("nowhere")),
        ("own job of no such project", job("nowhere", own)),
    ]
}

fn table(projects: &Projects, roles: &[(&str, Principal)]) -> String {
    let mut text = String::from(
        "# Who may do what. Written by the test `the_truth_table_is_as_committed`; a number is that of the people rule.\n",
    );
    for (role, person) in roles {
        writeln!(text, "\n{role}").unwrap();
        let names = Action::ALL.map(|action| format!("{action:<14}")).concat();
        writeln!(text, "  {:<28}{}", "", names.trim_end()).unwrap();
        for (label, resource) in resources(person.subject()) {
            let cells = Action::ALL.map(|action| {
                let cell = match projects.permit(person, action, resource.clone()) {
                    Ok(permit) => match permit.rule() {
                        Rule::Member(people) => format!("member {people}"),
                        Rule::Submitter(people) => format!("submitter {people}"),
                    },
                    Err(Denied) => "-".to_owned(),
                };
                format!("{cell:<14}")
            });
            writeln!(text, "  {label:<28}{}", cells.concat().trim_end()).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn the_truth_table_is_as_committed() {
    let golden = Path::new("tests/golden/permits.txt");
    let table = table(&trial(), &roles(&Door::new()).await);
    if std::env::var_os("SEKISHO_BLESS").is_some() {
        fs::write(golden, &table).unwrap();
    }
    let committed = fs::read_to_string(golden).unwrap();
    assert!(table == committed, "run again with SEKISHO_BLESS=1 and read the difference:\n{table}");
}

#[tokio::test]
async fn a_permit_records_project_person_action_and_rule() {
    let (projects, door) = (trial(), Door::new());
    let person = door.sign_in("cem", Some("org-c"), &[]).await;
    let id: ProjectId = "trial".parse().unwrap();
    let permit = projects.permit(&person, Action::Submit, Resource::Project(id.clone())).unwrap();
    assert_eq!(permit.project(), projects.get(&id).unwrap());
    assert_eq!((permit.subject(), permit.organisation()), (person.subject(), person.organisation()));
    assert_eq!((permit.action(), permit.rule()), (Action::Submit, Rule::Member(3)));
    assert_eq!(permit.rule().to_string(), "member by people rule 3");
}

#[tokio::test]
async fn the_visible_projects_are_those_that_may_be_listed() {
    let (projects, door) = (trial(), Door::new());
    for (_, person) in roles(&door).await {
        let visible: Vec<_> =
            projects.visible(&person).iter().map(|permit| permit.project().id.clone()).collect();
        let allowed = |id: &ProjectId| {
            projects.permit(&person, Action::ListProjects, Resource::Project(id.clone())).is_ok()
        };
        let listed: Vec<_> = projects.iter().map(|project| project.id.clone()).filter(allowed).collect();
        assert_eq!(visible, listed);
    }
    let eve = door.sign_in("eve", Some("org-a"), &[]).await;
    assert_eq!(projects.visible(&eve).len(), 1);
}

#[test]
fn a_denial_says_nothing() {
    assert_eq!(size_of::<Denied>(), 0);
    assert_eq!(Denied.to_string(), "no such project or job, or not for you");
}
