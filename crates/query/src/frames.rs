//! For whom the cells of a table count what nobody may know, from what was gathered.
//!
//! Nobody's value is in it: where an amount is one, its records are counted instead.

use crate::algebra::Reads;
use crate::disclosure::{CellTable, Evidence, Frames, KeyColumn, Part, Scale, StatisticColumn, Tally};

/// Fractional bits of an amount that are kept in a frame.
const KEPT_BITS: u32 = 10;

/// Digits behind the point that are kept.
const KEPT_DIGITS: u8 = 4;

/// Parts of one into which a weight is divided.
const FINENESS: i128 = 1 << 10;

/// The frames of cells that say themselves for whom they count.
pub(crate) fn own(table: &CellTable, reads: &[Reads]) -> Frames {
    let sums = |(statistic, reads): (&StatisticColumn, &Reads)| {
        let filtered = || statistic.branches.first().map_or(&table.groups, |filter| &filter.inside);
        let part = |part: &Part| match reads {
            Reads::Amounts => counted(part, &table.groups),
            Reads::Filtered => once(filtered()),
            Reads::Not | Reads::Records => once(&table.groups),
        };
        if *reads == Reads::Not { Vec::new() } else { statistic.parts.iter().map(part).collect() }
    };
    Frames { keys: keys(&table.keys), sums: table.statistics.iter().zip(reads).map(sums).collect() }
}

/// The frames of a table, from the same table under other conditions.
pub(crate) fn other(table: &CellTable, other: CellTable, reads: &[Reads]) -> Frames {
    let sums = |((statistic, framed), reads): ((&StatisticColumn, &StatisticColumn), &Reads)| {
        let all = framed.parts.iter().map(|part| counted(part, &other.groups)).collect::<Vec<_>>();
        let part = |(number, _)| all.get(number).or(all.first()).cloned().unwrap_or_default();
        if *reads == Reads::Not { Vec::new() } else { statistic.parts.iter().enumerate().map(part).collect() }
    };
    let sums = table.statistics.iter().zip(&other.statistics).zip(reads).map(sums).collect();
    Frames { keys: other.keys, sums }
}

/// With how much each record of a person counts: as often as a person may have what is counted, nobody knows.
fn counted(part: &Part, groups: &[Evidence]) -> Vec<Evidence> {
    let counts = |sum: &Evidence| sum.is_positive() && sum.total() == Some(i128::from(sum.records()));
    let unit = match part.scale {
        Scale::Binary30 => 1 << (30 - KEPT_BITS),
        Scale::Binary60 => 1 << (60 - KEPT_BITS),
        Scale::Decimal(digits) => {
            10_i128.checked_pow(u32::from(digits.saturating_sub(KEPT_DIGITS))).unwrap_or(i128::MAX)
        }
        Scale::Integer => 1,
    };
    let sums = part.evidence.iter().zip(groups);
    sums.map(|(sum, group)| if counts(sum) { sum.once_per_person() } else { weights(sum, group, unit) })
        .collect()
}

/// The mean amount of a person's records.
fn weights(sum: &Evidence, group: &Evidence, unit: i128) -> Evidence {
    let mut tally = Tally::new();
    let mut records = group.contributions().iter().peekable();
    for (subject, amount) in sum.contributions().iter() {
        while records.next_if(|(known, _)| *known < subject).is_some() {}
        let number = records.peek().filter(|(known, _)| *known == subject).map_or(1, |(_, number)| *number);
        let kept = amount.checked_div_euclid(unit).and_then(|kept| kept.checked_mul(FINENESS));
        let weight = kept.and_then(|whole| whole.checked_div(number));
        match weight.and_then(|weight| i64::try_from(weight).ok()) {
            Some(weight) => tally.add_word(subject, weight),
            None => tally.add_overflow(subject),
        }
    }
    tally.freeze()
}

fn once(sums: &[Evidence]) -> Vec<Evidence> {
    sums.iter().map(Evidence::once_per_person).collect()
}

fn keys(keys: &[KeyColumn]) -> Vec<KeyColumn> {
    let key = |key: &KeyColumn| KeyColumn {
        name: key.name.clone(),
        values: std::sync::Arc::clone(&key.values),
        declared: key.declared,
        telling: key.telling,
    };
    keys.iter().map(key).collect()
}
