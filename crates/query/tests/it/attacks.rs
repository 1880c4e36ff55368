//! Attacks in one analysis, by family: each is refused from the plan, or shows not a single statistic. The victim is
//! the only woman born in 1931 in prefecture 47.

mod further;

use sekisho_model::Code;

use super::fixture::{Fixture, ward};
use further::FURTHER;

/// Her, and only her, by attributes.
const HER: &str = "prefecture = '47' AND birth_year = 1931 AND sex = 'F'";

/// Each in turn, with `{her}` for the condition that only she fulfils.
const ATTACKS: &[(&str, &[&str])] = &[
    (
        "direct disclosure",
        &[
            "SELECT count(*) AS n FROM patients WHERE {her}",
            "SELECT hospital_id, count(*) AS n FROM patients WHERE {her} GROUP BY hospital_id",
            "SELECT DISTINCT hospital_id FROM patients WHERE {her}",
            "SELECT count(*) AS n FROM (SELECT patient_id FROM patients WHERE {her} UNION SELECT patient_id FROM patients WHERE {her}) u",
        ],
    ),
    (
        "differences inside one analysis",
        &[
            "SELECT count(*) FILTER (WHERE NOT ({her})) AS b FROM patients",
            "SELECT sum(CASE WHEN {her} THEN 0 ELSE 1 END) AS b FROM patients",
            "WITH a AS (SELECT count(*) AS n FROM patients), b AS (SELECT count(*) AS n FROM patients WHERE NOT ({her})) \
             SELECT a.n - b.n AS d FROM a CROSS JOIN b",
            "SELECT (SELECT count(*) FROM patients) - (SELECT count(*) FROM patients WHERE NOT ({her})) AS d",
            "SELECT max(n) - min(n) AS d FROM (SELECT count(*) AS n FROM patients UNION ALL SELECT count(*) FROM patients WHERE NOT ({her})) u",
        ],
    ),
    (
        "one person in an aggregate's value",
        &[
            "SELECT sum(CASE WHEN {her} THEN birth_year ELSE 0 END) AS s FROM patients",
            "SELECT avg(CASE WHEN {her} THEN 1000000 ELSE 1 END) AS s FROM patients",
            "SELECT sum(x) AS s FROM (SELECT patient_id, CASE WHEN {her} THEN 1 ELSE 0 END AS x FROM patients) t",
            "SELECT sum(x) AS s FROM (SELECT patient_id, max(CASE WHEN {her} THEN 1 ELSE 0 END) AS x FROM patients GROUP BY patient_id) t",
            "SELECT sum(x) AS s FROM (SELECT patient_id, 1 AS x FROM patients WHERE {her} UNION ALL SELECT patient_id, 0 FROM patients) t",
            "SELECT sum(x) AS s FROM (SELECT patient_id, lag(CASE WHEN {her} THEN 1 ELSE 0 END, 0) OVER (PARTITION BY patient_id ORDER BY sex) AS x FROM patients) t",
            "SELECT sum(COALESCE(h.x, 0)) AS s FROM patients p LEFT JOIN (SELECT patient_id, 1 AS x FROM patients WHERE {her}) h ON h.patient_id = p.patient_id",
            "SELECT sum(CASE WHEN p.patient_id IN (SELECT patient_id FROM patients WHERE {her}) THEN 1 ELSE 0 END) AS s FROM patients p",
            "SELECT sum(CASE WHEN EXISTS (SELECT 1 FROM patients h WHERE h.patient_id = p.patient_id AND {her}) THEN 1 ELSE 0 END) AS s FROM patients p",
            "SELECT corr(birth_year, CASE WHEN {her} THEN 1 ELSE 0 END) AS r FROM patients",
            "SELECT regr_slope(birth_year, CASE WHEN {her} THEN 1 ELSE 0 END) AS r FROM patients",
            "SELECT covar_pop(birth_year, CASE WHEN {her} THEN 1 ELSE 0 END) AS r FROM patients",
            "SELECT stddev(CASE WHEN {her} THEN 1 ELSE 0 END) AS r FROM patients",
            "SELECT count(DISTINCT CASE WHEN {her} THEN 'x' ELSE 'y' END) AS r FROM patients",
            "SELECT sum(birth_year + 0.000001 * CASE WHEN prefecture = '47' THEN 1 ELSE 0 END * CASE WHEN birth_year = 1931 THEN 1 ELSE 0 END \
             * CASE WHEN sex = 'F' THEN 1 ELSE 0 END) AS s FROM patients",
            "SELECT sum(birth_year + CASE WHEN prefecture = '47' THEN CASE WHEN birth_year = 1931 THEN CASE WHEN sex = 'F' THEN 0.000001 ELSE 0 END \
             ELSE 0 END ELSE 0 END) AS s FROM patients",
            "SELECT sum(x + 0.000001 * a * b * c) AS s FROM (SELECT patient_id, birth_year AS x, CASE WHEN prefecture = '47' THEN 1 ELSE 0 END AS a, \
             CASE WHEN birth_year = 1931 THEN 1 ELSE 0 END AS b, CASE WHEN sex = 'F' THEN 1 ELSE 0 END AS c FROM patients) t",
            "SELECT sum(birth_year + 0.000001 * (1 - least(1, abs(birth_year - 1931))) * CASE WHEN prefecture = '47' THEN 1 ELSE 0 END \
             * CASE WHEN sex = 'F' THEN 1 ELSE 0 END) AS s FROM patients",
            "SELECT sum(v.a + v.b * c.points) AS s FROM patients p JOIN claims c ON p.patient_id = c.patient_id \
             JOIN (VALUES ('F', 0, 10000000000, 0), ('M', 0, 10000000000, 0), ('F', 1, 0, 1), ('M', 1, 0, 1)) v(s, k, a, b) ON p.sex = v.s \
             WHERE v.k = 0 OR (p.birth_year = 1931 AND p.prefecture = '47' AND p.sex = 'F')",
            "SELECT count(*) AS n FROM patients p JOIN (VALUES ('F', 1), ('F', 2), ('M', 1), ('M', 2)) v(s, i) ON p.sex = v.s \
             WHERE v.i < 2 OR (p.birth_year = 1931 AND p.prefecture = '47')",
            "SELECT sum((c.points + 100000000) * 1) AS s FROM patients p JOIN claims c ON p.patient_id = c.patient_id WHERE p.prefecture = '47'",
            "SELECT avg(c.points + 100000000 * p.birth_year) AS s FROM patients p JOIN claims c ON p.patient_id = c.patient_id WHERE p.prefecture = '47'",
            "SELECT sum(CASE WHEN points >= 0 THEN points + 100000000 ELSE 0 END) AS s FROM claims c JOIN patients p USING (patient_id) WHERE p.prefecture = '47'",
            "SELECT sum(t) AS s FROM (SELECT p.patient_id, sum(points + 100000000) AS t FROM claims c JOIN patients p ON p.patient_id = c.patient_id \
             WHERE p.prefecture = '47' GROUP BY p.patient_id) x",
            "SELECT sum(10000 * (birth_year / birth_year) + (birth_year / 1931) * (1931 / birth_year) * (CAST(prefecture AS INT) / 47) \
             * (47 / CAST(prefecture AS INT))) AS s FROM patients",
            "SELECT covar_pop(c.points + 100000000 * p.birth_year, p.birth_year) AS s FROM claims c JOIN patients p USING (patient_id)",
            "SELECT median(points - 1000) AS m FROM claims",
            "SELECT sum(w) AS s FROM patients p LEFT JOIN (SELECT patient_id, CASE WHEN sex = 'F' THEN 1 ELSE 0 END + 1000000 * CASE WHEN sex = 'F' \
             AND NOT ({her}) THEN 1 ELSE 0 END AS w FROM patients) d ON d.patient_id = p.patient_id",
            "SELECT avg(w) AS s FROM patients p LEFT JOIN (SELECT patient_id, birth_year + 100000000 * CASE WHEN {her} THEN 0 ELSE 1 END AS w FROM patients) d \
             ON d.patient_id = p.patient_id",
            "SELECT var_samp(CASE WHEN sex = 'F' THEN 1 ELSE 0 END + 1000000 * CASE WHEN sex = 'F' AND NOT ({her}) THEN 1 ELSE 0 END) AS s FROM patients",
            "SELECT stddev_pop(CASE WHEN sex = 'F' THEN 1 ELSE 0 END + 1000 * CASE WHEN sex = 'F' AND NOT ({her}) THEN 1 ELSE 0 END) AS s FROM patients",
            "SELECT sum(s) AS s, sum(k) AS k FROM (SELECT p.patient_id, sum(CASE WHEN d.icd10 = 'I10' THEN 1 WHEN d.icd10 = 'E11' AND NOT ({her}) \
             THEN 1000000 ELSE 0 END) AS s, count(*) FILTER (WHERE d.icd10 = 'E11') AS k FROM patients p JOIN diagnoses d ON d.patient_id = p.patient_id \
             GROUP BY p.patient_id) t",
            "SELECT sum(s) AS s, sum(k) AS k FROM (SELECT p.patient_id, max(CASE WHEN d.icd10 = 'I10' THEN 1000000 WHEN d.icd10 = 'E11' AND NOT ({her}) \
             THEN 1 ELSE 0 END) AS s, max(CASE WHEN d.icd10 = 'I10' THEN 2000000 WHEN d.icd10 = 'E11' THEN 1 ELSE 0 END) AS k FROM patients p JOIN diagnoses d \
             ON d.patient_id = p.patient_id GROUP BY p.patient_id) t",
            "SELECT count(*) AS n FROM patients p LEFT SEMI JOIN diagnoses d ON d.patient_id = p.patient_id AND {her}",
            "SELECT sum(v.w) AS s FROM patients p JOIN (VALUES (1900, 1930, 1), (1931, 1931, 1000000), (1932, 2030, 1)) v(low, high, w) \
             ON p.birth_year BETWEEN v.low AND v.high WHERE p.prefecture = '47' AND p.sex = 'F'",
            "SELECT count(DISTINCT CASE WHEN {her} THEN patient_id END) AS n FROM patients",
            "SELECT count(CASE WHEN NOT ({her}) THEN patient_id END) AS n FROM patients",
            "SELECT sum(nullif(birth_year, 1931)) AS s FROM patients WHERE prefecture = '47'",
            "SELECT count(*) AS n FROM (SELECT patient_id FROM patients UNION ALL SELECT patient_id FROM patients WHERE {her}) u",
            "SELECT count(*) AS n FROM (SELECT * FROM (SELECT patient_id, sex FROM patients UNION ALL SELECT patient_id, sex FROM patients WHERE {her}) u \
             UNION ALL SELECT patient_id, icd10 FROM diagnoses) t",
            "SELECT sum(n) AS s FROM (SELECT patient_id, count(*) AS n FROM (SELECT patient_id FROM patients UNION ALL SELECT patient_id FROM patients \
             WHERE {her}) u GROUP BY patient_id) t",
            "SELECT sum(n) AS s FROM (SELECT patient_id, count(*) OVER (PARTITION BY patient_id) AS n FROM (SELECT patient_id FROM patients \
             UNION ALL SELECT patient_id FROM patients WHERE {her}) u) t",
            "SELECT avg(d.age_at) AS s FROM (SELECT patient_id, birth_year AS age_at FROM patients) d JOIN (SELECT patient_id FROM patients UNION ALL \
             SELECT patient_id FROM patients WHERE {her}) u ON u.patient_id = d.patient_id",
        ],
    ),
    (
        "order statistics and dominance",
        &[
            "SELECT max(points) AS m FROM claims",
            "SELECT percentile_cont(1.0) WITHIN GROUP (ORDER BY points) AS m FROM claims",
            "SELECT percentile_cont(0.9999) WITHIN GROUP (ORDER BY points) AS m FROM claims",
            "SELECT percentile_cont(0.0001) WITHIN GROUP (ORDER BY points DESC) AS m FROM claims",
            "SELECT median(x) AS m FROM (SELECT patient_id, points AS x FROM claims UNION ALL SELECT patient_id, 0 FROM claims) u",
            "SELECT median(x) AS m FROM (SELECT patient_id, points AS x FROM claims UNION ALL SELECT patient_id, birth_year FROM patients) u",
            "SELECT median(x) AS m FROM (SELECT patient_id, max(CASE WHEN points > 4000 THEN points ELSE 0 END) AS x FROM claims GROUP BY patient_id) u",
            "SELECT median(greatest(points, 5000000)) AS m FROM claims",
            "SELECT median(CASE WHEN sex = 'F' AND NOT ({her}) THEN 1 ELSE 0 END) AS m FROM patients",
            "SELECT sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END + 1000000 * CASE WHEN sex = 'F' AND NOT ({her}) THEN 1 ELSE 0 END) AS s FROM patients",
            "SELECT sum(w) AS s FROM (SELECT patient_id, 1 AS w FROM patients WHERE sex = 'F' UNION ALL SELECT patient_id, 1000000 FROM patients \
             WHERE sex = 'F' AND NOT ({her})) u",
            "SELECT sum(w) AS s FROM (SELECT patient_id, sum(w) AS w FROM (SELECT patient_id, 1 AS w FROM patients WHERE sex = 'F' UNION ALL \
             SELECT patient_id, 1000000 FROM patients WHERE sex = 'F' AND NOT ({her})) u GROUP BY patient_id) t",
            "SELECT sum(w) AS s FROM (SELECT patient_id, sum(w) OVER (PARTITION BY patient_id) AS w FROM (SELECT patient_id, 1 AS w FROM patients WHERE sex = 'F' \
             UNION ALL SELECT patient_id, 1000000 FROM patients WHERE sex = 'F' AND NOT ({her})) u) t",
            "SELECT count(*) AS n FROM (SELECT patient_id FROM patients UNION ALL SELECT patient_id FROM patients WHERE NOT ({her})) u",
            "SELECT sum(c.points + 100000000 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0 + 0) AS s FROM claims c \
             JOIN patients p ON c.patient_id = p.patient_id WHERE p.prefecture = '47'",
            "SELECT sum(w) AS s FROM (SELECT c.patient_id, c.points AS w FROM claims c JOIN patients p ON c.patient_id = p.patient_id WHERE p.prefecture = '47' \
             UNION ALL SELECT patient_id, 100000000 FROM patients WHERE prefecture = '47') u",
            "SELECT sum(points * points) AS s FROM claims",
            "SELECT sum(x * 2 * x) AS s FROM (SELECT patient_id, sum(points) AS x FROM claims GROUP BY patient_id) t",
            "SELECT sum(x) AS s FROM (SELECT patient_id, sum(points * points) AS x FROM claims GROUP BY patient_id) t",
            "SELECT avg(a.points * b.points) AS s FROM claims a JOIN claims b ON a.patient_id = b.patient_id AND a.date = b.date",
            "SELECT median(points) AS m FROM claims c WHERE EXISTS (SELECT 1 FROM patients p WHERE p.patient_id = c.patient_id AND {her})",
            "SELECT sum(points) AS s FROM claims c JOIN patients p USING (patient_id) WHERE p.prefecture = '47'",
            "SELECT var_samp(points) AS s FROM claims c JOIN patients p USING (patient_id) WHERE p.prefecture = '47'",
            "SELECT avg(points) AS s FROM claims WHERE points > 5000000",
            "SELECT sum(t) AS s FROM (SELECT patient_id, sum(points) AS t FROM claims GROUP BY patient_id) x WHERE t > 5000000",
        ],
    ),
    (
        "fabricated rows",
        &[
            "SELECT count(*) AS n FROM patients p JOIN (VALUES ('47'), ('47'), ('47'), ('47'), ('47'), ('47'), ('47'), ('47'), ('47'), ('47')) v(x) \
             ON v.x = p.prefecture WHERE {her}",
            "SELECT count(DISTINCT v.y) AS n FROM patients p JOIN (VALUES ('47', 1), ('47', 2), ('47', 3), ('47', 4), ('47', 5), ('47', 6), ('47', 7), \
             ('47', 8), ('47', 9), ('47', 10)) v(x, y) ON v.x = p.prefecture WHERE {her}",
            "SELECT count(*) AS n FROM (SELECT patient_id FROM patients WHERE {her} UNION ALL SELECT 7) t",
            "SELECT count(*) AS n FROM diagnoses a JOIN diagnoses b ON a.patient_id = b.patient_id JOIN patients p ON p.patient_id = a.patient_id WHERE {her}",
            "SELECT count(*) AS n FROM icd10 c LEFT JOIN (SELECT d.icd10 FROM diagnoses d JOIN patients USING (patient_id) WHERE {her}) d ON d.icd10 = c.code GROUP BY c.code",
            "SELECT c.code, count(d.patient_id) AS n FROM icd10 c LEFT JOIN (SELECT d.icd10, d.patient_id FROM diagnoses d JOIN patients USING (patient_id) WHERE {her}) d \
             ON d.icd10 = c.code GROUP BY c.code HAVING count(d.patient_id) > 0",
        ],
    ),
    (
        "what everybody of a group has",
        &[
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 LIKE '%'",
            "SELECT p.sex, count(DISTINCT p.patient_id) AS n FROM patients p JOIN diagnoses d ON d.patient_id = p.patient_id WHERE d.icd10 > 'A' GROUP BY p.sex",
            "SELECT p.sex, count(*) AS n FROM patients p WHERE EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 LIKE '%') \
             AND EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id) GROUP BY p.sex",
            "SELECT p.sex, count(*) AS n FROM patients p JOIN (SELECT patient_id, count(*) AS k FROM diagnoses WHERE icd10 LIKE '%' GROUP BY patient_id) d \
             ON d.patient_id = p.patient_id WHERE EXISTS (SELECT 1 FROM diagnoses e WHERE e.patient_id = p.patient_id) AND d.k > 0 GROUP BY p.sex",
        ],
    ),
    (
        "a secret in the answer no",
        &[
            "SELECT p.sex, d.icd10 IS NULL AS healthy, count(*) AS n FROM patients p JOIN diagnoses d ON d.patient_id = p.patient_id GROUP BY 1, 2",
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE (icd10 LIKE '%') <> false",
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE (icd10 LIKE '%') IN (true)",
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 NOT IN ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11')",
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE icd10 <> '1' AND icd10 <> '2' AND icd10 <> '3' AND icd10 <> '4' AND icd10 <> '5' \
             AND icd10 <> '6' AND icd10 <> '7' AND icd10 <> '8' AND icd10 <> '9' AND icd10 <> '10' AND icd10 <> '11'",
            "SELECT count(*) AS n FROM (SELECT patient_id, count(*) FILTER (WHERE icd10 LIKE '%') AS k FROM diagnoses GROUP BY patient_id) t WHERE NOT (-k > -1)",
            "SELECT count(*) AS n FROM (SELECT patient_id, count(*) FILTER (WHERE icd10 LIKE '%') AS k FROM diagnoses GROUP BY patient_id) t WHERE k <> 0",
            "SELECT count(DISTINCT patient_id) AS n FROM diagnoses WHERE CASE WHEN icd10 LIKE '%' THEN 'y' ELSE 'n' END <> 'n'",
            "SELECT CASE WHEN icd10 LIKE '%' THEN NULL ELSE 'other' END AS k, count(DISTINCT patient_id) AS n FROM diagnoses GROUP BY 1",
            "SELECT NOT EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 LIKE '%') AS healthy, count(*) AS n FROM patients p \
             WHERE EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id) GROUP BY 1",
        ],
    ),
    (
        "zero against blank",
        &[
            "SELECT count(*) AS n FROM patients p WHERE {her} AND EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'F20')",
            "SELECT count(*) AS n FROM patients WHERE {her} AND hospital_id = 'H01'",
            "SELECT c.code, count(d.patient_id) AS n FROM icd10 c LEFT JOIN (SELECT d.icd10, d.patient_id FROM diagnoses d \
             JOIN patients p ON p.patient_id = d.patient_id WHERE {her}) d ON d.icd10 = c.code GROUP BY c.code",
        ],
    ),
    (
        "oracles",
        &[
            "SELECT count(*) AS n FROM patients WHERE EXISTS (SELECT 1 FROM patients WHERE {her} AND hospital_id = 'H03')",
            "SELECT count(*) AS n FROM patients WHERE hospital_id IN (SELECT hospital_id FROM patients WHERE {her})",
            "SELECT count(*) AS n FROM patients WHERE hospital_id = (SELECT hospital_id FROM patients WHERE {her})",
            "SELECT count(*) AS n FROM patients WHERE hospital_id = (SELECT max(hospital_id) FROM patients WHERE {her})",
            "SELECT sex, count(*) AS n FROM patients GROUP BY sex HAVING sum(CASE WHEN {her} THEN 1 ELSE 0 END) > 0",
            "SELECT count(*) AS n FROM patients WHERE (SELECT count(*) FROM patients WHERE {her}) > 0",
            "SELECT count(*) AS n FROM patients a JOIN patients b ON a.hospital_id = b.hospital_id AND b.{her}",
            "SELECT CASE WHEN (SELECT count(*) FROM patients WHERE {her}) > 0 THEN 'yes' ELSE 'no' END AS x",
        ],
    ),
    (
        "windows and limits",
        &[
            "SELECT avg(b) AS m FROM (SELECT birth_year AS b, row_number() OVER (ORDER BY birth_year) AS k FROM patients) t WHERE k <= 10",
            "SELECT avg(b) AS m FROM (SELECT first_value(birth_year) OVER (PARTITION BY hospital_id ORDER BY birth_year) AS b FROM patients) t",
            "SELECT avg(points) AS m FROM (SELECT points FROM claims ORDER BY points DESC LIMIT 10) t",
            "SELECT sum(n) OVER () AS t FROM (SELECT sex, count(*) AS n FROM patients WHERE prefecture = '47' AND birth_year < 1954 GROUP BY sex) s WHERE n < 10",
            "SELECT lag(n) OVER (ORDER BY sex) AS k FROM (SELECT sex, count(*) FILTER (WHERE {her}) AS n FROM patients GROUP BY sex) s WHERE sex = 'M'",
        ],
    ),
    (
        "membership in a group that has it",
        &[
            "SELECT hospital_id, avg(CASE WHEN d.patient_id IS NULL THEN 0.0 ELSE 1.0 END) AS share FROM patients p LEFT JOIN \
             (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'F20') d ON d.patient_id = p.patient_id \
             WHERE p.prefecture = '01' AND p.hospital_id = 'H12' GROUP BY hospital_id",
            "SELECT count(d.patient_id) AS n FROM patients p LEFT JOIN (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'F20') d \
             ON d.patient_id = p.patient_id WHERE p.prefecture = '01' AND p.hospital_id = 'H12'",
            "SELECT p.hospital_id, count(DISTINCT d.patient_id) FILTER (WHERE d.icd10 = 'F20') AS n FROM patients p JOIN diagnoses d \
             ON d.patient_id = p.patient_id WHERE p.prefecture = '01' AND p.hospital_id = 'H12' GROUP BY p.hospital_id",
            "SELECT count((SELECT max(d.icd10) FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'F20')) AS n \
             FROM patients p WHERE p.prefecture = '01' AND p.hospital_id = 'H12'",
            "SELECT sum(CASE WHEN p.patient_id IN (SELECT patient_id FROM diagnoses WHERE icd10 = 'F20') THEN 1 ELSE 0 END) AS n FROM patients p \
             WHERE p.prefecture = '01' AND p.hospital_id = 'H12'",
        ],
    ),
    (
        "membership in a group that others are added to",
        &[
            "SELECT count(*) FILTER (WHERE p.hospital_id = 'H12') AS n, count(*) FILTER (WHERE p.hospital_id = 'H12' AND d.patient_id IS NOT NULL) AS k \
             FROM patients p LEFT JOIN (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'F20') d ON d.patient_id = p.patient_id \
             WHERE p.prefecture = '01'",
            "SELECT count(*) FILTER (WHERE p.hospital_id = 'H12') AS n, count(*) FILTER (WHERE p.hospital_id = 'H12' AND EXISTS (SELECT 1 FROM diagnoses d \
             WHERE d.patient_id = p.patient_id AND d.icd10 = 'F20')) AS k FROM patients p WHERE p.prefecture = '01'",
            "SELECT sum(CASE WHEN p.hospital_id <> 'H12' THEN 0 WHEN EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id \
             AND d.icd10 = 'F20') THEN 1 END) AS k FROM patients p WHERE p.prefecture = '01'",
            "SELECT sum(CASE WHEN EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'F20') THEN 1 ELSE 0 END) \
             FILTER (WHERE p.hospital_id = 'H12') AS k FROM patients p WHERE p.prefecture = '01'",
            "SELECT count(DISTINCT CASE WHEN p.hospital_id = 'H12' AND p.patient_id IN (SELECT patient_id FROM diagnoses WHERE icd10 = 'F20') \
             THEN p.patient_id END) AS k FROM patients p WHERE p.prefecture = '01'",
            "SELECT count(*) FILTER (WHERE p.hospital_id = 'H12' AND NOT EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id \
             AND d.icd10 = 'F20')) AS k FROM patients p WHERE p.prefecture = '01'",
        ],
    ),
    (
        "errors as a channel",
        &[
            "SELECT sum(1 / (CASE WHEN {her} THEN 0 ELSE 1 END)) AS s FROM patients",
            "SELECT sum(CAST(CASE WHEN {her} THEN hospital_id ELSE '1' END AS INT)) AS s FROM patients",
            "SELECT sum(9223372036854775807 * CASE WHEN {her} THEN 2 ELSE 0 END) AS s FROM patients",
            "SELECT sum(sqrt(CASE WHEN {her} THEN -1 ELSE 1 END)) AS s FROM patients",
        ],
    ),
    (
        "labels",
        &[
            "SELECT (SELECT hospital_id FROM patients WHERE {her}) AS k, count(*) AS n FROM patients GROUP BY 1",
            "SELECT CASE WHEN {her} THEN hospital_id ELSE 'rest' END AS k FROM patients WHERE prefecture = '47' AND sex = 'F' AND birth_year < 1945 GROUP BY 1",
            "SELECT upper(left(CAST(points AS TEXT), 7)) AS k, count(*) AS n FROM claims WHERE points > 5000000 GROUP BY 1",
        ],
    ),
];

#[tokio::test]
async fn attacks_in_one_analysis_show_no_statistic() {
    let fixture = Fixture::new(&ward()).await;
    let mut leaks = Vec::new();
    for (family, attacks) in ATTACKS.iter().chain(FURTHER) {
        assert!(attacks.len() >= 3, "{family}");
        for attack in *attacks {
            let of = |table: &str| format!("{table}.{}", HER.replace("AND ", &format!("AND {table}.")));
            let sql = attack.replace("b.{her}", &of("b")).replace("q.{her}", &of("q")).replace("{her}", HER);
            let answer = match fixture.ask(&sql).await {
                Ok(answer) => answer,
                Err(refusal) => {
                    // What is no SQL proves nothing.
                    assert_ne!(refusal.code, Code::InvalidQuery, "{family}: {sql}: {}", refusal.message);
                    continue;
                }
            };
            // The labels of an ungrouped result, and of groups without a number, say nothing.
            let statistics =
                |row: &Vec<String>| row.iter().filter(|cell| *cell != "#" && *cell != "-").count();
            let labels = answer.batch.num_columns() - 1;
            let shown = answer.rows().iter().any(|row| statistics(row) > labels);
            if shown {
                leaks.push(format!("{family}: {sql}\n    {}", answer.show()));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
