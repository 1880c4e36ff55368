//! What the budget lets through, and what it costs.

use super::*;
use crate::estimator::{Estimator, Method};
use crate::evidence::Scale;
use crate::testing::{check_first, count, japan, people, statistic, table, ungrouped};
use crate::unreleased::{Attribute, Frames};
use crate::{Checked, Ledger, Reason, StatisticColumn, StatisticKind, Unreleased};
use sekisho_model::Hold;

const CODE: &str = "diagnoses.icd10";

/// A generator of the tests' own.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Who has the diagnosis: four of ten, without a pattern that a condition could follow.
fn sick(person: u32) -> bool {
    u64::from(person).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 < 6
}

/// A count of those of some people who have the diagnosis.
fn asked(frame: &[u32]) -> CellTable {
    let cell = people(frame.iter().copied().filter(|person| sick(*person)));
    let mut table = ungrouped(cell.clone(), vec![count("n", vec![cell])]);
    table.attributes = vec![reading(vec![people(frame.iter().copied())])];
    table
}

fn reading(rows: Vec<Evidence>) -> Attribute {
    let with = Frames { keys: Vec::new(), sums: vec![vec![rows]] };
    Attribute { name: CODE.into(), labels: Vec::new(), with: Some(vec![with]), without: None }
}

fn whole(table: usize) -> Asked {
    Asked { table, statistic: 0, row: 0, parts: vec![0] }
}

fn judge(table: CellTable, ledger: &Ledger) -> Checked {
    crate::check(Unreleased::new(vec![table]), ledger, &japan(), Hold::ByRule).unwrap()
}

fn withheld(checked: &Checked) -> bool {
    checked.findings().iter().any(|finding| finding.reasons.contains(&Reason::Budget))
}

#[test]
fn random_halves_do_not_give_anybodys_diagnosis() {
    let (mut random, mut budget, mut released) = (Random(11), Budget::default(), Vec::new());
    for _ in 0..400 {
        let frame: Vec<u32> = (0..240).filter(|_| random.next().is_multiple_of(2)).collect();
        let tables = [asked(&frame)];
        let spent = budget.spend(&tables, &[whole(0)], &japan());
        if spent.too_close.is_empty() {
            spent.charges.iter().for_each(|charge| budget.take(charge));
            released.push(frame);
        }
    }
    // Each direction costs a leverage of one, which is shared out among 240 people who may have a tenth each.
    assert!((5..=24).contains(&released.len()), "{}", released.len());
    let guessed = least_squares(&released, 240);
    let right = (0..240).filter(|person| guessed[*person as usize] == sick(*person)).count();
    let number = (0..240).filter(|person| sick(*person)).count();
    assert!(right < number.max(240 - number) + 36, "{right} of 240 are right, {number} have it");
    // Without a budget 400 halves give everybody's.
    let mut random = Random(11);
    let all: Vec<Vec<u32>> =
        (0..400).map(|_| (0..240).filter(|_| random.next().is_multiple_of(2)).collect()).collect();
    let guessed = least_squares(&all, 240);
    assert_eq!((0..240).filter(|person| guessed[*person as usize] == sick(*person)).count(), 240);
}

/// Who has the diagnosis by the counts of some sets of people: the smallest squares, by gradient.
fn least_squares(frames: &[Vec<u32>], size: usize) -> Vec<bool> {
    let counts: Vec<f64> =
        frames.iter().map(|frame| frame.iter().filter(|person| sick(**person)).count() as f64).collect();
    let share = counts.iter().sum::<f64>() / frames.iter().map(Vec::len).sum::<usize>() as f64;
    let mut guess = vec![share; size];
    for _ in 0..3_000 {
        for (frame, count) in frames.iter().zip(&counts) {
            let miss = (count - frame.iter().map(|person| guess[*person as usize]).sum::<f64>())
                / frame.len() as f64;
            frame.iter().for_each(|person| guess[*person as usize] += miss);
        }
    }
    guess.into_iter().map(|value| value >= 0.5).collect()
}

#[test]
fn what_comes_too_close_is_a_blank_and_is_charged_to_nobody() {
    let frame: Vec<u32> = (0..100).collect();
    let mut ledger = Ledger::new();
    let first = judge(asked(&frame), &ledger);
    assert!(!withheld(&first));
    ledger.take(first.page());
    // Everybody but three: too close to these. That the counts differ by ten or more does not help.
    let others: Vec<u32> = (3..100).chain(200..260).collect();
    let mut table = asked(&others);
    table.attributes = vec![reading(vec![people(3..100)])];
    let second = judge(table, &ledger);
    assert!(withheld(&second));
    ledger.take(second.page());
    assert_eq!(ledger.usage().collect::<Vec<_>>(), [Usage { attribute: CODE.into(), answers: 1 }]);
}

