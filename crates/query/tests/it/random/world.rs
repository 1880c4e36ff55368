//! Small random data, for the enclave and for the plain engine alike.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::fixture::Fixture;

const MANIFEST: &str = r#"
dataset = "small"
title = "Small random data"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "sex", class = "dimension", type = "text" },
    { name = "age", class = "dimension", type = "integer" },
    { name = "score", class = "measure", type = "decimal(8,2)", isolating = false },
]

[[table]]
name = "visits"
file = "visits.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "code", class = "dimension", type = "text" },
    { name = "amount", class = "measure", type = "integer", isolating = false },
    { name = "day", class = "dimension", type = "date", isolating = false },
]

[[table]]
name = "tests"
file = "tests.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "code", class = "dimension", type = "text", sensitive = true },
    { name = "result", class = "measure", type = "decimal(8,2)", isolating = false },
    { name = "day", class = "dimension", type = "date", isolating = false },
]

[[table]]
name = "codes"
kind = "code"
key = "code"
file = "codes.csv"
column = [
    { name = "code", class = "dimension", type = "text" },
    { name = "class", class = "dimension", type = "text" },
]
"#;

/// Everybody of the dataset, and one row of each with one of some grades that the manifest declares.
const MORE: &str = r#"
[[table]]
name = "register"
file = "register.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "wave", class = "dimension", type = "integer" },
]

[[table]]
name = "grades"
file = "grades.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "grade", class = "dimension", type = "text", values = ["I", "II", "III", "IV"] },
    { name = "points", class = "measure", type = "integer", isolating = false },
]
"#;

/// Nobody has the last grade.
const GRADES: [&str; 4] = ["I", "II", "III", "IV"];

/// One code has no class, and `e` is no code of the table.
const CODES: &str = "code,class\na,first\nb,first\nc,second\nd,\n";

/// The list that every analysis may bring: `e` has no band, and `x` is nobody's.
pub(crate) const BANDS: &str = "code,band\na,low\nb,low\nc,high\nd,high\nx,none\n";

/// The first day of any event, in days after 1970-01-01: 2021-01-01.
const FIRST_DAY: i32 = 18_628;

/// An event of somebody: its code, its number, and its day after the first.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    person: usize,
    code: Option<String>,
    number: Option<i64>,
    day: Option<i32>,
}

/// Sex, age and score of somebody, their grade and its points.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    id: usize,
    grade: Option<String>,
    points: Option<i64>,
    sex: Option<String>,
    age: Option<i64>,
    score: Option<i64>,
}

/// The rows of all tables.
#[derive(Clone, Debug)]
pub(crate) struct World {
    people: Vec<Person>,
    visits: Vec<Event>,
    tests: Vec<Event>,
    /// How many people the dataset has.
    registered: usize,
    /// Somebody who stands out: in numbers, and by a code that nobody else has.
    pub(crate) planted: usize,
}

/// Few distinct values, NULLs, negative numbers, duplicates, and one large amount now and then.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    (40_usize..=80).prop_flat_map(|people| {
        let grade = weighted(0.9, 0..GRADES.len() - 1);
        let grade = (grade, weighted(0.9, 0_i64..40));
        let person = (letter("FMX"), weighted(0.9, 0_i64..6), weighted(0.9, -250_i64..600), grade);
        let amount = proptest::prop_oneof![20 => -3_i64..9, 1 => 500_i64..900];
        let visits = events(people, 250, amount.boxed());
        let tests = events(people, 160, (-500_i64..900).boxed());
        (vec(person, people), visits, tests, 0..people).prop_map(|(people, visits, tests, planted)| {
            let registered = people.len();
            let person = |(id, (sex, age, score, (grade, points)))| {
                let grade = Option::map(grade, |grade: usize| GRADES[grade].to_owned());
                Person { id, grade, points, sex, age, score }
            };
            let people = people.into_iter().enumerate().map(person).collect();
            let mut world = World { people, visits, tests, registered, planted };
            world.plant();
            world
        })
    })
}

