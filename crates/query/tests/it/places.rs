//! Places: the smallest that groups may tell apart, and how many people must live in them.

use std::fmt::Write as _;

use sekisho_disclosure::{Profile, RoundingKey};
use sekisho_model::{Code, GeographyLevel, Rounding, Stricter};

use super::fixture::{Answer, Fixture, profile};

const MANIFEST: &str = r#"
dataset = "places"
title = "A village, a town and a city"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "area", class = "dimension", type = "integer", geography = "municipality", population = "areas.inhabitants" },
    { name = "province", class = "dimension", type = "text", geography = "province" },
    { name = "sex", class = "dimension", type = "text" },
]

[[table]]
name = "visits"
file = "visits.csv"
column = [{ name = "patient_id", class = "subject" }, { name = "code", class = "dimension", type = "text" }]

[[table]]
name = "areas"
kind = "code"
file = "areas.csv"
key = "area"
column = [
    { name = "area", class = "dimension", type = "integer", geography = "municipality" },
    { name = "label", class = "dimension", type = "text", geography = "municipality" },
    { name = "inhabitants", class = "measure", type = "integer" },
]
"#;

/// Forty people of a village, of a town and of a city, and of a place that no table knows; of the town, nineteen
/// are women.
async fn fixture() -> Fixture {
    let mut people = "patient_id,area,province,sex\n".to_owned();
    let mut visits = "patient_id,code\n".to_owned();
    for id in 0..40 {
        for area in [1, 2, 3, 4] {
            let women = if area == 2 { 19 } else { 20 };
            let sex = if id < women { "F" } else { "M" };
            writeln!(visits, "p{area}{id:02},A").unwrap();
            writeln!(people, "p{area}{id:02},{area},north,{sex}").unwrap();
        }
    }
    let areas = "area,label,inhabitants\n1,village,1999\n2,town,24999\n3,city,25000\n";
    Fixture::of_text(
        MANIFEST,
        &[("people.csv", people), ("visits.csv", visits), ("areas.csv", areas.to_owned())],
    )
    .await
}

fn groups(answer: &Answer) -> Vec<String> {
    answer.rows().into_iter().map(|row| row.join(" ")).collect()
}

