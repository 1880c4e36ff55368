//! Histories that are judged in this way alone, recomputed naively.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::evidence::Scale;
use crate::suppression::{Place, STEPS, rank, suppress as suppress_in_full};
use crate::testing::{evidence, fails_alone, people, threshold_only};

/// A person: two attributes, two conditions and a number of records.
type Row = [u32; 5];

/// What a release counts: people or records, by which attributes, of whom.
type Question = (bool, [bool; 2], Option<(usize, u32)>);

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (0_u32..2, 0_u32..3, 0_u32..3, 0_u32..2, 1_u32..3).prop_map(|(a, b, c, d, n)| [a, b, c, d, n]);
    prop::collection::vec(row, 8..most)
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let question = (prop::bool::weighted(0.2), any::<[bool; 2]>(), prop::option::of((2_usize..4, 0_u32..2)));
    prop::collection::vec(question, 2..7)
}

/// The cells of a question.
fn cells(rows: &[Row], (records, by, only): Question) -> Vec<Evidence> {
    let mut groups: BTreeMap<[Option<u32>; 2], Vec<(u32, i128)>> = BTreeMap::new();
    for (subject, row) in (0..).zip(rows) {
        if only.is_none_or(|(at, value)| row[at] == value) {
            let key = |at: usize| by[at].then_some(row[at]);
            let amount = if records { i128::from(row[4]) } else { 1 };
            groups.entry([key(0), key(1)]).or_default().push((subject, amount));
        }
    }
    groups.into_values().map(evidence).collect()
}

fn candidates<'a>(sums: &'a [Evidence], profile: &Profile) -> Vec<Candidate<'a>> {
    let candidate = |(number, evidence): (usize, &'a Evidence)| Candidate {
        place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
        evidence,
        withheld: fails_alone(evidence, profile),
        standing: None,
    };
    sums.iter().enumerate().map(candidate).collect()
}

/// Releases sums as far as can be shown here; in which numbers were withheld, if it was decided here.
fn release(ledger: &mut Ledger, sums: &[Evidence], profile: &Profile) -> Option<BTreeSet<usize>> {
    let asked: Vec<Evidence> =
        sums.iter().filter(|sum| ledger.status(sum) != Some(Status::Secret)).cloned().collect();
    let candidates = candidates(&asked, profile);
    let withheld = suppress(&candidates, ledger, profile, 0, STEPS);
    for (number, candidate) in candidates.iter().enumerate() {
        let is_shown = withheld.as_ref().is_some_and(|withheld| !withheld.contains(&number));
        let status = match (candidate.withheld, is_shown) {
            (true, _) => Status::Secret,
            (false, true) => Status::Shown(profile.minimum_count),
            (false, false) => continue,
        };
        ledger.note(Entry { evidence: candidate.evidence.clone(), scale: Scale::Integer, status });
    }
    withheld
}

fn history(rows: &[Row], questions: &[Question], profile: &Profile) -> Ledger {
    let mut ledger = Ledger::new();
    for question in questions {
        release(&mut ledger, &cells(rows, *question), profile);
    }
    ledger
}

fn of(ledger: &Ledger, which: impl Fn(Status) -> bool) -> Vec<&Evidence> {
    ledger.entries().iter().filter(|entry| which(entry.status)).map(|entry| &entry.evidence).collect()
}

