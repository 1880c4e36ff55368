//! One person in the digits of a sum, in the rows of a join, in a second name of the same sum.

use super::fixture::{Fixture, ward};

/// True of one person in the ward data.
const VICTIM: &str = "sex = 'F' AND birth_year = 1931 AND prefecture = '47'";

#[tokio::test]
async fn a_sum_does_not_carry_one_person() {
    let fixture = Fixture::new(&ward()).await;
    let bills = format!(
        "SELECT p.patient_id, MAX(CASE WHEN {VICTIM} THEN points ELSE 0 END) AS v \
         FROM patients p JOIN claims c ON c.patient_id = p.patient_id GROUP BY p.patient_id"
    );
    let queries = [
        format!("WITH w AS ({bills}) SELECT SUM(v + 100000000) AS s FROM w"),
        format!("WITH w AS ({bills}) SELECT AVG(v + 1000) AS s FROM w"),
        "SELECT SUM(1000000 + strpos(prefecture, '47') * strpos(sex, 'F')) AS s FROM patients".into(),
        "SELECT SUM(1000000000 + floor(points / 9999999.0)) AS s FROM claims".into(),
        format!("SELECT COUNT(*) FROM patients p JOIN icd10 i ON i.code = 'A09' OR NOT ({VICTIM})"),
    ];
    for sql in queries {
        if let Ok(answer) = fixture.ask(&sql).await {
            assert_eq!(answer.show().trim(), "#", "{sql}");
        }
    }
}

#[tokio::test]
async fn a_sum_under_another_name_is_still_the_same_sum() {
    let fixture = Fixture::new(&ward()).await;
    let queries = [
        format!(
            "SELECT COUNT(*) FILTER (WHERE sex = 'F') AS a, \
             SUM(1 + 0 * birth_year) FILTER (WHERE sex = 'F' AND NOT ({VICTIM})) AS b FROM patients"
        ),
        "SELECT COUNT(*) AS n, SUM(1 + 0 / (birth_year - 1931)) AS b FROM patients WHERE prefecture = '47'"
            .into(),
    ];
    for sql in queries {
        if let Ok(answer) = fixture.ask(&sql).await {
            assert!(answer.show().trim().ends_with('#'), "{sql}: {}", answer.show());
        }
    }
}
