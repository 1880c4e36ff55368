//! Attacks of families that need an analysis of their own form: by trackers, by what numbers look like, at the engine, above
//! the frontier, by predicates, by a lost subject, and those that others have found in systems like this one.

/// By family; `{her}` stands for the condition that only she fulfils.
pub(super) const FURTHER: &[(&str, &[&str])] = &[
    (
        "trackers",
        &[
            "SELECT (SELECT count(*) FROM patients WHERE prefecture = '47' AND sex = 'F') \
             - (SELECT count(*) FROM patients WHERE prefecture = '47' AND sex = 'F' AND NOT (birth_year = 1931)) AS d",
            "SELECT (SELECT count(*) FROM patients WHERE sex = 'M' OR {her}) + (SELECT count(*) FROM patients WHERE sex = 'F' OR {her}) \
             - (SELECT count(*) FROM patients) AS d",
            "SELECT (SELECT count(*) FROM patients WHERE {her} OR birth_year BETWEEN 1940 AND 1969) \
             - (SELECT count(*) FROM patients WHERE birth_year BETWEEN 1940 AND 1969) AS d",
            "SELECT (SELECT sum(birth_year) FROM patients WHERE {her} OR prefecture = '13' OR birth_year > 1970) \
             - (SELECT sum(birth_year) FROM patients WHERE prefecture = '13' OR birth_year > 1970) AS d",
            "WITH a AS (SELECT count(*) AS n FROM patients WHERE {her} OR sex = 'M'), b AS (SELECT count(*) AS n FROM patients WHERE sex = 'M') \
             SELECT a.n > b.n AS d FROM a CROSS JOIN b",
        ],
    ),
    (
        "how a number looks",
        &[
            "SELECT avg(birth_year) * count(*) - sum(birth_year) AS d FROM patients WHERE {her}",
            "SELECT (SELECT sum(birth_year) FROM patients WHERE prefecture = '47' AND sex = 'F') \
             / (SELECT avg(birth_year) FROM patients WHERE prefecture = '47' AND sex = 'F' AND birth_year <> 1931) AS d",
            "SELECT max(n) - min(n) AS d FROM (SELECT count(*) AS n FROM patients WHERE {her} UNION ALL SELECT count(*) FROM patients WHERE {her}) u",
            "SELECT sum(CASE WHEN {her} THEN -0.0 ELSE 0.0 END) AS s FROM patients",
            "SELECT sum(CAST(birth_year AS DOUBLE) + CASE WHEN {her} THEN 0.000000000001 ELSE 0 END) AS s FROM patients",
            "SELECT CASE WHEN {her} THEN 'x ' ELSE 'x' END AS k, count(*) AS n FROM patients GROUP BY 1",
        ],
    ),
    (
        "the engine's surface",
        &[
            "EXPLAIN SELECT count(*) FROM patients WHERE {her}",
            "EXPLAIN ANALYZE VERBOSE SELECT hospital_id FROM patients WHERE {her}",
            "SHOW TABLES",
            "SELECT table_name FROM information_schema.tables",
            "SET datafusion.execution.collect_statistics = true; SELECT count(*) AS n FROM patients",
            "COPY (SELECT * FROM patients WHERE {her}) TO 'her.csv'",
            "PREPARE q AS SELECT count(*) AS n FROM patients WHERE hospital_id = $1",
            "SELECT count(*) AS n FROM 'patients.parquet'",
            "SELECT count(*) AS n FROM parquet_metadata('patients.parquet')",
            "WITH patients AS (SELECT * FROM patients WHERE {her}) SELECT count(*) AS n FROM patients",
        ],
    ),
    (
        "arithmetic above the frontier",
        &[
            "WITH a AS (SELECT sex, count(*) AS n FROM patients GROUP BY sex), \
             b AS (SELECT sex, count(*) AS n FROM patients WHERE NOT ({her}) GROUP BY sex) \
             SELECT a.n - b.n AS d FROM a JOIN b ON a.sex = b.sex WHERE a.sex = 'F'",
            "SELECT 1000 * count(*) + 7 AS n FROM patients WHERE {her}",
            "SELECT CASE count(*) WHEN 0 THEN 'none' WHEN 1 THEN 'one' ELSE 'many' END AS k FROM patients WHERE {her}",
            "SELECT min(n) AS m FROM (SELECT birth_year, count(*) AS n FROM patients WHERE prefecture = '47' AND sex = 'F' AND birth_year < 1935 GROUP BY birth_year) t",
            "SELECT sum(n) AS s FROM (SELECT hospital_id, count(*) AS n FROM patients WHERE {her} GROUP BY hospital_id) t",
            "SELECT coalesce(sum(birth_year), 0) AS s, count(*) IS NULL AS b FROM patients WHERE {her}",
            "SELECT rank() OVER (ORDER BY n) AS p FROM (SELECT count(*) AS n FROM patients WHERE {her}) t WHERE n > 0",
        ],
    ),
    (
        "predicates that single out",
        &[
            "SELECT count(*) AS n FROM (SELECT birth_year, percent_rank() OVER (ORDER BY birth_year) AS r FROM patients) t WHERE r < 0.001",
            "SELECT count(DISTINCT p.patient_id) AS n FROM patients p JOIN diagnoses d ON d.patient_id = p.patient_id WHERE d.icd10 LIKE 'B2_' AND {her}",
            "SELECT count(*) AS n FROM (SELECT patient_id, count(*) AS k FROM diagnoses GROUP BY patient_id) t JOIN patients p \
             ON p.patient_id = t.patient_id WHERE t.k >= 20 AND p.prefecture = '47'",
            "SELECT count(*) AS n FROM (SELECT patient_id, icd10, lag(icd10) OVER (PARTITION BY patient_id ORDER BY date) AS b FROM diagnoses) t \
             JOIN patients p ON p.patient_id = t.patient_id WHERE t.b <> t.icd10 AND {her}",
            "SELECT count(*) AS n FROM patients WHERE (CAST(prefecture AS INT) = 47) AND (birth_year - 1931 = 0) AND (sex || '' = 'F')",
        ],
    ),
    (
        "a subject that is lost or forged",
        &[
            "SELECT count(*) AS n FROM diagnoses a JOIN claims b ON a.date = b.date",
            "SELECT count(*) AS n FROM patients p WHERE EXISTS (SELECT 1 FROM patients q WHERE q.hospital_id = p.hospital_id AND q.birth_year = 1931 AND q.prefecture = '47')",
            "SELECT count(DISTINCT k) AS n FROM (SELECT left(patient_id, 3) AS k FROM patients) t",
            "SELECT count(*) AS n FROM (SELECT max(patient_id) AS patient_id FROM patients GROUP BY hospital_id) h JOIN diagnoses d ON d.patient_id = h.patient_id",
            "SELECT count(*) AS n FROM patients p JOIN patients q ON q.patient_id <> p.patient_id AND q.{her}",
        ],
    ),
    (
        "summaries of several statistics",
        &[
            "SELECT b['n'] AS n FROM (SELECT unnest(histogram(birth_year, [1931, 1931.5])) AS b FROM patients WHERE prefecture = '47' AND sex = 'F') h",
            "SELECT a[1]['n'] - b[1]['n'] AS d FROM (SELECT histogram(birth_year, [1900, 2030]) AS a, \
             histogram(birth_year, [1900, 2030]) FILTER (WHERE NOT ({her})) AS b FROM patients) t",
            "SELECT n - b[1]['n'] AS d FROM (SELECT count(*) AS n, histogram(birth_year, [1900, 2030]) FILTER (WHERE NOT ({her})) AS b FROM patients) t",
            "SELECT a[1]['n'] + a[2]['n'] - b[1]['n'] - b[2]['n'] AS d FROM (SELECT histogram(birth_year, [1900, 1931, 1932]) AS a, \
             histogram(birth_year, [1900, 1930, 1931]) AS b FROM patients WHERE prefecture = '47' AND sex = 'F' AND birth_year < 1932) t",
            "SELECT t[1]['n'] AS n FROM (SELECT table_one('her', prefecture = '47' AND birth_year = 1931 AND sex = 'F') AS t FROM \
             (SELECT patient_id, max(prefecture) AS prefecture, max(birth_year) AS birth_year, max(sex) AS sex FROM patients GROUP BY patient_id) p) x",
            "SELECT t[1]['value'] AS share FROM (SELECT table_one('year', birth_year, [1931, 1950]) AS t FROM \
             (SELECT patient_id, max(birth_year) AS birth_year FROM patients WHERE prefecture = '47' AND sex = 'F' GROUP BY patient_id) p) x",
            "SELECT t[1]['value'] AS mean FROM (SELECT table_one('year', birth_year) AS t FROM \
             (SELECT patient_id, max(birth_year) AS birth_year FROM patients WHERE {her} GROUP BY patient_id) p) x",
        ],
    ),
    (
        "what was found elsewhere",
        &[
            "SELECT prefecture, sex, count(*) AS n FROM patients WHERE birth_year = 1931 AND prefecture = '47' GROUP BY CUBE (prefecture, sex)",
            "SELECT CASE WHEN NOT ({her}) THEN 'most' ELSE 'other' END AS k, count(*) AS n FROM patients GROUP BY 1",
            "SELECT length(max(hospital_id)) AS l FROM patients WHERE {her}",
            "SELECT count(*) AS n FROM patients LIMIT (SELECT count(*) FROM patients WHERE {her})",
            "SELECT count(*) AS n, count(*) FILTER (WHERE birth_year = 1931) AS k FROM patients WHERE prefecture = '47' AND sex = 'F' AND birth_year < 1936",
            "SELECT approx_distinct(hospital_id) AS n FROM patients WHERE {her}",
        ],
    ),
];
