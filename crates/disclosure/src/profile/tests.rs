//! Which profiles are taken, and what a project may change.

use super::*;

fn built_in(name: &str) -> Profile {
    Profiles::built_in().unwrap().get(name).unwrap().clone()
}

#[test]
fn every_profile_compiled_in_is_valid() {
    let names: Vec<_> = Profiles::built_in().unwrap().iter().map(|profile| profile.name.clone()).collect();
    assert_eq!(names, ["abs", "all-of-us", "cms", "japan-rwd", "opensafely", "teaching", "uk-sdc"]);
    assert_eq!(built_in(Profiles::DEFAULT).minimum_count(), 10);
}

#[test]
fn a_field_that_no_rule_reads_is_an_error() {
    let text = include_str!("../../../../policies/disclosure/japan-rwd.toml");
    assert!(Profile::from_toml(&format!("noise = 5\n{text}")).is_err());
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
    let out_of_range = [
        ("degrees_of_freedom = 10", "degrees_of_freedom = 1"),
        ("max_dimensions = 3", "max_dimensions = 0"),
        ("max_list = 50", "max_list = 0"),
        ("areas = ", "areas = { nothing_below = 3, few_below = 2, minimum_count = 20 }"),
        ("areas = ", "areas = { nothing_below = 1, few_below = 2, minimum_count = 0 }"),
        ("max_leverage = 100", "max_leverage = 0"),
        ("max_leverage = 100", "max_leverage = 1001"),
        ("minimum_interval = 100", "minimum_interval = 1001"),
        ("forbidden_crossings = []", "forbidden_crossings = [[\"a.x\"]]"),
        ("forbidden_crossings = []", "forbidden_crossings = [[\"a.x\", \"y\"]]"),
    ];
    // A table of its own, which stands last.
    let (before_areas, _) = text.split_once("[areas]").unwrap();
    for (valid, invalid) in out_of_range {
        let text = match valid {
            "areas = " => format!("{invalid}\n{before_areas}"),
            _ => text.replace(valid, invalid),
        };
        let error = Profile::from_toml(&text).unwrap_err();
        assert!(
            matches!(error, Error::ProfileRange { field, .. } if invalid.starts_with(field)),
            "{invalid}"
        );
    }
    let unknown = [
        "date_grain = \"hour\"",
        "extremes = \"all\"",
        "expressions = \"none\"",
        "geography_grain = \"street\"",
        "rounding = \"3\"",
        "rounding = 5",
    ];
    for invalid in unknown {
        let key = invalid.split(' ').next().unwrap();
        let others = text.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        let error = Profile::from_toml(&format!("{invalid}\n{others}")).unwrap_err();
        assert!(matches!(error, Error::ProfileSyntax { .. }), "{invalid}");
    }
}