fn events(
    people: usize,
    most: usize,
    numbers: BoxedStrategy<i64>,
) -> impl Strategy<Value = Vec<Event>> + use<> {
    let event = (0..people, letter("abcdeab"), weighted(0.9, numbers), weighted(0.95, 0_i32..800));
    let event = event.prop_map(|(person, code, number, day)| Event { person, code, number, day });
    vec(event, 60..most)
}

fn letter(letters: &'static str) -> impl Strategy<Value = Option<String>> + Clone {
    weighted(0.9, (0..letters.len()).prop_map(|index| letters.chars().skip(index).take(1).collect()))
}

impl World {
    /// Makes the planted person one who stands out.
    fn plant(&mut self) {
        let person = self.planted;
        self.people[person].score = Some(99_999);
        self.people[person].points = Some(900);
        for (code, number, day) in [("a", 400, 10), ("q", 900, 795)] {
            let event =
                |number| Event { person, code: Some(code.to_owned()), number: Some(number), day: Some(day) };
            self.visits.push(event(number));
            self.tests.push(event(number * 100));
        }
    }

    /// The same with other values of the planted person in every column that nobody may know: such that no
    /// condition of the grammar tells the difference.
    pub(crate) fn with_other_values(&self) -> Self {
        let mut other = self.clone();
        let planted = other.people.iter_mut().filter(|person| person.id == self.planted);
        planted.for_each(|person| {
            person.score = person.score.map(|score| score - 1);
            person.points = person.points.map(|points| points + 1);
        });
        let events = other.visits.iter_mut().chain(&mut other.tests);
        for event in events.filter(|event| event.person == self.planted) {
            let large = |number: &i64| *number >= 400;
            event.number = event.number.map(|number| if large(&number) { number + 1 } else { number });
            event.code.iter_mut().filter(|code| *code == "q").for_each(|code| *code = "r".to_owned());
        }
        other
    }

    /// The same without the planted person, who is still registered: how many people there are is known.
    pub(crate) fn without_planted(&self) -> Self {
        let others =
            |events: &[Event]| events.iter().filter(|event| event.person != self.planted).cloned().collect();
        let people = self.people.iter().filter(|person| person.id != self.planted).cloned().collect();
        Self { people, visits: others(&self.visits), tests: others(&self.tests), ..self.clone() }
    }