#[test]
fn the_same_numbers_of_other_people_are_another_question() {
    let mut ledger = Ledger::new();
    let table = || asked(&(0..100).collect::<Vec<_>>());
    let first = judge(table(), &ledger);
    ledger.take(first.page());
    let again = judge(table(), &ledger);
    assert_eq!((again.page().charges.len(), again.page().sums()), (0, 0), "it adds nothing");
    // The same people have the diagnosis; that five healthy ones were asked of too tells of these.
    let mut other = table();
    other.attributes = vec![reading(vec![people((0..100).filter(|person| sick(*person) || *person > 7))])];
    let checked = judge(other, &ledger);
    assert!(checked.page().question != first.page().question && withheld(&checked));
}

#[test]
fn all_values_of_an_attribute_are_one_row() {
    let groups = |code: u32| people((0..300).filter(move |person| person % 3 == code));
    let codes = || vec![("A", groups(0)), ("B", groups(1)), ("C", groups(2))];
    let rows = || codes().into_iter().map(|(_, group)| group).collect::<Vec<_>>();
    let mut grouped = table("icd10", codes(), [count("n", rows())]);
    let keys = table("icd10", codes(), []).keys;
    let with = Frames { keys, sums: vec![vec![rows()]] };
    grouped.attributes =
        vec![Attribute { name: CODE.into(), labels: vec![0], with: Some(vec![with]), without: None }];
    let checked = judge(grouped, &Ledger::new());
    assert!(!withheld(&checked));
    let page = checked.page();
    assert_eq!(page.charges.len(), 1);
    assert!(page.charges[0].row.contributions() == people(0..300).contributions());
}

#[test]
fn people_whose_condition_turns_count_against_the_others() {
    // Those below 50 count with the diagnosis, the others without: the row has both signs.
    let cell = people((0..100).filter(|person| sick(*person) == (*person < 50)));
    let mut table = ungrouped(cell.clone(), vec![count("n", vec![cell])]);
    let frames = |rows| Frames { keys: Vec::new(), sums: vec![vec![vec![rows]]] };
    table.attributes = vec![Attribute {
        name: CODE.into(),
        labels: Vec::new(),
        with: Some(vec![frames(people(0..50))]),
        without: Some(frames(people(50..100))),
    }];
    let spent = Budget::default().spend(&[table], &[whole(0)], &japan());
    let counted: Vec<i128> = spent.charges[0].row.amounts().iter().collect();
    assert_eq!((counted[0], counted[49], counted[50], counted[99]), (1, 1, -1, -1));
}

#[test]
fn what_is_read_in_a_way_that_is_not_known_is_withheld() {
    let mut table = asked(&(0..100).collect::<Vec<_>>());
    table.attributes[0].with = None;
    assert!(withheld(&judge(table, &Ledger::new())));
    let mut table = asked(&(0..100).collect::<Vec<_>>());
    table.attributes[0].with = None;
    let mut off = japan();
    off.max_leverage = 1000;
    let checked = check_first(Unreleased::new(vec![table]), &off, Hold::ByRule).unwrap();
    assert!(!withheld(&checked));
}

#[test]
fn a_cell_is_charged_with_all_its_rows_or_not_at_all() {
    let group = people(0..60);
    let parts = vec![(Scale::Integer, vec![group.clone()]), (Scale::Integer, vec![group.clone()])];
    let mean: StatisticColumn = statistic("m", StatisticKind::Mean, parts);
    let mut table = ungrouped(group.clone(), vec![mean]);
    let sums = vec![vec![vec![people(0..60)], vec![people(0..55)]]];
    let with = Frames { keys: Vec::new(), sums };
    table.attributes =
        vec![Attribute { name: CODE.into(), labels: Vec::new(), with: Some(vec![with]), without: None }];
    let asked = Asked { parts: vec![0, 1], ..whole(0) };
    let spent = Budget::default().spend(&[table], &[asked], &japan());
    assert_eq!((spent.too_close.len(), spent.charges.len()), (1, 0));
}

#[test]
fn each_step_of_a_curve_is_charged_with_its_people() {
    let everybody = || people(0..300);
    // N, time and event; then who has the event, and who leaves, in each of two steps; a longer curve of the table has a
    // third one, and of a model's kind those with the event are among its people.
    let sums = [
        everybody(),
        everybody(),
        everybody(),
        people(0..40),
        people(40..100),
        people(100..140),
        people(140..200),
        Evidence::nobody(),
        Evidence::nobody(),
        people(200..230),
        people(200..260),
    ];
    let parts = sums.map(|sum| (Scale::Integer, vec![sum])).to_vec();
    let curve = Estimator { method: Method::KaplanMeier { width: 1 }, columns: 2 };
    let mut table = ungrouped(everybody(), vec![statistic("s", StatisticKind::Estimate(curve), parts)]);
    table.attributes = vec![reading(vec![everybody()])];
    let asked = Asked { parts: vec![0, 3, 4, 5, 6, 7, 8, 9, 10], ..whole(0) };
    let spent = Budget::default().spend(&[table], &[asked], &japan());
    let rows: Vec<u64> = spent.charges.iter().map(|charge| charge.row.people()).collect();
    assert_eq!((spent.too_close.len(), rows), (0, vec![300, 100, 100, 60]));
    assert!(spent.charges.iter().all(|charge| charge.row.largest() == 1));
}