#[test]
fn a_profile_from_before_a_rule_has_the_strict_side_of_it() {
    let later = |line: &&str| {
        [
            "degrees_",
            "extremes",
            "max_",
            "minimum_interval",
            "on_small_change",
            "date_grain",
            "expressions",
            "forbidden_",
            "geography_",
            "rounding",
        ]
        .iter()
        .all(|key| !line.starts_with(key))
    };
    for name in ["japan-rwd", "teaching"] {
        let text = match name {
            "japan-rwd" => include_str!("../../../../policies/disclosure/japan-rwd.toml"),
            _ => include_str!("../../../../policies/disclosure/teaching.toml"),
        };
        let (text, _) = text.split_once("[areas]").unwrap();
        let older = Profile::from_toml(&text.lines().filter(later).collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(older.areas, Areas::NDB);
        let strict = (older.extremes(), older.max_dimensions(), older.max_list(), older.date_grain());
        assert_eq!(strict, (Extremes::Off, 3, 50, DateGrain::Month));
        assert_eq!((older.degrees_of_freedom, older.expressions()), (10, Expressions::All));
        assert_eq!((older.max_leverage, older.minimum_interval), (100, 100));
        assert_eq!(older.on_small_change, SmallChange::Earlier);
        assert!(older.forbidden_crossings().is_empty());
        let coarse = (older.geography_grain(), older.rounding);
        assert_eq!(coarse, (GeographyLevel::Province, Rounding::None));
    }
}

#[test]
fn a_project_can_only_be_stricter() {
    let profile = built_in("japan-rwd");
    let nothing = Stricter::default();
    let crossing = || vec![vec!["patients.municipality".to_owned(), "claims.insurer".to_owned()]];
    assert_eq!(profile.stricter(&nothing).unwrap(), profile);
    let stricter = Stricter {
        minimum_count: Some(20),
        minimum_units: Some(3),
        withhold_zeros: Some(true),
        dominance_permille: Some(700),
        p_permille: Some(150),
        degrees_of_freedom: Some(12),
        withhold_extremes: Some(true),
        max_dimensions: Some(2),
        max_list: Some(20),
        date_grain: Some(DateGrain::Quarter),
        geography_grain: Some(GeographyLevel::District),
        rounding: Some(Rounding::Five),
        areas_nothing_below: Some(3_000),
        areas_few_below: Some(30_000),
        areas_minimum_count: Some(25),
        columns_only: Some(true),
        max_leverage: Some(50),
        minimum_interval: Some(200),
        on_small_change: Some(SmallChange::Earlier),
        forbidden_crossings: crossing(),
    };
    let merged = profile.stricter(&stricter).unwrap();
    assert_eq!((merged.minimum_count, merged.dominance.permille, merged.zeros), (20, 700, Zeros::Withheld));
    assert_eq!((merged.degrees_of_freedom, merged.extremes()), (12, Extremes::Off));
    assert_eq!(
        (merged.max_dimensions(), merged.max_list(), merged.date_grain()),
        (2, 20, DateGrain::Quarter)
    );
    assert_eq!(
        (merged.expressions(), merged.max_leverage, merged.minimum_interval, merged.forbidden_crossings()),
        (Expressions::ColumnsOnly, 50, 200, &*crossing())
    );
    assert_eq!((merged.geography_grain(), merged.rounding), (GeographyLevel::District, Rounding::Five));
    let areas = Areas { nothing_below: 3_000, few_below: 30_000, minimum_count: 25 };
    assert_eq!(merged.areas, areas);
    let laxer = [
        ("minimum_count", Stricter { minimum_count: Some(9), ..nothing.clone() }),
        ("minimum_units", Stricter { minimum_units: Some(2), ..nothing.clone() }),
        ("p_permille", Stricter { p_permille: Some(99), ..nothing.clone() }),
        ("dominance_permille", Stricter { dominance_permille: Some(901), ..nothing.clone() }),
        ("degrees_of_freedom", Stricter { degrees_of_freedom: Some(9), ..nothing.clone() }),
        ("withhold_extremes", Stricter { withhold_extremes: Some(false), ..nothing.clone() }),
        ("max_dimensions", Stricter { max_dimensions: Some(4), ..nothing.clone() }),
        ("max_list", Stricter { max_list: Some(51), ..nothing.clone() }),
        ("max_leverage", Stricter { max_leverage: Some(101), ..nothing.clone() }),
        ("minimum_interval", Stricter { minimum_interval: Some(99), ..nothing.clone() }),
        ("date_grain", Stricter { date_grain: Some(DateGrain::Week), ..nothing.clone() }),
    ];
    for (field, project) in laxer {
        assert_eq!(profile.stricter(&project), Err(Error::LaxerThanProfile { field }));
    }
}

#[test]
fn zeros_and_extremes_are_only_withheld_by_a_project() {
    let (profile, nothing) = (built_in("japan-rwd"), Stricter::default());
    let malformed = Stricter { forbidden_crossings: vec![vec!["insurer".to_owned()]], ..nothing.clone() };
    assert!(matches!(profile.stricter(&malformed), Err(Error::ProfileRange { .. })));
    let kth = built_in("teaching").stricter(&Stricter { withhold_extremes: Some(false), ..nothing.clone() });
    assert_eq!(kth.unwrap().extremes(), Extremes::Kth);
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
        ("version = 5", "version = 6"),
        ("minimum_count = 10", "minimum_count = 11"),
        ("minimum_units = 3", "minimum_units = 4"),
        ("zeros = \"allowed\"", "zeros = \"withheld\""),
        ("p_permille = 100", "p_permille = 101"),
        ("comparator = \"more-than\"", "comparator = \"at-least\""),
        ("permille = 900", "permille = 899"),
        ("largest = 2", "largest = 1"),
        ("degrees_of_freedom = 10", "degrees_of_freedom = 11"),
        ("extremes = \"off\"", "extremes = \"kth\""),
        ("max_dimensions = 3", "max_dimensions = 2"),
        ("max_list = 50", "max_list = 51"),
        ("max_leverage = 100", "max_leverage = 99"),
        ("minimum_interval = 100", "minimum_interval = 101"),
        ("on_small_change = \"earlier\"", "on_small_change = \"blank\""),
        ("date_grain = \"month\"", "date_grain = \"year\""),
        ("geography_grain = \"municipality\"", "geography_grain = \"province\""),
        ("rounding = \"none\"", "rounding = \"keyed\""),
        ("nothing_below = 2000", "nothing_below = 2001"),
        ("few_below = 25000", "few_below = 25001"),
        ("minimum_count = 20", "minimum_count = 21"),
        ("expressions = \"all\"", "expressions = \"columns-only\""),
        ("forbidden_crossings = []", "forbidden_crossings = [[\"a.x\", \"b.y\"]]"),
    ];
    for (old, new) in changes {
        let changed = Profile::from_toml(&text.replacen(old, new, 1)).unwrap();
        assert_ne!(changed.digest(), profile.digest(), "{new}");
    }
}

