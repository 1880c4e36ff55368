//! Several statements, judged as one release: what is named first is published first.

use super::*;

/// Releases tables as statements of their own, the first one the most important; what is shown of each.
fn released(ledger: &Ledger, statements: Vec<CellTable>) -> (Vec<Vec<String>>, Page) {
    let ranks = (0..statements.len()).collect();
    let unreleased = Unreleased::new(statements).ranked(ranks);
    let checked = check(unreleased, ledger, &japan(), Hold::ByRule).unwrap();
    (checked.tables().iter().map(text).collect(), checked.page().clone())
}

fn shown(statements: Vec<CellTable>) -> Vec<Vec<String>> {
    released(&Ledger::new(), statements).0
}

/// `COUNT(*)` of some groups under a key.
fn by(key: &str, groups: &[(&str, std::ops::Range<u32>)]) -> CellTable {
    let groups: Vec<_> = groups.iter().map(|(label, group)| (*label, people(group.clone()))).collect();
    let rows = groups.iter().map(|(_, group)| group.clone()).collect();
    table(key, groups, [count("n", rows)])
}

fn whole(group: std::ops::Range<u32>) -> CellTable {
    ungrouped(people(group.clone()), vec![count("n", vec![people(group)])])
}

#[test]
fn of_statements_that_differ_by_three_people_the_later_is_withheld() {
    assert_eq!(shown(vec![whole(0..60), whole(0..57)]), [["60"], ["*"]]);
    assert_eq!(shown(vec![whole(0..57), whole(0..60)]), [["57"], ["*"]]);
}

#[test]
fn a_finer_table_that_was_named_first_goes_before_a_later_total() {
    let sexes = || by("sex", &[("F", 0..30), ("M", 30..50), ("X", 50..53)]);
    // As one statement the total would go first; with it, one of the two groups would have to be blank.
    assert_eq!(shown(vec![sexes(), whole(0..53)]), [vec!["F 30", "M 20"], vec!["*"]]);
    let total_first = shown(vec![whole(0..53), sexes()]);
    assert_eq!(total_first[0], ["53"]);
    assert_eq!(total_first[1].len(), 1, "the three must not be what is left of the total: {total_first:?}");
}

#[test]
fn a_margin_of_a_later_statement_does_not_reveal_a_blank_of_an_earlier_one() {
    for few in [1, 5, 9] {
        let groups = [("A", 0..40), ("B", 40..70), ("C", 70..70 + few)];
        let people = 70 + few;
        let later = by("half", &[("lower", 0..40), ("upper", 40..people)]);
        let tables = shown(vec![by("code", &groups), later, whole(0..people)]);
        assert_eq!(tables, [vec!["A 40", "B 30"], vec!["lower 40"], vec!["*"]]);
    }
}

#[test]
fn another_order_of_the_same_statements_is_another_question() {
    let mut ledger = Ledger::new();
    let tables = || vec![by("sex", &[("F", 0..30), ("M", 30..50), ("X", 50..53)]), whole(0..53)];
    let (first, page) = released(&ledger, tables());
    ledger.take(&page);
    let (again, other) = released(&ledger, tables());
    assert!(again == first && other.question == page.question, "the same plan is answered again");
    assert_eq!((other.charges.len(), other.sums()), (0, 0), "it adds nothing");
    let checked = check(Unreleased::new(tables()), &ledger, &japan(), Hold::ByRule).unwrap();
    assert!(checked.page().question != page.question, "one statement with these tables was not asked before");
}

#[test]
fn tables_without_the_order_of_their_statements_are_an_error() {
    for ranks in [vec![1, 0], vec![0], vec![0, 1, 1]] {
        let unreleased = Unreleased::new(vec![whole(0..60), whole(0..57)]).ranked(ranks);
        assert!(matches!(check_first(unreleased, &japan(), Hold::ByRule), Err(Error::Malformed(_))));
    }
}

/// Up to six groups of sixty people, each of whom is in a group or not.
fn groups() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let near = |whole: Vec<bool>, few: Vec<u32>| {
        let members = (0_u32..).zip(whole).filter(|(person, inside)| *inside != few.contains(person));
        members.map(|(person, _)| person).collect::<Vec<u32>>()
    };
    let whole = prop::collection::vec(any::<bool>(), 60);
    // Groups that are nearly the same, now and then.
    (whole, prop::collection::vec((any::<bool>(), prop::collection::vec(0_u32..60, 0..14)), 1..6)).prop_map(
        move |(whole, changes)| {
            let changed = changes
                .into_iter()
                .map(|(all, few)| near(if all { vec![true; 60] } else { whole.clone() }, few));
            changed.collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_asked_later_costs_the_first_statement_nothing(groups in groups()) {
        let one = |group: &Vec<u32>| {
            let group = people(group.iter().copied());
            ungrouped(group.clone(), vec![count("n", vec![group])])
        };
        let tables = shown(groups.iter().map(one).collect());
        prop_assert_eq!(&tables[0], &shown(vec![one(&groups[0])])[0]);
        // Those that are shown differ by nobody, or by the minimum of people.
        let sets = groups.iter().zip(&tables).filter(|(_, table)| table[0] != "*");
        let sets: Vec<BTreeSet<u32>> = sets.map(|(group, _)| group.iter().copied().collect()).collect();
        for (place, left) in sets.iter().enumerate() {
            for right in &sets[place + 1..] {
                let apart = left.symmetric_difference(right).count();
                prop_assert!(apart == 0 || apart >= 10, "{apart}: {left:?} {right:?}");
            }
        }
    }
}
