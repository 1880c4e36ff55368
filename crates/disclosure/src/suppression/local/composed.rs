//! New sums that are sums of what was published: an age band after its single years.
//!
//! Whoever has the parts has the total, so that it adds nothing to what follows from what was published, and no
//! condition is asked of it again. Parts are looked for among the sums over some of its people, the largest first,
//! and then the smallest first; where neither way comes out even, it is judged like any other.

use std::cmp::Reverse;

use super::super::algebra::{Algebra, Exhausted};
use crate::evidence::Evidence;

/// Drawn people who are looked up first: where one of them is not in the total, a sum is no part of it.
const PROBES: usize = 4;

/// Whether a sum is that of some of the sums that were published, each once.
pub(super) fn of_shown(total: &Evidence, shown: &[&Evidence], algebra: &Algebra) -> Result<bool, Exhausted> {
    let is_in = |subject: u32| total.subjects().binary_search(&subject).is_ok();
    algebra.spend(shown.len())?;
    let may_be_part = |part: &&&Evidence| {
        part.contributors() > 0
            && part.people() <= total.people()
            && part.largest() <= total.largest()
            && part.is_positive()
            && part.sketch().first_subjects().take(PROBES).all(is_in)
    };
    let mut parts: Vec<&Evidence> = shown.iter().filter(may_be_part).copied().collect();
    parts.sort_by_key(|part| Reverse((part.people(), part.absolute())));
    Ok(comes_out_even(total, parts.iter().copied(), algebra)?
        || comes_out_even(total, parts.iter().rev().copied(), algebra)?)
}

/// Whether nothing is left of a total when each part is taken away for which there is enough left.
fn comes_out_even<'a>(
    total: &Evidence,
    parts: impl Iterator<Item = &'a Evidence>,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    let mut left: Vec<i128> = total.amounts().iter().collect();
    let mut people = left.iter().filter(|amount| **amount != 0).count();
    algebra.spend(left.len())?;
    for part in parts {
        if people == 0 {
            break;
        }
        let mut places = Vec::new();
        for (subject, amount) in part.contributions().iter() {
            let place = total.subjects().binary_search(&subject).ok();
            let fits = |place: &usize| left.get(*place).is_some_and(|left| amount > 0 && *left >= amount);
            let Some(place) = place.filter(fits) else { break };
            places.push((place, amount));
        }
        algebra.spend(places.len().saturating_add(1))?;
        if places.len() < part.subjects().len() {
            continue;
        }
        for (place, amount) in places {
            if let Some(left) = left.get_mut(place) {
                *left = left.saturating_sub(amount);
                people = people.saturating_sub(usize::from(*left == 0));
            }
        }
    }
    Ok(people == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, people};

    fn is_composed(total: &Evidence, shown: &[Evidence]) -> bool {
        let shown: Vec<&Evidence> = shown.iter().collect();
        of_shown(total, &shown, &Algebra::new(std::iter::once(total), 1 << 20)).unwrap()
    }

    #[test]
    fn a_band_is_the_sum_of_its_years_and_of_nothing_less() {
        let years: Vec<Evidence> = (0..9).map(|year| people(year * 20..year * 20 + 20)).collect();
        assert!(is_composed(&people(40..120), &years));
        assert!(!is_composed(&people(40..119), &years));
        assert!(!is_composed(&people(40..121), &years));
        assert!(!is_composed(&people(40..120), &years[..5]));
        // A sum over some of them that leaves none of the years whole is no way to divide it.
        let mut others = vec![people(45..110)];
        others.extend(years);
        assert!(is_composed(&people(40..120), &others));
    }

    #[test]
    fn parts_count_what_people_contribute() {
        let bills = |persons: std::ops::Range<u32>| {
            evidence(persons.map(|person| (person, 100 + i128::from(person))))
        };
        let parts = [bills(0..30), bills(30..60), people(0..60)];
        assert!(is_composed(&bills(0..60), &parts[..2]));
        assert!(!is_composed(&bills(0..61), &parts));
        assert!(!is_composed(&people(0..60), &parts[..2]));
        let twice = evidence((0..60).map(|person| (person, 2)));
        assert!(!is_composed(&twice, &parts));
    }
}
