//! However a job is divided among threads, the same people give the same bytes.

use std::num::NonZeroUsize;

use sekisho_vault::IngestOptions;

use crate::fixture::{Fixture, profile, ward};

/// Analyses of every kind of node that stands below a frontier.
const ANALYSES: [&str; 10] = [
    "SELECT icd10, COUNT(*) AS n, COUNT(DISTINCT patient_id) AS people FROM diagnoses GROUP BY icd10",
    "SELECT COUNT(*) AS n, SUM(points) AS points, AVG(points) AS mean FROM claims",
    "SELECT p.sex, date_part('year', d.date) AS year, COUNT(*) AS n FROM patients p \
     JOIN diagnoses d ON p.patient_id = d.patient_id GROUP BY p.sex, date_part('year', d.date)",
    "WITH first AS (SELECT patient_id, MIN(date) AS since FROM diagnoses GROUP BY patient_id) \
     SELECT p.prefecture, COUNT(*) AS n FROM first f JOIN patients p ON f.patient_id = p.patient_id \
     GROUP BY p.prefecture",
    "SELECT sex, prefecture, COUNT(*) AS n FROM patients \
     GROUP BY GROUPING SETS ((sex, prefecture), (sex), ())",
    "SELECT p.sex, COUNT(*) AS n FROM patients p WHERE NOT EXISTS \
     (SELECT 1 FROM prescriptions r WHERE r.patient_id = p.patient_id) GROUP BY p.sex",
    "SELECT test_code, MEDIAN(value) AS half, AVG(value) AS mean, STDDEV(value) AS spread \
     FROM lab_results GROUP BY test_code",
    "SELECT c.name, COUNT(d.patient_id) AS n FROM icd10 c LEFT JOIN diagnoses d ON c.code = d.icd10 \
     GROUP BY c.name",
    "SELECT sex, COUNT(*) FILTER (WHERE birth_year < 1960) AS old FROM patients GROUP BY sex",
    "SELECT place, COUNT(*) AS n FROM (SELECT patient_id, \
     ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY date) AS place FROM diagnoses) AS d \
     WHERE place <= 3 GROUP BY place",
];

#[tokio::test(flavor = "multi_thread")]
async fn how_people_are_divided_decides_nothing() {
    // Row groups of a few people, so that there is something to divide.
    let options = IngestOptions { row_group_rows: 40, file_rows: 300, ..IngestOptions::default() };
    let mut fixture = Fixture::with_options(&ward(), &options).await;
    let profile = profile("japan-rwd");
    let mut answers = Vec::new();
    for partitions in [1, 2, 3, 16] {
        let engine = fixture.engine.clone();
        fixture.engine = engine.with_partitions(NonZeroUsize::new(partitions).unwrap());
        let mut bytes = Vec::new();
        for sql in ANALYSES {
            bytes.push(
                fixture.bytes(sql, &profile).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")),
            );
        }
        answers.push(bytes);
    }
    for (divided, number) in answers.iter().zip([1, 2, 3, 16]) {
        for ((bytes, whole), sql) in divided.iter().zip(&answers[0]).zip(ANALYSES) {
            assert!(bytes == whole, "{number}: {sql}");
        }
    }
}
