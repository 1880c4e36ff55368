//! Whether the project files that we ship say what the demonstration promises.

use std::path::Path;

use sekisho_authz::{Action, Projects, Resource};
use sekisho_model::{Hold, SnapshotPin};

use crate::people::Door;

fn shipped() -> Projects {
    Projects::load(Path::new("../../policies/projects")).unwrap()
}

#[tokio::test]
async fn each_demonstration_person_may_use_exactly_their_projects() {
    let (projects, door) = (shipped(), Door::new());
    let cases: [(&str, Option<&str>, &[&str]); 7] = [
        ("analyst", Some("org-a"), &["nafld", "nafld-review", "ward"]),
        ("researcher", Some("org-a"), &["nafld", "nafld-review", "ward"]),
        ("analyst-2", Some("org-b"), &["ward-2"]),
        ("checker-3", Some("org-a"), &[]),
        ("checker-1", None, &[]),
        ("analyst", Some("org-b"), &[]),
        ("analyst-2", Some("org-a"), &[]),
    ];
    for (subject, organisation, expected) in cases {
        let person = door.sign_in(subject, organisation, &[]).await;
        let may: Vec<&str> = projects
            .iter()
            .filter(|project| {
                projects.permit(&person, Action::Submit, Resource::Project(project.id.clone())).is_ok()
            })
            .map(|project| project.id.as_str())
            .collect();
        assert_eq!(may, expected, "{subject} of {organisation:?}");
    }
}

#[test]
fn the_demonstration_projects_are_as_promised() {
    let projects = shipped();
    let ward = ["patients", "diagnoses", "lab_results", "claims", "prescriptions", "icd10"];
    let nafld = ["patients", "labs", "events"];
    let cases: [(&str, &str, &[&str], Hold); 4] = [
        ("nafld", "nafld", &nafld, Hold::ByRule),
        ("nafld-review", "nafld", &nafld, Hold::Always),
        ("ward", "ward", &ward, Hold::ByRule),
        ("ward-2", "ward", &ward, Hold::ByRule),
    ];
    assert_eq!(projects.iter().count(), cases.len());
    for (name, dataset, tables, hold) in cases {
        let project = projects.get(&name.parse().unwrap()).unwrap();
        assert_eq!(project.dataset.as_str(), dataset);
        assert_eq!(project.snapshot, SnapshotPin::Latest);
        assert_eq!((project.profile.as_str(), project.hold), ("japan-rwd", hold));
        let granted: Vec<&str> = project.tables.iter().map(|grant| grant.table.as_str()).collect();
        assert_eq!(granted, tables);
        assert!(project.tables.iter().all(|grant| grant.columns.is_none()));
    }
}

#[test]
fn the_documented_example_is_a_project() {
    let readme = std::fs::read_to_string("../../policies/README.md");
    let readme = readme.unwrap();
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("liver-2026.toml"), example).unwrap();
    let projects = Projects::load(folder.path()).unwrap();
    let project = projects.get(&"liver-2026".parse().unwrap()).unwrap();
    assert_eq!((project.people.len(), project.tables.len()), (2, 2));
}
