//! What comes with an analysis: code lists and parameters.

use sekisho_model::{Analysis, Code, CodeList, Finite, Limits, Parameter, Refusal, TableGrant};
use sekisho_query::{View, plan};

use super::fixture::{Fixture, ward};

/// An analysis with lists.
fn with(sql: &str, lists: &[(&str, &str)]) -> Analysis {
    let list = |(name, csv): &(&str, &str)| CodeList { name: name.parse().unwrap(), csv: (*csv).to_owned() };
    Analysis { lists: lists.iter().map(list).collect(), ..Analysis::from(sql) }
}

/// An analysis with parameters.
fn given(sql: &str, parameters: &[Parameter]) -> Analysis {
    Analysis { parameters: parameters.to_vec(), ..Analysis::from(sql) }
}

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

fn date(day: &str) -> Parameter {
    Parameter::Date(day.parse().unwrap())
}

fn place(refusal: &Refusal) -> String {
    refusal.position.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default()
}

#[tokio::test]
async fn a_list_is_a_code_table_of_this_analysis() {
    let fixture = Fixture::new(&ward()).await;
    let lists = [("Groups", "Code,Band\r\nE11,diabetes\r\nE14,diabetes\r\nI10,\"pressure, high\"\r\n")];
    let listed = "SELECT g.band, COUNT(DISTINCT d.patient_id) AS n FROM diagnoses d \
        JOIN groups g ON d.icd10 = g.code GROUP BY g.band ORDER BY g.band";
    let written = "SELECT CASE WHEN d.icd10 = 'I10' THEN 'pressure, high' ELSE 'diabetes' END AS band, \
        COUNT(DISTINCT d.patient_id) AS n FROM diagnoses d WHERE d.icd10 IN ('E11', 'E14', 'I10') \
        GROUP BY 1 ORDER BY 1";
    let answer = fixture.ask_of(with(listed, &lists)).await.unwrap().show();
    assert_eq!(answer, fixture.ask(written).await.unwrap().show());
    assert_eq!(answer.matches('|').count(), 1, "{answer}");
    // By itself it is reference data, and shows what was sent in: integers as such, empty cells as NULL.
    let own = with("SELECT b, a FROM l ORDER BY a", &[("l", "a,b\n2,x\n10,\n")]);
    assert_eq!(fixture.ask_of(own).await.unwrap().show(), "x 2|- 10");
}

