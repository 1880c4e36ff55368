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
struct Family {
    /// The numbers of the sums.
    numbers: Vec<u32>,
    people: RoaringBitmap,
    /// What a person contributes on average to the first of them.
    average: f64,
    total: Tally,
}

/// Families of two sums or more, by the first that each sum fits into, and the total of each.
pub(super) fn families(sums: &[&Sum<'_>], algebra: &Algebra) -> Result<Vec<(Vec<u32>, Evidence)>, Exhausted> {
    let mut families: Vec<Family> = Vec::new();
    let people = sums.iter().fold(0_u64, |all, sum| all.saturating_add(sum.evidence.people()));
    if people > MOST_PEOPLE {
        return Ok(Vec::new());
    }
    for sum in sums.iter().filter(|sum| !sum.constant) {
        algebra.spend(sum.evidence.subjects().len())?;
        let people: RoaringBitmap = sum.evidence.subjects().iter().copied().collect();
        let average = average(sum.evidence);
        let fits = |family: &Family| {
            let (least, most) = (family.average.min(average), family.average.max(average));
            most <= ALIKE * least && family.people.is_disjoint(&people)
        };
        if !families.iter().any(fits) && families.len() < MOST_FAMILIES {
            let (numbers, total) = (Vec::new(), Tally::new());
            families.push(Family { numbers, people: RoaringBitmap::new(), average, total });
        }
        if let Some(family) = families.iter_mut().find(|family| fits(family)) {
            family.add(sum, &people);
        }
    }
    let several = families.into_iter().filter(|family| family.numbers.len() > 1);
    Ok(several.map(|family| (family.numbers, family.total.freeze())).collect())
}

impl Family {
    fn add(&mut self, sum: &Sum<'_>, people: &RoaringBitmap) {
        self.numbers.push(sum.number);
        self.people |= people;
        for (subject, amount) in sum.evidence.contributions().iter() {
            self.total.add(subject, amount, []);
        }
    }
}

fn average(sum: &Evidence) -> f64 {
    let all = sum.absolute().and_then(|all| i128::try_from(all).ok()).map_or(0.0, double);
    all / double(i128::from(sum.contributors().max(1)))
}
