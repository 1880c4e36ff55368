//! What honest analyses answer. Expected numbers were computed from the CSV files with another database.

use sekisho_model::Code;

use super::fixture::{Fixture, ward};

/// Rows stand behind each other, `|` between; `#` is withheld, `-` is NULL.
async fn check(fixture: &Fixture, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        match fixture.ask(sql).await {
            Ok(answer) => assert_eq!(answer.show(), *expected, "{sql}"),
            Err(refusal) => panic!("{sql}: {refusal:?}"),
        }
    }
}

#[tokio::test]
async fn counts_are_exact() {
    let cases = [
        ("SELECT COUNT(*) AS n FROM patients", "3000"),
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY sex", "F 1484|M 1516"),
        (
            "SELECT floor(birth_year / 10) * 10 AS decade, COUNT(*) AS n FROM patients GROUP BY 1 ORDER BY 1",
            "1930.0 311|1940.0 391|1950.0 363|1960.0 339|1970.0 373|1980.0 342|1990.0 364|2000.0 323|2010.0 194",
        ),
        (
            "SELECT birth_year / 10 AS decade, COUNT(DISTINCT patient_id) AS n FROM patients \
             WHERE birth_year < 1950 GROUP BY 1 ORDER BY decade DESC",
            "194 391|193 311",
        ),
        (
            "SELECT CASE WHEN birth_year < 1960 THEN 'old' ELSE 'young' END AS age, COUNT(*) AS n \
             FROM patients GROUP BY 1 ORDER BY 1",
            "old 1065|young 1935",
        ),
        (
            "SELECT icd10, COUNT(*) AS rows, COUNT(DISTINCT patient_id) AS people FROM diagnoses \
             WHERE icd10 IN ('E11', 'I10', 'J45') GROUP BY icd10 ORDER BY icd10",
            "E11 1785 1320|I10 2281 1560|J45 1110 924",
        ),
        ("SELECT COUNT(patient_id) AS n FROM diagnoses WHERE patient_id IS NOT NULL", "6116"),
        ("SELECT COUNT(*) AS n FROM patients WHERE patient_id IS NULL", "#"),
    ];
    check(&Fixture::new(&ward()).await, &cases).await;
}

#[tokio::test]
async fn sums_and_means_are_exact() {
    let cases = [
        (
            "SELECT sex, SUM(points) AS points, round(AVG(points), 3) AS mean, COUNT(*) AS n \
             FROM claims JOIN patients USING (patient_id) GROUP BY sex ORDER BY sex",
            "F 16739407 4447.239 3764|M 7073155 1840.53 3843",
        ),
        (
            "SELECT test_code, SUM(value) AS total, COUNT(value) AS n FROM lab_results \
             WHERE test_code <> 'HLAB' GROUP BY test_code ORDER BY test_code",
            "CRE 14971.65 2496|HBA1C 14936.59 2495|LDL 15151.85 2518",
        ),
        (
            "SELECT yj_code, SUM(days) AS days, SUM(days * 2) AS twice FROM prescriptions GROUP BY yj_code ORDER BY yj_code",
            "1124017F2 23646 47292|2171022F1 22708 45416|3961008F1 24115 48230",
        ),
    ];
    check(&Fixture::new(&ward()).await, &cases).await;
}

