//! Random histories, recomputed naively: whatever was released, by how many releases, gives nothing away.

use proptest::prelude::*;

use super::*;
use crate::suppression::rank;

/// A person: two attributes, a condition and a number of records.
type Row = [u32; 4];

/// What a release counts: people or records, in which groups.
#[derive(Clone, Copy, Debug)]
struct Question {
    records: bool,
    by: [bool; 2],
    only: Option<u32>,
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let question = (any::<bool>(), any::<[bool; 2]>(), prop::option::of(0_u32..3));
    let question = question.prop_map(|(records, by, only)| Question { records, by, only });
    prop::collection::vec(question, 2..7)
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (0_u32..3, 0_u32..2, 0_u32..3, 1_u32..4).prop_map(|(a, b, c, d)| [a, b, c, d]);
    prop::collection::vec(row, 8..most)
}

/// The cells of a question.
fn cells(rows: &[Row], question: Question) -> Vec<Evidence> {
    let mut groups: BTreeMap<[Option<u32>; 2], Vec<(u32, i128)>> = BTreeMap::new();
    for (subject, [a, b, c, records]) in (0..).zip(rows) {
        if question.only.is_none_or(|only| only != *c) {
            let key = |at: usize, value: u32| question.by[at].then_some(value);
            let amount = if question.records { i128::from(*records) } else { 1 };
            groups.entry([key(0, *a), key(1, *b)]).or_default().push((subject, amount));
        }
    }
    groups.into_values().map(evidence).collect()
}

/// What the ledger has as shown, and what it has as a secret.
fn shown_and_secret(ledger: &Ledger) -> (Vec<&Evidence>, Vec<&Evidence>) {
    let is_shown = |entry: &&Entry| matches!(entry.status, Status::Shown(_));
    let (shown, secret): (Vec<&Entry>, Vec<&Entry>) = ledger.entries().iter().partition(is_shown);
    (
        shown.into_iter().map(|entry| &entry.evidence).collect(),
        secret.into_iter().map(|entry| &entry.evidence).collect(),
    )
}

/// The ledger after these questions; each is asked by whoever comes.
fn ledger(rows: &[Row], questions: &[Question], minimum: u32) -> Ledger {
    let mut enclave = Enclave::new(threshold_only(minimum));
    for question in questions {
        enclave.ask(&cells(rows, *question));
    }
    enclave.ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_history_makes_a_withheld_sum_derivable(rows in rows(60), questions in questions(), minimum in 3_u32..8) {
        let ledger = ledger(&rows, &questions, minimum);
        let (shown, secret) = shown_and_secret(&ledger);
        let people = u32::try_from(rows.len()).unwrap();
        let known = rank(&shown, people, |_| true);
        for secret in secret {
            let with_it: Vec<&Evidence> = shown.iter().copied().chain([secret]).collect();
            prop_assert_eq!(rank(&with_it, people, |_| true), known + 1);
        }
    }

    #[test]
    fn no_history_has_a_combination_of_fewer_people_than_the_minimum(
        rows in rows(14), questions in questions(), minimum in 3_u32..5,
    ) {
        let ledger = ledger(&rows, &questions, minimum);
        let (shown, _) = shown_and_secret(&ledger);
        let people = u32::try_from(rows.len()).unwrap();
        let known = rank(&shown, people, |_| true);
        // A combination concerns only people of a set if and only if the rank falls without the set.
        for set in (0_u32..1 << people).filter(|set| set.count_ones() + 1 == minimum) {
            prop_assert_eq!(rank(&shown, people, |subject| set >> subject & 1 == 0), known);
        }
    }

    #[test]
    fn whatever_was_asked_before_is_answered_the_same(rows in rows(40), questions in questions(), minimum in 3_u32..8) {
        let mut enclave = Enclave::new(threshold_only(minimum));
        let mut answers = Vec::new();
        for question in &questions {
            answers.push(enclave.ask(&cells(&rows, *question)));
        }
        for (question, answer) in questions.iter().zip(answers) {
            prop_assert_eq!(enclave.ask(&cells(&rows, *question)), answer);
        }
    }
}
