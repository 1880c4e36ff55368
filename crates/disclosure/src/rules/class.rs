//! Class disclosure: withheld where a sensitive value is shared by so many of a group that fewer than
//! minimum people are left who do not have it.
//!
//! The group without its restriction to the value is the parent: parent − cell < minimum. Then to know that
//! somebody is of the group is to know their value, however many they are; 100 % is the limit. That nobody
//! has it is not told by having a value, and is for the zero rule.
//!
//! Source: Lupp & Langsrud, Suppression of directly-disclosive cells in frequency tables, 2021.

use std::collections::BTreeSet;

use crate::evidence::Evidence;
use crate::unreleased::CellTable;

/// Whether too few of the parent are left without the value.
pub(super) fn fails(without: u64, minimum: u32) -> bool {
    without < u64::from(minimum)
}

/// The rows of a table whose label is a value that nearly everybody has who is in a group with the same other
/// labels.
pub(crate) fn others(table: &CellTable, minimum: u32) -> BTreeSet<usize> {
    let sensitive: Vec<_> = table.keys.iter().filter(|key| key.telling.anything()).collect();
    let mut found = of_parent(table, minimum);
    if sensitive.is_empty() {
        return found;
    }
    let parents = super::parents(table);
    for rows in parents.values() {
        for row in rows {
            let tells = sensitive.iter().any(|key| super::is_telling(key, *row));
            let cell = table.groups.get(*row).filter(|cell| tells && cell.people() > 0);
            let siblings =
                rows.iter().filter(|other| *other != row).filter_map(|other| table.groups.get(*other));
            if cell.is_some_and(|cell| fails(without(cell, siblings, minimum), minimum)) {
                found.insert(*row);
            }
        }
    }
    found
}

/// The rows of a table whose people were chosen by a value that nearly everybody of their parent group has.
fn of_parent(table: &CellTable, minimum: u32) -> BTreeSet<usize> {
    let Some(parents) = super::Parents::of(table) else { return BTreeSet::new() };
    let tells = |(row, cell): &(usize, &Evidence)| {
        cell.people() > 0 && fails(without(cell, parents.of_row(*row), minimum), minimum)
    };
    table.groups.iter().enumerate().filter(tells).map(|(row, _)| row).collect()
}

/// How many people of the other cells are not in this one; counting ends at the minimum.
pub(super) fn without<'a>(cell: &Evidence, others: impl Iterator<Item = &'a Evidence>, minimum: u32) -> u64 {
    let mut found = BTreeSet::new();
    let enough = usize::try_from(minimum).unwrap_or(usize::MAX);
    for subject in others.flat_map(Evidence::subjects) {
        if found.len() >= enough {
            break;
        }
        if cell.subjects().binary_search(subject).is_err() {
            found.insert(*subject);
        }
    }
    u64::try_from(found.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;
    use crate::testing::people;
    use crate::unreleased::{KeyColumn, Parent, Telling};

    #[test]
    fn minimum_people_without_the_value_are_enough() {
        assert_eq!([0, 1, 9, 10].map(|people| fails(people, 10)), [true, true, true, false]);
    }

    fn labelled(sex: &[Option<&str>], code: &[Option<&str>]) -> Vec<KeyColumn> {
        let key = |name: &str, labels: &[Option<&str>]| KeyColumn {
            name: name.into(),
            values: std::sync::Arc::new(StringArray::from(labels.to_vec())),
            declared: false,
            telling: Telling::default(),
        };
        vec![key("sex", sex), key("code", code)]
    }

    #[test]
    fn people_that_a_value_chose_are_compared_with_their_parent_group() {
        let table = |women_in_all: u32| CellTable {
            keys: labelled(&[Some("F"), Some("M"), None], &[Some("B20"), Some("B20"), Some("B20")]),
            groups: vec![people(0..50), people(100..150), people(200..250)],
            statistics: vec![],
            parent: Some(Parent {
                keys: labelled(&[Some("M"), Some("F"), None], &[None, None, None]),
                groups: vec![people(100..200), people(0..women_in_all), people(200..400)],
            }),
            attributes: vec![],
        };
        assert_eq!(others(&table(59), 10), [0].into());
        assert_eq!(others(&table(60), 10), [].into());
        // A group without a parent is its own.
        let mut orphan = table(60);
        orphan.parent.as_mut().unwrap().groups[0] = people(0..0);
        assert_eq!(others(&orphan, 10), [1].into());
    }

    #[test]
    fn people_of_several_other_cells_count_once() {
        let (cell, one, other) = (people(0..50), people(45..55), people(40..59));
        assert_eq!(without(&cell, [&one, &other].into_iter(), 10), 9);
        assert_eq!(without(&cell, [&one, &people(50..70)].into_iter(), 10), 10);
    }
}
