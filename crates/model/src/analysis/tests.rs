//! What is taken as an analysis, and what tells two apart.

use super::*;

fn list(name: &str, csv: &str) -> CodeList {
    CodeList { name: name.parse().unwrap(), csv: csv.to_owned() }
}

#[test]
fn a_day_is_one_of_the_calendar() {
    for day in ["2020-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
        assert_eq!(day.parse::<Date>().unwrap().to_string(), day);
    }
    for none in [
        "2021-02-29",
        "1900-02-29",
        "2020-13-01",
        "2020-00-10",
        "2020-04-31",
        "0000-01-01",
        "2020-1-1",
        "",
        "2020-01-01-",
        "+020-01-01",
        "2020-01",
        "２０２０-01-01",
        "2020-01-01T00:00",
    ] {
        assert_eq!(none.parse::<Date>(), Err(AnalysisError::Date), "{none}");
    }
}

#[test]
fn a_parameter_is_read_again_as_what_it_was() {
    let number = |number| Parameter::Double(Finite::new(number).unwrap());
    let all = [
        Parameter::Boolean(true),
        Parameter::Date("2020-02-29".parse().unwrap()),
        number(0.1),
        number(5.0),
        number(-1e300),
        Parameter::Integer(i64::MIN),
        Parameter::Null,
        Parameter::Text("it's\n'null'".into()),
    ];
    for parameter in all {
        assert_eq!(Parameter::parse(parameter.kind(), &parameter.text()), Ok(parameter));
    }
    for (kind, text) in [
        ("double", "NaN"),
        ("double", "inf"),
        ("integer", "9223372036854775808"),
        ("boolean", "1"),
        ("bytes", ""),
    ] {
        assert!(Parameter::parse(kind, text).is_err(), "{kind} {text}");
    }
}

#[test]
fn a_list_is_named_as_sql_finds_it() {
    assert_eq!("My_Codes2".parse::<ListName>().unwrap().as_str(), "my_codes2");
    for none in ["", "2codes", "a-b", "a b", "a.b", "\"a\"", "コード", &"x".repeat(64)] {
        assert_eq!(none.parse::<ListName>(), Err(AnalysisError::Name), "{none}");
    }
}

#[test]
fn analyses_that_differ_anywhere_have_digests_that_differ() {
    let text = |text: &str| Parameter::Text(text.into());
    let of = |sql: &str, parameters: &[Parameter], lists: &[CodeList]| {
        Analysis { sql: sql.into(), parameters: parameters.to_vec(), lists: lists.to_vec() }.digest()
    };
    let digests = [
        of("SELECT 1", &[], &[]),
        of("SELECT 12", &[], &[]),
        of("SELECT 1", &[text("2")], &[]),
        of("SELECT 1", &[text("2"), text("3")], &[]),
        of("SELECT 1", &[text("23")], &[]),
        of("SELECT 1", &[Parameter::Integer(2)], &[]),
        of("SELECT 1", &[Parameter::Null], &[]),
        of("SELECT 1", &[text("")], &[]),
        of("SELECT 1", &[], &[list("a", "b\n")]),
        of("SELECT 1", &[], &[list("ab", "\n")]),
        of("SELECT 1", &[], &[list("a", "b\n"), list("c", "b\n")]),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests.iter().skip(index + 1).any(|other| other == digest), "{index}");
    }
}

#[test]
fn what_is_past_a_limit_is_refused_with_the_limit() {
    let limits = Limits { sql_bytes: 20, parameters: 2, lists: 2, list_bytes: 10, ..Limits::default() };
    let sql = |text: &str| Analysis::from(text);
    let with = |lists: &[CodeList]| Analysis { lists: lists.to_vec(), ..sql("SELECT 1") };
    let given = |parameters: &[Parameter]| Analysis { parameters: parameters.to_vec(), ..sql("SELECT 1") };
    let cases = [
        (sql("SELECT 1 + 1 + 1 + 1 +"), "longer than 20 bytes"),
        (given(&[Parameter::Text("x".repeat(13))]), "longer than 20 bytes"),
        (given(&[Parameter::Null, Parameter::Null, Parameter::Null]), "more than 2 parameters"),
        (with(&[list("a", "x"), list("b", "x"), list("c", "x")]), "more than 2 code lists"),
        (with(&[list("a", "123456"), list("b", "12345")]), "longer than 10 bytes together"),
    ];
    for (analysis, words) in cases {
        let refusal = analysis.check(&limits).unwrap_err();
        assert_eq!(refusal.code, Code::TooLarge, "{refusal:?}");
        assert!(refusal.message.contains(words), "{refusal:?}");
    }
    assert_eq!(given(&[Parameter::Text("x".repeat(12)), Parameter::Null]).check(&limits), Ok(()));
    assert_eq!(with(&[list("a", "12345"), list("b", "12345")]).check(&limits), Ok(()));
    let twice = with(&[list("a", "1"), list("A", "2")]).check(&limits).unwrap_err();
    assert_eq!((twice.code, twice.message.as_str()), (Code::ListNotAllowed, "two code lists are named `a`"));
}
