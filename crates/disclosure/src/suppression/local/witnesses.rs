//! Condition 2: two people who show that no combination of what is published is a secret.
//!
//! Of two people with the same mark every combination says the same. If a secret does not, it is none of them. The
//! two who showed it last mostly show it again ([`crate::history::Ledger::hint`]): only where a new sum tells them
//! apart, others are looked for; then more people who show it together, where everybody has an amount of their own
//! ([`Near::underivable`]); and where there are none, the new sums that tell the two apart are withheld.

use std::collections::BTreeSet;

use super::super::algebra::Exhausted;
use super::near::Near;
use super::table::Table;
use super::{Release, at};
use crate::evidence::Evidence;
use crate::history::Status;

/// People of a secret for whom another one is looked for: some at first, then more.
const PEOPLE: [usize; 2] = [24, 256];

/// People for whom another one is looked for at once.
const TOGETHER: usize = 1 << 18;

/// Secrets that are looked at beside the sums near them at once.
const BESIDE: usize = 1024;

/// Two people with the same mark; the second may be nobody, of whom everything says zero.
type Pair = (u32, u32);

/// Nobody has this dense id.
const NOBODY: u32 = u32::MAX;

/// A sum that must not follow.
struct Secret<'a> {
    evidence: &'a Evidence,
    /// In the ledger, if it stands there.
    place: Option<usize>,
    pair: Option<Pair>,
    /// Whether more than two people show it.
    shown: bool,
}

impl Secret<'_> {
    fn is_open(&self) -> bool {
        self.pair.is_none() && !self.shown
    }

    fn tells(&self, (one, other): Pair) -> bool {
        amount(self.evidence, one) != amount(self.evidence, other)
    }
}

/// The new sums, by their place, that must be withheld, beside those that are, for every secret to have two such
/// people; `None` where some secret had none before.
pub(super) fn missing(
    release: &Release<'_>,
    withheld: &BTreeSet<usize>,
) -> Result<Option<BTreeSet<usize>>, Exhausted> {
    let mut secrets = secrets(release, withheld);
    if secrets.is_empty() {
        return Ok(Some(BTreeSet::new()));
    }
    let marks = Marks { before: release.ledger.marks().of_people(), new: new_marks(release, withheld) };
    for secret in &mut secrets {
        let hint = secret.place.and_then(|place| release.ledger.hint(place));
        secret.pair = hint.filter(|pair| marks.are_alike(*pair) && secret.tells(*pair));
    }
    find(release, &marks, &mut secrets)?;
    let known = secrets.iter().filter_map(|secret| Some((secret.place?, secret.pair?)));
    release.ledger.hints(known);
    for open in secrets.iter_mut().filter(|secret| secret.is_open()).collect::<Vec<_>>().chunks_mut(BESIDE) {
        let sums: Vec<&Evidence> = open.iter().map(|secret| secret.evidence).collect();
        let shown = Near::beside(release, withheld, &sums).underivable()?;
        open.iter_mut().zip(shown).for_each(|(secret, shown)| secret.shown = shown);
    }
    if !secrets.iter().any(Secret::is_open) {
        return Ok(Some(BTreeSet::new()));
    }
    // These two were alike before; whatever is new and tells them apart is withheld, which shows as much of it.
    secrets.retain(Secret::is_open);
    let marks = Marks { before: marks.before, new: Vec::new() };
    find(release, &marks, &mut secrets)?;
    release.ledger.hints(secrets.iter().filter_map(|secret| Some((secret.place?, secret.pair?))));
    let mut more = BTreeSet::new();
    for secret in secrets {
        let Some((one, other)) = secret.pair else { return Ok(None) };
        let open = release.new.iter().enumerate().filter(|(place, _)| !withheld.contains(place));
        let tells = open.filter(|(_, column)| amount(column.evidence, one) != amount(column.evidence, other));
        more.extend(tells.map(|(place, _)| place));
    }
    Ok(Some(more))
}

/// The marks of everything that is published.
struct Marks<'a> {
    before: &'a [u128],
    new: Vec<u128>,
}

impl Marks<'_> {
    fn of(&self, subject: u32) -> u128 {
        let of = |marks: &[u128]| marks.get(at(subject)).copied().unwrap_or(0);
        of(self.before).wrapping_add(of(&self.new))
    }

    fn are_alike(&self, (one, other): Pair) -> bool {
        self.of(one) == self.of(other)
    }

    /// Of how many people there may be some.
    fn len(&self) -> usize {
        self.before.len().max(self.new.len())
    }
}

