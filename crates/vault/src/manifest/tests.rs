//! What a manifest may say, and what an operator is told when it does not.

use std::path::Path;

use sekisho_model::{ColumnClass, ColumnType, DateGrain, GeographyLevel, Isolating, Population, Step};

use super::*;

const EXAMPLE: &str = include_str!("../../example.toml");

fn parse(text: &str) -> Result<Manifest> {
    Manifest::parse(text, Path::new("/data/clinic/manifest.toml"))
}

/// The example with one line replaced: the error must name that line and hold the words.
fn check(line: &str, replacement: &str, words: &str) {
    let number = 1 + EXAMPLE.lines().position(|text| text.starts_with(line)).expect(line);
    let mut lines: Vec<&str> = EXAMPLE.lines().collect();
    lines[number - 1] = replacement;
    let error = parse(&lines.join("\n")).expect_err(replacement);
    let text = error.to_string();
    assert!(text.contains(words), "{text}\nshould say: {words}");
    assert!(!text.contains('\n'), "{text}");
    let Error::Manifest { line, .. } = error else { panic!("{error:?}") };
    // An error may be found where the table or column begins, or in a line that was put in.
    assert!(
        line < number + 5 && line + 4 > number || words.contains("columns of class"),
        "{line} {number} {text}"
    );
}

#[test]
fn the_documented_example_says_what_it_documents() {
    let manifest = parse(EXAMPLE).unwrap();
    assert_eq!(manifest.dataset.as_str(), "clinic");
    assert_eq!(manifest.pseudonym, Pseudonym::Hmac);
    let files: Vec<_> = manifest.tables[0].files.iter().map(|file| file.to_str().unwrap()).collect();
    assert_eq!(files, ["/data/clinic/2023.csv.gz", "/data/clinic/2024.csv"]);
    let dataset = manifest.catalogue();
    assert_eq!(dataset.units, ["institution"]);
    let visits = dataset.table("visits").unwrap();
    let names: Vec<_> = visits.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "patient_id",
            "hospital",
            "physician",
            "sex",
            "diagnosis",
            "cost",
            "seen_at",
            "emergency",
            "municipality"
        ]
    );
    assert_eq!(visits.subject().unwrap().data_type, ColumnType::DenseId);
    assert_eq!(visits.column("physician").unwrap().class, ColumnClass::Identifier);
    assert_eq!(visits.column("cost").unwrap().data_type, ColumnType::Decimal { precision: 9, scale: 2 });
    assert_eq!(visits.column("sex").unwrap().values, Some(vec!["F".into(), "M".into()]));
    let isolating =
        visits.columns.iter().filter_map(|column| Some((column.name.as_str(), column.isolating?)));
    let step = Isolating::Declared(Step::number("500").unwrap());
    assert_eq!(isolating.collect::<Vec<_>>(), [("cost", step)]);
    let diagnosis = visits.column("diagnosis").unwrap();
    assert!(diagnosis.code && diagnosis.sensitive);
    assert!(visits.columns.iter().filter(|column| column.code || column.sensitive).count() == 1);
    assert_eq!(manifest.tables[1].key.as_deref(), Some("code"));
    let municipality = visits.column("municipality").unwrap();
    assert_eq!(municipality.geography, Some(GeographyLevel::Municipality));
    let [table, key, column] = ["municipalities", "number", "inhabitants"].map(str::to_owned);
    assert_eq!(municipality.population, Some(Population { table, key, column }));
    let of_code = dataset.table("municipalities").unwrap().column("number").unwrap();
    assert_eq!((of_code.geography, &of_code.population), (Some(GeographyLevel::Municipality), &None));
}

