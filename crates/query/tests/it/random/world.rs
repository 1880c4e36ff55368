//! Small random data, for the enclave and for the plain engine alike.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::Strategy;

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
]

[[table]]
name = "tests"
file = "tests.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "code", class = "dimension", type = "text" },
    { name = "result", class = "measure", type = "decimal(8,2)", isolating = false },
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

/// One code has no class, and `e` is no code of the table.
const CODES: &str = "code,class\na,first\nb,first\nc,second\nd,\n";

/// A text and a number, of somebody.
pub(crate) type Row = (usize, Option<String>, Option<i64>);

/// The rows of all tables.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Sex, age and score.
    pub(crate) people: Vec<(Option<String>, Option<i64>, Option<i64>)>,
    pub(crate) visits: Vec<Row>,
    pub(crate) tests: Vec<Row>,
}

/// Few distinct values, NULLs, negative numbers, duplicates, and one large amount now and then.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let person = (letter("FMX"), weighted(0.9, 0_i64..6), weighted(0.9, -250_i64..600));
    (40_usize..=80).prop_flat_map(move |people| {
        let amount = proptest::prop_oneof![20 => -3_i64..9, 1 => 500_i64..900];
        let rows = |most: usize, amount| vec((0..people, letter("abcdeab"), weighted(0.9, amount)), 60..most);
        let visits = rows(250, amount.clone().boxed());
        let tests = rows(160, (-500_i64..900).boxed());
        (vec(person.clone(), people), visits, tests).prop_map(|(people, visits, tests)| World {
            people,
            visits,
            tests,
        })
    })
}

fn letter(letters: &'static str) -> impl Strategy<Value = Option<String>> + Clone {
    weighted(0.9, (0..letters.len()).prop_map(|index| letters.chars().skip(index).take(1).collect()))
}

impl World {
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
        for (id, (sex, age, score)) in self.people.iter().enumerate() {
            writeln!(people, "{},{},{},{}", name(id), shown(sex), shown(age), cents(*score)).unwrap();
        }
        let mut visits = "patient_id,code,amount\n".to_owned();
        for (id, code, amount) in &self.visits {
            writeln!(visits, "{},{},{}", name(*id), shown(code), shown(amount)).unwrap();
        }
        let mut tests = "patient_id,code,result\n".to_owned();
        for (id, code, result) in &self.tests {
            writeln!(tests, "{},{},{}", name(*id), shown(code), cents(*result)).unwrap();
        }
        vec![
            ("people.csv", people),
            ("visits.csv", visits),
            ("tests.csv", tests),
            ("codes.csv", CODES.to_owned()),
        ]
    }

    /// The enclave over these rows.
    pub(crate) async fn enclave(files: &[(&str, String)]) -> Fixture {
        Fixture::of_text(MANIFEST, files).await
    }

    /// The plain engine over these rows.
    pub(crate) fn plain(&self) -> SessionContext {
        let context = SessionContext::new();
        let ids = |ids: Vec<usize>| text(ids.into_iter().map(|id| Some(name(id))));
        let register = |table: &str, columns: Vec<(&str, ArrayRef)>| {
            context.register_batch(table, RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        };
        let people = &self.people;
        register(
            "people",
            vec![
                ("patient_id", ids((0..people.len()).collect())),
                ("sex", text(people.iter().map(|row| row.0.clone()))),
                ("age", Arc::new(people.iter().map(|row| row.1).collect::<Int64Array>())),
                ("score", decimals(people.iter().map(|row| row.2))),
            ],
        );
        let visits = &self.visits;
        register(
            "visits",
            vec![
                ("patient_id", ids(visits.iter().map(|row| row.0).collect())),
                ("code", text(visits.iter().map(|row| row.1.clone()))),
                ("amount", Arc::new(visits.iter().map(|row| row.2).collect::<Int64Array>())),
            ],
        );
        let tests = &self.tests;
        register(
            "tests",
            vec![
                ("patient_id", ids(tests.iter().map(|row| row.0).collect())),
                ("code", text(tests.iter().map(|row| row.1.clone()))),
                ("result", decimals(tests.iter().map(|row| row.2))),
            ],
        );
        let codes: Vec<(&str, &str)> =
            CODES.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect();
        let class = |class: &str| (!class.is_empty()).then(|| class.to_owned());
        register(
            "codes",
            vec![
                ("code", text(codes.iter().map(|row| Some(row.0.to_owned())))),
                ("class", text(codes.iter().map(|row| class(row.1)))),
            ],
        );
        context
    }
}

fn name(id: usize) -> String {
    format!("p{id:03}")
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