#[tokio::test]
async fn cohorts_and_joins_of_one_person_with_themselves_are_exact() {
    let cases = [
        (
            "WITH often AS (SELECT patient_id, COUNT(*) AS visits FROM diagnoses GROUP BY patient_id) \
             SELECT p.sex, COUNT(*) AS n, round(AVG(o.visits), 4) AS mean FROM often o \
             JOIN patients p ON p.patient_id = o.patient_id WHERE o.visits >= 3 GROUP BY p.sex ORDER BY p.sex",
            "F 593 3.5565|M 627 3.5582",
        ),
        (
            "SELECT COUNT(DISTINCT a.patient_id) AS people, COUNT(*) AS pairs FROM diagnoses a \
             JOIN diagnoses b ON a.patient_id = b.patient_id WHERE a.icd10 = 'I10' AND b.icd10 = 'E11'",
            "763 1341",
        ),
        (
            "SELECT c.name, COUNT(DISTINCT d.patient_id) AS people FROM diagnoses d JOIN icd10 c ON d.icd10 = c.code \
             GROUP BY c.name ORDER BY people DESC LIMIT 3",
            "Essential hypertension 1560|Type 2 diabetes mellitus 1320|Asthma 924",
        ),
        ("SELECT COUNT(*) AS n FROM icd10 c RIGHT JOIN diagnoses d ON c.code = d.icd10", "6116"),
        ("SELECT COUNT(*) AS n FROM patients NATURAL JOIN diagnoses", "6116"),
        (
            "SELECT COUNT(*) AS n FROM (SELECT DISTINCT patient_id FROM diagnoses WHERE icd10 = 'J45') t",
            "924",
        ),
        ("SELECT COUNT(*) AS n FROM (SELECT * FROM patients ORDER BY birth_year) t", "3000"),
    ];
    check(&Fixture::new(&ward()).await, &cases).await;
}

#[tokio::test]
async fn a_small_branch_is_withheld_beside_its_exact_total() {
    let cases = [
        (
            "SELECT male, COUNT(*) AS n, COUNT(*) FILTER (WHERE age > 95) AS old FROM patients GROUP BY male ORDER BY male",
            "0 9348 #|1 8201 #",
        ),
        (
            "SELECT male, COUNT(*) AS n, SUM(CASE WHEN age > 95 THEN 1 ELSE 0 END) AS old \
             FROM patients GROUP BY male ORDER BY male",
            "0 9348 #|1 8201 #",
        ),
        (
            "SELECT male, COUNT(*) FILTER (WHERE age > 90) AS old FROM patients GROUP BY male ORDER BY male",
            "0 25|1 18",
        ),
        // Ten are 95 or more, eight of them more: whichever way the cap is written, it changes eight.
        ("SELECT SUM(least(age, 95)) AS capped FROM patients", "#"),
        ("SELECT SUM(least(95, age)) AS capped FROM patients", "#"),
        // The small ages are absent, not blank.
        ("SELECT age, COUNT(*) AS n FROM patients WHERE age >= 89 GROUP BY age ORDER BY age", "89 24|92 12"),
        ("SELECT DISTINCT age FROM patients WHERE age >= 89 ORDER BY age", "89|92"),
        ("SELECT COUNT(*) AS n FROM patients WHERE age > 95", "#"),
        // That nobody fulfils a condition says something of whoever fulfils the others.
        ("SELECT COUNT(*) AS n FROM patients WHERE age > 200", "#"),
    ];
    check(&Fixture::cohort().await, &cases).await;
}

#[tokio::test]
async fn decimals_may_be_rounded_before_and_after_they_are_cells() {
    let fixture = Fixture::new(&ward()).await;
    let cases = [
        ("SELECT ROUND(AVG(value), 2) AS m FROM lab_results WHERE test_code = 'LDL'", "6.02"),
        (
            "SELECT ROUND(value / 100, 0) AS g, COUNT(*) > 100 AS many FROM lab_results WHERE test_code = 'LDL' GROUP BY 1",
            "0",
        ),
    ];
    for (sql, expected) in cases {
        let shown = fixture.ask(sql).await.unwrap().show();
        assert!(shown.trim().starts_with(expected), "{sql}: {shown}");
    }
}

#[tokio::test]
async fn a_constant_that_cannot_be_read_is_refused_from_the_text() {
    let fixture = Fixture::new(&ward()).await;
    for sql in [
        "SELECT COUNT(*) FROM claims WHERE date >= DATE '2024-13-01'",
        "SELECT COUNT(*) FROM claims WHERE date >= '2024-13-01'",
    ] {
        match fixture.ask(sql).await {
            Err(refusal) => assert_eq!(refusal.code, Code::InvalidQuery, "{sql}"),
            Ok(answer) => panic!("{sql}: {}", answer.show()),
        }
    }
}

