//! Sums that are nearly proportional: the same contributions in other words, whatever their spelling.

use sekisho_model::Code;

use super::fixture::{Fixture, ward};

/// Everybody but one person.
const BUT_ONE: &str = "FROM claims c JOIN patients p USING (patient_id) WHERE NOT (p.sex = 'F' AND p.birth_year = 1949 \
                       AND p.prefecture = '13' AND p.hospital_id = 'H02')";

/// A statistic of everybody, and one of everybody but one person that is nearly a multiple of it.
const MULTIPLES: &[(&str, &str)] = &[
    ("sum(points)", "sum(points * 0.1)"),
    ("sum(points)", "sum(points / 3.0)"),
    ("sum(points)", "sum(CAST(points AS REAL) / 3)"),
    ("sum(points)", "sum(points * 1.0000000000001)"),
    ("sum(points)", "sum(CAST(points AS DECIMAL(12, 2)) / 3)"),
    ("sum(points)", "sum(CAST(points * 0.1 AS DECIMAL(12, 0)))"),
    ("sum(points)", "sum(-points * 0.1 * 3)"),
    ("sum(points)", "sum(CASE WHEN p.sex IN ('F', 'M') THEN points / 7.0 END)"),
    ("sum(points * 10)", "sum(points * 0.1)"),
    ("sum(points * 0.3)", "avg(points * 0.1)"),
    ("sum(points)", "stddev(points / 3.0)"),
    ("sum(points)", "sum(points / (p.birth_year + 1000000000.0))"),
    ("sum(points)", "sum(points * p.birth_year * 0.1)"),
];

/// The same of what is computed for each person first.
const OF_PEOPLE: &[&str] = &[
    "(SELECT patient_id, sum(points * 0.1) AS x FROM claims GROUP BY patient_id)",
    "(SELECT patient_id, sum(points) * 0.1 AS x FROM claims GROUP BY patient_id)",
    "(SELECT patient_id, avg(points) OVER (PARTITION BY patient_id) AS x FROM claims)",
    "(SELECT patient_id, x FROM (SELECT patient_id, avg(points) / 3 AS x FROM claims GROUP BY patient_id \
      HAVING count(*) = 4) t)",
];

#[tokio::test]
async fn a_multiple_of_a_sum_is_judged_as_the_sum() {
    let fixture = Fixture::new(&ward()).await;
    for (all, but_one) in MULTIPLES {
        let sql = format!("SELECT (SELECT {all} FROM claims) AS a, (SELECT {but_one} {BUT_ONE}) AS b");
        let shown = fixture.ask(&sql).await.unwrap().show();
        assert!(shown.contains('#'), "{sql}: {shown}");
    }
    for x in OF_PEOPLE {
        let where_all = if x.contains("HAVING") {
            "JOIN (SELECT patient_id FROM claims GROUP BY patient_id HAVING count(*) = 4) k USING (patient_id)"
        } else {
            ""
        };
        let but_one = BUT_ONE.replace("claims", x);
        let sql = format!(
            "SELECT (SELECT sum(points) FROM claims {where_all}) AS a, (SELECT sum(c.x) {but_one}) AS b"
        );
        let shown = fixture.ask(&sql).await.unwrap().show();
        assert!(shown.contains('#'), "{sql}: {shown}");
    }
}

/// Honest sums and means in other units, and what they are multiples of.
const HONEST: &[&str] = &[
    "SELECT sum(points * 10) AS yen, sum(points) AS points, count(*) AS n FROM claims",
    "SELECT avg(points / 1000.0) AS thousands, sum(CAST(points AS DOUBLE)) AS x FROM claims",
    "SELECT avg(CAST(points AS DECIMAL(12, 2))) AS m FROM claims WHERE points < 20000",
    "SELECT p.sex, avg(c.m) AS mean_of_means FROM (SELECT patient_id, avg(points) AS m FROM claims WHERE points < 20000 \
     GROUP BY patient_id) c JOIN patients p USING (patient_id) GROUP BY p.sex",
    "SELECT p.sex, sum(c.days * 0.5) AS half FROM prescriptions c JOIN patients p USING (patient_id) GROUP BY p.sex",
    "SELECT test_code, avg(value / 2) AS h, stddev(value * 2) AS d FROM lab_results WHERE test_code = 'LDL' GROUP BY 1",
    "SELECT avg(c.points / (2025.0 - p.birth_year)) AS by_age FROM claims c JOIN patients p USING (patient_id) \
     WHERE c.points < 20000",
    "SELECT avg(b.value - a.value) AS change FROM lab_results a JOIN lab_results b \
     ON b.patient_id = a.patient_id AND b.date > a.date WHERE a.test_code = 'LDL' AND b.test_code = 'LDL'",
    "SELECT avg((b.value - a.value) / a.value) AS change FROM lab_results a JOIN lab_results b \
     ON b.patient_id = a.patient_id AND b.date > a.date WHERE a.test_code = 'LDL' AND b.test_code = 'LDL'",
];

#[tokio::test]
async fn honest_multiples_are_released() {
    let fixture = Fixture::new(&ward()).await;
    for sql in HONEST {
        let shown = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        assert!(!shown.is_empty() && !shown.contains('#'), "{sql}: {shown}");
    }
    let ratio = fixture.ask("SELECT sum(points) / sum(points * 0.1) AS r FROM claims").await.unwrap();
    assert!(ratio.show().starts_with("10.0") || ratio.show().starts_with("9.99"), "{}", ratio.show());
}

/// What rounds each record's value, or hides it behind another.
const ROUNDED: &[&str] = &[
    "SELECT sum(points / 2) AS x FROM claims",
    "SELECT sum(birth_year / 2) AS x FROM patients",
    "SELECT avg(CAST(value AS INT)) AS x FROM lab_results",
    "SELECT sum(CASE WHEN points > 200 THEN points / 3 ELSE 0 END) AS x FROM claims",
    "SELECT sum(c.points * 1.1 * p.birth_year / p.birth_year) AS x FROM claims c JOIN patients p USING (patient_id)",
    "SELECT sum(c.points / (p.birth_year / p.birth_year * 3.3)) AS x FROM claims c JOIN patients p USING (patient_id)",
];

/// Means of a person's records that stand beside each of them.
const REPEATED: &[&str] = &[
    "SELECT sum(m.x) AS x FROM lab_results l JOIN (SELECT patient_id, avg(value) AS x FROM lab_results GROUP BY patient_id) m \
     USING (patient_id)",
    "SELECT sum(m.s / m.n) AS x FROM claims c JOIN (SELECT patient_id, sum(points) * 1.0 AS s, count(*) AS n FROM claims \
     GROUP BY patient_id) m USING (patient_id)",
    "SELECT sum(s / n) AS x FROM (SELECT patient_id, sum(points) OVER (PARTITION BY patient_id) * 1.0 AS s, \
     count(*) OVER (PARTITION BY patient_id) AS n FROM claims) t",
];

#[tokio::test]
async fn values_that_are_rounded_one_by_one_are_not_added() {
    let fixture = Fixture::new(&ward()).await;
    for sql in ROUNDED {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::ExpressionNotAllowed, "{sql}: {refusal:?}");
    }
    for sql in REPEATED {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::ExpressionNotAllowed, "{sql}: {refusal:?}");
        assert!(refusal.message.contains("once for each of the person's records"), "{sql}: {refusal:?}");
    }
    assert!(fixture.refusal(ROUNDED[0]).hint.contains("SUM(x) / 2"));
    assert!(fixture.ask("SELECT sum(points) / 2 AS x FROM claims").await.is_ok());
}
