//! Of how many institutions records are, and of areas with how many inhabitants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::length;

/// What a further unit of a record is.
#[derive(Clone, Debug)]
pub enum UnitKind {
    /// The area in which it was, or its person lives.
    Area(Arc<Populations>),
    /// An institution, or whatever else a dataset protects by number.
    Institution,
}

/// How many people live in each area, by the hash that stands for the area in a [`crate::Tally`].
#[derive(Debug, Default)]
pub struct Populations(BTreeMap<u64, u64>);

impl FromIterator<(u64, u64)> for Populations {
    /// Of an area that comes twice, the smaller number holds.
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(areas: I) -> Self {
        let mut populations = BTreeMap::new();
        for (area, inhabitants) in areas {
            let known = populations.entry(area).or_insert(inhabitants);
            *known = inhabitants.min(*known);
        }
        Self(populations)
    }
}

impl Populations {
    /// The inhabitants of several areas together; of an area that is not known, nobody.
    fn of(&self, areas: &BTreeSet<u64>) -> Option<u64> {
        let inhabitants = areas.iter().map(|area| self.0.get(area).copied().unwrap_or(0));
        (!areas.is_empty()).then(|| inhabitants.fold(0, u64::saturating_add))
    }
}

/// What follows from the units of some records.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Units {
    /// Distinct institutions, one number for each kind.
    pub(super) counts: Vec<u64>,
    /// Inhabitants of all areas; of several kinds of areas the fewest. `None` where no record names one.
    pub(super) inhabitants: Option<u64>,
}

/// What follows from sets of units of these kinds.
pub(super) fn units(sets: &[BTreeSet<u64>], kinds: &[UnitKind]) -> Units {
    let mut units = Units::default();
    for (place, set) in sets.iter().enumerate() {
        match kinds.get(place) {
            Some(UnitKind::Area(populations)) => {
                let here = populations.of(set);
                units.inhabitants = here.into_iter().chain(units.inhabitants).min();
            }
            Some(UnitKind::Institution) | None => units.counts.push(length(set.len())),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;

    #[test]
    fn areas_are_added_up_and_institutions_are_counted() {
        let municipalities =
            UnitKind::Area(Arc::new([(1, 1_500), (2, 3_000), (2, 9_000)].into_iter().collect()));
        let kinds = [UnitKind::Institution, municipalities];
        let of = |records: &[(u64, Option<u64>)]| {
            let mut tally = Tally::new();
            for (person, (hospital, area)) in (0..).zip(records) {
                tally.add(person, 1, [Some(*hospital), *area]);
            }
            let evidence = tally.freeze_as(&kinds);
            (evidence.units().to_vec(), evidence.inhabitants())
        };
        assert_eq!(of(&[(7, Some(1)), (8, Some(1)), (8, None)]), (vec![2], Some(1_500)));
        assert_eq!(of(&[(7, Some(1)), (7, Some(2))]), (vec![1], Some(4_500)));
        // An area that the table does not have counts nothing, and no area at all is not known.
        assert_eq!(of(&[(7, Some(3))]), (vec![1], Some(0)));
        assert_eq!(of(&[(7, None)]), (vec![1], None));
    }
}