#[tokio::test]
async fn small_areas_show_nothing_whatever_the_path() {
    let fixture = fixture().await;
    let paths = [
        "SELECT area, COUNT(*) AS n FROM people GROUP BY area",
        "SELECT area, COUNT(DISTINCT patient_id) AS n FROM people GROUP BY area",
        "SELECT a.area, COUNT(*) AS n FROM people p JOIN areas a ON a.area = p.area GROUP BY a.area",
        "SELECT area, COUNT(*) AS n FROM (SELECT DISTINCT patient_id, area FROM people) t GROUP BY area",
        "SELECT area, COUNT(DISTINCT patient_id) AS n FROM (SELECT area, patient_id FROM people UNION ALL SELECT area, patient_id FROM people) t GROUP BY area",
    ];
    for sql in paths {
        let rows = fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        assert_eq!(groups(&rows), ["2 40", "3 40"], "{sql}");
    }
    // Nor does a condition or a branch, though the result names no place.
    for (sql, expected) in [
        ("SELECT COUNT(*) AS n FROM people WHERE area = 1", "#"),
        ("SELECT COUNT(*) FILTER (WHERE area = 1) AS n FROM people", "#"),
        ("SELECT COUNT(*) AS n FROM people WHERE area = 3", "40"),
        ("SELECT COUNT(*) AS n FROM people", "160"),
        ("SELECT COUNT(*) AS n FROM people WHERE area IN (1, 2)", "80"),
    ] {
        let rows = fixture.ask(sql).await.unwrap();
        assert_eq!(groups(&rows), [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_sub_query_does_not_choose_people_by_where_they_live() {
    let fixture = fixture().await;
    let inner = [
        "SELECT 1 FROM people q WHERE q.patient_id = v.patient_id AND q.area = 1",
        "SELECT 1 FROM people q WHERE q.patient_id = v.patient_id AND q.area / 2 < 1",
        "SELECT 1 FROM people q JOIN areas a ON a.area = q.area WHERE q.patient_id = v.patient_id AND a.label = 'village'",
        "SELECT 1 FROM (SELECT patient_id, MIN(area) AS a FROM people GROUP BY patient_id) q WHERE q.patient_id = v.patient_id AND q.a = 1",
        "SELECT 1 FROM (SELECT patient_id, COUNT(*) FILTER (WHERE area = 1) AS a FROM people GROUP BY patient_id) q WHERE q.patient_id = v.patient_id AND q.a > 0",
    ];
    for inner in inner {
        for exists in ["EXISTS", "NOT EXISTS"] {
            let sql = format!("SELECT COUNT(*) AS n FROM visits v WHERE {exists} ({inner})");
            let refusal = fixture.refusal(&sql);
            assert!(refusal.message.contains("people.area"), "{sql}: {refusal:?}");
        }
    }
    let others = [
        "SELECT COUNT(*) AS n FROM visits v WHERE v.patient_id IN (SELECT patient_id FROM people WHERE area = 1)",
        "SELECT COUNT(*) AS n FROM (SELECT patient_id FROM visits INTERSECT SELECT patient_id FROM people WHERE area = 1) t",
        "WITH t AS (SELECT v.patient_id, (SELECT MIN(area) FROM people q WHERE q.patient_id = v.patient_id) AS a FROM visits v) SELECT a, COUNT(*) AS n FROM t GROUP BY a",
    ];
    for sql in others {
        let refusal = fixture.refusal(sql);
        assert!(refusal.message.contains("people.area"), "{sql}: {refusal:?}");
    }
    // A join counts the areas; and other conditions choose as before.
    let joined =
        "SELECT COUNT(*) AS n FROM visits v JOIN people q ON q.patient_id = v.patient_id WHERE q.area = 1";
    assert_eq!(groups(&fixture.ask(joined).await.unwrap()), ["#"]);
    let by_sex = "SELECT COUNT(*) AS n FROM visits v WHERE EXISTS (SELECT 1 FROM people q WHERE q.patient_id = v.patient_id AND q.sex = 'F')";
    assert_eq!(groups(&fixture.ask(by_sex).await.unwrap()), ["79"]);
}

#[tokio::test]
async fn in_towns_twenty_people_are_the_fewest() {
    let fixture = fixture().await;
    let count = async |area: u8, sex: &str| {
        let sql = format!("SELECT COUNT(*) AS n FROM people WHERE area = {area} AND sex = '{sex}'");
        groups(&fixture.ask(&sql).await.unwrap()).remove(0)
    };
    assert_eq!((count(2, "F").await, count(2, "M").await), ("#".to_owned(), "21".to_owned()));
    assert_eq!(count(3, "F").await, "20");
}

fn within(fixture: &mut Fixture, level: GeographyLevel) {
    let stricter = Stricter { geography_grain: Some(level), ..Stricter::default() };
    fixture.view.profile = profile("japan-rwd").stricter(&stricter).unwrap();
}

#[tokio::test]
async fn groups_tell_apart_no_smaller_places_than_the_profile_says() {
    let mut fixture = fixture().await;
    within(&mut fixture, GeographyLevel::Province);
    let refused = [
        "SELECT area, COUNT(*) AS n FROM people GROUP BY area",
        "SELECT DISTINCT area FROM people",
        "SELECT area / 10 AS a, COUNT(*) AS n FROM people GROUP BY 1",
        "SELECT CASE WHEN sex = 'F' THEN area ELSE 0 END AS a, COUNT(*) AS n FROM people GROUP BY 1",
        "SELECT a.label, COUNT(*) AS n FROM people p JOIN areas a ON a.area = p.area GROUP BY a.label",
        "SELECT a, COUNT(*) AS n FROM (SELECT patient_id, MIN(area) AS a FROM people GROUP BY patient_id) t GROUP BY a",
    ];
    for sql in refused {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::ExpressionNotAllowed, "{sql}: {refusal:?}");
        assert!(refusal.message.contains("places of the level municipality"), "{sql}: {refusal:?}");
    }
    for sql in [
        "SELECT province, COUNT(*) AS n FROM people GROUP BY province",
        "SELECT CASE WHEN area IN (2, 3) THEN 'a' ELSE 'b' END AS a, COUNT(*) AS n FROM people GROUP BY 1",
        "SELECT COUNT(*) AS n FROM people WHERE area = 3",
    ] {
        assert!(fixture.refused(sql.into()).is_none(), "{sql}");
    }
    within(&mut fixture, GeographyLevel::Municipality);
    assert!(fixture.refused("SELECT area, COUNT(*) AS n FROM people GROUP BY area".into()).is_none());
}

#[tokio::test]
async fn totals_of_grouping_sets_are_sums_of_rounded_cells() {
    let fixture = fixture().await;
    let rounded = |rounding| -> Profile {
        let stricter = Stricter { rounding: Some(rounding), ..Stricter::default() };
        let profile = profile("japan-rwd").stricter(&stricter).unwrap();
        profile.with_rounding_key(RoundingKey::new([3; 32]))
    };
    let sql = "SELECT province, sex, COUNT(*) AS n, AVG(area) AS m FROM people WHERE area = 3 GROUP BY ROLLUP (province, sex)";
    let shown =
        async |rounding| groups(&Answer::read(&fixture.bytes(sql, &rounded(rounding)).await.unwrap()));
    assert_eq!(
        shown(Rounding::None).await,
        ["- - 40 3.0", "north - 40 3.0", "north F 20 3.0", "north M 20 3.0"]
    );
    // Twenty is 21, so that forty is 42.
    let midpoint = shown(Rounding::MidpointSix).await;
    assert!(midpoint.iter().all(|row| row.contains(" 42 ") || row.contains(" 21 ")), "{midpoint:?}");
}