fn is_shown(status: Status) -> bool {
    matches!(status, Status::Shown(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_combination_of_a_history_concerns_fewer_people_than_the_minimum(
        rows in rows(17), questions in questions(), minimum in 2_u32..4,
    ) {
        let ledger = history(&rows, &questions, &threshold_only(minimum));
        let shown = of(&ledger, is_shown);
        let people = u32::try_from(rows.len()).unwrap();
        let known = rank(&shown, people, |_| true);
        // A combination concerns only people of a set if and only if the rank falls without the set.
        for set in (0_u32..1 << people).filter(|set| set.count_ones() + 1 == minimum) {
            prop_assert_eq!(rank(&shown, people, |subject| set >> subject & 1 == 0), known);
        }
    }

    #[test]
    fn no_secret_follows_from_a_history(rows in rows(120), questions in questions(), minimum in 2_u32..6) {
        let ledger = history(&rows, &questions, &threshold_only(minimum));
        let (shown, secrets) = (of(&ledger, is_shown), of(&ledger, |status| !is_shown(status)));
        let people = u32::try_from(rows.len()).unwrap();
        let known = rank(&shown, people, |_| true);
        for secret in secrets.into_iter().filter(|secret| secret.contributors() > 0) {
            let with_it: Vec<&Evidence> = shown.iter().copied().chain([secret]).collect();
            prop_assert_eq!(rank(&with_it, people, |_| true), known + 1);
        }
    }

    #[test]
    fn what_is_harmless_here_is_harmless_in_full(rows in rows(120), questions in questions(), minimum in 2_u32..6) {
        let profile = threshold_only(minimum);
        let (last, earlier) = questions.split_last().unwrap();
        let ledger = history(&rows, earlier, &profile);
        let asked: Vec<Evidence> = cells(&rows, *last)
            .into_iter()
            .filter(|sum| ledger.status(sum) != Some(Status::Secret))
            .collect();
        let mut all = candidates(&asked, &profile);
        if suppress(&all, &ledger, &profile, 0, STEPS).is_some_and(|withheld| withheld.is_empty()) {
            all.extend(ledger.entries().iter().map(|entry| Candidate {
                place: Place { rank: 0, keys: 0, table: 0, statistic: 0, part: 0, label: Vec::new() },
                evidence: &entry.evidence,
                withheld: !is_shown(entry.status),
                standing: is_shown(entry.status).then_some(minimum),
            }));
            prop_assert!(suppress_in_full(&all, None, &profile, STEPS).is_empty());
        }
    }
}

/// People by sex, ten bands of age and a diagnosis, after tables of all of them and of another diagnosis.
fn tables_of_a_register() -> (Vec<Evidence>, impl Fn(u32) -> [u32; 3]) {
    let person = |subject: u32| [subject % 2, subject / 2 % 10, subject / 20 % 7];
    let group =
        |which: &dyn Fn([u32; 3]) -> bool| people((0..8_400).filter(|subject| which(person(*subject))));
    let mut sums: Vec<Evidence> = (0..2).map(|sex| group(&|[a, ..]| a == sex)).collect();
    sums.extend((0..10).map(|band| group(&|[_, b, _]| b == band)));
    sums.extend((0..10).map(|band| group(&|[_, b, c]| b == band && c == 1)));
    (sums, person)
}

#[test]
fn an_ordinary_table_is_shown_after_ordinary_ones() {
    let (earlier, person) = tables_of_a_register();
    let mut ledger = Ledger::new();
    let profile = threshold_only(10);
    assert_eq!(release(&mut ledger, &earlier, &profile), Some(BTreeSet::new()));
    let by_both = |of: Option<u32>| -> Vec<Evidence> {
        let cell = |(sex, band): (u32, u32)| {
            people((0..8_400).filter(|subject| {
                let [a, b, c] = person(*subject);
                a == sex && b == band && of.is_none_or(|of| of == c)
            }))
        };
        (0..2).flat_map(|sex| (0..10).map(move |band| (sex, band))).map(cell).collect()
    };
    assert_eq!(release(&mut ledger, &by_both(Some(1)), &profile), Some(BTreeSet::new()));
    assert_eq!(release(&mut ledger, &by_both(Some(2)), &profile), Some(BTreeSet::new()));
    assert_eq!(release(&mut ledger, &by_both(None), &profile), Some(BTreeSet::new()));
}

#[test]
fn a_cell_that_differs_from_an_earlier_one_by_few_people_is_withheld() {
    let (earlier, _) = tables_of_a_register();
    let mut ledger = Ledger::new();
    let profile = threshold_only(10);
    release(&mut ledger, &earlier, &profile);
    let men = earlier.first().unwrap();
    let nearly = people(men.subjects().iter().copied().skip(9));
    let fewer = people(men.subjects().iter().copied().skip(10));
    assert_ne!(release(&mut ledger, &[nearly], &profile), Some(BTreeSet::new()));
    assert_eq!(release(&mut ledger, &[fewer], &profile), Some(BTreeSet::new()));
}

/// People by a code, for the tables of a long history.
fn has_code(person: u32, code: u32) -> bool {
    let mixed =
        (person.wrapping_mul(2_654_435_769) ^ code.wrapping_mul(2_246_822_519)).wrapping_mul(739_982_445);
    (mixed ^ mixed >> 15).wrapping_mul(695_872_825) >> 24 < 20
}

/// Groups of people, each of two halves that were released as well, of so many codes; then some sums more, and a
/// thousand of other people each counted with their neighbours.
fn long_history(more: &[Evidence]) -> Ledger {
    let mut ledger = Ledger::new();
    let mut show = |evidence: Evidence| {
        ledger.note(Entry { evidence, scale: Scale::Integer, status: Status::Shown(10) });
    };
    more.iter().cloned().for_each(&mut show);
    for code in 0..3_000 {
        let group = |sex: Option<u32>| {
            people(
                (10_000..12_000)
                    .filter(|person| has_code(*person, code) && sex.is_none_or(|sex| person % 2 == sex)),
            )
        };
        [None, Some(0), Some(1)].into_iter().map(group).for_each(&mut show);
    }
    (0..1_000).map(|group| people(20_000 + group * 20..20_020 + group * 20)).for_each(&mut show);
    ledger
}

#[test]
fn three_people_of_one_among_ten_thousand_sums_are_found() {
    let ledger = long_history(&[people(0..800), people(1_000..1_500), people(1_500..2_500)]);
    assert!(ledger.sums() > 10_000);
    let profile = threshold_only(10);
    let shown = |sum: Evidence| {
        let sums = [sum];
        suppress(&candidates(&sums, &profile), &ledger, &profile, 512, STEPS) == Some(BTreeSet::new())
    };
    assert!(!shown(people(1_000..1_497)), "three people less");
    assert!(!shown(people((1_000..1_500).chain(2_600..2_603))), "three people more");
    assert!(!shown(people((1_004..1_500).chain([2_600, 2_601, 2_602, 2_603, 2_604]))), "nine others");
    assert!(shown(people(1_000..1_490)), "ten people less");
    assert!(shown(people((1_000..1_490).chain(3_000..3_020))));
    assert!(shown(people(4_000..4_010)), "of whom nothing was released");
}

#[test]
fn what_fifty_sums_leave_together_is_found() {
    let group = |number: u32| people(number * 40..number * 40 + 40);
    let groups: Vec<Evidence> = (0..50).map(group).collect();
    let ledger = long_history(&groups);
    let profile = threshold_only(10);
    let shown = |sum: Evidence| {
        let sums = [sum];
        suppress(&candidates(&sums, &profile), &ledger, &profile, 512, STEPS) == Some(BTreeSet::new())
    };
    assert!(!shown(people(0..1_997)), "three people less than all");
    assert!(!shown(people((0..2_000).filter(|person| person % 250 != 7))), "one less of eight groups");
    assert!(!shown(people(40..1_049)), "nine people of one group");
    assert!(shown(people(0..1_985)));
    assert!(shown(people((0..2_000).filter(|person| person % 40 >= 12))), "twelve less of each group");
    // The same of records: each has two.
    let records = |less: u32| evidence((less..2_000).map(|person| (person, 2)));
    assert!(!shown(records(3)));
    assert!(shown(records(15)));
}

#[test]
fn of_a_release_after_many_only_what_would_leave_too_little_is_withheld() {
    let bill = |person: u32| if person == 77 { 9_000_000 } else { 10_000 + i128::from(person % 100) };
    let bills = |from: u32, to: u32| evidence((from..to).map(|person| (person, bill(person))));
    let profile = crate::testing::japan();
    let counts = [people(0..4_000), people(4_000..5_000)];
    let ledger = long_history(&[counts.as_slice(), &[bills(0, 4_000)]].concat());
    let withheld = |sums: &[Evidence]| suppress(&candidates(sums, &profile), &ledger, &profile, 512, STEPS);
    // Ninety people less, of whom one has nearly all; and others beside it.
    let sums = [bills(90, 4_000), people(90..4_000), bills(4_000, 5_000)];
    assert_eq!(withheld(&sums), Some(BTreeSet::from([0])));
}

#[test]
fn a_secret_of_long_ago_does_not_follow_later() {
    let mut ledger = long_history(&[people(0..500)]);
    let secret = people(0..300);
    ledger.note(Entry { evidence: secret, scale: Scale::Integer, status: Status::Secret });
    let profile = threshold_only(10);
    let shown = |sums: &[Evidence]| suppress(&candidates(sums, &profile), &ledger, &profile, 512, STEPS);
    assert_eq!(shown(&[people(0..200)]), Some(BTreeSet::new()));
    assert_ne!(shown(&[people(300..500)]), Some(BTreeSet::new()), "the rest of all");
    assert_ne!(shown(&[people(0..200), people(200..300)]), Some(BTreeSet::new()), "both parts of it");
    assert_eq!(shown(&[people(0..200), people(200..320)]), Some(BTreeSet::new()));
}
