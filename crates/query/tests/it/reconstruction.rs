//! Many answers, each over many people, from which everybody's diagnosis or bill could be solved.
//!
//! Sixty people, and random halves of them by year of birth, asked in every form that the surface has: what
//! nobody may know is worth six answers at most, a tenth of a direction for each person.

use std::fmt::Write as _;

use sekisho_disclosure::{Ledger, Outcome, Profile, check};
use sekisho_model::{Hold, Limits};
use sekisho_query::plan;

use super::fixture::{Answer, Fixture, ward};

const MANIFEST: &str = r#"
dataset = "sixty"
title = "Sixty people"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "id", class = "subject" },
    { name = "birth_year", class = "dimension", type = "integer" },
]

[[table]]
name = "diagnoses"
file = "diagnoses.csv"
column = [
    { name = "id", class = "subject" },
    { name = "code", class = "dimension", type = "text", code = true, sensitive = true },
    { name = "day", class = "date", type = "date" },
]

[[table]]
name = "bills"
file = "bills.csv"
column = [
    { name = "id", class = "subject" },
    { name = "points", class = "measure", type = "integer", isolating = false },
]
"#;

const PEOPLE: u32 = 60;

/// As many directions as sixty people may have together.
const WORTH: usize = 6;

/// How often each form is asked.
const ASKED: usize = 12;

/// The minimum of three, and no other rule than the budget, so that the budget is what is seen.
fn profile(max_leverage: u32) -> Profile {
    let text = format!(
        "name = \"budget\"\nversion = 1\ntitle = \"Budget\"\nminimum_count = 3\nminimum_units = 1\nzeros = \"allowed\"\n\
         p_permille = 0\nmax_leverage = {max_leverage}\n[dominance]\nlargest = 1\ncomparator = \"more-than\"\npermille = 1000\n"
    );
    Profile::from_toml(&text).unwrap()
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Half of the years, as a condition.
    fn years(&mut self, column: &str) -> String {
        let years: Vec<String> =
            (0..30).filter(|_| self.below(2) == 0).map(|year| (1950 + year).to_string()).collect();
        format!("{column} IN (1900, {})", years.join(", "))
    }

    /// Half of the months of a year, as a condition.
    fn months(&mut self, column: &str) -> String {
        let months = (1..13).filter(|_| self.below(2) == 0);
        let month = |month| format!("date_part('month', {column}) = {month}");
        let months: Vec<String> = months.map(month).chain(["1 = 0".to_owned()]).collect();
        format!("({})", months.join(" OR "))
    }
}

async fn fixture() -> Fixture {
    let mut random = Random(3);
    let mut people = "id,birth_year\n".to_owned();
    let (mut diagnoses, mut bills) = ("id,code,day\n".to_owned(), "id,points\n".to_owned());
    for person in 0..PEOPLE {
        writeln!(people, "p{person:02},{}", 1950 + person / 2).unwrap();
        let code = ["I10", "E11", "J45"][usize::try_from(random.below(3)).unwrap()];
        writeln!(diagnoses, "p{person:02},{code},2024-{:02}-11", 1 + person % 12).unwrap();
        writeln!(bills, "p{person:02},{}", 100 + random.below(50)).unwrap();
    }
    Fixture::of_text(MANIFEST, &[("people.csv", people), ("diagnoses.csv", diagnoses), ("bills.csv", bills)])
        .await
}