/// One person has the drug of the victim; 999 more than the count of people would say so.
#[tokio::test]
async fn a_branch_below_a_persons_own_group_is_judged_where_its_value_is_summed() {
    let fixture = Fixture::new(&ward()).await;
    let rare = "yj_code = '6250046F1'";
    let cohorts = [
        format!(
            "SELECT patient_id, MAX(CASE WHEN {rare} THEN 1000 ELSE 1 END) AS m FROM prescriptions GROUP BY patient_id"
        ),
        format!("SELECT DISTINCT patient_id, CASE WHEN {rare} THEN 1000 ELSE 1 END AS m FROM prescriptions"),
        format!(
            "SELECT patient_id, MAX(k) AS m FROM (SELECT patient_id, 1 + COUNT(*) FILTER (WHERE {rare}) AS k \
             FROM prescriptions GROUP BY patient_id) t GROUP BY patient_id"
        ),
    ];
    for cohort in cohorts {
        let sql = format!("WITH x AS ({cohort}) SELECT SUM(m) AS s, COUNT(*) AS n FROM x");
        if let Ok(answer) = fixture.ask(&sql).await {
            assert!(answer.show().starts_with("# "), "{sql}: {}", answer.show());
        }
    }
}

const MEN: &str = "FROM diagnoses d JOIN patients p ON p.patient_id = d.patient_id \
                   WHERE icd10 IN ('C50', 'F20', 'G35', 'Q90') GROUP BY icd10";

#[tokio::test]
async fn whatever_reads_a_withheld_cell_is_withheld() {
    let men = "COUNT(*) FILTER (WHERE sex = 'M')";
    let all = "icd10, COUNT(*) AS rows";
    let cases = [
        (format!("SELECT {all}, {men} AS n {MEN} ORDER BY n"), "Q90 12 12|G35 58 28|C50 270 131|F20 18 #"),
        (
            format!("SELECT {all}, {men} AS n {MEN} ORDER BY n DESC"),
            "C50 270 131|G35 58 28|Q90 12 12|F20 18 #",
        ),
        (
            format!("SELECT {all}, {men} AS n {MEN} ORDER BY n DESC NULLS FIRST LIMIT 2"),
            "C50 270 131|G35 58 28",
        ),
        (
            format!("SELECT {all}, {men} + 1 AS n {MEN} ORDER BY icd10"),
            "C50 270 132|F20 18 #|G35 58 29|Q90 12 13",
        ),
        (
            format!("SELECT {all}, COALESCE({men}, 0) AS n {MEN} ORDER BY icd10"),
            "C50 270 131|F20 18 #|G35 58 28|Q90 12 12",
        ),
        (
            format!("SELECT {all}, {men} IS NULL AS n {MEN} ORDER BY icd10"),
            "C50 270 false|F20 18 #|G35 58 false|Q90 12 false",
        ),
        (
            format!(
                "SELECT {all}, CASE WHEN {men} > 100 THEN 'many' ELSE 'few' END AS n {MEN} ORDER BY icd10"
            ),
            "C50 270 many|F20 18 #|G35 58 few|Q90 12 few",
        ),
        (format!("SELECT {all} {MEN} HAVING {men} >= 0 ORDER BY icd10"), "C50 270|G35 58|Q90 12"),
        (format!("SELECT {all} {MEN} HAVING NOT ({men} >= 0) ORDER BY icd10"), ""),
        (format!("SELECT {all} {MEN} HAVING {men} IS NULL OR 1 = 1 ORDER BY icd10"), "C50 270|G35 58|Q90 12"),
    ];
    let fixture = Fixture::new(&ward()).await;
    for (sql, expected) in &cases {
        check(&fixture, &[(sql.as_str(), *expected)]).await;
    }
}

#[tokio::test]
async fn what_stands_above_the_cells_is_ordinary_sql() {
    let cases = [
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex HAVING COUNT(*) > 1500", "M 1516"),
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY n DESC LIMIT 1", "M 1516"),
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex ORDER BY n LIMIT 1 OFFSET 1", "M 1516"),
        (
            "SELECT round(100.0 * COUNT(*) FILTER (WHERE sex = 'F') / COUNT(*), 2) AS share FROM patients",
            "49.47",
        ),
        ("SELECT COUNT(*) / 0 AS n FROM patients", "-"),
        ("SELECT sex, COUNT(*) AS n FROM patients GROUP BY ROLLUP(sex) ORDER BY n", "F 1484|M 1516|- 3000"),
        ("SELECT DISTINCT sex FROM patients ORDER BY sex", "F|M"),
        (
            "SELECT t.n * 2 AS n FROM (SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex) t WHERE t.sex = 'F'",
            "2968",
        ),
        ("SELECT 1 AS one", "1"),
        (
            "SELECT code, name FROM icd10 WHERE code LIKE 'E%' ORDER BY code DESC LIMIT 2",
            "E78 Disorders of lipoprotein metabolism|E11 Type 2 diabetes mellitus",
        ),
    ];
    check(&Fixture::new(&ward()).await, &cases).await;
}

