//! Institutions are protected beside people, whatever the path from a record to a cell.

use std::fmt::Write as _;

use super::fixture::Fixture;

const MANIFEST: &str = r#"
dataset = "units"
title = "Two hospitals and one"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "visits"
file = "visits.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "hospital", class = "unit", kind = "institution", type = "text" },
    { name = "code", class = "dimension", type = "text" },
    { name = "cost", class = "measure", type = "integer", isolating = false },
]
"#;

/// Code A is seen in four hospitals, B in two, and C in records that name none.
async fn fixture() -> Fixture {
    let mut visits = "patient_id,hospital,code,cost\n".to_owned();
    for id in 0..40 {
        writeln!(visits, "p{id:02},h{},A,{}", id % 4, 5 + id % 3).unwrap();
        writeln!(visits, "q{id:02},h{},B,{}", id % 2, 5 + id % 3).unwrap();
        writeln!(visits, "r{id:02},,C,{}", 5 + id % 3).unwrap();
    }
    Fixture::of_text(MANIFEST, &[("visits.csv", visits)]).await
}

#[tokio::test]
async fn a_number_of_too_few_institutions_is_withheld_whatever_the_path() {
    let fixture = fixture().await;
    let paths = [
        "SELECT code, COUNT(*) AS n FROM visits GROUP BY code",
        "SELECT code, SUM(cost) AS n FROM visits GROUP BY code",
        "SELECT code, COUNT(*) AS n FROM (SELECT DISTINCT patient_id, code FROM visits) t GROUP BY code",
        "SELECT code, COUNT(*) AS n FROM (SELECT patient_id, code, SUM(cost) AS s FROM visits GROUP BY patient_id, code) t GROUP BY code",
        "SELECT code, COUNT(*) AS n FROM (SELECT code, row_number() OVER (PARTITION BY patient_id, code ORDER BY cost) AS k FROM visits) t WHERE k = 1 GROUP BY code",
        "SELECT code, COUNT(*) AS n FROM (SELECT code FROM visits UNION ALL SELECT code FROM visits) t GROUP BY code",
        "SELECT v.code, COUNT(*) AS n FROM visits v JOIN (SELECT DISTINCT patient_id FROM visits) t ON t.patient_id = v.patient_id GROUP BY v.code",
        "SELECT v.code, COUNT(*) AS n FROM visits v WHERE EXISTS (SELECT 1 FROM visits t WHERE t.patient_id = v.patient_id) GROUP BY v.code",
        "SELECT code, MEDIAN(cost) AS n FROM visits GROUP BY code",
        "SELECT code, STDDEV(cost) AS n FROM visits GROUP BY code",
    ];
    for sql in paths {
        let rows = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).rows();
        let codes: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(codes, ["A"], "{sql}: {rows:?}");
    }
}
