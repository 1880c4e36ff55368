//! What is refused, with which code, and where.

use sekisho_model::{Code, TableGrant};
use sekisho_query::View;

use super::fixture::{Fixture, ward};

const PEOPLE: &str = "the result would list records";
const IDENTIFIES: &str = "identifies people and is not a value";

/// Each text is refused with this code and these words in message or hint, at this line and column.
fn check(fixture: &Fixture, code: Code, words: &str, cases: &[(&str, &str)]) {
    for (sql, place) in cases {
        let refusal = fixture.refusal(sql);
        let found = refusal.position.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
        assert_eq!(refusal.code, code, "{sql}: {refusal:?}");
        assert_eq!(found, *place, "{sql}: {refusal:?}");
        let text = format!("{} {}", refusal.message, refusal.hint);
        assert!(text.contains(words), "{sql}: {refusal:?}");
        assert!(refusal.message.len() > 8 && refusal.hint.len() > 8, "{sql}: {refusal:?}");
        for leak in
            ["DataFusionError", "Internal error", "datafusion", "Span(", "Literal(", "panicked", "src/"]
        {
            assert!(!text.replace(sql, "").contains(leak) || sql.contains(leak), "{sql}: {refusal:?}");
        }
    }
}

#[tokio::test]
async fn records_never_leave_in_any_disguise() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("SELECT * FROM patients", "1:8"),
        ("SELECT patient_id FROM patients", "1:8"),
        ("SELECT\n  sex, birth_year FROM patients", "2:3"),
        ("SELECT p.* FROM patients p", "1:8"),
        ("SELECT * EXCEPT (patient_id) FROM patients", "1:8"),
        ("SELECT * REPLACE (1 AS sex) FROM patients", "1:8"),
        ("SELECT * FROM (SELECT * FROM patients) t", "1:8"),
        ("WITH t AS (SELECT sex FROM patients) SELECT * FROM t", "1:45"),
        ("SELECT sex FROM patients ORDER BY birth_year LIMIT 1", "1:8"),
        ("SELECT 1 FROM patients", "1:8"),
        ("SELECT FROM patients", "1:1"),
        ("FROM patients", "1:1"),
        ("SELECT CASE WHEN sex = 'F' THEN 1 END FROM patients", "1:8"),
        ("SELECT upper(sex) AS s FROM patients WHERE birth_year = 1931", "1:8"),
        ("SELECT patient_id, COUNT(*) FROM diagnoses GROUP BY patient_id", "1:8"),
        ("SELECT COUNT(*) FROM diagnoses GROUP BY patient_id", "1:8"),
        ("SELECT DISTINCT patient_id, sex FROM patients", "1:17"),
        (
            "WITH p AS (SELECT patient_id, COUNT(*) AS n FROM diagnoses GROUP BY patient_id) SELECT n FROM p",
            "1:88",
        ),
        ("SELECT sex FROM patients GROUP BY patient_id, sex HAVING COUNT(*) > 0", "1:8"),
        ("SELECT p.sex, d.icd10 FROM patients p JOIN diagnoses d USING (patient_id)", "1:8"),
        ("SELECT d.date, c.name FROM diagnoses d JOIN icd10 c ON d.icd10 = c.code", "1:8"),
        (
            "WITH r AS (SELECT patient_id AS who FROM patients) SELECT who, COUNT(*) AS n FROM r GROUP BY who",
            "1:59",
        ),
    ];
    check(&fixture, Code::RecordsInOutput, PEOPLE, &cases);
    check(&fixture, Code::RecordsInOutput, "COUNT(*) AS n", &cases[..1]);
}