#[tokio::test]
async fn names_may_be_dotted_quoted_and_commented() {
    let cases = [
        ("SELECT ward.patients.sex, COUNT(*) AS n FROM ward.patients GROUP BY 1 ORDER BY 1", "F 1484|M 1516"),
        (
            "SELECT /* who */ \"p\".\"sex\" AS \"Sex of person\", COUNT(*) AS \"N\" -- how many\nFROM patients AS \"p\" \
             GROUP BY \"p\".\"sex\" ORDER BY \"N\";",
            "F 1484|M 1516",
        ),
        ("  select COUNT ( * ) as N\n\n from PATIENTS  ; ; ", "3000"),
    ];
    let fixture = Fixture::new(&ward()).await;
    check(&fixture, &cases).await;
    let answer = fixture
        .ask("SELECT COUNT(*) AS \"Größe 数\" FROM patients")
        .await
        .unwrap_or_else(|_| panic!("refused"));
    assert_eq!(answer.batch.schema().field(0).name(), "Größe 数");
}

#[tokio::test]
async fn rows_come_in_the_order_of_their_keys_not_of_the_first_people() {
    let fixture = Fixture::new(&ward()).await;
    for sql in [
        "SELECT date_trunc('month', date) AS m, COUNT(*) AS n FROM diagnoses GROUP BY 1",
        "SELECT prefecture, sex, COUNT(*) AS n FROM patients GROUP BY prefecture, sex",
        "SELECT DISTINCT birth_year FROM patients",
    ] {
        let rows = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{refusal:?}")).rows();
        assert!(rows.len() > 1 && rows.is_sorted(), "{sql}");
    }
}

#[tokio::test]
async fn more_rows_than_the_limit_are_a_failure_without_a_row() {
    let fixture = Fixture::new(&ward()).await;
    let limits = sekisho_model::Limits { rows: 1, ..Default::default() };
    let sql = "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex";
    let plan = sekisho_query::plan(sql, &fixture.view, &limits).unwrap();
    let (unreleased, public) = fixture.engine.execute(plan, &limits).await.unwrap();
    let profile = super::fixture::profile("japan-rwd");
    let checked = sekisho_disclosure::check(
        unreleased,
        &sekisho_disclosure::Ledger::new(),
        &profile,
        sekisho_model::Hold::ByRule,
    )
    .unwrap();
    let Err(failure) = checked.publish(public).await else { panic!("released") };
    assert_eq!(failure.refusal().code, Code::RowLimit);
}

#[tokio::test]
async fn more_memory_than_the_limit_is_a_failure() {
    let fixture = Fixture::new(&ward()).await;
    let limits = sekisho_model::Limits { memory: 10_000, ..Default::default() };
    let sql = "SELECT icd10, date_trunc('month', date) AS m, COUNT(*) AS n FROM diagnoses GROUP BY icd10, m";
    let plan = sekisho_query::plan(sql, &fixture.view, &limits).unwrap();
    let Err(failure) = fixture.engine.execute(plan, &limits).await else { panic!("ran") };
    assert_eq!(failure.refusal().code, Code::MemoryLimit);
}

