//! The intervals that walks find, beside those of a linear program, and what is withheld for them.

use proptest::prelude::*;

use super::super::{Candidate, Place, STEPS, suppress};
use super::*;
use crate::evidence::Evidence;
use crate::testing::{Attack, evidence, fails_alone, japan, people, threshold_only};

fn columns<'a>(sums: &'a [Evidence], withheld: &[usize]) -> Vec<Column<'a>> {
    let column = |(place, evidence)| Column {
        evidence,
        withheld: withheld.contains(&place),
        standing: None,
        members: vec![place],
    };
    sums.iter().enumerate().map(column).collect()
}

/// What must go so that some withheld sums are open, if all but those and `blank` are published.
fn repair(sums: &[Evidence], withheld: &[usize], blank: &[usize], profile: &Profile) -> BTreeSet<u32> {
    let columns = columns(sums, withheld);
    let columns: Vec<&Column<'_>> = columns.iter().collect();
    let is_published = |place: &usize| !withheld.contains(place) && !blank.contains(place);
    let published = (0..sums.len()).filter(is_published).map(|place| u32::try_from(place).unwrap()).collect();
    Audit { columns: &columns, published: &published, standing: 0, profile }.withheld(0)
}

/// A row or a whole table: its cells follow each other, people after people.
fn cells(counts: &[u32]) -> Vec<Vec<u32>> {
    let ends = counts.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    });
    ends.zip(counts).map(|(end, count)| (end - count..end).collect()).collect()
}

/// A table with its margins: the total, rows, columns, then cells.
fn with_margins(counts: &[Vec<u32>]) -> Vec<Evidence> {
    let width = counts[0].len();
    let cells = cells(&counts.concat());
    let of = |which: &dyn Fn(usize) -> bool| {
        let chosen = cells.iter().enumerate().filter(|(place, _)| which(*place));
        people(chosen.flat_map(|(_, cell)| cell.iter().copied()))
    };
    let mut sums = vec![of(&|_| true)];
    sums.extend((0..counts.len()).map(|row| of(&|place| place / width == row)));
    sums.extend((0..width).map(|column| of(&|place| place % width == column)));
    sums.extend((0..cells.len()).map(|cell| of(&|place| place == cell)));
    sums
}

#[test]
fn two_blanks_of_a_known_total_are_between_nobody_and_all_of_it() {
    let total = |few: u32, other: u32| [people(0..few + other), people(0..few), people(few..few + other)];
    // 4 + 5 = 9 hides both from 0 to 9; 4 + 4 = 8 does not reach 9.
    assert!(repair(&total(4, 5), &[1, 2], &[], &threshold_only(10)).is_empty());
    assert_eq!(repair(&total(4, 4), &[1, 2], &[], &threshold_only(10)), [0].into());
    // Nothing is known of them.
    assert!(repair(&total(4, 4), &[0, 1, 2], &[], &threshold_only(10)).is_empty());
    let off = Profile { minimum_interval: 0, ..threshold_only(10) };
    assert!(repair(&total(4, 4), &[1, 2], &[], &off).is_empty());
}

#[test]
fn a_square_of_blanks_is_as_open_as_its_smallest_corner() {
    // 8 can fall as far as the other corner on its diagonal falls: to 8 − 7 = 1, or to 8 − 6 = 2.
    let square = |corner: u32| with_margins(&[vec![8, 30], vec![30, corner]]);
    let (margins, blanks) = ([0_u32, 1, 2, 3, 4], [6, 7]);
    assert!(repair(&square(7), &[5, 8], &blanks, &threshold_only(10)).is_empty());
    let withheld = repair(&square(6), &[5, 8], &blanks, &threshold_only(10));
    assert!(!withheld.is_empty() && withheld.iter().all(|number| margins.contains(number)), "{withheld:?}");
}