fn amount(sum: &Evidence, subject: u32) -> i128 {
    let place = sum.subjects().binary_search(&subject).ok();
    place.and_then(|place| sum.amounts().get(place)).unwrap_or(0)
}

/// Looks for two people for each secret that has none yet.
fn find(release: &Release<'_>, marks: &Marks<'_>, secrets: &mut [Secret<'_>]) -> Result<(), Exhausted> {
    for most in PEOPLE {
        let mut open: Vec<&mut Secret<'_>> =
            secrets.iter_mut().filter(|secret| secret.pair.is_none()).collect();
        for open in open.chunks_mut(TOGETHER.checked_div(most).unwrap_or(1).max(1)) {
            find_among(release, marks, open, most)?;
        }
    }
    Ok(())
}

/// Looks for somebody like one of so many people of each secret.
fn find_among(
    release: &Release<'_>,
    marks: &Marks<'_>,
    secrets: &mut [&mut Secret<'_>],
    most: usize,
) -> Result<(), Exhausted> {
    let mut people: Table<Vec<(u32, u32)>> = Table::with_room_for(secrets.len().saturating_mul(most));
    for (number, secret) in (0_u32..).zip(secrets.iter_mut()) {
        let subjects = secret.evidence.subjects();
        let step = subjects.len().checked_div(most).unwrap_or(1).max(1);
        for subject in subjects.iter().step_by(step).take(most) {
            let mark = marks.of(*subject);
            if mark == 0 && amount(secret.evidence, *subject) != 0 {
                // Nothing that is published says anything of them.
                secret.pair = Some((*subject, NOBODY));
            }
            people.entry(mark, Vec::new).into_iter().for_each(|list| list.push((number, *subject)));
        }
    }
    let mut left = secrets.iter().filter(|secret| secret.pair.is_none()).count();
    for subject in (0_u32..).take(marks.len()) {
        if left == 0 {
            return Ok(());
        }
        let Some(list) = people.get_mut(marks.of(subject)) else { continue };
        release.algebra.spend(list.len())?;
        list.retain(|(number, other)| {
            let Some(secret) = secrets.get_mut(at(*number)).filter(|secret| secret.pair.is_none()) else {
                return false;
            };
            if secret.tells((*other, subject)) {
                secret.pair = Some((*other, subject));
                left = left.saturating_sub(1);
            }
            secret.pair.is_none()
        });
    }
    Ok(())
}

/// What must not follow: what a rule withholds or withheld, and what is withheld now to protect others. Fewer
/// people than the minimum are covered by the first condition.
fn secrets<'a>(release: &'a Release<'_>, withheld: &BTreeSet<usize>) -> Vec<Secret<'a>> {
    let minimum = u64::from(release.profile.minimum_count);
    let published: BTreeSet<_> = release.new.iter().map(|column| column.evidence.contributions()).collect();
    let before = release.ledger.entries().iter().enumerate();
    let before = before.filter(|(_, entry)| match entry.status {
        // What was only hidden may be shown in its own right.
        Status::Hidden => !published.contains(&entry.evidence.contributions()),
        Status::Secret => true,
        Status::Shown(_) => false,
    });
    let before = before.map(|(place, entry)| (Some(place), &entry.evidence));
    let now = withheld.iter().filter_map(|number| Some((None, release.new.get(*number)?.evidence)));
    let sums = before.chain(now).filter(|(_, sum)| sum.contributors() >= minimum);
    let rests = release.rests.iter().filter(|rest| rest.contributors() >= minimum);
    let hidden = release.hidden.iter().copied().chain(rests).map(|sum| (None, sum));
    sums.chain(hidden).map(|(place, evidence)| Secret { evidence, place, pair: None, shown: false }).collect()
}

/// The marks of what is new and published.
fn new_marks(release: &Release<'_>, withheld: &BTreeSet<usize>) -> Vec<u128> {
    let mut marks = Vec::new();
    let new = release.new.iter().enumerate().filter(|(number, _)| !withheld.contains(number));
    for (number, column) in new {
        let seed = release.ledger.seed(column.evidence, usize::MAX.wrapping_sub(number));
        for (subject, amount) in column.evidence.contributions().iter() {
            let place = at(subject);
            if marks.len() <= place {
                marks.resize(place.saturating_add(1), 0_u128);
            }
            if let Some(mark) = marks.get_mut(place) {
                *mark = mark.wrapping_add(seed.mark(amount));
            }
        }
    }
    marks
}
