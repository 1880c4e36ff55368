//! Condition 1: no combination of the published sums concerns 1 … minimum − 1 people.
//!
//! A combination is given by its coefficients, one for each sum. Each person is a linear form on the
//! coefficients: what the combination says of them. A combination is *small* if it concerns somebody
//! and fewer than the minimum. Small ones are cornered by what must be zero for them:
//!
//! *Layers.* Take away, minimum − 1 times, a largest independent set of people (a layer). A small
//! combination says nothing of the people who are left. For either it concerns somebody in every
//! layer: those are minimum − 1 people already. Or it says nothing of a whole layer, and what is left
//! depends on that layer, because the layer was the largest. So all that is left is zero for every
//! small combination; this is kept in `settled`, and the argument is repeated modulo it. If in the end
//! nobody is undecided, no small combination exists: a proof, whatever the coefficients. The argument
//! holds for some people as for all, so a few are looked at first ([`own`], [`crowd`](super::crowd)),
//! and then only those of whom something is not settled yet.
//!
//! *Search.* A group of people that the layers do not decide is small, and is searched ([`search`]): its
//! people are made zero or concerned one after the other, which fails soon in both directions.
//!
//! Only combinations that a new sum is part of are looked for: those of sums that were released before stand.
//! These have the first numbers, so that no coefficient of a new sum ever follows from theirs.
//!
//! Where a small combination is found, or the search is too long, the least important sum in it is
//! withheld: its coefficient becomes zero.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::algebra::{Algebra, Exhausted, Vector};
use super::alike;
use super::columns::{Column, Joined};
use super::crowd::Crowd;
use super::echelon::{Echelon, value_at};
use super::own;
use super::search::search;

/// Most people outside of what is settled who are looked at together, at first.
const SOME_PEOPLE: usize = 4096;

/// Up to so many sums, layers of all people together are cheap.
const FEW_SUMS: usize = 128;

/// A linear form on coefficients, and how many people have it (or a multiple of it).
pub(super) type Form = (Vector, u64);

/// The coefficients of a combination; those not named are zero or follow from `settled`.
pub(super) type Combination = BTreeMap<u32, u64>;