/// One question of a form; `#` stands for the half.
const FORMS: &[(&str, &str)] = &[
    (
        "a join",
        "SELECT COUNT(DISTINCT p.id) AS n FROM people p JOIN diagnoses d ON d.id = p.id WHERE d.code = 'I10' AND #",
    ),
    (
        "EXISTS",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND EXISTS (SELECT 1 FROM diagnoses d WHERE d.id = p.id AND d.code = 'I10')",
    ),
    (
        "NOT EXISTS",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND NOT EXISTS (SELECT 1 FROM diagnoses d WHERE d.id = p.id AND d.code = 'I10')",
    ),
    (
        "values counted where they are there",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM diagnoses GROUP BY id HAVING COUNT(CASE WHEN code = 'I10' THEN day END) > 0)",
    ),
    (
        "ones counted",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM diagnoses GROUP BY id HAVING COUNT(CASE WHEN code = 'I10' THEN 1 END) > 0)",
    ),
    (
        "a count less another",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM diagnoses GROUP BY id HAVING COUNT(*) > COUNT(CASE WHEN code <> 'I10' THEN 1 END))",
    ),
    (
        "a truth counted",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM diagnoses GROUP BY id HAVING COUNT(NULLIF(code = 'I10', false)) > 0)",
    ),
    (
        "a look-up counted",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT d.id FROM diagnoses d LEFT JOIN (VALUES ('I10')) c(code) ON c.code = d.code GROUP BY d.id HAVING COUNT(c.code) > 0)",
    ),
    (
        "groups counted again",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM (SELECT a.id, b.code = 'I10' OR a.day < DATE '2000-01-01' AS k FROM diagnoses a JOIN (SELECT id, code FROM diagnoses UNION ALL SELECT id, 'I10' FROM people) b ON b.id = a.id GROUP BY 1, 2) g GROUP BY id HAVING COUNT(*) = 1)",
    ),
    (
        "distinct values counted",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM (SELECT DISTINCT id, code FROM (SELECT id, code FROM diagnoses UNION ALL SELECT id, 'I10' FROM people) u) g GROUP BY id HAVING COUNT(*) = 1)",
    ),
    (
        "chosen records counted",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM (SELECT id, code, day FROM diagnoses UNION ALL SELECT id, 'E11', DATE '2020-01-01' FROM people) u WHERE code = 'I10' GROUP BY id HAVING COUNT(*) = 1)",
    ),
    (
        "a FILTER less than all",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT id FROM (SELECT id, COUNT(*) FILTER (WHERE code = 'I10') AS k, COUNT(*) AS n FROM (SELECT id, code, day FROM diagnoses UNION ALL SELECT id, 'E11', DATE '2020-01-01' FROM people) u GROUP BY id) z WHERE k BETWEEN 1 AND n - 1)",
    ),
    (
        "chosen records that are not the first",
        "SELECT COUNT(*) AS n FROM people p WHERE # AND p.id IN (SELECT a.id FROM (SELECT id, MIN(day) AS m FROM (SELECT id, code, day FROM diagnoses UNION ALL SELECT id, 'E11', DATE '2020-01-01' FROM people) u WHERE code = 'I10' GROUP BY id) a JOIN (SELECT id, MIN(day) AS n FROM (SELECT id, code, day FROM diagnoses UNION ALL SELECT id, 'E11', DATE '2020-01-01' FROM people) u GROUP BY id) b ON a.id = b.id WHERE a.m > b.n)",
    ),
    (
        "a condition that turns",
        "SELECT COUNT(*) AS n FROM people p JOIN diagnoses d ON d.id = p.id WHERE (d.code = 'I10' AND #) OR (d.code <> 'I10' AND NOT #)",
    ),
    (
        "a condition that turns, by EXISTS",
        "SELECT COUNT(*) AS n FROM people p WHERE (# AND EXISTS (SELECT 1 FROM diagnoses d WHERE d.id = p.id AND d.code = 'I10')) \
         OR (NOT # AND NOT EXISTS (SELECT 1 FROM diagnoses d WHERE d.id = p.id AND d.code = 'I10'))",
    ),
    (
        "another name for the other codes",
        "SELECT COUNT(*) AS n FROM people p JOIN diagnoses d ON d.id = p.id \
         WHERE (d.code = 'I10' AND #) OR ((d.code < 'I10' OR d.code > 'I10') AND NOT #)",
    ),
    (
        "FILTER",
        "SELECT COUNT(*) FILTER (WHERE d.code = 'I10' AND #) AS n FROM people p JOIN diagnoses d ON d.id = p.id",
    ),
    (
        "weights",
        "SELECT SUM(CASE WHEN # THEN 2 ELSE 1 END) AS n FROM people p JOIN diagnoses d ON d.id = p.id WHERE d.code = 'I10'",
    ),
    (
        "a key",
        "SELECT CASE WHEN (d.code = 'I10' AND #) OR (d.code <> 'I10' AND NOT #) THEN 'a' ELSE 'b' END AS k, COUNT(*) AS n \
         FROM people p JOIN diagnoses d ON d.id = p.id GROUP BY 1",
    ),
    (
        "an outer join",
        "WITH s AS (SELECT id, MIN(day) AS first FROM diagnoses WHERE code = 'I10' GROUP BY id) \
         SELECT COUNT(*) AS n FROM people p LEFT JOIN s ON s.id = p.id \
         WHERE (s.first IS NOT NULL AND #) OR (s.first IS NULL AND NOT #)",
    ),
    (
        "a code as a column",
        "WITH s AS (SELECT id, CASE WHEN code = 'I10' THEN 1 ELSE 0 END AS sick FROM diagnoses) \
         SELECT SUM(s.sick) AS n FROM people p JOIN s ON s.id = p.id WHERE #",
    ),
    ("a sum", "SELECT SUM(b.points) AS n FROM people p JOIN bills b ON b.id = p.id WHERE #"),
    (
        "a sum of some",
        "SELECT SUM(CASE WHEN # THEN b.points ELSE 0 END) AS n FROM people p JOIN bills b ON b.id = p.id",
    ),
    (
        "a range of bills",
        "SELECT COUNT(*) AS n FROM people p JOIN bills b ON b.id = p.id WHERE b.points >= 125 AND #",
    ),
    (
        "a ratio of risks",
        "WITH m AS (SELECT risk_ratio(d.code = 'I10', #) AS r FROM people p JOIN diagnoses d ON d.id = p.id) \
         SELECT m.r['estimate'] AS n FROM m",
    ),
    (
        "a linear model",
        "WITH m AS (SELECT ols(b.points, #) AS r FROM people p JOIN bills b ON b.id = p.id) SELECT m.r['n'] AS n FROM m",
    ),
    ("months", "SELECT COUNT(DISTINCT d.id) AS n FROM diagnoses d WHERE d.code = 'I10' AND @"),
    (
        "months of a first event",
        "WITH s AS (SELECT id, MIN(day) AS first FROM diagnoses WHERE code = 'I10' GROUP BY id) \
         SELECT COUNT(*) AS n FROM s WHERE @",
    ),
];