#[test]
fn a_withheld_sum_is_open_by_a_part_of_it_on_either_side() {
    // Bills of people of whom one has nearly all, and of others with whom they make up a known total: the first may
    // be as much more as the others are.
    let sum = |people: std::ops::Range<u32>, first: i128| {
        evidence(
            people.map(|subject| (subject, if subject == 0 { first } else { 10 + i128::from(subject % 3) })),
        )
    };
    let total = |first: i128| [sum(0..60, first), sum(0..20, first), sum(20..60, 0)];
    // The forty others have 440.
    assert!(repair(&total(4_000), &[1], &[2], &japan()).is_empty());
    assert_eq!(repair(&total(5_000), &[1], &[2], &japan()), [0].into());
    // Half as far is far enough for another profile.
    assert!(repair(&total(5_000), &[1], &[2], &Profile { minimum_interval: 50, ..japan() }).is_empty());
    // One that no rule for sums withholds is a secret for another reason.
    assert!(repair(&total(10), &[1], &[2], &japan()).is_empty());
}

#[test]
fn a_count_of_many_is_open_as_wide_as_one_of_few() {
    // A hundred of whom 95 have a value, and the five others are in a group that is known.
    let others = |more: u32| [people(0..100), people(0..95), people(95..100 + more)];
    assert!(repair(&others(4), &[1], &[], &threshold_only(10)).is_empty());
    assert_eq!(repair(&others(1), &[1], &[], &threshold_only(10)), [2].into());
}

#[test]
fn past_the_rounds_all_that_is_connected_goes() {
    let sums = [people(0..8), people(0..4), people(4..8), people(100..120)];
    let columns = columns(&sums, &[1, 2]);
    let columns: Vec<&Column<'_>> = columns.iter().collect();
    let published = [0, 3].into();
    let profile = threshold_only(10);
    let audit = Audit { columns: &columns, published: &published, standing: 0, profile: &profile };
    assert_eq!(audit.withheld(MOST_ROUNDS), [0].into());
}

#[test]
fn what_was_released_before_is_not_asked_again() {
    let sums = [people(0..8), people(0..20), people(0..4), people(4..8)];
    let columns = columns(&sums, &[2, 3]);
    let columns: Vec<&Column<'_>> = columns.iter().collect();
    let (published, profile) = ([0, 1].into(), threshold_only(10));
    let audit = Audit { columns: &columns, published: &published, standing: 1, profile: &profile };
    assert!(audit.withheld(0).is_empty());
}

#[test]
fn of_too_many_kinds_those_in_withheld_sums_stay() {
    let kind = |number: u32| kinds::Kind { sums: vec![(0, 1.0), (if number < 10 { 1 } else { 2 }, 1.0)] };
    let all: Vec<kinds::Kind> = (0..1 << 19).map(kind).collect();
    let some = kinds::thinned(all, |number| number == 1);
    let in_secret = some.iter().filter(|kind| kind.sums[1].0 == 1).count();
    assert_eq!((in_secret, some.len()), (10, 10 + 131_070));
}

