//! Which project files are taken, and what is said about the others.

use sekisho_model::{
    DateGrain, GeographyLevel, Hold, People, Rounding, SmallChange, SnapshotPin, Stricter, TableGrant,
};
use tempfile::TempDir;

use super::*;

const FULL: &str = r#"name = "liver"
title = "Liver enzymes and mortality"
dataset = "nafld"
snapshot = 3
profile = "uk-sdc"
hold = "always"

[[people]]
subject = "analyst"
organisation = "org-a"

[[people]]
organisation = "org-b"

[[tables]]
name = "patients"
columns = ["id", "age"]

[[tables]]
name = "labs"

[stricter]
minimum_count = 20
minimum_units = 4
withhold_zeros = true
dominance_permille = 800
p_permille = 150
degrees_of_freedom = 12
withhold_extremes = true
max_dimensions = 2
max_list = 20
date_grain = "quarter"
geography_grain = "district"
rounding = "midpoint-6"
areas_nothing_below = 5000
areas_few_below = 50000
areas_minimum_count = 30
columns_only = true
max_leverage = 50
minimum_interval = 200
on_small_change = "earlier"
forbidden_crossings = [["patients.municipality", "claims.insurer"]]
"#;

fn load(name: &str, text: &str) -> Result<Projects, Error> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    Projects::load(folder.path())
}

fn liver() -> Project {
    load("liver.toml", FULL).unwrap().get(&"liver".parse().unwrap()).unwrap().clone()
}

#[test]
fn every_part_of_a_project_file_is_read() {
    let text = |text: &str| Some(text.to_owned());
    let expected = Project {
        id: "liver".parse().unwrap(),
        title: "Liver enzymes and mortality".to_owned(),
        people: vec![
            People { subject: text("analyst"), organisation: text("org-a") },
            People { subject: None, organisation: text("org-b") },
        ],
        dataset: "nafld".parse().unwrap(),
        snapshot: SnapshotPin::Number(3),
        tables: vec![
            TableGrant {
                table: "patients".to_owned(),
                columns: Some(vec!["id".to_owned(), "age".to_owned()]),
            },
            TableGrant { table: "labs".to_owned(), columns: None },
        ],
        profile: "uk-sdc".to_owned(),
        stricter: Stricter {
            minimum_count: Some(20),
            minimum_units: Some(4),
            withhold_zeros: Some(true),
            dominance_permille: Some(800),
            p_permille: Some(150),
            degrees_of_freedom: Some(12),
            withhold_extremes: Some(true),
            max_dimensions: Some(2),
            max_list: Some(20),
            date_grain: Some(DateGrain::Quarter),
            geography_grain: Some(GeographyLevel::District),
            rounding: Some(Rounding::MidpointSix),
            areas_nothing_below: Some(5000),
            areas_few_below: Some(50000),
            areas_minimum_count: Some(30),
            columns_only: Some(true),
            max_leverage: Some(50),
            minimum_interval: Some(200),
            on_small_change: Some(SmallChange::Earlier),
            forbidden_crossings: vec![vec!["patients.municipality".to_owned(), "claims.insurer".to_owned()]],
        },
        answers: None,
        hold: Hold::Always,
    };
    assert_eq!(liver(), expected);
}

#[test]
fn a_rendered_project_reads_back_the_same() {
    let full = liver();
    let plain = Project {
        snapshot: SnapshotPin::Latest,
        answers: Some(500),
        hold: Hold::ByRule,
        stricter: Stricter::default(),
        title: "quotes \" and \\ and ひらがな".to_owned(),
        ..full.clone()
    };
    for project in [full, plain] {
        let text = render(&project).unwrap();
        let read = load("liver.toml", &text).unwrap();
        assert_eq!(read.get(&project.id), Some(&project), "{text}");
    }
}