#[tokio::test]
async fn the_subject_is_not_a_value() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("SELECT COUNT(*) FROM patients WHERE patient_id = 'P000042'", "1:37"),
        ("SELECT COUNT(*) FROM patients WHERE 42 = patient_id", "1:42"),
        ("SELECT COUNT(*) FROM patients WHERE patient_id IN ('P000042', 'P000043')", "1:37"),
        ("SELECT COUNT(*) FROM patients WHERE patient_id BETWEEN 1 AND 2", "1:37"),
        ("SELECT COUNT(*) FROM patients WHERE CAST(patient_id AS TEXT) LIKE 'P%'", "1:42"),
        ("SELECT COUNT(*) FROM patients WHERE CASE WHEN patient_id = 1 THEN true ELSE false END", "1:47"),
        ("SELECT COUNT(*) FROM patients WHERE patient_id > 5", "1:37"),
        ("SELECT COUNT(*) FROM patients WHERE patient_id = birth_year", "1:37"),
        ("SELECT SUM(patient_id) FROM patients", "1:12"),
        ("SELECT AVG(patient_id + 1) FROM patients", "1:12"),
        ("SELECT patient_id + 0 AS k, COUNT(*) FROM patients GROUP BY 1", "1:8"),
        ("SELECT lower(CAST(patient_id AS TEXT)) AS k, COUNT(*) FROM patients GROUP BY 1", "1:19"),
        ("SELECT COALESCE(patient_id, 0) AS k, COUNT(*) FROM patients GROUP BY 1", "1:17"),
        (
            "SELECT k, COUNT(*) FROM (SELECT CAST(patient_id AS BIGINT) AS k FROM patients) t GROUP BY k",
            "1:38",
        ),
        ("WITH r AS (SELECT patient_id AS who FROM patients) SELECT COUNT(*) FROM r WHERE who = 3", "1:81"),
        ("SELECT COUNT(*) FILTER (WHERE patient_id = 1) FROM patients", "1:31"),
        ("SELECT SUM(CASE WHEN patient_id = 1 THEN 1 ELSE 0 END) FROM patients", "1:22"),
        ("SELECT COUNT(*) FROM patients WHERE patient_id LIKE 'P0000%'", "1:37"),
        ("SELECT COUNT(*) FROM patients WHERE EXTRACT(YEAR FROM patient_id) = 1950", "1:55"),
        ("SELECT date_trunc('month', patient_id) AS m, COUNT(*) FROM patients GROUP BY 1", "1:28"),
        ("SELECT left(patient_id, 3) AS k, COUNT(*) FROM patients GROUP BY 1", "1:13"),
        ("SELECT COUNT(*) FROM patients WHERE NOT patient_id", "1:41"),
        ("SELECT SUM(-patient_id) FROM patients", "1:13"),
        (
            "WITH r AS (SELECT patient_id AS who FROM patients) SELECT COUNT(*) FROM r WHERE who LIKE '%2'",
            "1:81",
        ),
        ("SELECT COUNT(NULLIF(patient_id, 1)) FROM patients", "1:21"),
        ("SELECT COUNT(*) AS n FROM diagnoses d JOIN icd10 c ON d.patient_id = c.code", "1:55"),
        (
            "SELECT COUNT(*) FROM patients p JOIN diagnoses d ON p.patient_id = d.patient_id AND p.patient_id = 1",
            "1:85",
        ),
    ];
    check(&fixture, Code::SubjectAsValue, IDENTIFIES, &cases);
    check(&fixture, Code::SubjectAsValue, "COUNT(DISTINCT", &cases[..1]);
    let ordered = [("SELECT sex, COUNT(*) FROM patients GROUP BY sex ORDER BY MIN(patient_id)", "1:58")];
    check(&fixture, Code::AggregateNotAllowed, "people in bands", &ordered);
    let sets = [("SELECT COUNT(*) FROM patients GROUP BY CUBE(patient_id, sex)", "1:31")];
    check(&fixture, Code::NotSupported, "group by the subject alone", &sets);
}

