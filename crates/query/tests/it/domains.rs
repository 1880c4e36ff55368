//! Rows of declared domains are there whatever the data, and those of NULL only where a number is shown.

use std::fmt::Write as _;

use super::fixture::Fixture;

const MANIFEST: &str = r#"
dataset = "small"
title = "Declared values"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "sex", class = "dimension", type = "text", values = ["F", "M", "X"] },
    { name = "stage", class = "dimension", type = "integer", values = [0, 1, 2] },
    { name = "smokes", class = "dimension", type = "boolean", values = [true, false] },
    { name = "area", class = "dimension", type = "text" },
    { name = "hiv", class = "dimension", type = "integer", values = [0, 1], sensitive = true },
]

[[table]]
name = "others"
file = "others.csv"
column = [{ name = "patient_id", class = "subject" }, { name = "kind", class = "dimension", type = "text" }]
"#;

/// Forty women and thirty men of area 01, `few` women of area 02 at stage 1, and as many of no known sex; and others,
/// so that it is not known how many people the table has.
async fn fixture(few: usize) -> Fixture {
    let mut people = "patient_id,sex,stage,smokes,area,hiv\n".to_owned();
    for id in 0..40 {
        writeln!(people, "f{id:02},F,0,{},01,0", id % 2 == 0).unwrap();
    }
    for id in 0..30 {
        writeln!(people, "m{id:02},M,0,false,01,0").unwrap();
    }
    for id in 0..few {
        writeln!(people, "g{id:02},F,1,true,02,0").unwrap();
        writeln!(people, "n{id:02},,0,true,01,0").unwrap();
    }
    let others = (0..20).fold("patient_id,kind\n".to_owned(), |others, id| format!("{others}o{id},x\n"));
    Fixture::of_text(MANIFEST, &[("people.csv", people), ("others.csv", others)]).await
}

async fn check(few: usize, cases: &[(&str, &str)]) {
    let fixture = fixture(few).await;
    for (sql, rows) in cases {
        let answer = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        assert_eq!(answer.show(), *rows, "{sql}");
    }
}

#[tokio::test]
async fn a_row_of_a_declared_domain_is_there_whatever_the_data() {
    let by_sex = "SELECT sex, count(*) AS n FROM people GROUP BY sex";
    let by_stage = "SELECT stage, count(*) AS n FROM people GROUP BY stage";
    check(0, &[(by_sex, "F 40|M 30|X 0"), (by_stage, "0 70|1 0|2 0")]).await;
    // NULL is no declared value: its row is there where its number is.
    check(3, &[(by_sex, "F 43|M 30|X 0"), (by_stage, "0 73|1 #|2 0")]).await;
    // The largest of a person's values is one of the declared ones.
    let largest = "SELECT stage, count(*) AS n FROM (SELECT patient_id, max(stage) AS stage FROM people \
                   GROUP BY patient_id) t GROUP BY stage";
    check(3, &[(largest, "0 73|1 #|2 0")]).await;
    check(0, &[(&largest.replace("max", "min"), "0 70|1 0|2 0")]).await;
    check(
        12,
        &[
            (by_sex, "- 12|F 52|M 30|X 0"),
            ("SELECT smokes, count(*) AS n FROM people GROUP BY smokes", "false 50|true 44"),
            ("SELECT stage, avg(n) AS m FROM (SELECT patient_id, stage, count(*) AS n FROM people GROUP BY patient_id, stage) t GROUP BY stage",
             "0 1.0|1 1.0|2 -"),
            ("SELECT sex, stage, count(*) AS n FROM people WHERE sex IS NOT NULL GROUP BY sex, stage",
             "F 0 40|F 1 12|F 2 0|M 0 30|M 1 0|M 2 0|X 0 0|X 1 0|X 2 0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_condition_on_the_key_leaves_values_out() {
    check(
        12,
        &[
            ("SELECT sex, count(*) AS n FROM people WHERE sex IN ('F', 'X') GROUP BY sex", "F 52|X 0"),
            ("SELECT stage, count(*) AS n FROM people WHERE stage >= 1 AND area = '01' GROUP BY stage", "1 #|2 #"),
            ("SELECT sex, stage, count(*) AS n FROM people WHERE sex = 'M' AND stage < 2 GROUP BY sex, stage", "M 0 30|M 1 0"),
            ("SELECT sex AS a, sex AS b, count(*) AS n FROM people WHERE sex <> 'F' GROUP BY 1, 2", "M M 30|X X 0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn other_keys_have_the_rows_that_the_data_have() {
    check(
        3,
        &[
            ("SELECT area, sex, count(*) AS n FROM people GROUP BY area, sex", "01 F 40|01 M 30"),
            ("SELECT upper(sex) AS s, count(*) AS n FROM people GROUP BY 1", "F 43|M 30"),
            ("SELECT DISTINCT sex FROM people", "F|M"),
            ("SELECT sex, count(*) AS n FROM people GROUP BY ROLLUP (sex)", "- 76|F 43"),
            // That nobody has one of the other values would say who has it.
            ("SELECT hiv, count(*) AS n FROM people GROUP BY hiv", ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_key_that_is_named_twice_is_one_key() {
    check(
        3,
        &[
            ("SELECT area AS a, area AS b, count(*) AS n FROM people GROUP BY 1, 2", "01 01 73"),
            ("SELECT area AS a, sum(stage) AS s, count(*) AS n FROM people GROUP BY area, area", "01 0 73"),
            ("SELECT count(*) AS n FROM (SELECT patient_id, stage, count(*) AS k FROM people GROUP BY patient_id, stage, patient_id) t WHERE stage = 0", "73"),
            ("SELECT a, max(n) AS n FROM (SELECT area AS a, sex, count(*) AS n FROM people GROUP BY area, sex) t GROUP BY a, a", "01 40"),
        ],
    )
    .await;
}

#[tokio::test]
async fn blanks_of_a_declared_domain_look_the_same_for_every_small_number() {
    let sql = "SELECT stage, sex, count(*) AS n FROM people WHERE area = '02' GROUP BY stage, sex";
    let (one, nine) = (fixture(1).await, fixture(9).await);
    let profile = super::fixture::profile("japan-rwd");
    assert_eq!(one.bytes(sql, &profile).await.unwrap(), nine.bytes(sql, &profile).await.unwrap());
    assert_eq!(one.ask(sql).await.unwrap().rows().len(), 9);
}