#[test]
fn mistakes_are_named_with_line_and_cure() {
    // What is replaced in the full file, by what, and what the message must hold.
    let cases = [
        ("name = \"liver\"", "name = \"lever\"", ":1: ", "name the file `lever.toml`"),
        ("title = \"Liver enzymes and mortality\"", "title = \" \"", ":2: ", "`title` is empty"),
        ("dataset = \"nafld\"", "dataset = \"NAFLD\"", ":3: ", "a dataset name is"),
        ("snapshot = 3", "snapshot = 0", ":4: ", "1 or more"),
        ("snapshot = 3", "snapshot = -1", ":4: ", "1 or more"),
        ("snapshot = 3", "snapshot = \"newest\"", ":4: ", "latest"),
        ("profile = \"uk-sdc\"", "profile = \"../secret\"", ":5: ", "policies/disclosure"),
        ("profile = \"uk-sdc\"", "profile = \"\"", ":5: ", "policies/disclosure"),
        ("hold = \"always\"", "hold = \"sometimes\"", ":6: ", "by-rule"),
        ("hold = \"always\"", "holds = \"always\"", ":6: ", "unknown field `holds`"),
        ("[[people]]\norganisation = \"org-b\"", "[[people]]", ":12: ", "admit everybody"),
        ("[[people]]\norganisation = \"org-b\"", "[[people]]\nsubject = \"\"", ":12: ", "match nobody"),
        ("subject = \"analyst\"", "subjects = \"analyst\"", ":9: ", "unknown field `subjects`"),
        ("subject = \"analyst\"", "subject = [\"analyst\"]", ":9: ", "expected a string"),
        ("name = \"labs\"", "name = \"patients\"", ":19: ", "granted twice"),
        ("name = \"labs\"", "name = \"labs; x\"", ":19: ", "not the name of a table"),
        ("name = \"labs\"", "name = \"labs\"\ncolumns = []", ":19: ", "without any column"),
        ("minimum_count = 20", "minimum_count = -1", ":23: ", "u32"),
        ("minimum_count = 20", "maximum_count = 20", ":23: ", "unknown field"),
        ("p_permille = 150", "p_permille = 1001", ":22: ", "per mille"),
        ("date_grain = \"quarter\"", "date_grain = \"decade\"", ":22: ", "part of the calendar"),
        ("geography_grain = \"district\"", "geography_grain = \"street\"", ":22: ", "level of geography"),
        ("rounding = \"midpoint-6\"", "rounding = \"3\"", ":22: ", "way of rounding"),
        ("on_small_change = \"earlier\"", "on_small_change = \"later\"", ":22: ", "what may happen"),
        ("title = ", "titel = ", ":2: ", "unknown field `titel`"),
        ("[stricter]", "[stricter", ":22: ", "policies/README.md"),
    ];
    for (old, new, line, part) in cases {
        assert_eq!(FULL.matches(old).count(), 1, "{old}");
        let error = load("liver.toml", &FULL.replace(old, new)).unwrap_err().to_string();
        assert!(error.contains("liver.toml:"), "{error}");
        assert!(error.contains(line) && error.contains(part), "{new}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for part in [
        "title = \"Liver enzymes and mortality\"\n",
        "dataset = \"nafld\"\n",
        "snapshot = 3\n",
        "profile = \"uk-sdc\"\n",
    ] {
        let field = part.split(' ').next().unwrap();
        let error = load("liver.toml", &FULL.replace(part, "")).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
    let nobody = "name = \"x\"\ntitle = \"x\"\ndataset = \"x\"\nsnapshot = 1\nprofile = \"x\"\npeople = []\ntables = []";
    assert!(load("x.toml", nobody).unwrap_err().to_string().contains(":6: `people` is empty"));
    let nothing = nobody.replace("people = []", "people = [{ subject = \"x\" }]");
    assert!(load("x.toml", &nothing).unwrap_err().to_string().contains(":7: `tables` is empty"));
}

#[test]
fn one_bad_file_keeps_all_from_being_loaded() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("liver.toml"), FULL).unwrap();
    fs::write(folder.path().join("README.md"), "not a project").unwrap();
    assert_eq!(Projects::load(folder.path()).unwrap().iter().count(), 1);
    fs::write(folder.path().join("zebra.toml"), "name = ").unwrap();
    assert!(Projects::load(folder.path()).unwrap_err().to_string().contains("zebra.toml:1: "));
}

#[test]
fn a_missing_or_oversized_file_is_an_error() {
    let folder = TempDir::new().unwrap();
    let error = Projects::load(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("check that it is there"), "{error}");
    let huge = format!("# {}\n{FULL}", "x".repeat(1024 * 1024));
    assert!(load("liver.toml", &huge).unwrap_err().to_string().contains("larger than"));
    assert!(matches!(load("liver.toml", "\u{0}"), Err(Error::Project { line: 1, .. })));
}