#[tokio::test]
async fn statements_other_than_one_select_are_refused() {
    let fixture = Fixture::new(&ward()).await;
    let statements = "EXPLAIN SELECT COUNT(*) FROM patients;;EXPLAIN ANALYZE SELECT COUNT(*) FROM patients;;\
        EXPLAIN VERBOSE SELECT 1;;EXPLAIN FORMAT JSON SELECT 1;;SHOW TABLES;;SHOW ALL;;SHOW COLUMNS FROM patients;;\
        SHOW datafusion.execution.batch_size;;DESCRIBE patients;;DESC patients;;SET x = 1;;RESET x;;\
        COPY patients TO 'x.csv';;COPY (SELECT 1) TO 'x.csv';;CREATE TABLE t AS SELECT * FROM patients;;\
        CREATE VIEW v AS SELECT 1;;CREATE FUNCTION f() RETURNS INT RETURN 1;;INSERT INTO patients VALUES (1);;\
        UPDATE patients SET sex = 'F';;DELETE FROM patients;;DROP TABLE patients;;TRUNCATE TABLE patients;;\
        ALTER TABLE patients ADD COLUMN x INT;;PREPARE p AS SELECT 1;;EXECUTE p;;DEALLOCATE p;;BEGIN;;COMMIT;;\
        MERGE INTO patients USING diagnoses ON true WHEN MATCHED THEN DELETE;;GRANT ALL ON patients TO x;;USE ward;;\
        CALL f();;VACUUM;;ANALYZE TABLE patients;;KILL 1";
    for sql in statements.split(";;") {
        check(&fixture, Code::StatementNotAllowed, "the enclave takes one SELECT statement", &[(sql, "1:1")]);
        let word = sql.split(' ').next().unwrap();
        assert!(fixture.refusal(sql).message.starts_with(word), "{sql}");
        check(
            &fixture,
            Code::StatementNotAllowed,
            "write a SELECT",
            &[(&format!("\n -- x\n  {sql}"), "3:3")],
        );
    }
    let two = [
        ("SELECT 1; SELECT 1", "1:11"),
        ("SELECT COUNT(*) FROM patients;\nDROP TABLE patients", "2:1"),
        (";; SELECT 1 ;; SELECT ';'", "1:16"),
    ];
    check(&fixture, Code::StatementNotAllowed, "one SELECT at a time", &two[..2]);
    check(&fixture, Code::StatementNotAllowed, "more than one statement", &two[..2]);
    assert_eq!(fixture.refusal(two[2].0).code, Code::StatementNotAllowed);
    let broken = [
        ("SELEC COUNT(*) FROM patients", "1:1"),
        ("SELECT COUNT(* FROM patients", "1:16"),
        ("SELECT", ""),
        ("", ""),
        ("-- only a comment", ""),
        (" ; ", ""),
        ("DO $$ BEGIN END $$", "1:1"),
        ("LOAD DATA INPATH 'x' INTO TABLE t", "1:11"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x'", "1:35"),
        ("TABLE patients", "1:1"),
        ("SELECT COUNT(*) FROM patients WHERE sex IN ()", "1:45"),
    ];
    check(&fixture, Code::SqlSyntax, "the SQL does not parse", &broken);
}

#[tokio::test]
async fn nothing_but_granted_tables_can_be_read() {
    let fixture = Fixture::new(&ward()).await;
    let tables = [
        ("SELECT COUNT(*) FROM '/etc/passwd'", "1:17"),
        ("SELECT COUNT(*) FROM \"/etc/passwd.csv\"", "1:22"),
        ("SELECT COUNT(*) FROM 's3://bucket/x.parquet'", "1:17"),
        ("SELECT COUNT(*) FROM information_schema.tables", "1:22"),
        ("SELECT COUNT(*) FROM information_schema.df_settings", "1:22"),
        ("SELECT * FROM pg_catalog.pg_tables", "1:15"),
        ("SELECT * FROM other.public.patients", "1:15"),
        ("SELECT COUNT(*) FROM nobody", "1:22"),
        ("SELECT COUNT(*) FROM nafld.patients", "1:22"),
    ];
    check(&fixture, Code::TableUnknown, "the tables of this project are `claims`, `diagnoses`", &tables);
    let functions = [
        ("SELECT COUNT(*) FROM generate_series(1, 10)", "1:22"),
        ("SELECT COUNT(*) FROM range(1, 10)", "1:22"),
        ("SELECT COUNT(*) FROM read_csv('/etc/passwd')", "1:22"),
        ("SELECT * FROM parquet_metadata('x')", "1:15"),
    ];
    check(&fixture, Code::FunctionNotAllowed, "table function", &functions);
}

#[tokio::test]
async fn an_ungranted_table_or_column_answers_like_an_unknown_one() {
    let fixture = Fixture::new(&ward()).await;
    let columns = Some(["sex".to_owned()].into());
    let grants = vec![TableGrant { table: "patients".to_owned(), columns }];
    let view = View { grants, ..fixture.view.clone() };
    let refusal = |sql: &str| sekisho_query::plan(sql, &view, &Default::default()).unwrap_err();
    assert!(
        sekisho_query::plan("SELECT sex, COUNT(*) FROM patients GROUP BY sex", &view, &Default::default())
            .is_ok()
    );
    let pairs = [
        ("SELECT COUNT(*) FROM claims", "claims", "SELECT COUNT(*) FROM nobody", "nobody"),
        (
            "SELECT COUNT(birth_year) FROM patients",
            "birth_year",
            "SELECT COUNT(no_such_x) FROM patients",
            "no_such_x",
        ),
        (
            "SELECT COUNT(patients.birth_year) FROM patients",
            "birth_year",
            "SELECT COUNT(patients.nono) FROM patients",
            "nono",
        ),
    ];
    for (ungranted, one, unknown, other) in pairs {
        let (ungranted, unknown) = (refusal(ungranted), refusal(unknown));
        assert!(matches!(ungranted.code, Code::TableUnknown | Code::ColumnUnknown));
        assert_eq!(ungranted.message.replace(one, other), unknown.message);
        assert_eq!(
            (ungranted.code, ungranted.hint, ungranted.position),
            (unknown.code, unknown.hint, unknown.position)
        );
    }
}

#[tokio::test]
async fn joins_of_people_need_equality_of_the_subject() {
    let fixture = Fixture::new(&ward()).await;
    let on = |condition: &str| format!("SELECT COUNT(*) FROM patients p JOIN diagnoses d ON {condition}");
    for condition in [
        "p.birth_year = d.patient_id",
        "p.sex = d.icd10",
        "p.patient_id > d.patient_id",
        "p.patient_id <> d.patient_id",
        "p.patient_id = d.patient_id OR p.sex = 'F'",
        "NOT (p.patient_id <> d.patient_id)",
        "p.patient_id = d.icd10",
        "p.patient_id = p.patient_id",
        "p.patient_id + 0 = d.patient_id",
        "true",
        "p.patient_id IS NOT DISTINCT FROM d.patient_id",
        "CASE WHEN p.patient_id = d.patient_id THEN true ELSE true END",
        "p.patient_id BETWEEN d.patient_id AND d.patient_id",
        "p.patient_id IN (d.patient_id)",
        "p.patient_id = COALESCE(d.patient_id, p.patient_id)",
    ] {
        let hint = "add `AND p.patient_id = d.patient_id` to the condition of the join";
        check(&fixture, Code::JoinWithoutSubject, hint, &[(&on(condition), "1:38")]);
    }
    let cases = [
        ("SELECT COUNT(*) FROM patients, diagnoses", "1:32"),
        ("SELECT COUNT(*) FROM patients CROSS JOIN diagnoses", "1:42"),
        ("SELECT COUNT(*) FROM patients p\n JOIN claims c ON p.birth_year = c.points", "2:7"),
        ("SELECT COUNT(*) FROM patients p JOIN (SELECT icd10 FROM diagnoses) d ON p.sex = d.icd10", "1:39"),
    ];
    check(&fixture, Code::JoinWithoutSubject, "a row would belong to two people", &cases);
    for kind in ["LEFT", "RIGHT", "FULL"] {
        let sql = format!("SELECT COUNT(*) FROM patients p {kind} JOIN diagnoses d ON p.sex = d.icd10");
        let place = format!("1:{}", 39 + kind.len());
        check(&fixture, Code::JoinWithoutSubject, "AND p.patient_id = d.patient_id", &[(&sql, &place)]);
    }
    let others = [
        ("SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM claims c WHERE c.points > 5)", "1:47"),
        (
            "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM patients v WHERE v.hospital_id = p.hospital_id)",
            "1:47",
        ),
        ("SELECT COUNT(*) FROM diagnoses WHERE icd10 IN (SELECT d.icd10 FROM diagnoses d)", "1:38"),
        ("SELECT COUNT(*) FROM patients p WHERE birth_year > (SELECT birth_year FROM patients)", "1:53"),
    ];
    check(&fixture, Code::JoinWithoutSubject, "tie it to the same person", &others);
    let codes = [
        ("SELECT COUNT(*) FROM icd10 c LEFT JOIN diagnoses d ON c.code = d.icd10 GROUP BY c.code", "1:8"),
        (
            "SELECT c.code, COUNT(d.patient_id) FROM icd10 c LEFT JOIN diagnoses d ON c.code = d.icd10 GROUP BY d.date, c.code",
            "1:59",
        ),
        (
            "SELECT COUNT(d.patient_id) FROM icd10 c LEFT JOIN diagnoses d ON c.code = d.icd10 WHERE d.date IS NULL GROUP BY c.code",
            "1:51",
        ),
    ];
    check(&fixture, Code::AggregateNotAllowed, "COUNT(<the subject column of the records>)", &codes[..1]);
    check(&fixture, Code::NotSupported, "GROUP BY columns of the code table", &codes[1..]);
    let lists = [("SELECT COUNT(*) FROM patients p CROSS JOIN (VALUES (1), (2)) v(x)", "1:52")];
    check(&fixture, Code::NotSupported, "join on column = code", &lists);
}

#[tokio::test]
async fn what_picks_people_is_refused() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("SELECT COUNT(*) FROM (SELECT * FROM patients ORDER BY birth_year LIMIT 100) t", "1:66"),
        ("SELECT COUNT(*) FROM (SELECT * FROM patients LIMIT 100) t", "1:46"),
        ("SELECT COUNT(*) FROM (SELECT * FROM patients OFFSET 10) t", "1:46"),
        (
            "WITH p AS (SELECT patient_id, COUNT(*) AS n FROM diagnoses GROUP BY patient_id ORDER BY n LIMIT 9) \
          SELECT AVG(n) FROM p",
            "1:91",
        ),
    ];
    check(&fixture, Code::PicksPeople, "aggregate first", &cases);
    let windows = [
        ("SELECT COUNT(*) OVER () FROM patients", "1:8"),
        ("SELECT AVG(x) FROM (SELECT row_number() OVER (ORDER BY points) AS x FROM claims) t", "1:28"),
        (
            "SELECT AVG(x) FROM (SELECT lag(points) OVER (PARTITION BY date ORDER BY points) AS x FROM claims) t",
            "1:28",
        ),
    ];
    check(&fixture, Code::PicksPeople, "OVER (PARTITION BY", &windows);
}