#[test]
fn a_project_may_only_hide_more_of_who_left() {
    let with = |profile: &Profile, change| {
        let project = Stricter { on_small_change: Some(change), ..Stricter::default() };
        profile.stricter(&project).map(|profile| profile.on_small_change)
    };
    let strict = built_in("japan-rwd");
    assert_eq!(with(&strict, SmallChange::Earlier), Ok(SmallChange::Earlier));
    let laxer = Error::LaxerThanProfile { field: "on_small_change" };
    assert_eq!(with(&strict, SmallChange::Blank), Err(laxer));
    let lax = Profile { on_small_change: SmallChange::Blank, ..strict.clone() };
    assert_eq!(with(&lax, SmallChange::Earlier), Ok(SmallChange::Earlier));
    assert_eq!(with(&lax, SmallChange::Blank), Ok(SmallChange::Blank));
}

#[test]
fn a_project_may_only_ask_for_larger_places() {
    let nothing = Stricter::default();
    let laxer = [
        ("geography_grain", Stricter { geography_grain: Some(GeographyLevel::SmallArea), ..nothing.clone() }),
        ("areas_nothing_below", Stricter { areas_nothing_below: Some(1_999), ..nothing.clone() }),
        ("areas_few_below", Stricter { areas_few_below: Some(24_999), ..nothing.clone() }),
        ("areas_minimum_count", Stricter { areas_minimum_count: Some(19), ..nothing.clone() }),
    ];
    for (field, project) in laxer {
        assert_eq!(built_in("japan-rwd").stricter(&project), Err(Error::LaxerThanProfile { field }));
    }
}