/// The candidates without the sums that must be withheld for small combinations.
pub(super) fn without_small_combinations(
    columns: &[&Column<'_>],
    candidates: BTreeSet<u32>,
    minimum: u64,
    algebra: &Algebra,
) -> Result<BTreeSet<u32>, Exhausted> {
    let mut published = candidates;
    let new = columns.iter().position(|column| column.standing.is_none());
    let new = new.and_then(|new| u32::try_from(new).ok()).unwrap_or(u32::MAX);
    let open = own::without_those_with_people_of_their_own(columns, &published, minimum, algebra)?;
    if open.range(new..).next().is_none() {
        return Ok(published);
    }
    let crowd = Crowd::of(columns, &open, algebra);
    let mut settled = Echelon::default();
    let many = open.len() > FEW_SUMS;
    let decided = if many { alike::decided(&crowd, minimum, algebra)? } else { None };
    if decided.as_ref().is_some_and(|decided| decided.all) {
        return Ok(published);
    }
    for zero in decided.iter().flat_map(|decided| &decided.zero) {
        settled.insert(zero, algebra)?;
    }
    // What is zero for every combination that concerns few of some people is zero for those that concern few
    // of all; and some people are often enough.
    if decided.is_none() {
        settle_by_layers(&crowd.some()?, &mut settled, new, minimum, algebra)?;
    }
    while settled.rank() < open.len() {
        let some = crowd.outside(&settled, SOME_PEOPLE)?;
        let are_all = some.len() < SOME_PEOPLE;
        let mut layered = settle_by_layers(&some, &mut settled, new, minimum, algebra)?;
        if !are_all && layered.progress {
            continue;
        }
        if !are_all {
            let everybody = crowd.outside(&settled, usize::MAX)?;
            layered = settle_by_layers(&everybody, &mut settled, new, minimum, algebra)?;
        }
        // Of nobody else is anything left, whatever is settled next.
        while !layered.undecided.is_empty() {
            for group in &layered.undecided {
                decide(group, columns, &mut published, &mut settled, minimum, algebra)?;
            }
            layered = settle_forms(layered.undecided.concat(), &mut settled, new, minimum, algebra)?;
        }
        break;
    }
    Ok(published)
}

/// Decides a group that layers do not: nothing is left of it, or the least important sum of a small combination is
/// withheld.
fn decide(
    group: &[Form],
    columns: &[&Column<'_>],
    published: &mut BTreeSet<u32>,
    settled: &mut Echelon,
    minimum: u64,
    algebra: &Algebra,
) -> Result<(), Exhausted> {
    match search(group, minimum, algebra)? {
        None => {
            for (form, _) in group {
                settled.insert(form, algebra)?;
            }
        }
        Some(small) => {
            let least = least_important(&small, settled, algebra)?;
            // What was released before comes first: a combination without a new sum stands.
            if column_at(columns, least).is_none_or(|column| column.standing.is_none()) {
                published.remove(&least);
            }
            settled.insert(&[(least, 1)], algebra)?;
        }
    }
    Ok(())
}

/// Whether these people alone show that no small combination has any of `sums` coefficients.
pub(super) fn all_are_settled(
    people: &[Vector],
    sums: usize,
    minimum: u64,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    let mut settled = Echelon::default();
    settle_by_layers(people, &mut settled, 0, minimum, algebra)?;
    Ok(settled.rank() == sums)
}

/// What came of taking layers away.
pub(super) struct Layered {
    /// Whether more was settled.
    pub(super) progress: bool,
    /// The people who are left, in groups that share no coefficient.
    pub(super) undecided: Vec<Vec<Form>>,
}

/// Settles what layers of these people can; sums from `new` on are new.
pub(super) fn settle_by_layers(
    people: &[Vector],
    settled: &mut Echelon,
    new: u32,
    minimum: u64,
    algebra: &Algebra,
) -> Result<Layered, Exhausted> {
    let mut forms: BTreeMap<&Vector, u64> = BTreeMap::new();
    for person in people {
        let count = forms.entry(person).or_insert(0);
        *count = count.saturating_add(1);
    }
    let forms = forms.into_iter().map(|(form, people)| (form.clone(), people)).collect();
    settle_forms(forms, settled, new, minimum, algebra)
}

/// The same, of people by what combinations say of them.
fn settle_forms(
    forms: Vec<Form>,
    settled: &mut Echelon,
    new: u32,
    minimum: u64,
    algebra: &Algebra,
) -> Result<Layered, Exhausted> {
    let before = settled.rank();
    let mut undecided = undecided(&forms, settled, new, algebra)?;
    loop {
        let mut more = false;
        for group in &undecided {
            for form in left_by_layers(group, minimum, algebra)? {
                more |= settled.insert(&form, algebra)?;
            }
        }
        if !more {
            return Ok(Layered { progress: settled.rank() > before, undecided });
        }
        undecided = self::undecided(&undecided.concat(), settled, new, algebra)?;
    }
}

/// The people of whom a small combination may still say something, in groups that share no coefficient; only
/// groups with the coefficient of a new sum.
fn undecided(
    people: &[Form],
    settled: &Echelon,
    new: u32,
    algebra: &Algebra,
) -> Result<Vec<Vec<Form>>, Exhausted> {
    let mut forms: BTreeMap<Vector, u64> = BTreeMap::new();
    for (form, count) in people {
        let rest = algebra.normalised(&settled.reduce(form, algebra)?);
        if !rest.is_empty() {
            let people = forms.entry(rest).or_insert(0);
            *people = people.saturating_add(*count);
        }
    }
    let mut forms: Vec<Form> = forms.into_iter().collect();
    // Many people with one form go first: they are in every layer, and soon decide a search.
    let order = |form: &Form| (Reverse(form.1), form.0.len());
    forms.sort_by(|left, right| order(left).cmp(&order(right)).then_with(|| left.0.cmp(&right.0)));
    let mut joined = Joined::apart(forms.len());
    let mut first_with = BTreeMap::new();
    for (index, (form, _)) in forms.iter().enumerate() {
        for (at, _) in form {
            joined.join(*first_with.entry(*at).or_insert(index), index);
        }
    }
    let groups = joined.groups().into_values();
    let is_new = |(form, _): &Form| form.last().is_some_and(|(at, _)| *at >= new);
    let groups = groups.map(|group| group.iter().filter_map(|index| forms.get(*index).cloned()).collect());
    Ok(groups.filter(|group: &Vec<Form>| group.iter().any(is_new)).collect())
}

/// The forms that are left when `minimum − 1` layers are taken away; every small combination is zero
/// there.
fn left_by_layers(group: &[Form], minimum: u64, algebra: &Algebra) -> Result<Vec<Vector>, Exhausted> {
    let mut left: Vec<(&Vector, u64)> = group.iter().map(|(form, people)| (form, *people)).collect();
    let mut rank = dimension(group);
    for _ in 1..minimum {
        let mut layer = Echelon::default();
        for (form, people) in &mut left {
            if layer.rank() == rank {
                break;
            }
            if *people > 0 && layer.insert(form, algebra)? {
                *people = people.saturating_sub(1);
            }
        }
        // No later layer is larger.
        rank = layer.rank();
        if rank == 0 {
            return Ok(Vec::new());
        }
    }
    let mut rest = Echelon::default();
    for (form, _) in left.iter().filter(|(_, people)| *people > 0) {
        if rest.rank() == rank {
            break;
        }
        rest.insert(form, algebra)?;
    }
    Ok(rest.rows().map(|(_, row)| row.clone()).collect())
}

/// The least important sum with a coefficient other than zero, those that follow from `settled` too.
fn least_important(small: &Combination, settled: &Echelon, algebra: &Algebra) -> Result<u32, Exhausted> {
    let mut least = small.keys().max().copied().unwrap_or(0);
    for (pivot, row) in settled.rows() {
        algebra.spend(small.len())?;
        let terms = small.iter().filter_map(|(at, value)| Some((value_at(row, *at)?, *value)));
        let coefficient = terms
            .fold(0, |sum, (left, right)| algebra.field.subtract(sum, algebra.field.multiply(left, right)));
        if coefficient != 0 {
            least = least.max(pivot);
        }
    }
    Ok(least)
}

/// The column of a number.
fn column_at<'c, 'a>(columns: &'c [&'a Column<'a>], number: u32) -> Option<&'c Column<'a>> {
    columns.get(usize::try_from(number).ok()?).copied()
}

/// How many coefficients the forms of a group read.
fn dimension(group: &[Form]) -> usize {
    group.iter().flat_map(|(form, _)| form).map(|(at, _)| *at).collect::<BTreeSet<_>>().len()
}