#[test]
fn what_a_manifest_may_not_say_is_refused_with_line_and_cure() {
    check("dataset =", "dataset = \"Clinic\"", "lower-case letters");
    check("title =", "titel = \"A\"", "unknown field `titel`");
    check("pseudonym =", "pseudonym = \"md5\"", "unknown variant `md5`");
    check("name = \"visits\"", "name = \"visits; drop\"", "lower-case letters");
    check("name = \"icd10\"", "name = \"visits\"", "named twice");
    check("file = \"icd10", "file = \"icd10.xlsx\"", "not a .csv, .csv.gz or .parquet");
    check("file = \"icd10", "file = []", "name at least one file");
    check("kind = \"institution\"", "", "add `kind");
    check("class = \"free-text\"", "class = \"freetext\"", "unknown variant");
    check("class = \"subject\"", "class = \"free-text\"", "0 columns of class \"subject\"");
    check("class = \"identifier\"", "class = \"subject\"", "2 columns of class \"subject\"");
    check("class = \"identifier\"", "class = \"unit\"", "has no kind");
    check(
        "class = \"measure\"",
        "class = \"measure\"\nkind = \"institution\"",
        "only a column of class \"unit\"",
    );
    check(
        "class = \"measure\"",
        "class = \"measure\"\naction = \"drop\"",
        "only a column of class \"identifier\"",
    );
    check("type = \"decimal(9,2)\"", "type = \"decimal(39,2)\"", "unknown type");
    check("type = \"decimal(9,2)\"", "type = \"decimal(2,3)\"", "unknown type");
    check("type = \"decimal(9,2)\"", "type = \"text\"", "a measure is");
    check("type = \"decimal(9,2)\"", "", "has no type");
    check("type = \"timestamp\"", "type = \"integer\"", "of type date or timestamp");
    check("values = [", "values = []", "`values` is empty");
    check("values = [", "values = [\"F\", \"F\"]", "each occurs once");
    check("values = [", "values = [1.5]", "did not match");
    check("type = \"decimal(9,2)\"", "type = \"double\"\nvalues = [1]", "only text, integer and boolean");
    check("key = \"code\"", "", "has no key");
    check("key = \"code\"", "key = \"kode\"", "no column `kode`");
    check("name = \"sex\"", "name = \"notes\"", "named twice");
    check("header = \"Notes", "header = \"hospital\"", "the same header");
    check("kind = \"subject\"", "kind = \"code\"", "holds no people");
}

#[test]
fn places_have_levels_and_populations_that_are_there() {
    let geography = "geography = \"municipality\"";
    check(geography, "geography = \"street\"", "a level of geography is \"small-area\"");
    let population = "population = \"municipalities.inhabitants\"";
    check(population, "population = \"municipalities\"", "a population is \"table.column\"");
    check(population, "population = \"visits.cost\"", "there is no code table `visits`");
    check(population, "population = \"municipalities.number\"", "no integer column `number`");
    for (class, data_type) in [("measure", "integer"), ("date", "date"), ("dimension", "boolean")] {
        let error = kept(class, data_type, "geography = \"province\"").unwrap_err();
        assert!(error.contains("only a dimension of type text or integer names places"), "{error}");
    }
    let error = kept("measure", "integer", "population = \"t.x\"").unwrap_err();
    assert!(error.contains("there is no code table `t`"), "{error}");
    let measured = EXAMPLE.replace(
        "class = \"measure\"                     # a",
        "population = \"municipalities.inhabitants\"\nclass = \"measure\" # a",
    );
    let error = parse(&measured).unwrap_err().to_string();
    assert!(error.contains("only a dimension of type text or integer, in a table of people"), "{error}");
}

/// A column `x` of a table of people, with these lines: what is said of it, or the words of the error.
fn column(lines: &str) -> Result<Column, String> {
    let people =
        "[[table]]\nname = \"t\"\nfile = \"t.csv\"\n[[table.column]]\nname = \"id\"\nclass = \"subject\"";
    let head = "dataset = \"d\"\ntitle = \"t\"\nsource = \"s\"\nlicence = \"l\"";
    let manifest = parse(&format!("{head}\n{people}\n[[table.column]]\nname = \"x\"\n{lines}"));
    manifest
        .map(|manifest| manifest.catalogue().tables[0].column("x").unwrap().clone())
        .map_err(|error| error.to_string())
}

/// A column of this class and type.
fn kept(class: &str, data_type: &str, more: &str) -> Result<Column, String> {
    column(&format!("class = \"{class}\"\ntype = \"{data_type}\"\n{more}"))
}

