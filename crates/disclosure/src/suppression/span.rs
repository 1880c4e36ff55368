//! Condition 2: no secret is a combination of the published sums.
//!
//! Elimination over people, with the published sums as the first coordinates and the secrets as the
//! last: a secret is a combination of published sums exactly if no combination of people that is zero
//! on all published sums is anything else on the secret.

use std::collections::{BTreeMap, BTreeSet};

use super::Secret;
use super::algebra::{Algebra, Exhausted, Vector};
use super::echelon::{Echelon, value_at};
use super::people::Class;

/// Withholds sums, the least important ones first, until no secret can be derived; a sum that is withheld
/// becomes a secret itself, and is added to them. The first `standing` numbers were released before, and stay.
pub(super) fn without_secrets(
    classes: &[Class],
    published: &mut BTreeSet<u32>,
    standing: u32,
    secrets: &mut Vec<Secret>,
    algebra: &Algebra,
) -> Result<(), Exhausted> {
    if secrets.is_empty() {
        return Ok(());
    }
    loop {
        let space = eliminated(classes, published, secrets, algebra)?;
        let sums = (0..secrets.len()).map(|secret| sums_that_give(coordinate(secret), &space, algebra));
        let mut derived: Vec<BTreeSet<u32>> = sums.collect::<Result<_, _>>()?;
        // Whoever goes through the sums from the first on comes to the secrets in this order; each needs a sum
        // less only as long as those before its last are published.
        derived.sort_by(|left, right| left.last().cmp(&right.last()));
        let mut withheld = BTreeSet::new();
        for sums in derived {
            // One that shares a sum with an earlier one may be safe by now: look again.
            // What follows from what was released before alone is known.
            if sums.is_disjoint(&withheld) {
                withheld.extend(sums.last().filter(|last| **last >= standing));
            }
        }
        if withheld.is_empty() {
            return Ok(());
        }
        for number in withheld {
            published.remove(&number);
            secrets.push(Secret::of_column(number, classes));
        }
    }
}

/// Withholds sums until those that are left are independent: then nothing says that a combination is zero.
pub(super) fn without_relations(
    classes: &[Class],
    published: &mut BTreeSet<u32>,
    standing: u32,
    algebra: &Algebra,
) -> Result<(), Exhausted> {
    let space = eliminated(classes, published, &[], algebra)?;
    published.retain(|number| *number < standing || space.row(*number).is_some());
    Ok(())
}

/// Coordinates from here on are secrets; below are the numbers of sums.
const SECRETS: u32 = 1 << 31;

fn coordinate(secret: usize) -> u32 {
    u32::try_from(secret).map_or(u32::MAX, |secret| secret | SECRETS)
}

fn eliminated(
    classes: &[Class],
    published: &BTreeSet<u32>,
    secrets: &[Secret],
    algebra: &Algebra,
) -> Result<Echelon, Exhausted> {
    let mut secret_entries: BTreeMap<usize, Vector> = BTreeMap::new();
    for (number, secret) in secrets.iter().enumerate() {
        algebra.spend(secret.entries.len())?;
        for (class, value) in &secret.entries {
            secret_entries.entry(*class).or_default().push((coordinate(number), *value));
        }
    }
    let full = published.len().saturating_add(secrets.len());
    let mut space = Echelon::default();
    for (index, class) in classes.iter().enumerate() {
        let shown = class.vector.iter().filter(|(number, _)| published.contains(number));
        let mut row: Vector = shown.copied().collect();
        row.extend(secret_entries.remove(&index).unwrap_or_default());
        space.insert(&row, algebra)?;
        if space.rank() == full {
            break;
        }
    }
    Ok(space)
}

/// The published sums of which a secret is a combination; none if it is not.
fn sums_that_give(secret: u32, space: &Echelon, algebra: &Algebra) -> Result<BTreeSet<u32>, Exhausted> {
    let mut sums = BTreeSet::new();
    for (pivot, row) in space.rows() {
        algebra.spend(1)?;
        if value_at(row, secret).is_some() {
            if pivot >= SECRETS {
                return Ok(BTreeSet::new());
            }
            sums.insert(pivot);
        }
    }
    Ok(sums)
}