/// The interval of a withheld sum by linear programming, over how many people there are of each kind.
fn attacked(columns: &[&Column<'_>], published: &BTreeSet<u32>, secret: u32) -> (f64, f64) {
    let read = (0_u32..).zip(columns.iter().copied());
    let read: Vec<(u32, &Column<'_>)> =
        read.filter(|(number, column)| published.contains(number) || column.withheld).collect();
    let algebra = Algebra::new(read.iter().map(|(_, column)| column.evidence), STEPS);
    let kinds = kinds::kinds(&read, &algebra).unwrap();
    let terms = |number: u32| {
        let amount =
            |kind: &kinds::Kind| kind.sums.iter().find(|(at, _)| *at == number).map(|(_, amount)| *amount);
        kinds.iter().enumerate().filter_map(|(place, kind)| Some((place, amount(kind)?))).collect::<Vec<_>>()
    };
    let mut attack = Attack::on(kinds.len());
    for number in published {
        let sum = terms(*number);
        let total = sum.iter().map(|(_, amount)| amount).sum();
        attack.known.push((sum, (total, total)));
    }
    attack.bounds(&terms(secret))
}

/// A table by two attributes with margins, people as attributes and a bill.
fn sums_of(rows: &[(u32, u32, i128)], bills: bool) -> Vec<Evidence> {
    let people: Vec<(u32, &(u32, u32, i128))> = (0..).zip(rows).collect();
    let mut sums = Vec::new();
    let mut add = |member: &dyn Fn(u32, u32) -> bool| {
        let members = people.iter().filter(|(_, (a, b, _))| member(*a, *b));
        sums.push(evidence(members.clone().map(|(subject, _)| (*subject, 1))));
        if bills {
            sums.push(evidence(members.map(|(subject, (_, _, bill))| (*subject, *bill))));
        }
    };
    add(&|_, _| true);
    (0..4).for_each(|row| add(&|a, _| a == row));
    (0..3).for_each(|column| add(&|_, b| b == column));
    (0..12).for_each(|cell| add(&|a, b| a * 3 + b == cell));
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_interval_covers_the_minimum(
        rows in prop::collection::vec((0_u32..4, 0_u32..3, 1_i128..3000), 20..160), bills: bool, turn in 0_usize..40,
    ) {
        let (sums, profile) = (sums_of(&rows, bills), threshold_only(5));
        let candidate = |number: usize| Candidate {
            place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
            evidence: &sums[number],
            withheld: fails_alone(&sums[number], &profile),
            standing: None,
        };
        let mut order: Vec<usize> = (0..sums.len()).collect();
        order.rotate_left(turn % sums.len());
        let candidates: Vec<Candidate<'_>> = order.iter().map(|number| candidate(*number)).collect();
        let suppressed: BTreeSet<usize> =
            suppress(&candidates, None, &profile, STEPS).into_iter().map(|place| order[place]).collect();
        let straight: Vec<Candidate<'_>> = (0..sums.len()).map(candidate).collect();
        prop_assert_eq!(&suppressed, &suppress(&straight, None, &profile, STEPS));
        // By linear programming, over the people as they are.
        let withheld: Vec<usize> = (0..sums.len()).filter(|number| straight[*number].withheld).collect();
        let columns = columns(&sums, &withheld);
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let shown = |number: &usize| !withheld.contains(number) && !suppressed.contains(number) && sums[*number].people() > 0;
        let published: BTreeSet<u32> = (0..sums.len()).filter(shown).map(|number| u32::try_from(number).unwrap()).collect();
        for number in withheld {
            let Some(secret) = Secret::of(u32::try_from(number).unwrap(), columns[number], &profile) else { continue };
            let (least, most) = attacked(&columns, &published, secret.number);
            let is = sums[number].total().unwrap() as f64;
            match secret.demand {
                Demand::Ends { less, more } => {
                    let nearly = 2.0 * NEARLY * (more - less);
                    prop_assert!(least <= is + less + nearly && most >= is + more - nearly, "{is} {least} {most}");
                }
                Demand::Width(width) => prop_assert!(most - least >= width * (1.0 - 2.0 * NEARLY), "{is} {least} {most}"),
            }
        }
    }

    #[test]
    fn walks_never_leave_what_an_attacker_cannot_rule_out(
        counts in prop::collection::vec(prop::collection::vec(1_u32..40, 4), 3..6), which in prop::collection::vec(any::<bool>(), 24),
    ) {
        let sums = with_margins(&counts);
        let first = 1 + counts.len() + 4;
        let withheld: Vec<usize> = (first..sums.len()).filter(|place| which[place - first]).collect();
        let columns = columns(&sums, &withheld);
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let published: BTreeSet<u32> =
            (0..sums.len()).filter(|place| !withheld.contains(place)).map(|place| u32::try_from(place).unwrap()).collect();
        let profile = threshold_only(12);
        let audit = Audit { columns: &columns, published: &published, standing: 0, profile: &profile };
        let algebra = Algebra::new(sums.iter(), STEPS);
        let read: Vec<(u32, &Column<'_>)> = (0_u32..).zip(columns.iter().copied()).collect();
        let kinds = kinds::kinds(&read, &algebra).unwrap();
        for mut region in regions::regions(&kinds, &published, audit.secrets().collect()) {
            walk::explore(&mut region, &algebra).unwrap();
            for (secret, _) in &region.secrets {
                let (least, most) = attacked(&columns, &published, secret.number);
                let (less, more) = secret.seen;
                prop_assert!(less >= least - secret.size - 1e-3 && more <= most - secret.size + 1e-3);
                // What is open for the linear program is found to be.
                if let Demand::Ends { less, more } = secret.demand {
                    let open = least <= secret.size + less - 0.01 && most >= secret.size + more + 0.01;
                    prop_assert!(!open || !secret.is_narrow(), "{} {least} {most} {:?}", secret.size, secret.seen);
                }
            }
        }
    }
}
