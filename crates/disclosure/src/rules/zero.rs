//! Zeros: withheld where N = 0 and the profile says that zeros are disclosive, or where it is not known that
//! enough people could have been there.
//!
//! Beside a blank, which says one or more, a zero says of everybody who fulfils the other conditions that
//! they do not fulfil the last: of a group of one it tells a value. So it is shown only where it is a zero of
//! a group of the minimum: of the parent group where a sensitive value was asked for, of everybody in a table
//! that has a row for each code, and, for each of several keys, of those who have the other labels of its row.
//!
//! Source: the NDB guideline allows zeros; ACRO (`zeros_are_disclosive`) and UK LLC do not. A key that
//! exists only because of data is never shown for nobody, whatever the profile: see `checked`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parents, class, labels, threshold};
use crate::evidence::Evidence;
use crate::profile::Zeros;
use crate::unreleased::{CellTable, Zero};

/// Whether a number over `people` must not be shown for being over nobody.
pub(super) fn fails(people: u64, zeros: Zeros) -> bool {
    match zeros {
        Zeros::Allowed => false,
        Zeros::Withheld => people == 0,
    }
}

/// Whether nobody on a side of a branch says something of few people: of those who fulfil some of its conditions, and
/// those of its row, that they do not fulfil the others. Which of the conditions others know of them, nobody can
/// tell, so that all are looked at.
pub(super) fn tells(zero: Zero, minimum: u32) -> bool {
    match zero {
        Zero::Among(people) => threshold::fails(people, minimum),
        Zero::Silent => false,
        Zero::Unknown => true,
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
    if table.groups.iter().all(|group| group.people() > 0) {
        return BTreeSet::new();
    }
    let slices: Vec<_> = (0..table.keys.len()).map(|key| slices(table, key)).collect();
    let in_slices = |row: usize| {
        slices.iter().all(|(of_row, rows)| {
            let rows = of_row.get(row).and_then(|labels| rows.get(labels)).map(Vec::as_slice);
            let mut groups = rows.unwrap_or_default().iter().filter_map(|row| table.groups.get(*row));
            // Where nobody has the other labels, it is a zero of everybody.
            let nobody = groups.clone().all(|group| group.people() == 0);
            nobody || enough(&mut groups)
        })
    };
    let known = |row: usize| match &parents {
        Some(parents) => enough(&mut parents.of_row(row)),
        None => everybody && in_slices(row),
    };
    let rows = table.groups.iter().enumerate().filter(is_empty).map(|(row, _)| row);
    rows.filter(|row| !known(*row)).collect()
}

/// Labels of a row, and the rows that have them.
type Slices = (Vec<Vec<Option<String>>>, BTreeMap<Vec<Option<String>>, Vec<usize>>);

/// The rows of a table by their labels in all keys but one; of a table with one key, nothing.
fn slices(table: &CellTable, key: usize) -> Slices {
    let others: Vec<usize> = (0..table.keys.len()).filter(|other| *other != key).collect();
    if others.is_empty() {
        return Slices::default();
    }
    let of_row: Vec<_> = (0..table.groups.len()).map(|row| labels(&table.keys, &others, row)).collect();
    let mut rows: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (row, labels) in of_row.iter().enumerate() {
        rows.entry(labels.clone()).or_default().push(row);
    }
    (of_row, rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::*;
    use crate::testing::{people, table, ungrouped};
    use crate::unreleased::{KeyColumn, Parent, Telling};

    #[test]
    fn only_nobody_is_a_zero() {
        assert!(fails(0, Zeros::Withheld));
        assert!(!fails(1, Zeros::Withheld));
        assert!(!fails(0, Zeros::Allowed));
    }

    #[test]
    fn an_empty_side_says_nothing_only_where_no_few_people_could_be_there() {
        for (zero, withheld) in [
            (Zero::Unknown, true),
            (Zero::Silent, false),
            (Zero::Among(0), false),
            (Zero::Among(1), true),
            (Zero::Among(9), true),
            (Zero::Among(10), false),
        ] {
            assert_eq!(tells(zero, 10), withheld, "{zero:?}");
        }
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
            attributes: Vec::new(),
            ..alone()
        };
        assert_eq!(empty_frames(&of(9), 10), [0].into());
        assert_eq!(empty_frames(&of(10), 10), [].into());
    }

    #[test]
    fn a_zero_of_a_crossing_is_one_of_enough_people_by_each_key() {
        let key = |name: &str, labels: [&str; 4]| KeyColumn {
            name: name.into(),
            values: Arc::new(StringArray::from(labels.to_vec())),
            declared: true,
            telling: Telling::default(),
        };
        // Few people in area 47, and nobody of them a man: a zero would say that all of them are women.
        let crossed = |in_area: u32| CellTable {
            keys: vec![key("area", ["01", "01", "47", "47"]), key("sex", ["F", "M", "F", "M"])],
            groups: [0..20, 20..40, 40..40 + in_area, 0..0].map(people).into(),
            statistics: vec![],
            parent: None,
            attributes: Vec::new(),
        };
        assert_eq!(empty_frames(&crossed(9), 10), [3].into());
        assert_eq!(empty_frames(&crossed(10), 10), [].into());
        // A name follows from its code: nobody else has it.
        let named = CellTable {
            keys: vec![key("code", ["1", "2", "3", "4"]), key("name", ["a", "b", "c", "d"])],
            groups: [0..20, 0..0, 0..3, 0..0].map(people).into(),
            statistics: vec![],
            parent: None,
            attributes: Vec::new(),
        };
        assert_eq!(empty_frames(&named, 10), [].into());
    }
}
