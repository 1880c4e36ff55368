//! The SQL of ordinary epidemiology over the ward: what is released equals the plain engine's answer on the
//! same rows, and little is lost.

use datafusion::prelude::SessionContext;
use futures::TryStreamExt as _;

use super::fixture::{Fixture, text_rows, ward};

/// The plain engine over the same snapshot.
async fn plain(fixture: &Fixture) -> SessionContext {
    let context = SessionContext::new();
    for table in &fixture.view.snapshot.dataset.tables {
        let batches: Vec<_> = fixture.view.snapshot.read(&table.name).unwrap().try_collect().await.unwrap();
        let schema = batches[0].schema();
        let batch = datafusion::arrow::compute::concat_batches(&schema, &batches).unwrap();
        context.register_batch(&table.name, batch).unwrap();
    }
    context
}

/// Whether a released row is a row of the truth, where it is not blank.
fn agrees(released: &[String], truth: &[String]) -> bool {
    let same = |(shown, known): (&String, &String)| {
        let close = match (shown.parse::<f64>(), known.parse::<f64>()) {
            (Ok(shown), Ok(known)) => (shown - known).abs() <= 1e-6 * known.abs().max(1.0),
            _ => shown == known,
        };
        shown == "#" || close
    };
    released.len() == truth.len() && released.iter().zip(truth).all(same)
}

/// Each analysis, and which share of the cells of the truth it must release.
async fn check(cases: &[(f64, &str)]) {
    check_on(&Fixture::new(&ward()).await, cases).await;
}

