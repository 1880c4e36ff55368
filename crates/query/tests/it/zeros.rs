//! Whether a zero, or a blank, tells what one person has who is known by other things.

use std::fmt::Write as _;

use super::fixture::Fixture;

const MANIFEST: &str = r#"
dataset = "small"
title = "Who died"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "sex", class = "dimension", type = "text", values = ["F", "M"] },
    { name = "area", class = "dimension", type = "text" },
    { name = "year", class = "dimension", type = "integer" },
    { name = "died", class = "dimension", type = "integer", values = [0, 1] },
]

[[table]]
name = "visits"
file = "visits.csv"
column = [{ name = "patient_id", class = "subject" }, { name = "kind", class = "dimension", type = "text" }]
"#;

/// Fifty women and fifty men of area 01, thirty men of area 02, and one woman there of whom the rest is asked.
async fn fixture(died: u8, year: u16, kind: &str) -> Fixture {
    let mut people = "patient_id,sex,area,year,died\n".to_owned();
    let mut visits = "patient_id,kind\n".to_owned();
    for id in 0..130_u16 {
        let (sex, area) = if id < 50 { ("F", "01") } else { ("M", if id < 100 { "01" } else { "02" }) };
        writeln!(people, "p{id:03},{sex},{area},{},{}", 1950 + id % 3, id / 3 % 2).unwrap();
        writeln!(visits, "p{id:03},{}", if id / 6 % 2 == 0 { "x" } else { "y" }).unwrap();
    }
    writeln!(people, "her,F,02,{year},{died}").unwrap();
    writeln!(visits, "her,{kind}").unwrap();
    Fixture::of_text(MANIFEST, &[("people.csv", people), ("visits.csv", visits)]).await
}

/// `{v}` stands for what is known of the woman. What is shown is the same, whatever she has, and who fulfils it is not.
const ABOUT_HER: &[&str] = &[
    "SELECT count(*) FILTER (WHERE died = 1 AND {v}) AS a, count(*) FILTER (WHERE died = 0 AND {v}) AS b FROM people",
    "SELECT count(*) FILTER (WHERE {v}) AS a FROM people WHERE died = 1",
    "SELECT count(*) FILTER (WHERE died = 1 AND sex = 'F') AS a FROM people WHERE area = '02'",
    "SELECT died, count(*) FILTER (WHERE {v}) AS a FROM people GROUP BY died",
    "SELECT year, count(*) FILTER (WHERE {v}) AS a FROM people GROUP BY year",
    "SELECT sex, count(*) FILTER (WHERE {v}) AS a FROM people WHERE year = 1951 GROUP BY sex",
    "SELECT sum(CASE WHEN died = 1 AND {v} THEN 1 ELSE 0 END) AS a FROM people",
    "SELECT sum(CASE WHEN died = 1 AND {v} THEN 2 ELSE 1 END) AS a FROM people",
    "SELECT avg(year) FILTER (WHERE died = 1 AND {v}) AS a FROM people",
    "SELECT avg(CASE WHEN {v} THEN 1 WHEN died = 1 AND {v} THEN 0 END) AS a FROM people",
    "SELECT count(*) FILTER (WHERE NOT (died = 1 AND {v})) AS a FROM people",
    "SELECT count(*) FILTER (WHERE NOT (died = 0 OR NOT ({v}))) AS a FROM people",
    "SELECT count(*) FILTER (WHERE (died = 1 AND {v}) IS NOT TRUE) AS a FROM people",
    "SELECT count(*) FILTER (WHERE concat(died, area, sex) = '102F') AS a FROM people",
    "SELECT count(*) FILTER (WHERE CASE WHEN died = 1 AND {v} THEN true ELSE false END) AS a FROM people",
    "SELECT count(*) FILTER (WHERE died = 1 AND year = 1951 AND {v}) AS a FROM people",
    "SELECT count(*) FILTER (WHERE {v}) AS a FROM people p WHERE EXISTS \
     (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND v.kind = 'x')",
    "SELECT count(*) FILTER (WHERE {v}) AS a FROM people p WHERE p.patient_id NOT IN \
     (SELECT patient_id FROM visits WHERE kind = 'x')",
    "SELECT count(*) FILTER (WHERE {v} AND kind = 'x') AS a FROM people JOIN visits USING (patient_id)",
    "SELECT count(*) FILTER (WHERE {v}) AS a FROM people JOIN visits USING (patient_id) WHERE kind = 'x'",
    "SELECT count(*) FILTER (WHERE {v} AND v.patient_id IS NULL) AS a FROM people p \
     LEFT JOIN visits v ON v.patient_id = p.patient_id AND v.kind = 'x'",
    "WITH f AS (SELECT patient_id, max(CASE WHEN died = 1 AND {v} THEN 1 ELSE 0 END) AS f FROM people GROUP BY patient_id) \
     SELECT count(*) FILTER (WHERE f = 1) AS a, sum(f) AS b FROM f",
    "WITH d AS (SELECT patient_id FROM people WHERE died = 1 GROUP BY patient_id) \
     SELECT count(*) FILTER (WHERE {v}) AS a FROM people JOIN d USING (patient_id)",
    "SELECT count(*) FILTER (WHERE {v} AND died = 1) AS a FROM \
     (SELECT sex, area, died FROM people UNION ALL SELECT sex, area, died FROM people) t",
];

#[tokio::test]
async fn neither_a_zero_nor_a_blank_tells_what_one_person_has() {
    let worlds = [
        fixture(0, 1950, "x").await,
        fixture(1, 1950, "y").await,
        fixture(0, 1951, "y").await,
        fixture(1, 1951, "x").await,
    ];
    for about in ABOUT_HER {
        let sql = about.replace("{v}", "area = '02' AND sex = 'F'");
        let mut answers = Vec::new();
        for world in &worlds {
            let answer = world.ask(&sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
            // A row of blanks is not there.
            assert!(answer.rows().is_empty() || answer.show().contains('#'), "{sql}: {}", answer.show());
            answers.push(answer.show());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{sql}: {answers:?}");
    }
}

#[tokio::test]
async fn a_zero_of_enough_people_is_shown() {
    let fixture = fixture(0, 1950, "x").await;
    for (sql, rows) in [
        ("SELECT count(*) FILTER (WHERE died = 2) AS a FROM people", "0"),
        ("SELECT count(*) FILTER (WHERE died = 1 AND year > 1960) AS a FROM people", "0"),
        ("SELECT area, count(*) FILTER (WHERE year > 1960) AS a FROM people GROUP BY area", "01 0|02 0"),
        ("SELECT sex, sum(CASE WHEN sex = 'M' THEN 1 ELSE 0 END) AS a FROM people GROUP BY sex", "F 0|M 80"),
        (
            "SELECT count(*) FILTER (WHERE kind = 'z') AS a FROM people JOIN visits USING (patient_id) WHERE sex = 'M'",
            "0",
        ),
        (
            "SELECT sex, count(*) FILTER (WHERE sex = 'F' AND died = 1) AS a FROM people \
             GROUP BY GROUPING SETS ((sex), ()) ORDER BY sex",
            "F 24|M 0|- 24",
        ),
    ] {
        let answer = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        assert_eq!(answer.show(), rows, "{sql}");
    }
}
