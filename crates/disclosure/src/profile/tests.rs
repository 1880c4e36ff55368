//! Which profiles are taken, and what a project may change.

use super::*;

fn built_in(name: &str) -> Profile {
    Profiles::built_in().unwrap().get(name).unwrap().clone()
}

#[test]
fn every_profile_compiled_in_is_valid() {
    let names: Vec<_> = Profiles::built_in().unwrap().iter().map(|profile| profile.name.clone()).collect();
    assert_eq!(names, ["japan-rwd", "opensafely", "teaching", "uk-sdc"]);
    assert_eq!(built_in(Profiles::DEFAULT).minimum_count(), 10);
}

#[test]
fn a_field_that_no_rule_reads_is_an_error() {
    let text = include_str!("../../../../policies/disclosure/japan-rwd.toml");
    assert!(Profile::from_toml(&format!("rounding = 5\n{text}")).is_err());
    assert!(Profile::from_toml(&text.replace("minimum_units = 3", "")).is_err());
}

#[test]
fn a_threshold_that_protects_nobody_is_an_error() {
    let text = include_str!("../../../../policies/disclosure/japan-rwd.toml");
    let error = Profile::from_toml(&text.replace("minimum_count = 10", "minimum_count = 1")).unwrap_err();
    let expected = "`minimum_count` of disclosure profile `japan-rwd` must be 3 to 1000000";
    assert_eq!(error.to_string(), expected);
    assert!(Profile::from_toml(&text.replace("permille = 900", "permille = 1001")).is_err());
    assert!(Profile::from_toml(&text.replace("largest = 2", "largest = 3")).is_err());
}

#[test]
fn a_project_can_only_be_stricter() {
    let profile = built_in("japan-rwd");
    let nothing = Stricter::default();
    assert_eq!(profile.stricter(&nothing).unwrap(), profile);
    let stricter = Stricter {
        minimum_count: Some(20),
        minimum_units: Some(3),
        withhold_zeros: Some(true),
        dominance_permille: Some(700),
        p_permille: Some(150),
    };
    let merged = profile.stricter(&stricter).unwrap();
    assert_eq!((merged.minimum_count, merged.dominance.permille, merged.zeros), (20, 700, Zeros::Withheld));
    let laxer = [
        ("minimum_count", Stricter { minimum_count: Some(9), ..nothing.clone() }),
        ("minimum_units", Stricter { minimum_units: Some(2), ..nothing.clone() }),
        ("p_permille", Stricter { p_permille: Some(99), ..nothing.clone() }),
        ("dominance_permille", Stricter { dominance_permille: Some(901), ..nothing.clone() }),
    ];
    for (field, project) in laxer {
        assert_eq!(profile.stricter(&project), Err(Error::LaxerThanProfile { field }));
    }
    let zeros = Stricter { withhold_zeros: Some(false), ..nothing };
    assert_eq!(profile.stricter(&zeros).unwrap().zeros, Zeros::Allowed);
    assert!(built_in("uk-sdc").stricter(&zeros).is_err());
}

#[test]
fn the_digest_changes_with_every_value_and_with_nothing_else() {
    let text = include_str!("../../../../policies/disclosure/japan-rwd.toml");
    let profile = Profile::from_toml(text).unwrap();
    assert_eq!(profile.digest(), Profile::from_toml(&format!("# a remark\n{text}")).unwrap().digest());
    let changes = [
        ("version = 1", "version = 2"),
        ("minimum_count = 10", "minimum_count = 11"),
        ("minimum_units = 3", "minimum_units = 4"),
        ("zeros = \"allowed\"", "zeros = \"withheld\""),
        ("p_permille = 100", "p_permille = 101"),
        ("comparator = \"more-than\"", "comparator = \"at-least\""),
        ("permille = 900", "permille = 899"),
        ("largest = 2", "largest = 1"),
    ];
    for (old, new) in changes {
        let changed = Profile::from_toml(&text.replacen(old, new, 1)).unwrap();
        assert_ne!(changed.digest(), profile.digest(), "{new}");
    }
}

#[test]
fn the_rules_read_as_sentences() {
    let words = built_in("japan-rwd").rules_in_words();
    assert_eq!(words[0], "a number is withheld where fewer than 10 people stand behind it");
    assert!(
        words.iter().any(|rule| rule.ends_with("the two largest contributors have more than 90 % of it"))
    );
    assert!(words.iter().any(|rule| rule.ends_with("its largest contribution to within 10 %")));
}

#[test]
fn a_folder_adds_profiles_and_replaces_those_of_the_same_name() {
    let folder = std::env::temp_dir().join(format!("sekisho-profiles-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let text = include_str!("../../../../policies/disclosure/teaching.toml");
    std::fs::write(folder.join("own.toml"), text.replace("\"teaching\"", "\"own\"")).unwrap();
    std::fs::write(folder.join("teaching.toml"), text.replace("minimum_count = 3", "minimum_count = 5"))
        .unwrap();
    let profiles = Profiles::with_folder(&folder).unwrap();
    assert_eq!(profiles.get("own").unwrap().minimum_count(), 3);
    assert_eq!(profiles.get("teaching").unwrap().minimum_count(), 5);
    assert_eq!(profiles.get("none"), Err(Error::ProfileUnknown { name: "none".into() }));
    std::fs::remove_dir_all(&folder).unwrap();
}