    /// The same rows in another order; people keep their ids.
    pub(crate) fn reversed(&self) -> Vec<(&'static str, String)> {
        let reversed = |text: &str| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1..].reverse();
            lines.join("\n") + "\n"
        };
        self.files().into_iter().map(|(name, text)| (name, reversed(&text))).collect()
    }

    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        let mut people = "patient_id,sex,age,score\n".to_owned();
        let mut grades = "patient_id,grade,points\n".to_owned();
        for Person { id, grade, points, sex, age, score } in &self.people {
            writeln!(people, "{},{},{},{}", name(*id), shown(sex), shown(age), cents(*score)).unwrap();
            writeln!(grades, "{},{},{}", name(*id), shown(grade), shown(points)).unwrap();
        }
        let registered = (0..self.registered).map(|id| format!("{},1\n", name(id)));
        let register = "patient_id,wave\n".to_owned() + &registered.collect::<String>();
        let day = |event: &Event| event.day.map(|day| date(FIRST_DAY + day)).unwrap_or_default();
        let mut visits = "patient_id,code,amount,day\n".to_owned();
        for event in &self.visits {
            let Event { person, code, number, .. } = event;
            writeln!(visits, "{},{},{},{}", name(*person), shown(code), shown(number), day(event)).unwrap();
        }
        let mut tests = "patient_id,code,result,day\n".to_owned();
        for event in &self.tests {
            let Event { person, code, number, .. } = event;
            writeln!(tests, "{},{},{},{}", name(*person), shown(code), cents(*number), day(event)).unwrap();
        }
        vec![
            ("people.csv", people),
            ("visits.csv", visits),
            ("tests.csv", tests),
            ("codes.csv", CODES.to_owned()),
            ("grades.csv", grades),
            ("register.csv", register),
        ]
    }

    /// The enclave over these rows; not all of its tables need be there.
    pub(crate) async fn enclave(files: &[(&str, String)]) -> Fixture {
        let more = files.iter().any(|(name, _)| *name == "register.csv");
        Fixture::of_text(&format!("{MANIFEST}{}", if more { MORE } else { "" }), files).await
    }

    /// The enclave over these rows, where no column is declared sensitive.
    pub(crate) async fn insensitive(&self) -> Fixture {
        let manifest = format!("{MANIFEST}{MORE}").replace(", sensitive = true", "");
        assert!(!manifest.contains("sensitive"));
        Fixture::of_text(&manifest, &self.files()).await
    }

    /// The plain engine over these rows, with the list as a table.
    pub(crate) fn plain(&self) -> SessionContext {
        let mut config = SessionConfig::new();
        // The engine compares what it thinks may be NULL, and is wrong about CASE and IS NOT TRUE.
        config.options_mut().execution.skip_physical_aggregate_schema_check = true;
        let context = SessionContext::new_with_config(config);
        let register = |table: &str, columns: Vec<(&str, ArrayRef)>| {
            context.register_batch(table, RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        };
        let people = &self.people;
        register(
            "people",
            vec![
                ("patient_id", text(people.iter().map(|person| Some(name(person.id))))),
                ("sex", text(people.iter().map(|person| person.sex.clone()))),
                ("age", Arc::new(people.iter().map(|person| person.age).collect::<Int64Array>())),
                ("score", decimals(people.iter().map(|person| person.score))),
            ],
        );
        let points: Int64Array = people.iter().map(|person| person.points).collect();
        register(
            "grades",
            vec![
                ("patient_id", text(people.iter().map(|person| Some(name(person.id))))),
                ("grade", text(people.iter().map(|person| person.grade.clone()))),
                ("points", Arc::new(points)),
            ],
        );
        let amounts: ArrayRef =
            Arc::new(self.visits.iter().map(|visit| visit.number).collect::<Int64Array>());
        let results = decimals(self.tests.iter().map(|test| test.number));
        for (table, events, (column, numbers)) in
            [("visits", &self.visits, ("amount", amounts)), ("tests", &self.tests, ("result", results))]
        {
            let days = events.iter().map(|event| event.day.map(|day| FIRST_DAY + day));
            register(
                table,
                vec![
                    ("patient_id", text(events.iter().map(|event| Some(name(event.person))))),
                    ("code", text(events.iter().map(|event| event.code.clone()))),
                    (column, numbers),
                    ("day", Arc::new(days.collect::<Date32Array>())),
                ],
            );
        }
        for (table, lines, second) in [("codes", CODES, "class"), ("bands", BANDS, "band")] {
            let rows: Vec<(&str, &str)> =
                lines.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect();
            let there = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            register(
                table,
                vec![
                    ("code", text(rows.iter().map(|row| there(row.0)))),
                    (second, text(rows.iter().map(|row| there(row.1)))),
                ],
            );
        }
        context
    }
}

/// The id of a person, as records and the plain engine have it.
pub(crate) fn name(id: usize) -> String {
    format!("p{id:03}")
}

fn date(days: i32) -> String {
    chrono::DateTime::from_timestamp(i64::from(days) * 86_400, 0).unwrap().format("%Y-%m-%d").to_string()
}

fn shown(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Hundredths as a decimal.
fn cents(value: Option<i64>) -> String {
    let text = |value: i64| {
        format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100)
    };
    value.map(text).unwrap_or_default()
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn decimals(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let array: Decimal128Array = values.map(|value| value.map(i128::from)).collect();
    Arc::new(array.with_precision_and_scale(8, 2).unwrap())
}