async fn check_on(fixture: &Fixture, cases: &[(f64, &str)]) {
    let plain = plain(fixture).await;
    let mut wrong = Vec::new();
    for (share, sql) in cases {
        // Where the plain engine cannot plan an analysis, the same in other words stands behind the arrow.
        let (sql, same) = sql.split_once(" ==> ").unwrap_or((sql, sql));
        let answer = match fixture.ask(sql).await {
            Ok(answer) => answer.rows(),
            Err(refusal) => {
                wrong.push(format!("{sql}\n    {refusal:?}"));
                continue;
            }
        };
        let frame = plain.sql(same).await.unwrap_or_else(|error| panic!("{same}: {error}"));
        let truth: Vec<Vec<String>> = frame.collect().await.unwrap().iter().flat_map(text_rows).collect();
        let cells = truth.iter().map(Vec::len).sum::<usize>();
        let stray = answer.iter().find(|row| !truth.iter().any(|known| agrees(row, known)));
        let shown = answer.iter().flatten().filter(|cell| *cell != "#").count();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand cells")]
        let released = shown as f64 / cells as f64;
        if let Some(row) = stray {
            wrong.push(format!("{sql}\n    {row:?} is not in {:?}", &truth[..truth.len().min(5)]));
        } else if released < *share || answer.len() > truth.len() {
            wrong.push(format!("{sql}\n    released {released:.2} of {cells} cells: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Visits whose texts are missing, empty, as long as a key has room or longer, and of more values than a dictionary
/// page holds.
async fn visits() -> Fixture {
    const MANIFEST: &str = r#"
dataset = "visits"
title = "Visits"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "visits"
description = "One row per visit."
file = "visits.csv"

[[table.column]]
name = "patient_id"
description = "The patient."
class = "subject"

[[table.column]]
name = "ward"
description = "Where."
class = "dimension"
type = "text"

[[table.column]]
name = "reason"
description = "Why."
class = "dimension"
type = "text"

[[table.column]]
name = "doctor"
description = "Who."
class = "dimension"
type = "text"

[[table.column]]
name = "note"
description = "Another one for each visit, and long."
class = "dimension"
type = "text"
"#;
    let wards = ["", "W", "surgery", "cardiology", "intensive care unit two", "\u{5185}\u{79d1}"];
    let reason = |row: usize| if row.is_multiple_of(7) { String::new() } else { format!("R{:02}", row % 13) };
    let mut text = String::from("patient_id,ward,reason,doctor,note\n");
    for row in 0..40_000_usize {
        let (ward, doctor) = (wards[row % 6], format!("doctor number {}", row / 400));
        text +=
            &format!("{},{ward},{},{doctor},{:0>60}\n", row * 31 % 5_003, reason(row), row * 7_919 % 40_009);
    }
    Fixture::of_text(MANIFEST, &[("visits.csv", text)]).await
}

#[tokio::test]
async fn texts_that_label_or_choose() {
    let cases = [
        (1.0, "SELECT ward, count(*) AS n FROM visits GROUP BY ward"),
        (1.0, "SELECT ward, reason, count(*) AS n FROM visits GROUP BY ward, reason"),
        (
            1.0,
            "SELECT ward, reason, count(*) AS n FROM visits GROUP BY GROUPING SETS ((ward, reason), (ward), (reason), ())",
        ),
        (0.4, "SELECT doctor, count(*) AS n FROM visits GROUP BY doctor"),
        (0.7, "SELECT doctor, ward, count(*) AS n FROM visits WHERE ward = 'W' GROUP BY doctor, ward"),
        (1.0, "SELECT ward, count(*) AS n FROM visits WHERE note LIKE '%7' GROUP BY ward"),
        (
            1.0,
            "SELECT reason, count(DISTINCT patient_id) AS n FROM visits WHERE ward IN ('W', 'surgery') GROUP BY reason",
        ),
        (1.0, "SELECT ward, count(*) AS n FROM visits WHERE reason LIKE 'R1%' AND ward <> 'W' GROUP BY ward"),
        (
            1.0,
            "SELECT ward, count(*) AS n FROM visits WHERE reason IS NULL OR reason NOT LIKE '%1' GROUP BY ward",
        ),
        (1.0, "SELECT ward, count(*) AS n FROM visits WHERE reason BETWEEN 'R03' AND 'R07' GROUP BY ward"),
        (1.0, "SELECT ward, count(*) AS n FROM visits WHERE reason IS DISTINCT FROM 'R03' GROUP BY ward"),
        (
            1.0,
            "SELECT ward, count(*) FILTER (WHERE reason = 'R02') AS two, count(reason) AS known FROM visits GROUP BY ward",
        ),
        (1.0, "SELECT ward, count(*) AS n FROM visits WHERE ward = reason OR ward > reason GROUP BY ward"),
        (1.0, "SELECT upper(ward) AS ward, count(*) AS n FROM visits WHERE ward LIKE '%r%' GROUP BY 1"),
        (1.0, "SELECT ward, count(DISTINCT reason) AS reasons FROM visits GROUP BY ward"),
        (1.0, "SELECT coalesce(ward, 'none') AS ward, reason, count(*) AS n FROM visits GROUP BY 1, 2"),
        (
            0.7,
            "SELECT v.ward, w.reason, count(*) AS n FROM visits v JOIN \
               (SELECT patient_id, max(reason) AS reason FROM visits GROUP BY patient_id) w USING (patient_id) GROUP BY 1, 2",
        ),
    ];
    check_on(&visits().await, &cases).await;
}

#[tokio::test]
async fn joins_in_any_form() {
    check(&[
        (1.0, "SELECT p.sex, count(DISTINCT d.patient_id) AS n FROM patients p, diagnoses d \
               WHERE p.patient_id = d.patient_id AND d.icd10 = 'E11' GROUP BY p.sex"),
        (1.0, "SELECT count(DISTINCT p.patient_id) AS n FROM patients p, diagnoses d, prescriptions r \
               WHERE r.patient_id = d.patient_id AND d.patient_id = p.patient_id AND d.icd10 = 'I10' AND r.days > 7"),
        (1.0, "SELECT count(DISTINCT p.patient_id) AS n FROM patients p JOIN diagnoses d USING (patient_id) \
               JOIN claims c USING (patient_id) WHERE d.icd10 = 'E11'"),
        (0.7, "SELECT i.name, count(DISTINCT d.patient_id) AS n FROM diagnoses d, icd10 i WHERE i.code = d.icd10 GROUP BY i.name"),
        (0.8, "SELECT p.prefecture, count(DISTINCT p.patient_id) AS n, count(d.icd10) AS records FROM patients p \
               LEFT JOIN diagnoses d ON d.patient_id = p.patient_id AND d.icd10 = 'I10' GROUP BY p.prefecture"),
        (0.8, "SELECT p.prefecture, count(DISTINCT d.patient_id) AS n FROM diagnoses d \
               RIGHT JOIN patients p ON d.patient_id = p.patient_id AND d.icd10 = 'I10' GROUP BY p.prefecture"),
        (1.0, "SELECT p.sex, sum(CASE WHEN d.patient_id IS NULL THEN 0 ELSE 1 END) AS has, count(*) AS n FROM patients p \
               LEFT JOIN (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'E11') d ON d.patient_id = p.patient_id GROUP BY p.sex"),
        (1.0, "SELECT p.sex, sum(COALESCE(d.flag, 0)) AS has FROM patients p \
               LEFT JOIN (SELECT DISTINCT patient_id, 1 AS flag FROM diagnoses WHERE icd10 = 'E11') d ON d.patient_id = p.patient_id GROUP BY p.sex"),
        (1.0, "SELECT count(*) AS n FROM patients p LEFT JOIN diagnoses d ON d.patient_id = p.patient_id AND d.icd10 = 'I10' \
               WHERE d.patient_id IS NULL"),
        (0.7, "SELECT i.code, count(d.patient_id) AS records, count(DISTINCT d.patient_id) AS n FROM icd10 i \
               LEFT JOIN diagnoses d ON d.icd10 = i.code GROUP BY i.code"),
        (1.0, "SELECT count(DISTINCT d.patient_id) AS n FROM diagnoses d JOIN (VALUES ('E11'), ('I10')) v(code) ON v.code = d.icd10"),
        (1.0, "SELECT count(*) AS n FROM (SELECT patient_id FROM diagnoses WHERE icd10 = 'E11' INTERSECT \
               SELECT patient_id FROM diagnoses WHERE icd10 = 'I10') both"),
        (1.0, "SELECT count(*) AS n FROM (SELECT patient_id FROM diagnoses WHERE icd10 = 'E11' EXCEPT \
               SELECT patient_id FROM diagnoses WHERE icd10 = 'I10') one"),
    ])
    .await;
}

#[tokio::test]
async fn subqueries_about_the_same_person() {
    check(&[
        (1.0, "SELECT sex, count(*) AS n FROM patients WHERE patient_id IN (SELECT patient_id FROM diagnoses WHERE icd10 = 'E11') GROUP BY sex"),
        (1.0, "SELECT sex, count(*) AS n FROM patients WHERE patient_id NOT IN (SELECT patient_id FROM diagnoses WHERE icd10 = 'E11') GROUP BY sex"),
        (1.0, "SELECT p.sex, count(*) AS n FROM patients p WHERE NOT EXISTS \
               (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'I10') GROUP BY p.sex"),
        (1.0, "SELECT count(DISTINCT d.patient_id) AS n FROM diagnoses d WHERE d.icd10 = 'I10' AND EXISTS \
               (SELECT 1 FROM prescriptions r WHERE r.patient_id = d.patient_id AND r.date >= d.date)"),
        (1.0, "SELECT p.sex, sum(CASE WHEN EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'E11') \
               THEN 1 ELSE 0 END) AS dm, count(*) AS n FROM patients p GROUP BY p.sex ==> \
               SELECT p.sex, count(d.patient_id) AS dm, count(*) AS n FROM patients p LEFT JOIN \
               (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'E11') d ON d.patient_id = p.patient_id GROUP BY p.sex"),
        (1.0, "SELECT count(*) AS n FROM patients p WHERE p.sex = 'F' OR p.patient_id IN (SELECT patient_id FROM diagnoses WHERE icd10 = 'I10')"),
        (1.0, "SELECT count(DISTINCT d.patient_id) AS n FROM diagnoses d WHERE d.date = \
               (SELECT min(x.date) FROM diagnoses x WHERE x.patient_id = d.patient_id) AND d.icd10 = 'I10'"),
        (1.0, "SELECT count(*) AS n FROM patients p WHERE (SELECT count(*) FROM diagnoses x WHERE x.patient_id = p.patient_id) < 2"),
        (1.0, "SELECT count(*) AS n FROM patients p WHERE EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id \
               GROUP BY d.icd10 HAVING count(*) >= 2)"),
        (0.7, "SELECT icd10, count(*) AS n FROM diagnoses WHERE icd10 IN (SELECT code FROM icd10 WHERE name LIKE '%a%') GROUP BY icd10"),
        (1.0, "SELECT count(*) AS n FROM diagnoses d WHERE NOT EXISTS (SELECT 1 FROM icd10 i WHERE i.code = d.icd10 AND i.code LIKE 'E%')"),
        (1.0, "SELECT count(DISTINCT patient_id) AS n FROM claims WHERE patient_id IN (SELECT patient_id FROM diagnoses GROUP BY patient_id HAVING count(*) > 3)"),
    ])
    .await;
}

#[tokio::test]
async fn semi_and_anti_joins() {
    check(&[
        (1.0, "SELECT p.sex, count(*) AS n FROM patients p LEFT SEMI JOIN diagnoses d ON d.patient_id = p.patient_id AND d.icd10 = 'E11' GROUP BY p.sex"),
        (1.0, "SELECT p.sex, count(*) AS n FROM patients p LEFT ANTI JOIN diagnoses d ON p.patient_id = d.patient_id AND d.icd10 = 'E11' GROUP BY p.sex"),
        (1.0, "SELECT count(*) AS n FROM diagnoses d RIGHT SEMI JOIN patients p ON d.patient_id = p.patient_id AND d.icd10 = 'I10' AND p.sex = 'F'"),
        (1.0, "WITH c AS (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'I10') \
               SELECT count(DISTINCT d.patient_id) AS n FROM diagnoses d LEFT SEMI JOIN c USING (patient_id) WHERE d.icd10 = 'E11'"),
        (1.0, "SELECT count(*) AS n FROM diagnoses d LEFT SEMI JOIN (VALUES ('E11'), ('E11'), ('I10')) v(code) ON v.code = d.icd10"),
        (1.0, "SELECT count(*) AS n FROM diagnoses d LEFT ANTI JOIN icd10 i ON i.code = d.icd10 AND i.code LIKE 'E%'"),
    ])
    .await;
}

#[tokio::test]
async fn scores_of_a_person() {
    let weights =
        "CASE WHEN icd10 = 'E11' THEN 1 WHEN icd10 = 'I10' THEN 2 WHEN icd10 LIKE 'J%' THEN 3 ELSE 0 END";
    let score = |function: &str| {
        format!("SELECT patient_id, {function}({weights}) AS s FROM diagnoses GROUP BY patient_id")
    };
    let flags = "SELECT patient_id, max(CASE WHEN icd10 = 'E11' THEN 1 ELSE 0 END) + 2 * max(CASE WHEN icd10 = 'I10' THEN 1 ELSE 0 END) \
                 + max(CASE WHEN icd10 LIKE 'J%' THEN 1 ELSE 0 END) AS s FROM diagnoses GROUP BY patient_id";
    let (sum, max, min) = (score("sum"), score("max"), score("min"));
    let half = sum.replace("THEN 2", "THEN 2.5").replace("ELSE 0", "ELSE NULL");
    let sql = [
        format!("SELECT avg(s) AS m, count(*) AS n FROM ({sum}) t"),
        format!("SELECT avg(s) AS m, sum(s) AS t FROM ({max}) t"),
        format!("SELECT avg(s) AS m FROM ({min}) t"),
        format!("SELECT avg(s) AS m FROM ({half}) t"),
        format!("SELECT avg(s) AS m FROM ({flags}) t"),
        format!(
            "SELECT p.sex, avg(t.s) AS m FROM patients p JOIN ({sum}) t ON t.patient_id = p.patient_id GROUP BY p.sex"
        ),
        format!(
            "SELECT p.sex, avg(COALESCE(t.s, 0)) AS m, sum(t.s) AS s FROM patients p LEFT JOIN ({sum}) t ON t.patient_id = p.patient_id GROUP BY p.sex"
        ),
        format!(
            "SELECT p.sex, avg(COALESCE(t.s, 0)) AS m, sum(t.s) AS s FROM patients p LEFT JOIN ({flags}) t ON t.patient_id = p.patient_id GROUP BY p.sex"
        ),
        format!("SELECT s, count(*) AS n FROM ({flags}) t GROUP BY s"),
        format!(
            "SELECT CASE WHEN s = 0 THEN '0' WHEN s BETWEEN 1 AND 2 THEN '1-2' ELSE '3+' END AS k, count(*) AS n FROM ({flags}) t GROUP BY 1"
        ),
        format!("SELECT count(*) AS n FROM ({sum}) t WHERE s >= 3"),
    ];
    check(&sql.iter().map(|sql| (0.9, sql.as_str())).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn codes_by_ranges() {
    let ranges = "(VALUES ('A00', 'D99', 'early'), ('E00', 'E99', 'endocrine'), ('F00', 'Z99', 'late')) v(low, high, label)";
    let sql = [
        format!("SELECT v.label, count(DISTINCT d.patient_id) AS n FROM diagnoses d JOIN {ranges} ON d.icd10 BETWEEN v.low AND v.high GROUP BY v.label"),
        format!("SELECT v.label, count(*) AS n FROM diagnoses d, {ranges} WHERE v.low <= d.icd10 AND d.icd10 < v.high GROUP BY v.label"),
        format!("SELECT v.label, count(*) AS n FROM diagnoses d LEFT JOIN {ranges} ON d.icd10 >= v.low AND v.high >= d.icd10 GROUP BY v.label"),
        "SELECT v.label, count(*) AS n FROM patients p JOIN (VALUES (1900, 1950, 'old'), (1950, 2030, 'young')) v(low, high, label) \
         ON p.birth_year >= v.low AND p.birth_year < v.high GROUP BY v.label".to_owned(),
    ];
    check(&sql.iter().map(|sql| (0.9, sql.as_str())).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn windows_over_one_person() {
    check(&[
        (0.7, "WITH f AS (SELECT patient_id, icd10, row_number() OVER (PARTITION BY patient_id ORDER BY date, icd10) AS nth FROM diagnoses) \
               SELECT icd10, count(*) AS n FROM f WHERE nth = 1 GROUP BY icd10"),
        (1.0, "SELECT count(*) AS n FROM (SELECT patient_id, date, lag(date) OVER (PARTITION BY patient_id ORDER BY date, icd10) AS before \
               FROM diagnoses) g WHERE date <= before + INTERVAL '30 days'"),
        (1.0, "SELECT count(DISTINCT patient_id) AS n FROM (SELECT patient_id, sum(days) OVER (PARTITION BY patient_id ORDER BY date, yj_code \
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS total FROM prescriptions) s WHERE total >= 28"),
        (0.8, "SELECT k, count(DISTINCT patient_id) AS n FROM (SELECT patient_id, count(*) OVER (PARTITION BY patient_id) AS k FROM claims) c GROUP BY k"),
    ])
    .await;
}

#[tokio::test]
async fn dates_and_the_days_between_them() {
    check(&[
        (
            1.0,
            "WITH f AS (SELECT patient_id, min(date) AS first FROM diagnoses WHERE icd10 = 'I10' GROUP BY patient_id), \
             r AS (SELECT patient_id, min(date) AS drug FROM prescriptions GROUP BY patient_id) \
             SELECT avg(r.drug - f.first) AS days, count(*) AS n FROM f JOIN r ON r.patient_id = f.patient_id WHERE r.drug >= f.first",
        ),
        (
            0.6,
            "WITH f AS (SELECT patient_id, min(date) AS first, max(date) AS last FROM diagnoses GROUP BY patient_id) \
             SELECT (last - first) / 30 AS months, count(*) AS n FROM f GROUP BY 1",
        ),
        (
            0.6,
            "SELECT floor((DATE '2026-01-01' - date) / 91.3) AS quarters_ago, count(*) AS n FROM diagnoses GROUP BY 1",
        ),
        (1.0, "SELECT count(*) AS n FROM diagnoses WHERE DATE '2025-12-31' - date > 100"),
        (1.0, "SELECT count(*) AS n FROM diagnoses WHERE date BETWEEN DATE '2025-01-01' AND DATE '2025-01-01' + INTERVAL '6 months'"),
        (0.8, "SELECT extract(month FROM date) AS m, count(DISTINCT patient_id) AS n FROM diagnoses GROUP BY 1"),
    ])
    .await;
}

#[tokio::test]
async fn idioms() {
    check(&[
        (
            1.0,
            "SELECT p.sex, count(DISTINCT CASE WHEN d.icd10 = 'I10' THEN p.patient_id END) AS ht, \
             count(DISTINCT CASE WHEN d.icd10 = 'E11' THEN p.patient_id ELSE NULL END) AS dm, count(DISTINCT p.patient_id) AS n \
             FROM patients p JOIN diagnoses d ON d.patient_id = p.patient_id GROUP BY p.sex",
        ),
        (1.0, "SELECT icd10, count(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 = 'I10' GROUP BY icd10"),
        (0.7, "SELECT d.icd10, i.name, count(DISTINCT d.patient_id) AS n FROM diagnoses d JOIN icd10 i ON i.code = d.icd10 GROUP BY 1, 2"),
        (1.0, "SELECT avg(extract(YEAR FROM d.date) - p.birth_year) AS age FROM diagnoses d JOIN patients p USING (patient_id) WHERE icd10 = 'I10'"),
        (1.0, "SELECT sum(least(days, 28)) AS s, avg(greatest(days, 7)) AS a FROM prescriptions"),
        (0.8, "SELECT to_char(date, '%Y-%m') AS month, count(*) AS n FROM diagnoses GROUP BY 1"),
        (0.8, "SELECT concat(sex, '-', prefecture) AS who, count(*) AS n FROM patients WHERE prefecture <> '47' GROUP BY 1"),
        (1.0, "SELECT concat('sex ', sex) AS label, n FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) s"),
        (
            1.0,
            "WITH f AS (SELECT patient_id, bool_or(icd10 = 'I10') AS ht FROM diagnoses GROUP BY patient_id) \
             SELECT ht, count(*) AS n FROM f GROUP BY ht",
        ),
    ])
    .await;
}

#[tokio::test]
async fn unions_and_sets() {
    check(&[
        (1.0, "SELECT kind, count(*) AS records, count(DISTINCT patient_id) AS n FROM (SELECT patient_id, 'dx' AS kind FROM diagnoses \
               UNION ALL SELECT patient_id, 'rx' FROM prescriptions) u GROUP BY kind"),
        (1.0, "SELECT count(*) AS n FROM (SELECT patient_id FROM diagnoses WHERE icd10 = 'E11' UNION SELECT patient_id FROM diagnoses WHERE icd10 = 'I10') u"),
        (1.0, "SELECT 'diabetes' AS cohort, count(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 = 'E11' \
               UNION ALL SELECT 'asthma', count(DISTINCT patient_id) FROM diagnoses WHERE icd10 = 'J45'"),
        (0.8, "SELECT sex, prefecture, grouping(sex) AS gs, grouping(prefecture) AS gp, count(*) AS n FROM patients \
               GROUP BY GROUPING SETS ((sex), (prefecture), ())"),
        (0.8, "SELECT sex, prefecture, grouping(sex, prefecture) AS g, count(*) AS n FROM patients WHERE prefecture < '20' GROUP BY CUBE (sex, prefecture)"),
        (0.8, "SELECT DISTINCT prefecture FROM patients"),
    ])
    .await;
}

#[tokio::test]
async fn several_statistics_in_one_analysis() {
    check(&[
        (0.8, "WITH d AS (SELECT p.prefecture, count(DISTINCT p.patient_id) AS cases FROM patients p JOIN diagnoses x ON x.patient_id = p.patient_id \
               WHERE x.icd10 = 'I10' GROUP BY p.prefecture), t AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) \
               SELECT t.prefecture, t.n, d.cases, 100.0 * d.cases / t.n AS percent FROM t JOIN d ON d.prefecture = t.prefecture"),
        (0.8, "WITH d AS (SELECT p.prefecture, count(DISTINCT p.patient_id) AS cases FROM patients p JOIN diagnoses x ON x.patient_id = p.patient_id \
               WHERE x.icd10 = 'I10' GROUP BY p.prefecture), t AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) \
               SELECT t.prefecture, t.n, coalesce(d.cases, 0) AS cases FROM t LEFT JOIN d ON d.prefecture = t.prefecture WHERE t.n > 30"),
        (1.0, "SELECT sex, count(*) AS n, 100.0 * count(*) / (SELECT count(*) FROM patients) AS percent FROM patients GROUP BY sex"),
        (1.0, "SELECT sex, count(*) AS n, 100.0 * count(*) / sum(count(*)) OVER () AS percent FROM patients GROUP BY sex"),
        (0.8, "SELECT prefecture, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM patients WHERE prefecture <> '47' GROUP BY prefecture"),
        (1.0, "SELECT max(n) AS most FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) s"),
        (1.0, "SELECT avg(n) AS mean FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) s"),
        (0.8, "WITH m AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) SELECT prefecture, avg(n) OVER (ORDER BY prefecture ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS x FROM m"),
        (0.8, "WITH m AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) SELECT prefecture, sum(n) OVER (ORDER BY prefecture ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS x FROM m"),
        (0.8, "WITH m AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) SELECT prefecture, max(n) OVER (ORDER BY prefecture ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS x FROM m"),
        (0.8, "WITH m AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) SELECT prefecture, max(n) OVER () AS most, sum(n) OVER () AS total FROM m"),
        (0.8, "WITH m AS (SELECT prefecture, count(*) AS n FROM patients GROUP BY prefecture) SELECT prefecture, rank() OVER (ORDER BY n) AS r, row_number() OVER (ORDER BY n) AS k FROM m"),
        (1.0, "SELECT count(*) AS codes FROM icd10"),
        (1.0, "SELECT a.n - b.n AS difference FROM (SELECT count(*) AS n FROM patients) a CROSS JOIN (SELECT count(*) AS n FROM patients WHERE sex = 'F') b"),
    ])
    .await;
}

#[tokio::test]
async fn moments_and_counts_of_values() {
    check(&[
        (1.0, "SELECT test_code, avg(value) AS mean, stddev(value) AS sd, var_pop(value) AS v, count(DISTINCT patient_id) AS n \
               FROM lab_results WHERE test_code <> 'HLAB' GROUP BY test_code"),
        (1.0, "SELECT var_samp(2025 - birth_year) AS v, avg(2025 - birth_year) AS m, count(*) AS n FROM patients"),
        (1.0, "SELECT p.sex, corr(l.value, p.birth_year) AS r, covar_samp(l.value, p.birth_year) AS c, \
               regr_slope(l.value, p.birth_year) AS b FROM lab_results l JOIN patients p ON p.patient_id = l.patient_id \
               WHERE l.test_code = 'CRE' GROUP BY p.sex"),
        (1.0, "SELECT sex, count(DISTINCT hospital_id) AS hospitals FROM patients WHERE prefecture = '13' GROUP BY sex"),
    ])
    .await;
}

/// Quantiles are snapped: the plain engine's answer is near.
#[tokio::test]
async fn quantiles_are_near_the_truth() {
    let fixture = Fixture::new(&ward()).await;
    let plain = plain(&fixture).await;
    for sql in [
        "SELECT p.sex, median(l.value) AS med FROM lab_results l JOIN patients p ON p.patient_id = l.patient_id \
         WHERE l.test_code = 'CRE' GROUP BY p.sex ORDER BY p.sex",
        "SELECT test_code, percentile_cont(0.25) WITHIN GROUP (ORDER BY value) AS q FROM lab_results \
         WHERE test_code IN ('CRE', 'LDL', 'HBA1C') GROUP BY test_code ORDER BY test_code",
        "SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY value DESC) AS q FROM lab_results WHERE test_code = 'LDL'",
    ] {
        let answer = fixture.ask(sql).await.unwrap().rows();
        let truth = plain.sql(sql).await.unwrap().collect().await.unwrap();
        let truth: Vec<Vec<String>> = truth.iter().flat_map(text_rows).collect();
        assert_eq!(answer.len(), truth.len(), "{sql}");
        for (shown, known) in answer.iter().zip(&truth) {
            let (shown, known) = (shown.last().unwrap(), known.last().unwrap().parse::<f64>().unwrap());
            let close = shown.parse::<f64>().is_ok_and(|shown| (shown - known).abs() <= 0.05 * known.abs());
            assert!(close, "{sql}: {shown} and {known}");
        }
    }
}