/// A list that is joined is as long as one that is written.
#[tokio::test]
async fn a_list_of_values_that_are_no_codes_is_bounded() {
    let fixture = Fixture::new(&ward()).await;
    let years = |count: usize| (0..count).map(|year| format!("{}\n", 1900 + year)).collect::<String>();
    let sql = "SELECT COUNT(*) AS n FROM patients p JOIN years y ON y.year = p.birth_year";
    let within = "SELECT COUNT(*) AS n FROM patients WHERE birth_year IN (SELECT year FROM years)";
    for sql in [sql, within] {
        let refusal = fixture.refusal_of(with(sql, &[("years", &format!("year\n{}", years(60)))]));
        assert!(refusal.message.contains("more than 50 values of `birth_year`"), "{sql}: {refusal:?}");
        assert!(
            fixture.ask_of(with(sql, &[("years", &format!("year\n{}", years(50)))])).await.is_ok(),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn ranges_of_a_list_are_looked_up_where_no_two_overlap() {
    let fixture = Fixture::new(&ward()).await;
    let sql = "SELECT b.name, COUNT(*) AS n FROM patients p JOIN bands b ON p.birth_year BETWEEN b.lo AND b.hi GROUP BY 1 ORDER BY 1";
    let case = "SELECT CASE WHEN birth_year < 1960 THEN 'old' ELSE 'young' END AS name, COUNT(*) AS n FROM patients GROUP BY 1 ORDER BY 1";
    let apart = [("bands", "name,lo,hi\nyoung,1960,2030\nold,1900,1959\n")];
    let answer = fixture.ask_of(with(sql, &apart)).await.unwrap().show();
    assert_eq!(answer, fixture.ask(case).await.unwrap().show());
    // Where one ends and the next begins at the same value, the end is left out.
    let touching = [("bands", "name,lo,hi\nyoung,1960,2030\nold,1900,1960\n")];
    let half_open = sql.replace("BETWEEN b.lo AND b.hi", ">= b.lo AND p.birth_year < b.hi");
    assert_eq!(fixture.ask_of(with(&half_open, &touching)).await.unwrap().show(), answer);
    for bands in
        ["old,1900,1960\nyoung,1960,2030\n", "a,1900,2000\nb,1930,1931\n", "a,1900,\n", "a,2000,1900\n"]
    {
        let refusal = fixture.refusal_of(with(sql, &[("bands", &format!("name,lo,hi\n{bands}"))]));
        assert!(refusal.code == Code::NotSupported && refusal.message.contains("may overlap"), "{refusal:?}");
        assert_eq!(place(&refusal), "1:51");
    }
    // A code table is not read before an analysis is judged.
    let of_table = "SELECT COUNT(*) AS n FROM diagnoses d JOIN icd10 i ON d.icd10 BETWEEN i.code AND i.name";
    assert!(fixture.refusal(of_table).message.contains("may overlap"));
    // Other conditions choose nothing in a list.
    let other = sql.replace("BETWEEN b.lo AND b.hi", "> b.lo");
    assert!(fixture.refusal_of(with(&other, &apart)).hint.contains("CASE WHEN"));
}

#[tokio::test]
async fn a_list_neither_hides_nor_opens_a_table() {
    let mut fixture = Fixture::new(&ward()).await;
    let view =
        View { grants: vec![TableGrant { table: "patients".into(), columns: None }], ..fixture.view.clone() };
    let refused =
        |sql: &str, list: &str| plan(with(sql, &[(list, "a\n1\n")]), &view, &Limits::default()).unwrap_err();
    let hides = refused("SELECT COUNT(*) FROM patients", "Patients");
    assert_eq!(hides.code, Code::ListNotAllowed);
    assert!(hides.message.contains("`patients`"), "{hides:?}");
    // `claims` is in the dataset and was not granted: a list of that name is a list, and is not its columns.
    let limits = Limits::default();
    assert!(plan(with("SELECT a FROM claims", &[("claims", "a\n1\n")]), &view, &limits).is_ok());
    assert_eq!(refused("SELECT COUNT(points) FROM claims", "claims").code, Code::ColumnUnknown);
    assert_eq!(refused("SELECT a FROM ward.claims", "claims").code, Code::TableUnknown);
    let granted = with("SELECT a FROM claims", &[("claims", "a\n7\n")]);
    assert_eq!(refused("SELECT a FROM other.claims", "claims").code, Code::TableUnknown);
    fixture.view = view;
    assert_eq!(fixture.ask_of(granted).await.unwrap().show(), "7");
}

#[tokio::test]
async fn a_list_of_pseudonyms_finds_nobody() {
    let fixture = Fixture::new(&ward()).await;
    // The ward keeps its ids as they are, so these are people.
    let lists = [("victims", "id,n\nP000042,42\nP000043,43\n")];
    for sql in [
        "SELECT COUNT(*) FROM patients p JOIN victims v ON p.patient_id = v.id",
        "SELECT COUNT(*) FROM patients p JOIN victims v ON p.patient_id = v.n",
        "SELECT COUNT(*) FROM patients p JOIN victims v ON CAST(p.patient_id AS TEXT) = v.id",
        "SELECT COUNT(*) FROM patients JOIN (SELECT n AS patient_id FROM victims) v USING (patient_id)",
        "SELECT COUNT(*) FROM patients NATURAL JOIN (SELECT n AS patient_id FROM victims) v",
    ] {
        let refusal = fixture.refusal_of(with(sql, &lists));
        assert_eq!(refusal.code, Code::SubjectAsValue, "{sql}: {refusal:?}");
        assert!(refusal.position.is_some(), "{sql}");
    }
    for sql in [
        "SELECT COUNT(*) FROM patients p, victims v WHERE p.patient_id = v.n",
        "SELECT COUNT(*) FROM patients p JOIN victims v ON p.patient_id BETWEEN v.n AND v.n",
        "SELECT COUNT(*) FROM patients p JOIN victims v ON v.id LIKE p.patient_id",
        "SELECT COUNT(*) FROM patients p LEFT JOIN victims v ON p.patient_id = v.n WHERE v.n IS NOT NULL",
        "SELECT COUNT(*) FROM victims v LEFT JOIN patients p ON p.patient_id = v.n",
        "SELECT COUNT(*) FROM patients WHERE patient_id IN (SELECT n FROM victims)",
        "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM victims v WHERE v.n = p.patient_id)",
        "SELECT COUNT(*) FROM patients WHERE patient_id = (SELECT MAX(n) FROM victims)",
        "SELECT v.n, COUNT(*) FROM patients p JOIN victims v ON p.patient_id = v.n GROUP BY v.n",
    ] {
        let refusal = fixture.refusal_of(with(sql, &lists));
        let codes =
            [Code::SubjectAsValue, Code::NotSupported, Code::InvalidQuery, Code::ExpressionNotAllowed];
        assert!(codes.contains(&refusal.code), "{sql}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_parameter_is_the_constant_that_it_stands_for() {
    let fixture = Fixture::new(&ward()).await;
    let number = |number| Parameter::Double(Finite::new(number).unwrap());
    let cases: [(&str, &[Parameter], &str); 9] = [
        (
            "SELECT COUNT(*) AS n FROM patients WHERE sex = $1",
            &[text("F")],
            "SELECT COUNT(*) AS n FROM patients WHERE sex = 'F'",
        ),
        (
            "SELECT COUNT(*) AS n FROM patients WHERE birth_year BETWEEN $2 AND $1",
            &[Parameter::Integer(1970), Parameter::Integer(1950)],
            "SELECT COUNT(*) AS n FROM patients WHERE birth_year BETWEEN 1950 AND 1970",
        ),
        (
            "SELECT COUNT(*) AS n FROM diagnoses WHERE date >= $1 AND date < $1 + INTERVAL $2",
            &[date("2020-01-01"), text("90 days")],
            "SELECT COUNT(*) AS n FROM diagnoses WHERE date >= DATE '2020-01-01' AND date < DATE '2020-03-31'",
        ),
        (
            "SELECT COUNT(*) AS n FROM lab_results WHERE value > $1 AND value > $2",
            &[number(6.5), number(-1e-3)],
            "SELECT COUNT(*) AS n FROM lab_results WHERE value > 6.5",
        ),
        (
            "SELECT COUNT(*) AS n FROM patients WHERE birth_year > -$1 AND birth_year > $2",
            &[Parameter::Integer(-1950), Parameter::Integer(i64::MIN)],
            "SELECT COUNT(*) AS n FROM patients WHERE birth_year > 1950",
        ),
        (
            "SELECT COUNT(*) AS n FROM patients WHERE (sex = $1) = $2",
            &[text("F"), Parameter::Boolean(false)],
            "SELECT COUNT(*) AS n FROM patients WHERE sex <> 'F'",
        ),
        (
            "SELECT COUNT(*) AS n FROM patients WHERE sex = COALESCE($1, 'M')",
            &[Parameter::Null],
            "SELECT COUNT(*) AS n FROM patients WHERE sex = 'M'",
        ),
        (
            "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY sex DESC LIMIT $1",
            &[Parameter::Integer(1)],
            "SELECT sex, COUNT(*) AS n FROM patients WHERE sex = 'M' GROUP BY sex",
        ),
        (
            "WITH f AS (SELECT patient_id FROM diagnoses WHERE icd10 LIKE $1) \
             SELECT COUNT(DISTINCT p.patient_id) AS n FROM patients p JOIN f ON p.patient_id = f.patient_id",
            &[text("E1%")],
            "SELECT COUNT(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 LIKE 'E1%'",
        ),
    ];
    for (sql, parameters, written) in cases {
        let answer = fixture.ask_of(given(sql, parameters)).await;
        let answer = answer.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        assert_eq!(answer, fixture.ask(written).await.unwrap().show(), "{sql}");
        assert!(!answer.is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn no_value_becomes_more_than_a_value() {
    let fixture = Fixture::new(&ward()).await;
    let count = "SELECT COUNT(*) AS n FROM patients WHERE sex = $1";
    for attack in ["' OR '1' = '1", "F' --", "$1", "'; DROP TABLE patients", "\0", "F\\", "patient_id"] {
        let answer = fixture.ask_of(given(count, &[text(attack)])).await.unwrap();
        assert_eq!(answer.show(), "#", "{attack}");
    }
    // The judge sees a constant, and judges it like one.
    let subject = given("SELECT COUNT(*) FROM patients WHERE patient_id = $1", &[text("P000042")]);
    let refusal = fixture.refusal_of(subject);
    assert_eq!((refusal.code, place(&refusal).as_str()), (Code::SubjectAsValue, "1:37"));
    let kind = given("SELECT COUNT(*) FROM patients WHERE birth_year = $1", &[text("old")]);
    assert_eq!(fixture.refusal_of(kind).code, Code::InvalidQuery);
}

#[tokio::test]
async fn parameters_are_those_that_the_text_names() {
    let fixture = Fixture::new(&ward()).await;
    let one = [text("F")];
    let two = [text("F"), text("M")];
    let cases: [(&str, &[Parameter], &str, &str); 10] = [
        ("SELECT COUNT(*) FROM patients WHERE sex = $1", &[], "`$1`, and none was given", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE\n sex IN ($1, $2)", &one, "`$2`, and one was given", "2:14"),
        ("SELECT COUNT(*) FROM patients WHERE sex = $3", &two, "`$3`, and 2 were given", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE sex = $2", &two, "does not name `$1`", ""),
        ("SELECT COUNT(*) FROM patients", &one, "does not name `$1`", ""),
        ("SELECT COUNT(*) FROM patients WHERE sex = $0", &one, "numbered", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE sex = ?", &one, "numbered", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE sex = $sex", &one, "numbered", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE sex = :1", &one, "numbered", "1:43"),
        ("SELECT COUNT(*) FROM patients WHERE sex LIKE 'F' ESCAPE $1", &one, "no value may stand", "1:57"),
    ];
    for (sql, parameters, words, at) in cases {
        let refusal = fixture.refusal_of(given(sql, parameters));
        assert_eq!(refusal.code, Code::ParameterMismatch, "{sql}: {refusal:?}");
        assert!(format!("{} {}", refusal.message, refusal.hint).contains(words), "{sql}: {refusal:?}");
        assert_eq!(place(&refusal), at, "{sql}");
    }
}

#[tokio::test]
async fn a_long_value_is_not_copied_without_end() {
    let fixture = Fixture::new(&ward()).await;
    let often = vec!["sex = $1"; 40].join(" OR ");
    let sql = format!("SELECT COUNT(*) FROM patients WHERE {often}");
    let refusal = fixture.refusal_of(given(&sql, &[text(&"x".repeat(30_000))]));
    assert_eq!(refusal.code, Code::TooLarge);
    assert!(fixture.ask_of(given(&sql, &[text(&"x".repeat(100))])).await.is_ok());
}
