//! Zeros: withheld where N = 0 and the profile says that zeros are disclosive, or where it is not known that
//! enough people could have been there.
//!
//! Beside a blank, which says one or more, a zero says of everybody who fulfils the other conditions that
//! they do not fulfil the last: of a group of one it tells a value. So it is shown only where it is a zero of
//! a group of the minimum: of the parent group where a sensitive value was asked for, of everybody in a table
//! that has a row for each code.
//!
//! Source: the NDB guideline allows zeros; ACRO (`zeros_are_disclosive`) and UK LLC do not. A key that
//! exists only because of data is never shown for nobody, whatever the profile: see `checked`.

use std::collections::BTreeSet;

use super::{Parents, class};
use crate::evidence::Evidence;
use crate::profile::Zeros;
use crate::unreleased::CellTable;

/// Whether a number over `people` must not be shown for being over nobody.
pub(super) fn fails(people: u64, zeros: Zeros) -> bool {
    match zeros {
        Zeros::Allowed => false,
        Zeros::Withheld => people == 0,
    }
}

/// The rows over nobody of which it is not known that enough people could be in them.
pub(crate) fn empty_frames(table: &CellTable, minimum: u32) -> BTreeSet<usize> {
    let parents = Parents::of(table);
    let nobody = Evidence::nobody();
    let enough = |frame: &mut dyn Iterator<Item = &Evidence>| {
        !class::fails(class::without(&nobody, frame, minimum), minimum)
    };
    let everybody = !table.keys.is_empty() && enough(&mut table.groups.iter());
    let is_empty = |(_, group): &(usize, &Evidence)| group.people() == 0;
    let known = |row: usize| match &parents {
        Some(parents) => enough(&mut parents.of_row(row)),
        None => everybody,
    };
    let rows = table.groups.iter().enumerate().filter(is_empty).map(|(row, _)| row);
    rows.filter(|row| !known(*row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parent;
    use crate::testing::{people, table, ungrouped};

    #[test]
    fn only_nobody_is_a_zero() {
        assert!(fails(0, Zeros::Withheld));
        assert!(!fails(1, Zeros::Withheld));
        assert!(!fails(0, Zeros::Allowed));
    }

    #[test]
    fn a_zero_is_one_of_enough_people() {
        let codes = |others: u32| table("code", vec![("A00", people(0..0)), ("B20", people(0..others))], []);
        assert_eq!(empty_frames(&codes(9), 10), [0].into());
        assert_eq!(empty_frames(&codes(10), 10), [].into());
        let alone = || CellTable { parent: None, ..ungrouped(people(0..0), vec![]) };
        assert_eq!(empty_frames(&alone(), 10), [0].into());
        let of = |frame: u32| CellTable {
            parent: Some(Parent { keys: vec![], groups: vec![people(0..frame)] }),
            ..alone()
        };
        assert_eq!(empty_frames(&of(9), 10), [0].into());
        assert_eq!(empty_frames(&of(10), 10), [].into());
    }
}
