//! Condition 4 after many releases: how far what was and is published leaves withheld sums open.

use std::collections::BTreeSet;

use super::super::columns::Column;
use super::super::interval::Audit;
use super::Release;
use crate::evidence::Evidence;
use crate::history::Status;

/// Beside earlier sums with more contributions than this together, intervals are not judged: the other conditions
/// hold for them, but what an attacker may compute from so many is left to the budget.
const MOST_CONTRIBUTIONS: u64 = 1 << 24;

/// The new sums, by their place, that must be withheld, beside those that are, for others to be open far enough;
/// none, if they are. So many `rounds` were there before.
pub(super) fn too_narrow_beside(
    release: &Release<'_>,
    withheld: &BTreeSet<usize>,
    rounds: usize,
) -> BTreeSet<usize> {
    let asked = || release.new.iter().enumerate().filter(|(place, _)| !withheld.contains(place));
    let sums = asked().map(|(_, column)| column.evidence);
    let sums: Vec<&Evidence> = sums.chain(release.withheld.iter().map(|column| column.evidence)).collect();
    if release.ledger.size_of_connected(sums.iter().copied()) > MOST_CONTRIBUTIONS {
        return BTreeSet::new();
    }
    let entries = release.ledger.connected(sums.into_iter());
    let published: BTreeSet<_> = asked().map(|(_, column)| column.evidence.contributions()).collect();
    let (mut shown, mut secret) = (Vec::new(), Vec::new());
    for entry in &entries {
        let column = |withheld, standing| Column {
            evidence: &entry.evidence,
            withheld,
            standing,
            members: Vec::new(),
        };
        match entry.status {
            Status::Shown(minimum) => shown.push(column(false, Some(minimum))),
            // What was only hidden may be shown in its own right.
            Status::Hidden if published.contains(&entry.evidence.contributions()) => {}
            Status::Hidden | Status::Secret => secret.push(column(true, None)),
        }
    }
    let places: Vec<usize> = asked().map(|(place, _)| place).collect();
    let columns: Vec<&Column<'_>> = shown
        .iter()
        .chain(asked().map(|(_, column)| *column))
        .chain(release.withheld.iter().copied())
        .chain(&secret)
        .collect();
    let standing = u32::try_from(shown.len()).unwrap_or(u32::MAX);
    let asked = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let published: BTreeSet<u32> = (0..standing.saturating_add(asked)).collect();
    let audit = Audit { columns: &columns, published: &published, standing, profile: release.profile };
    let too_narrow = audit.withheld(rounds);
    let place = |number: &u32| places.get(usize::try_from(number.checked_sub(standing)?).ok()?).copied();
    too_narrow.iter().filter_map(place).collect()
}