/// Many groups are charged as they are formed: the limit ends the job, and what it says depends on nothing else.
#[tokio::test]
async fn many_groups_end_at_the_limit_of_memory_whatever_they_hold() {
    let manifest = "dataset = \"many\"\ntitle = \"t\"\nsource = \"s\"\nlicence = \"l\"\npseudonym = \"keep\"\n[[table]]\nname = \"t\"\nfile = \"t.csv\"\n\
        column = [{ name = \"patient_id\", class = \"subject\" }, { name = \"k\", class = \"dimension\", type = \"integer\", isolating = false }, \
        { name = \"x\", class = \"measure\", type = \"integer\", isolating = false }]\n";
    let mut rows = "patient_id,k,x\n".to_owned();
    (0..60_000).for_each(|id| rows.push_str(&format!("p{id},{},{}\n", id * 7, id % 5)));
    let fixture = Fixture::of_text(manifest, &[("t.csv", rows)]).await;
    let sql = "SELECT k, COUNT(*) AS n, SUM(x) AS s FROM t GROUP BY k";
    let run = async |memory: usize| {
        let limits = sekisho_model::Limits { memory, ..Default::default() };
        let plan = sekisho_query::plan(sql, &fixture.view, &limits).unwrap();
        fixture.engine.execute(plan, &limits).await.map(|_| ()).map_err(|failure| failure.refusal())
    };
    // Three tallies of each of 60,000 groups take more than 16 MB, and less than 256.
    let refusal = run(16 << 20).await.unwrap_err();
    assert_eq!((refusal.code, refusal.position), (Code::MemoryLimit, None));
    assert!(refusal.hint.contains("fewer groups"), "{refusal:?}");
    run(256 << 20).await.unwrap();
}

/// A cell that is absent may be a small one: it is no zero.
#[tokio::test]
async fn a_statistic_that_is_absent_on_one_side_of_a_join_is_blank() {
    let fixture = Fixture::new(&ward()).await;
    let sql = "WITH t AS (SELECT prefecture, COUNT(*) AS n FROM patients GROUP BY prefecture), \
               d AS (SELECT p.prefecture, COUNT(DISTINCT p.patient_id) AS cases FROM patients p JOIN diagnoses x \
                     ON x.patient_id = p.patient_id WHERE x.icd10 = 'B20' GROUP BY p.prefecture) \
               SELECT t.prefecture, t.n, COALESCE(d.cases, 0) AS cases FROM t LEFT JOIN d ON d.prefecture = t.prefecture \
               WHERE t.prefecture = '47'";
    check(&fixture, &[(sql, "47 59 #")]).await;
}

#[tokio::test]
async fn codes_that_were_asked_for_are_groups_whether_by_name_list_or_pattern() {
    let fixture = Fixture::new(&ward()).await;
    for condition in
        ["icd10 = 'I10'", "icd10 IN ('I10')", "icd10 LIKE 'I1%'", "icd10 LIKE '%1%' AND icd10 LIKE 'I%'"]
    {
        let sql = format!("SELECT icd10, COUNT(*) AS n FROM diagnoses WHERE {condition} GROUP BY icd10");
        check(&fixture, &[(&sql, "I10 2281")]).await;
    }
}

/// Of the twenty in the north who have any diagnosis, all but three have the same one; in the south half have it.
const NEARLY_ALL: &str = r#"
dataset = "north"
title = "Two regions"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "diagnoses"
file = "diagnoses.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "region", class = "dimension", type = "text" },
    { name = "code", class = "dimension", type = "text", code = true, sensitive = true },
]
"#;

#[tokio::test]
async fn a_code_that_nearly_everybody_of_a_group_has_is_withheld_however_it_was_asked_for() {
    let person = |id: usize| match id {
        0..17 => format!("p{id},north,B20"),
        17..20 => format!("p{id},north,A00"),
        20..40 => format!("p{id},south,B20"),
        _ => format!("p{id},south,A00"),
    };
    let rows: String = (0..60).map(|id| person(id) + "\n").collect();
    let fixture =
        Fixture::of_text(NEARLY_ALL, &[("diagnoses.csv", format!("patient_id,region,code\n{rows}"))]).await;
    for condition in
        ["code = 'B20'", "code IN ('B20')", "code LIKE 'B%'", "code IN ('B20', 'A00')", "region <> ''"]
    {
        let sql = format!(
            "SELECT region, code, COUNT(*) AS n FROM diagnoses WHERE {condition} GROUP BY region, code"
        );
        let shown = fixture.ask(&sql).await.unwrap().show();
        assert!(!shown.contains("north") && shown.contains("south B20 20"), "{condition}: {shown}");
    }
}