#[test]
fn a_step_is_one_that_the_type_has() {
    let number = |text: &str| Some(Isolating::Declared(Step::number(text).unwrap()));
    for (data_type, step, expected) in [
        ("integer", "365", "365"),
        ("integer", "\"20.0\"", "20"),
        ("decimal(4,1)", "\"0.5\"", "0.5"),
        ("decimal(4,1)", "\"999.9\"", "999.9"),
        (
            "decimal(38,38)",
            "\"0.00000000000000000000000000000000000001\"",
            "0.00000000000000000000000000000000000001",
        ),
        ("double", "\"0.125\"", "0.125"),
    ] {
        let made = kept("measure", data_type, &format!("isolating = true\nstep = {step}")).unwrap();
        assert_eq!(made.isolating, number(expected), "{data_type} {step}");
    }
    for (grain, expected) in [("day", DateGrain::Day), ("week", DateGrain::Week), ("year", DateGrain::Year)] {
        for data_type in ["date", "timestamp"] {
            let made = kept("date", data_type, &format!("isolating = true\nstep = \"{grain}\"")).unwrap();
            assert_eq!(made.isolating, Some(Isolating::Declared(Step::Date(expected))));
        }
    }
    // What only the records tell is not known yet, and what is not declared isolating may not be.
    assert_eq!(kept("measure", "integer", "isolating = true").unwrap().isolating, Some(Isolating::Unknown));
    assert_eq!(kept("measure", "integer", "step = 5").unwrap().isolating, None);
    assert_eq!(kept("date", "timestamp", "step = \"day\"").unwrap().isolating, None);
    assert_eq!(kept("measure", "integer", "isolating = false").unwrap().isolating, None);
    let quiet = kept("dimension", "text", "sensitive = false\ncode = false").unwrap();
    assert!(!quiet.sensitive && !quiet.code);
}

#[test]
fn what_cannot_be_declared_of_a_column_is_refused_with_a_cure() {
    let refused = |class, data_type, more: &str, words: &str| {
        let error = kept(class, data_type, more).unwrap_err();
        assert!(error.contains(words) && !error.contains('\n'), "{error}\nshould say: {words}");
    };
    for step in ["0", "-5", "\"0.0\"", "\"-1\"", "\"1e3\"", "\"month\"", "\"\""] {
        refused("measure", "integer", &format!("step = {step}"), "a number above zero");
    }
    refused("measure", "double", "step = 0.5", "written in quotes");
    refused("measure", "integer", "step = \"0.5\"", "a step of 0.5 cannot be written exactly as integer");
    refused("measure", "decimal(4,1)", "step = \"0.25\"", "exactly as decimal(4,1)");
    refused("measure", "decimal(4,1)", "step = 1000", "exactly as decimal(4,1)");
    refused("measure", "integer", "step = 5\nisolating = false", "has no step");
    refused("measure", "integer", "step = true", "did not match");
    refused("measure", "integer", "isolating = \"yes\"", "expected a boolean");
    for step in ["\"hour\"", "5", "\"Month\""] {
        refused("date", "date", &format!("isolating = true\nstep = {step}"), "\"month\"");
        refused("date", "timestamp", &format!("step = {step}"), "\"month\"");
    }
    refused("date", "date", "isolating = true", "needs a step");
    refused("date", "date", "step = \"month\"", "add `isolating = true`");
    for data_type in ["text", "boolean"] {
        refused("dimension", data_type, "isolating = false", "a number, a date or a timestamp is isolating");
        refused("dimension", data_type, "step = 5", "a number, a date or a timestamp has a step");
    }
    refused("dimension", "boolean", "code = true", "of type text or integer holds codes");
    refused("measure", "integer", "code = true", "of type text or integer holds codes");
    refused("dimension", "integer", "code = true\nisolating = true", "codes are names");
    refused("dimension", "integer", "code = true\nstep = 5", "codes are names");
    refused("unit", "text", "kind = \"ward\"\nsensitive = true", "take them out here");
    for line in ["isolating = true", "step = 5", "sensitive = false", "code = true"] {
        for class in ["subject", "identifier", "free-text", "other-person"] {
            let error = column(&format!("class = \"{class}\"\n{line}")).unwrap_err();
            assert!(error.contains("take them out here"), "{class} {line}: {error}");
        }
    }
    // Nothing of a code table is anybody's.
    let with_code = EXAMPLE.replace("name = \"name\"\nclass", "name = \"name\"\nsensitive = true\nclass");
    assert!(parse(&with_code).unwrap_err().to_string().contains("take them out here"));
}

#[test]
fn integers_and_booleans_have_domains_too() {
    let with = |line: &str| parse(&EXAMPLE.replace("type = \"decimal(9,2)\"", line));
    let domain = |manifest: Manifest| manifest.catalogue().tables[0].column("cost").unwrap().values.clone();
    assert_eq!(domain(with("type = \"integer\"\nvalues = [0, \"01\"]").unwrap()).unwrap(), ["0", "1"]);
    assert!(with("type = \"integer\"\nvalues = [0, \"00\"]").is_err());
    assert!(with("type = \"integer\"\nvalues = [\"a\"]").is_err());
    let flag = EXAMPLE.replace("type = \"boolean\"", "type = \"boolean\"\nvalues = [true, false]");
    assert!(parse(&flag).is_ok());
}