/// How many of some questions have an answer, one after the other in one history.
async fn answered(fixture: &Fixture, form: &str, profile: &Profile) -> usize {
    let (mut random, mut ledger, mut answers) = (Random(17), Ledger::new(), 0);
    for _ in 0..ASKED {
        let day = if form.contains("first") { "first" } else { "d.day" };
        let sql = form.replace('#', &random.years("p.birth_year")).replace('@', &random.months(day));
        let mut view = fixture.view.clone();
        view.profile = profile.clone();
        let limits = Limits::default();
        let plan = plan(sql.as_str(), &view, &limits).unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        let (unreleased, public) = fixture.engine.execute(plan, &limits).await.unwrap();
        let checked = check(unreleased, &ledger, profile, Hold::ByRule).unwrap();
        ledger.take(checked.page());
        let Outcome::Released(released) = checked.publish(public).await.unwrap() else { panic!("held") };
        let rows = Answer::read(released.arrow_ipc()).rows();
        answers += usize::from(rows.iter().any(|row| row.last().unwrap() != "#"));
    }
    answers
}

#[tokio::test]
async fn no_form_of_a_question_has_more_answers_than_its_people_are_worth() {
    let fixture = fixture().await;
    let mut found = Vec::new();
    for (name, form) in FORMS {
        let free = answered(&fixture, form, &profile(1000)).await;
        let kept = answered(&fixture, form, &profile(100)).await;
        // Fewer answers without a budget would be no attack.
        if free <= WORTH || !(1..=WORTH).contains(&kept) {
            found.push(format!("{name}: {kept} answers, {free} without a budget"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn what_reads_nothing_confidential_costs_nothing() {
    let fixture = fixture().await;
    for sql in [
        "SELECT birth_year / 10 AS decade, COUNT(*) AS n FROM people GROUP BY 1",
        "SELECT date_part('month', day) AS month, COUNT(*) AS n FROM diagnoses GROUP BY 1",
    ] {
        let mut view = fixture.view.clone();
        view.profile = profile(100);
        let plan = plan(sql, &view, &Limits::default()).unwrap();
        let (unreleased, _) = fixture.engine.execute(plan, &Limits::default()).await.unwrap();
        let mut ledger = Ledger::new();
        let checked = check(unreleased, &ledger, &profile(100), Hold::ByRule).unwrap();
        ledger.take(checked.page());
        assert_eq!(ledger.usage().count(), 0, "{sql}");
    }
}

/// One woman of the ward, by what is known of her.
const ONE: &str = "p.prefecture = '47' AND p.birth_year = 1931 AND p.sex = 'F'";

#[tokio::test]
async fn neither_a_blank_nor_a_zero_tells_which_codes_somebody_has() {
    let fixture = Fixture::new(&ward()).await;
    let records = "FROM patients p JOIN diagnoses d USING (patient_id) GROUP BY 1";
    let without = format!(
        "SELECT d.icd10, count(DISTINCT d.patient_id) AS n, \
         count(DISTINCT d.patient_id) FILTER (WHERE NOT ({ONE})) AS m {records}"
    );
    let rows = fixture.ask(without.as_str()).await.unwrap().rows();
    assert!(rows.len() > 5 && rows.iter().all(|row| row[1] != "#" && row[2] == "#"), "{rows:?}");
    // What has no frame of its own, asked beside it, does not take the frame away.
    for beside in
        ["count(*) FILTER (WHERE d.icd10 < p.prefecture)", "sum(CASE WHEN d.icd10 < p.sex THEN 1 END)"]
    {
        let both = without.replace(" AS m", &format!(" AS m, {beside} AS z"));
        let rows = fixture.ask(both.as_str()).await.unwrap().rows();
        assert!(
            rows.len() > 5 && rows.iter().all(|row| row[1] != "#" && row[2] == "#"),
            "{beside}: {rows:?}"
        );
    }
    for code in ["B20", "I10"] {
        let has = |code: &str| {
            format!("EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 {code})")
        };
        let four = ["C50", "F32", "G35", "Q90"].map(|code| has(&format!("= '{code}'"))).join(" OR ");
        let (has, other) = (has(&format!("= '{code}'")), has("< p.prefecture"));
        for beside in [four, other] {
            let sql = format!(
                "SELECT count(*) FILTER (WHERE {has}) AS n, count(*) FILTER (WHERE {has} AND NOT ({ONE})) AS m, \
                 count(*) FILTER (WHERE {beside}) AS z FROM patients p"
            );
            let rows = fixture.ask(sql.as_str()).await.unwrap().rows();
            assert!(rows[0][0] != "#" && rows[0][1] == "#", "{code}: {rows:?}");
        }
    }
    let alone = format!("SELECT d.icd10, count(*) FILTER (WHERE {ONE}) AS x {records}");
    assert!(fixture.ask(alone.as_str()).await.unwrap().rows().is_empty());
}