#[test]
fn a_project_rounds_as_coarsely_as_its_profile_or_more() {
    let rounded = |profile: &str, rounding| {
        built_in(profile).stricter(&Stricter { rounding: Some(rounding), ..Stricter::default() })
    };
    for (profile, own) in
        [("japan-rwd", Rounding::None), ("opensafely", Rounding::Five), ("abs", Rounding::Keyed)]
    {
        for rounding in Rounding::ALL {
            let merged = rounded(profile, rounding).map(|profile| profile.rounding);
            let laxer = Err(Error::LaxerThanProfile { field: "rounding" });
            assert_eq!(merged, if rounding < own { laxer } else { Ok(rounding) }, "{profile}");
        }
    }
    // Three people, rounded to a multiple of ten, would be nobody.
    assert!(matches!(rounded("teaching", Rounding::Ten), Err(Error::ProfileRange { field: "rounding", .. })));
    assert!(matches!(
        rounded("teaching", Rounding::Keyed),
        Err(Error::ProfileRange { field: "rounding", .. })
    ));
    assert!(rounded("teaching", Rounding::Five).is_ok());
}

#[test]
fn the_thresholds_are_those_that_custodians_publish() {
    let published = [
        ("abs", 10, Rounding::Keyed),
        ("all-of-us", 21, Rounding::None),
        ("cms", 11, Rounding::None),
        ("japan-rwd", 10, Rounding::None),
        ("opensafely", 8, Rounding::Five),
        ("uk-sdc", 10, Rounding::None),
    ];
    for (name, minimum_count, rounding) in published {
        let profile = built_in(name);
        assert_eq!((profile.minimum_count(), profile.rounding), (minimum_count, rounding), "{name}");
    }
    let shares: Vec<_> =
        built_in("abs").dominances().map(|rule| (rule.largest, rule.comparator, rule.permille)).collect();
    assert_eq!(shares, [(1, Comparator::MoreThan, 500), (2, Comparator::MoreThan, 670)]);
    let areas = Areas { nothing_below: 2_000, few_below: 25_000, minimum_count: 20 };
    assert_eq!((built_in("japan-rwd").areas, built_in("japan-rwd").minimum_units), (areas, 3));
}

#[test]
fn the_rounding_key_is_no_part_of_the_rules() {
    let profile = built_in("abs");
    let keyed = profile.clone().with_rounding_key(RoundingKey::new([1; 32]));
    assert_eq!(keyed.digest(), profile.digest());
    assert_ne!(keyed, profile.with_rounding_key(RoundingKey::new([2; 32])));
}

#[test]
fn the_rules_read_as_sentences() {
    let words = built_in("japan-rwd").rules_in_words();
    assert_eq!(words[0], "a number is withheld where fewer than 10 people stand behind it");
    assert!(
        words.iter().any(|rule| rule.ends_with("the two largest contributors have more than 90 % of it"))
    );
    assert!(words.iter().any(|rule| rule.ends_with("its largest contribution to within 10 %")));
    assert!(words.iter().any(|rule| rule.contains("a withheld sum open by less than 10 % of it")));
    assert!(words.iter().any(|rule| rule == "minima and maxima of records are refused"));
    assert!(words.iter().any(|rule| rule == "a table may group by 3 keys, and dates by month or coarser"));
    assert!(built_in("teaching").rules_in_words().iter().any(|rule| rule.contains("the 3rd from the end")));
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

#[test]
fn a_profile_goes_through_its_text() {
    let stricter = Stricter {
        minimum_count: Some(30),
        rounding: Some(Rounding::Ten),
        forbidden_crossings: vec![vec!["a.x".to_owned(), "b.y".to_owned()]],
        ..Stricter::default()
    };
    for profile in Profiles::built_in().unwrap().iter() {
        for profile in [profile.clone(), profile.stricter(&stricter).unwrap()] {
            let text = profile.to_toml().unwrap();
            let read = Profile::from_toml(&text).unwrap();
            assert_eq!((&read, read.digest()), (&profile, profile.digest()), "{text}");
        }
    }
}
