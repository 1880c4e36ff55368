//! What a manifest may say, and what an operator is told when it does not.

use std::path::Path;

use sekisho_model::{ColumnClass, ColumnType};

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
        ["patient_id", "hospital", "physician", "sex", "diagnosis", "cost", "seen_at", "emergency"]
    );
    assert_eq!(visits.subject().unwrap().data_type, ColumnType::DenseId);
    assert_eq!(visits.column("physician").unwrap().class, ColumnClass::Identifier);
    assert_eq!(visits.column("cost").unwrap().data_type, ColumnType::Decimal { precision: 9, scale: 2 });
    assert_eq!(visits.column("sex").unwrap().values, Some(vec!["F".into(), "M".into()]));
    assert_eq!(manifest.tables[1].key.as_deref(), Some("code"));
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
fn integers_and_booleans_have_domains_too() {
    let with = |line: &str| parse(&EXAMPLE.replace("type = \"decimal(9,2)\"", line));
    let domain = |manifest: Manifest| manifest.catalogue().tables[0].column("cost").unwrap().values.clone();
    assert_eq!(domain(with("type = \"integer\"\nvalues = [0, \"01\"]").unwrap()).unwrap(), ["0", "1"]);
    assert!(with("type = \"integer\"\nvalues = [0, \"00\"]").is_err());
    assert!(with("type = \"integer\"\nvalues = [\"a\"]").is_err());
    let flag = EXAMPLE.replace("type = \"boolean\"", "type = \"boolean\"\nvalues = [true, false]");
    assert!(parse(&flag).is_ok());
}
