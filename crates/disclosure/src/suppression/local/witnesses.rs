//! Condition 2: two people who show that no combination of what is published is a secret.
//!
//! Of two people with the same mark every combination says the same. If a secret does not, it is none of them.

use std::collections::BTreeSet;

use super::super::algebra::Exhausted;
use super::table::Table;
use super::{Release, at};
use crate::evidence::Evidence;
use crate::history::Status;

/// People of a secret for whom another one is looked for.
const PEOPLE: usize = 256;

/// Whether every secret has two such people, once all new sums but those `withheld` are published.
pub(super) fn all_have_one(release: &Release<'_>, withheld: &BTreeSet<usize>) -> Result<bool, Exhausted> {
    let secrets = secrets(release, withheld);
    if secrets.is_empty() {
        return Ok(true);
    }
    let marks = marks(release, withheld);
    let amount = |secret: &Evidence, subject: u32| {
        let place = secret.subjects().binary_search(&subject).ok();
        place.and_then(|place| secret.amounts().get(place)).unwrap_or(0)
    };
    let mut shown = vec![false; secrets.len()];
    let mut people: Table<Vec<(u32, u32)>> = Table::with_room_for(secrets.len().saturating_mul(PEOPLE));
    for (number, secret) in (0_u32..).zip(&secrets) {
        let subjects = secret.subjects();
        let step = subjects.len().checked_div(PEOPLE).unwrap_or(1).max(1);
        for subject in subjects.iter().step_by(step).take(PEOPLE) {
            let mark = marks.get(at(*subject)).copied().unwrap_or(0);
            if mark == 0 && amount(secret, *subject) != 0 {
                // Nothing that is published says anything of them.
                shown.get_mut(at(number)).into_iter().for_each(|shown| *shown = true);
            }
            people.entry(mark, Vec::new).into_iter().for_each(|list| list.push((number, *subject)));
        }
    }
    let mut left = shown.iter().filter(|shown| !**shown).count();
    for (subject, mark) in (0_u32..).zip(&marks) {
        let Some(list) = people.get_mut(*mark) else { continue };
        release.algebra.spend(list.len())?;
        list.retain(|(number, other)| {
            let (Some(secret), Some(shown)) = (secrets.get(at(*number)), shown.get_mut(at(*number))) else {
                return false;
            };
            if !*shown && amount(secret, subject) != amount(secret, *other) {
                *shown = true;
                left = left.saturating_sub(1);
            }
            !*shown
        });
        if left == 0 {
            return Ok(true);
        }
    }
    Ok(left == 0)
}

/// What must not follow: what a rule withholds or withheld, and what is withheld now to protect others. Fewer
/// people than the minimum are covered by the first condition.
fn secrets<'a>(release: &Release<'a>, withheld: &BTreeSet<usize>) -> Vec<&'a Evidence> {
    let minimum = u64::from(release.profile.minimum_count);
    let large = |sum: &&'a Evidence| sum.contributors() >= minimum;
    let published: BTreeSet<_> = release.new.iter().map(|column| column.evidence.contributions()).collect();
    let before = release.ledger.entries().iter();
    let before = before.filter(|entry| match entry.status {
        // What was only hidden may be shown in its own right.
        Status::Hidden => !published.contains(&entry.evidence.contributions()),
        Status::Secret => true,
        Status::Shown(_) => false,
    });
    let now = withheld.iter().filter_map(|number| Some(release.new.get(*number)?.evidence));
    let sums = before.map(|entry| &entry.evidence).chain(now).filter(large);
    sums.chain(release.hidden.iter().copied()).collect()
}

/// The marks of everything that is published.
fn marks(release: &Release<'_>, withheld: &BTreeSet<usize>) -> Vec<u128> {
    let mut marks = release.ledger.marks().of_people().to_vec();
    let new = release.new.iter().enumerate().filter(|(number, _)| !withheld.contains(number));
    for (number, column) in new {
        let seed = release.ledger.seed(column.evidence, usize::MAX.wrapping_sub(number));
        for (subject, amount) in column.evidence.contributions().iter() {
            let place = at(subject);
            if marks.len() <= place {
                marks.resize(place.saturating_add(1), 0);
            }
            if let Some(mark) = marks.get_mut(place) {
                *mark = mark.wrapping_add(seed.mark(amount));
            }
        }
    }
    marks
}
