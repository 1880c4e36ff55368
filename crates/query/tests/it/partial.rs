//! Operations without a value for some records, and clamps: conditions in disguise.

use sekisho_model::Code;

use super::fixture::{Fixture, ward};

/// Each would have no value for single bills.
const CUTS: &[&str] = &[
    "SELECT count(1 / (points - 1216)) AS x FROM claims",
    "SELECT count(*) FILTER (WHERE 1 / (points - 1216) IS NULL) AS x FROM claims",
    "SELECT count(CAST(points AS SMALLINT)) AS x FROM claims",
    "SELECT count(TRY_CAST(points AS SMALLINT)) AS x FROM claims",
    "SELECT count(CAST(points * 300 AS INT)) AS x FROM claims",
    "SELECT count(CAST(points + 7 AS DECIMAL(6, 0))) AS x FROM claims",
    "SELECT count(make_date(CAST(points AS INT), 1, 1)) AS x FROM claims",
    "SELECT count(power(points, 60)) AS x FROM claims",
    "SELECT count(exp(points / 10000)) AS x FROM claims",
    "SELECT count(points * points * points) AS x FROM claims",
    "SELECT count(CAST(points AS DECIMAL(28, 18)) * CAST(0.00123 AS DECIMAL(28, 18))) AS x FROM claims",
    "SELECT count(points * 922337203685) AS x FROM claims",
    "SELECT count(points + 9223372036844775807) AS x FROM claims",
    "SELECT count(*) AS x FROM claims WHERE sqrt(9999998 - points) IS NOT NULL",
    "SELECT count(*) AS x FROM claims WHERE ln(points - 1216) IS NOT NULL",
    "SELECT count(*) AS x FROM claims WHERE coalesce(1 / (points - 1216), 0) >= 0",
    "SELECT sum(CASE WHEN 1 / (points - 1216) IS NULL THEN 1 END) AS x FROM claims",
    "SELECT count(*) AS x FROM (SELECT patient_id, max(1 / (points - 1216)) AS m FROM claims GROUP BY patient_id) t WHERE m IS NULL",
    "SELECT count(m) AS x FROM (SELECT patient_id, 1 / (sum(points) - 5686) AS m FROM claims GROUP BY patient_id) t",
    "SELECT count(1 / (a.points - b.points)) AS x FROM claims a JOIN claims b ON b.patient_id = a.patient_id",
];

#[tokio::test]
async fn an_operation_without_a_value_is_a_condition() {
    let fixture = Fixture::new(&ward()).await;
    for sql in CUTS {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::ExpressionNotAllowed, "{sql}: {refusal:?}");
        assert!(!refusal.hint.is_empty(), "{sql}");
    }
}

/// At the grid, or of columns that are no isolating ones: what has no value is judged as a branch.
const BRANCHES: &[(&str, &str)] = &[
    ("SELECT count(sqrt(1000000 - points)) AS x FROM claims", "#"),
    ("SELECT count(1 / (birth_year - 1931)) AS x FROM patients WHERE prefecture = '47' AND sex = 'F'", "#"),
    ("SELECT count(CAST(points AS DECIMAL(6, 0))) AS x FROM claims", "#"),
    (
        "SELECT count(CAST(birth_year - 1804 AS TINYINT)) AS x FROM patients WHERE prefecture = '47' AND sex = 'F'",
        "#",
    ),
];

#[tokio::test]
async fn who_has_no_value_is_a_branch() {
    let fixture = Fixture::new(&ward()).await;
    for (sql, expected) in BRANCHES {
        let shown = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        assert_eq!(shown, *expected, "{sql}");
    }
}

/// Honest divisions, casts and roots.
const TOTAL: &[&str] = &[
    "SELECT avg(points / NULLIF(days, 0)) AS x FROM (SELECT c.patient_id, CAST(c.points AS DOUBLE) AS points, r.days FROM claims c \
     JOIN prescriptions r USING (patient_id) WHERE c.points < 20000) t",
    "SELECT count(*) AS heavy FROM lab_results h JOIN lab_results w ON w.patient_id = h.patient_id \
     WHERE h.test_code = 'LDL' AND w.test_code = 'HBA1C' AND h.value / (w.value / 10.0 * w.value / 10.0) > 25",
    "SELECT count(CAST(points AS DECIMAL(12, 2))) AS c FROM claims",
    "SELECT count(*) AS x FROM claims WHERE points / 200 > 20",
    "SELECT floor(sqrt(value)) AS k, count(*) AS n FROM lab_results WHERE test_code = 'LDL' GROUP BY 1",
    "SELECT avg(points / (2025 - birth_year)) AS x FROM (SELECT c.patient_id, CAST(c.points AS DOUBLE) AS points, p.birth_year \
     FROM claims c JOIN patients p USING (patient_id) WHERE c.points < 20000) t",
];

#[tokio::test]
async fn honest_divisions_and_casts_go_through() {
    let fixture = Fixture::new(&ward()).await;
    for sql in TOTAL {
        if let Err(refusal) = fixture.ask(sql).await {
            panic!("{sql}: {refusal:?}");
        }
    }
    let shown = fixture.ask(TOTAL[2]).await.unwrap().show();
    assert_eq!(shown, "7607");
}

/// Clamps under which one bill is nearly all that is left of the sum, less the constant.
const CLAMPS: &[&str] = &[
    "SELECT sum(greatest(points, 21000)) AS x FROM claims",
    "SELECT avg(greatest(points, 21000)) AS x FROM claims",
    "SELECT sum(-greatest(points, 21000)) AS x FROM claims",
    "SELECT sum(2 * greatest(points, 21000)) AS x FROM claims",
    "SELECT sum(-least(-points, -21000)) AS x FROM claims",
    "SELECT sum(greatest(least(points, 900000000), 21000)) AS x FROM claims",
    "SELECT sum(greatest(m, 21000)) AS x FROM (SELECT patient_id, max(points) AS m FROM claims GROUP BY patient_id) t",
    "SELECT sum(greatest(m, 21000)) AS x FROM (SELECT patient_id, max(points) OVER (PARTITION BY patient_id) AS m FROM claims) t",
];

#[tokio::test]
async fn a_clamp_is_judged_as_the_choice_that_it_is() {
    let fixture = Fixture::new(&ward()).await;
    for sql in CLAMPS {
        let shown = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        assert_eq!(shown, "#", "{sql}");
    }
    let below = "SELECT sum(m) AS x FROM (SELECT patient_id, max(greatest(points, 21000)) AS m FROM claims GROUP BY patient_id) t";
    assert_eq!(fixture.refusal(below).code, Code::ExpressionNotAllowed);
    let honest = [
        "SELECT avg(least(points, 5000)) AS x FROM claims",
        "SELECT avg(greatest(least(birth_year, 1980), 1930)) AS x FROM patients",
    ];
    for sql in honest {
        let shown = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        assert_ne!(shown, "#", "{sql}");
    }
}
