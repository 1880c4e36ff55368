//! What a refusal says: enough of what was written, and not all of it; and what to write instead.

use sekisho_model::Code;

use super::fixture::{Fixture, ward};

#[tokio::test]
async fn what_is_long_is_not_repeated_to_its_end() {
    let fixture = Fixture::new(&ward()).await;
    let long = "x".repeat(5_000);
    for sql in [
        format!("SELECT COUNT(*) FROM patients WHERE sex = 'F' '{long}'"),
        format!("SELECT COUNT(*) FROM patients WHERE sex = 'F' {long} y"),
        long.clone(),
        format!("SELECT COUNT(*) FROM patients WHERE sex > 1 + '{long}'"),
        format!("SELECT COUNT(*) FROM patients WHERE birth_year = ${long}"),
        format!("SELECT COUNT(*) FROM patients GROUP BY ROLLUP (1, \"{long}\")"),
    ] {
        let refusal = fixture.refusal(&sql);
        let said = refusal.message.chars().count() + refusal.hint.chars().count();
        assert!(said < 500, "{}: {said} characters", refusal.code);
    }
    let refusal = fixture.refusal(&format!("SELECT COUNT(*) FROM patients WHERE sex = 'F' '肝{long}'"));
    assert_eq!(refusal.code, Code::SqlSyntax);
    assert!(refusal.message.ends_with("xxx..."), "{}", refusal.message);
    assert!(refusal.message.contains("found: '肝xxx"), "{}", refusal.message);
}

#[tokio::test]
async fn positions_in_a_grouping_set_are_refused_with_the_columns_that_they_stand_for() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        (
            "SELECT sex, birth_year / 10 AS decade, prefecture, COUNT(*) FROM patients GROUP BY ROLLUP (1, 2, 3)",
            "ROLLUP (sex, decade, prefecture)",
            92,
        ),
        ("SELECT sex, COUNT(*) FROM patients GROUP BY CUBE (sex, 1)", "CUBE (sex, sex)", 56),
        (
            "SELECT sex, prefecture, COUNT(*) FROM patients GROUP BY GROUPING SETS ((1, 2), (1), ())",
            "GROUPING SETS ((sex, prefecture), sex, ())",
            73,
        ),
        ("SELECT COUNT(*) FROM patients GROUP BY ROLLUP (9)", "ROLLUP (9)", 48),
    ];
    for (sql, instead, column) in cases {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::NotSupported, "{sql}: {refusal:?}");
        assert!(refusal.hint.ends_with(instead), "{sql}: {refusal:?}");
        assert_eq!(refusal.position.map(|at| (at.line, at.column)), Some((1, column)), "{sql}");
    }
}

#[tokio::test]
async fn every_refusal_of_the_reference_says_where_it_stands() {
    let fixture = Fixture::new(&ward()).await;
    let page = std::fs::read_to_string("../../docs/refusals.md").unwrap();
    let examples = page.split("```sql\n").skip(1).filter_map(|part| part.split("```").next());
    let written = |example: &str| {
        let lines = example.lines().filter(|line| !line.starts_with("-- sekisho"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let refused = |sql: &String| fixture.refused(sql.as_str().into());
    let found: Vec<_> = examples.map(written).filter_map(|sql| Some((refused(&sql)?, sql))).collect();
    assert!(found.len() > 15, "{}", found.len());
    for (refusal, sql) in found {
        assert!(refusal.position.is_some(), "{sql}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_refusal_without_a_place_of_its_own_points_at_the_word_that_it_names() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("SELECT COUNT(*) FROM patients\nGROUP BY CUBE(patient_id, sex)", "2:1"),
        ("SELECT patient_id, sex FROM patients\nINTERSECT SELECT sex, patient_id FROM patients", "2:1"),
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex LIMIT -1", "1:54"),
        ("SELECT COUNT(*) FROM patients GROUP BY 7", "1:40"),
        (
            "SELECT COUNT(*) AS n FROM patients p\nGROUP BY (SELECT COUNT(*) FROM diagnoses d WHERE d.patient_id = p.patient_id)",
            "2:11",
        ),
    ];
    for (sql, place) in cases {
        let refusal = fixture.refusal(sql);
        let found = refusal.position.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
        assert_eq!(found, place, "{sql}: {refusal:?}");
    }
}