/// What has no rule, a word of the refusal, and its place.
const NO_RULE: &[(&str, &str, &str)] = &[
    ("TABLESAMPLE", "SELECT COUNT(*) FROM patients TABLESAMPLE (10 PERCENT)", "1:22"),
    ("TABLESAMPLE", "SELECT COUNT(*) FROM (SELECT * FROM patients) TABLESAMPLE (1 ROWS)", "1:23"),
    ("RECURSIVE", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r", "1:1"),
    ("LATERAL", "SELECT COUNT(*) FROM patients p CROSS JOIN LATERAL (SELECT 1) x", "1:53"),
    ("LATERAL VIEW", "SELECT COUNT(*) FROM patients LATERAL VIEW explode(x) t AS y", "1:1"),
    ("DISTINCT ON", "SELECT DISTINCT ON (sex) sex, birth_year FROM patients", "1:1"),
    ("SELECT INTO", "SELECT sex, COUNT(*) AS n INTO t FROM patients GROUP BY sex", "1:1"),
    ("FOR UPDATE", "SELECT COUNT(*) FROM patients FOR UPDATE", "1:1"),
    ("TOP", "SELECT TOP 1 sex FROM patients", "1:1"),
    ("|>", "SELECT COUNT(*) FROM patients |> LIMIT 1", "1:1"),
    ("SORT BY", "SELECT sex, COUNT(*) FROM patients GROUP BY sex SORT BY sex", "1:1"),
    ("UNNEST", "SELECT * FROM UNNEST(ARRAY[1,2,3]) AS t(x)", "1:28"),
    ("table function", "SELECT * FROM TABLE(generate_series(1,2))", "1:21"),
    ("form of table", "SELECT COUNT(*) FROM patients PIVOT (COUNT(sex) FOR sex IN ('F'))", "1:22"),
    (
        "a statistic as a value",
        "SELECT COUNT(*) FROM patients WHERE birth_year > (SELECT AVG(points) FROM claims)",
        "1:51",
    ),
    ("several rows", "SELECT (SELECT COUNT(*) FROM patients GROUP BY sex)", "1:9"),
    (
        "a join of records with a statistic",
        "SELECT COUNT(*) FROM patients p JOIN (SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex) s ON s.sex = p.sex",
        "1:39",
    ),
    (
        "GROUP BY of a statistic's value",
        "SELECT n, COUNT(*) FROM (SELECT prefecture, COUNT(*) AS n FROM patients GROUP BY prefecture) t GROUP BY n",
        "1:105",
    ),
    (
        "below an outer join",
        "SELECT COUNT(*) FROM patients p WHERE EXISTS (SELECT 1 FROM claims c LEFT JOIN \
         (SELECT * FROM diagnoses d WHERE d.patient_id = p.patient_id) d ON d.patient_id = c.patient_id)",
        "1:47",
    ),
    (
        "RANGE",
        "SELECT COUNT(*) FROM (SELECT SUM(points) OVER (PARTITION BY patient_id ORDER BY date RANGE BETWEEN INTERVAL '1 month' PRECEDING AND CURRENT ROW) AS x FROM claims) t",
        "1:30",
    ),
    ("SIMILAR TO", "SELECT COUNT(*) FROM patients WHERE sex SIMILAR TO 'F'", "1:37"),
    ("a list as a value", "SELECT [birth_year] FROM patients", "1:9"),
    ("a list as a value", "SELECT make_array(birth_year) FROM patients", "1:8"),
    (
        "an item of this list",
        "SELECT s[1]['events'] FROM (SELECT kaplan_meier(days, 1) AS s FROM (SELECT patient_id, MAX(birth_year) AS days \
         FROM patients GROUP BY patient_id) p) m",
        "1:8",
    ),
    ("MAP", "SELECT MAP {'a': 1}", "1:8"),
    ("ast node", "SELECT COUNT(*) FROM patients WHERE sex COLLATE \"C\" = 'F'", "1:8"),
    ("FETCH", "SELECT COUNT(*) FROM patients FETCH FIRST 10 ROWS ONLY", "1:31"),
    (
        "give a number",
        "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex LIMIT (SELECT COUNT(*) FROM claims)",
        "1:54",
    ),
    ("give a number", "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex LIMIT -1", "1:54"),
    ("ORDER BY", "SELECT SUM(birth_year ORDER BY sex) FROM patients", "1:8"),
];

#[tokio::test]
async fn clauses_without_a_rule_are_refused_by_name() {
    let fixture = Fixture::new(&ward()).await;
    for (words, sql, place) in NO_RULE {
        check(&fixture, Code::NotSupported, words, &[(sql, place)]);
    }
}

#[tokio::test]
async fn functions_and_operators_that_are_not_listed_are_refused() {
    let fixture = Fixture::new(&ward()).await;
    for call in [
        "md5(sex)",
        "sha256(sex)",
        "random()",
        "uuid()",
        "version()",
        "array_agg(sex)",
        "string_agg(sex, ',')",
        "first_value(sex)",
        "bit_or(birth_year)",
        "arrow_cast(1, 'Int8')",
        "encode('a', 'hex')",
        "chr(65)",
        "repeat('a', 9)",
        "input_file_name()",
        "approx_distinct(sex)",
    ] {
        let cases = [(format!("SELECT {call} FROM patients"), "1:8")];
        let words = if call.starts_with("first_value") { "a window function" } else { "sekisho catalog" };
        check(&fixture, Code::FunctionNotAllowed, words, &[(&cases[0].0, cases[0].1)]);
        let name = call.split('(').next().unwrap();
        assert!(fixture.refusal(&cases[0].0).message.contains(&format!("`{name}`")), "{call}");
    }
    for condition in ["birth_year & 1 = 1", "birth_year ^ 1 = 1", "birth_year >> 1 = 1", "birth_year | 1 = 1"]
    {
        let sql = format!("SELECT COUNT(*) FROM patients WHERE {condition}");
        let refusal = fixture.refusal(&sql);
        assert!(refusal.hint.contains("use comparisons, AND, OR"), "{refusal:?}");
        assert!(refusal.code == Code::ExpressionNotAllowed && refusal.position.is_some(), "{refusal:?}");
    }
    let bands = [("SELECT COUNT(*) FROM patients WHERE birth_year % 10 = 1", "1:37")];
    check(&fixture, Code::ExpressionNotAllowed, "x - x % 10", &bands);
}

/// What the engine makes of a long pattern may fail, and only where a record gets there.
#[tokio::test]
async fn a_pattern_is_a_constant_of_bounded_length() {
    let fixture = Fixture::new(&ward()).await;
    let long = format!("SELECT COUNT(*) FROM patients WHERE sex LIKE '{}'", "_".repeat(300));
    check(&fixture, Code::ExpressionNotAllowed, "more than 256 bytes", &[(&long, "1:37")]);
    let column = [("SELECT COUNT(*) FROM patients WHERE sex LIKE prefecture", "1:37")];
    check(&fixture, Code::ExpressionNotAllowed, "write the pattern as a text", &column);
}

#[tokio::test]
async fn statistics_without_a_rule_are_refused() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("people in bands", "SELECT MIN(birth_year) FROM patients", "1:8"),
        ("people in bands", "SELECT sex,\n MAX(birth_year) FROM patients GROUP BY sex", "2:2"),
        ("COUNT, SUM, AVG", "SELECT COUNT(sex, birth_year) FROM patients", "1:8"),
        ("COUNT, SUM, AVG", "SELECT SUM(DISTINCT birth_year) FROM patients", "1:8"),
    ];
    for (words, sql, place) in cases {
        check(&fixture, Code::AggregateNotAllowed, words, &[(sql, place)]);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_said_with_its_place() {
    let fixture = Fixture::new(&ward()).await;
    let columns = [
        ("SELECT COUNT(*) FROM patients WHERE nobody = 1", "1:37"),
        ("SELECT p.nobody, COUNT(*) FROM patients p GROUP BY 1", "1:8"),
        ("SELECT x.sex FROM patients p", "1:8"),
    ];
    check(&fixture, Code::ColumnUnknown, "the columns here are", &columns);
    let invalid = [
        (
            "several tables",
            "SELECT COUNT(*) FROM patients p JOIN claims c ON p.patient_id = c.patient_id WHERE patient_id = 1",
            "1:84",
        ),
        ("add the column to GROUP BY", "SELECT sex, COUNT(*) FROM patients", "1:8"),
        ("CAST converts", "SELECT COUNT(*) FROM patients WHERE sex > 1 + 'a'", "1:43"),
        ("'sum' failed to match any signature", "SELECT SUM(sex) FROM patients", "1:8"),
        ("non-boolean", "SELECT COUNT(*) FROM patients WHERE sex", "1:31"),
        ("position 7", "SELECT COUNT(*) FROM patients GROUP BY 7", "1:40"),
        ("expects 1 arguments", "SELECT lower(1, 2, 3) FROM patients", "1:8"),
        ("unique expression names", "SELECT sex, sex, COUNT(*) FROM patients GROUP BY sex", "1:8"),
        ("no type information", "SELECT COUNT(*) FROM patients WHERE sex = @x", "1:8"),
    ];
    for (words, sql, place) in invalid {
        check(&fixture, Code::InvalidQuery, words, &[(sql, place)]);
    }
}
