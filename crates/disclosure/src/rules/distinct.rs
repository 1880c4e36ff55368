//! Distinct values: withheld where one of those that are counted stands on 1 … minimum − 1 people.
//!
//! The number of values, less the number without one person, says whether they have one that nobody else
//! has. It is the threshold for each value, as if each were a row: a count of distinct codes tells no more
//! than the table of the codes would, with all of its rows. Source: NDB guideline, on publication.

use super::threshold;

/// Whether one of the values stands on too few people.
pub(super) fn fails(people_by_value: &[u64], minimum: u32) -> bool {
    people_by_value.iter().any(|people| threshold::fails(*people, minimum))
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn every_value_needs_the_minimum() {
        assert!(!fails(&[10, 500], 10));
        assert!(fails(&[9, 500], 10));
        assert!(!fails(&[], 10));
    }
}
