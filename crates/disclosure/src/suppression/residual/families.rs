//! Sums over different people as one: the rows of a table make up a total that nobody asked for.
//!
//! One table by sex and another one, a little less, by hospital leave of each other what their totals would.

use roaring::RoaringBitmap;

use super::super::algebra::{Algebra, Exhausted};
use super::Sum;
use crate::evidence::{Evidence, Tally, double};

/// Most families, and most people of all their sums: larger ones are judged by their own totals alone.
const MOST_FAMILIES: usize = 16;
const MOST_PEOPLE: u64 = 1 << 20;

/// Sums of one family contribute about the same: within this factor on average.
const ALIKE: f64 = 4.0;

/// Sums over different people.
pub(super) struct Family<'s, 'a> {
    sums: Vec<&'s Sum<'a>>,
    pub(super) people: RoaringBitmap,
    /// What a person contributes on average to the first of them.
    average: f64,
}

/// Families of two sums or more, by the first that each sum fits into.
pub(super) fn families<'s, 'a>(
    sums: &[&'s Sum<'a>],
    algebra: &Algebra,
) -> Result<Vec<Family<'s, 'a>>, Exhausted> {
    let mut families: Vec<Family<'_, '_>> = Vec::new();
    let people = sums.iter().fold(0_u64, |all, sum| all.saturating_add(sum.evidence.people()));
    if people > MOST_PEOPLE {
        return Ok(Vec::new());
    }
    for sum in sums.iter().filter(|sum| !sum.constant) {
        algebra.spend(sum.evidence.subjects().len())?;
        let people = RoaringBitmap::from_sorted_iter(sum.evidence.subjects().iter().copied());
        let people = people.unwrap_or_default();
        let average = average(sum.evidence);
        let fits = |family: &Family<'_, '_>| {
            let (least, most) = (family.average.min(average), family.average.max(average));
            most <= ALIKE * least && family.people.is_disjoint(&people)
        };
        if !families.iter().any(fits) && families.len() < MOST_FAMILIES {
            families.push(Family { sums: Vec::new(), people: RoaringBitmap::new(), average });
        }
        if let Some(family) = families.iter_mut().find(|family| fits(family)) {
            family.sums.push(sum);
            family.people |= &people;
        }
    }
    families.retain(|family| family.sums.len() > 1);
    Ok(families)
}

impl Family<'_, '_> {
    /// The numbers of the sums.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.sums.iter().map(|sum| sum.number)
    }

    /// All of them as one sum.
    pub(super) fn total(&self) -> Evidence {
        let mut total = Tally::new();
        for (subject, amount) in self.sums.iter().flat_map(|sum| sum.evidence.contributions().iter()) {
            total.add(subject, amount, []);
        }
        total.freeze()
    }
}

fn average(sum: &Evidence) -> f64 {
    let all = sum.absolute().and_then(|all| i128::try_from(all).ok()).map_or(0.0, double);
    all / double(i128::from(sum.contributors().max(1)))
}
