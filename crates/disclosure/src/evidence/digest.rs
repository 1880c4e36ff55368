//! Digests of contributions, by which a sum is known again. The form in which amounts are stored does not
//! show in them.

use blake3::Hasher;

use super::amounts::{Amounts, Stored};
use super::sums::Sums;

/// Numbers that are hashed at once.
const BLOCK: usize = 2_048;

/// Of people.
pub(super) fn of_people(ids: &[u32]) -> [u8; 32] {
    let mut hash = Hasher::new_derive_key("sekisho evidence 1: people");
    pieces(&mut hash, ids.iter().copied(), u32::to_le_bytes);
    hash.finalize().into()
}

/// Of people, by their digest, with what they contribute.
pub(super) fn of_contributions(people: &[u8; 32], amounts: &Stored, sums: &Sums) -> [u8; 32] {
    let mut hash = Hasher::new_derive_key("sekisho evidence 1: contributions");
    hash.update(people);
    hash.update(&[u8::from(sums.total.is_none()), u8::from(sums.absolute.is_none())]);
    let each = Amounts(amounts).iter();
    // The narrowest form that has room for each, whichever they are stored in.
    let not_negative = sums.total.is_some_and(|total| u128::try_from(total).ok() == sums.absolute);
    if sums.positive && sums.largest <= 1 {
        hash.update(&[0]);
    } else if not_negative && sums.largest <= u128::from(u8::MAX) {
        hash.update(&[1]);
        match amounts {
            Stored::Bytes(bytes) => {
                hash.update(bytes);
            }
            Stored::Ones(_) | Stored::Words(_) | Stored::Wide(_) => pieces(&mut hash, each, low::<1>),
        }
    } else if sums.largest <= u128::from(i64::MAX.unsigned_abs()) {
        hash.update(&[8]);
        pieces(&mut hash, each, low::<8>);
    } else {
        hash.update(&[16]);
        pieces(&mut hash, each, i128::to_le_bytes);
    }
    hash.finalize().into()
}

/// The low bytes of a number that needs no more.
fn low<const N: usize>(amount: i128) -> [u8; N] {
    amount.to_le_bytes().first_chunk().copied().unwrap_or([0; N])
}

/// Hashes numbers, many at a time.
fn pieces<T, const N: usize>(
    hash: &mut Hasher,
    mut numbers: impl ExactSizeIterator<Item = T>,
    bytes: impl Fn(T) -> [u8; N],
) {
    let mut block = vec![[0; N]; BLOCK.min(numbers.len())];
    while numbers.len() > 0 {
        let length = numbers.len().min(block.len());
        for (place, number) in block.iter_mut().zip(numbers.by_ref().take(length)) {
            *place = bytes(number);
        }
        hash.update(block.get(..length).unwrap_or_default().as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use crate::evidence::Evidence;
    use crate::testing::evidence;

    fn digest(sum: &Evidence) -> [u8; 32] {
        sum.contributions().digest()
    }

    proptest! {
        #[test]
        fn digests_are_equal_where_contributions_are(
            sums in prop::collection::vec(
                prop::collection::btree_map(
                    0_u32..4,
                    prop_oneof![Just(1_i128), 0_i128..3, -2_i128..400, any::<i64>().prop_map(i128::from), any::<i128>()],
                    0..4,
                ),
                2..6,
            ),
        ) {
            let sum = |people: &BTreeMap<u32, i128>| evidence(people.iter().map(|(person, amount)| (*person, *amount)));
            for left in &sums {
                for right in &sums {
                    prop_assert_eq!(digest(&sum(left)) == digest(&sum(right)), left == right);
                }
            }
        }

        #[test]
        fn a_digest_does_not_show_how_amounts_are_stored(
            amounts in prop::collection::vec(prop_oneof![0_i128..3, -200_i128..300], 1..20),
            wide in any::<i128>(),
        ) {
            let amounts = || (0_u32..).zip(amounts.iter().copied());
            let mut tally = crate::evidence::Tally::new();
            // One amount that is too wide for the others' form, and is taken back.
            let first = amounts().next().map_or(0, |(_, amount)| amount);
            tally.add(0, wide / 2, []);
            tally.add(0, -(wide / 2), []);
            tally.add(0, first, []);
            amounts().skip(1).for_each(|(person, amount)| tally.add(person, amount, []));
            prop_assert_eq!(digest(&tally.freeze()), digest(&evidence(amounts())));
        }
    }
}
