//! Amounts beside people, in as few bytes as they fit: most are one, and few need sixteen bytes.

use std::cmp::Ordering;

/// The amounts of some people, in their order.
#[derive(Clone)]
pub(super) enum Stored {
    /// Each is 1; how many there are.
    Ones(usize),
    /// Each is 0 to 255.
    Bytes(Vec<u8>),
    /// Each fits 64 bits.
    Words(Vec<i64>),
    /// Any.
    Wide(Vec<i128>),
}

/// An amount has no room in 128 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Overflow;

impl Default for Stored {
    fn default() -> Self {
        Self::Ones(0)
    }
}

impl Stored {
    #[inline]
    pub(super) fn push_one(&mut self) {
        match self {
            Self::Ones(length) => *length = length.saturating_add(1),
            Self::Bytes(bytes) => bytes.push(1),
            Self::Words(words) => words.push(1),
            Self::Wide(wide) => wide.push(1),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, amount: i64) {
        match self {
            Self::Words(words) => words.push(amount),
            Self::Ones(length) if amount == 1 => *length = length.saturating_add(1),
            Self::Bytes(bytes) => match u8::try_from(amount) {
                Ok(byte) => bytes.push(byte),
                Err(_) => self.widen(i128::from(amount)).push(amount),
            },
            Self::Wide(wide) => wide.push(i128::from(amount)),
            Self::Ones(_) => self.widen(i128::from(amount)).push(amount),
        }
    }

    pub(super) fn push_wide(&mut self, amount: i128) {
        match (&mut *self, i64::try_from(amount)) {
            (Self::Wide(wide), _) => wide.push(amount),
            (_, Ok(amount)) => self.push(amount),
            (_, Err(_)) => self.widen(amount).push_wide(amount),
        }
    }

    /// Adds to the last amount; there is one.
    #[inline]
    pub(super) fn add_to_last(&mut self, amount: i128) -> Result<(), Overflow> {
        match self {
            Self::Bytes(bytes) => {
                if let (Some(last), Ok(amount)) = (bytes.last_mut(), u8::try_from(amount))
                    && let Some(sum) = last.checked_add(amount)
                {
                    *last = sum;
                    return Ok(());
                }
            }
            Self::Words(words) => {
                if let (Some(last), Ok(amount)) = (words.last_mut(), i64::try_from(amount))
                    && let Some(sum) = last.checked_add(amount)
                {
                    *last = sum;
                    return Ok(());
                }
            }
            Self::Ones(_) | Self::Wide(_) => {}
        }
        self.add_to_last_slowly(amount)
    }

    #[cold]
    fn add_to_last_slowly(&mut self, amount: i128) -> Result<(), Overflow> {
        let last = self.pop().unwrap_or(0);
        let sum = last.checked_add(amount);
        self.push_wide(sum.unwrap_or(last));
        sum.map(|_| ()).ok_or(Overflow)
    }

    fn pop(&mut self) -> Option<i128> {
        match self {
            Self::Ones(length) => {
                *length = length.checked_sub(1)?;
                Some(1)
            }
            Self::Bytes(bytes) => bytes.pop().map(i128::from),
            Self::Words(words) => words.pop().map(i128::from),
            Self::Wide(wide) => wide.pop(),
        }
    }

    /// Takes a form that has room for `amount`, and for what is there.
    #[cold]
    fn widen(&mut self, amount: i128) -> &mut Self {
        let view = Amounts(self);
        *self = if i64::try_from(amount).is_err() || matches!(self, Self::Wide(_)) {
            Self::Wide(view.iter().collect())
        } else if u8::try_from(amount).is_ok() && matches!(self, Self::Ones(_)) {
            Self::Bytes(vec![1; view.len()])
        } else {
            let words = match &*self {
                Self::Ones(length) => vec![1; *length],
                Self::Bytes(bytes) => bytes.iter().map(|byte| i64::from(*byte)).collect(),
                Self::Words(words) => words.clone(),
                Self::Wide(_) => Vec::new(),
            };
            Self::Words(words)
        };
        self
    }

    /// Appends what others gathered.
    pub(super) fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Ones(length), Self::Ones(more)) => *length = length.saturating_add(*more),
            (Self::Bytes(bytes), Self::Bytes(more)) => bytes.extend_from_slice(more),
            (Self::Words(words), Self::Words(more)) => words.extend_from_slice(more),
            (Self::Wide(wide), Self::Wide(more)) => wide.extend_from_slice(more),
            _ => Amounts(other).iter().for_each(|amount| self.push_wide(amount)),
        }
    }

    /// Room for so many more, and for none beside.
    pub(super) fn reserve_exact(&mut self, more: usize) {
        match self {
            Self::Ones(_) => {}
            Self::Bytes(bytes) => bytes.reserve_exact(more),
            Self::Words(words) => words.reserve_exact(more),
            Self::Wide(wide) => wide.reserve_exact(more),
        }
    }

    /// Bytes on the heap without which it would not fit.
    pub(super) fn least_heap_size(&self) -> usize {
        match self {
            Self::Ones(_) => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Words(words) => size_of_val(words.as_slice()),
            Self::Wide(wide) => size_of_val(wide.as_slice()),
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Ones(_) => 0,
            Self::Bytes(bytes) => bytes.capacity(),
            Self::Words(words) => words.capacity().saturating_mul(size_of::<i64>()),
            Self::Wide(wide) => wide.capacity().saturating_mul(size_of::<i128>()),
        }
    }
}

/// The contributions of some people, in the order of their dense ids.
#[derive(Clone, Copy)]
pub struct Amounts<'a>(pub(super) &'a Stored);

impl<'a> Amounts<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            Stored::Ones(length) => *length,
            Stored::Bytes(bytes) => bytes.len(),
            Stored::Words(words) => words.len(),
            Stored::Wide(wide) => wide.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The amount at a place.
    #[must_use]
    pub fn get(self, place: usize) -> Option<i128> {
        match self.0 {
            Stored::Ones(length) => (place < *length).then_some(1),
            Stored::Bytes(bytes) => bytes.get(place).copied().map(i128::from),
            Stored::Words(words) => words.get(place).copied().map(i128::from),
            Stored::Wide(wide) => wide.get(place).copied(),
        }
    }

    /// One after the other.
    #[must_use]
    pub fn iter(self) -> AmountsIter<'a> {
        self.from(0)
    }

    /// One after the other, from a place on.
    pub(crate) fn from(self, place: usize) -> AmountsIter<'a> {
        match self.0 {
            Stored::Ones(length) => AmountsIter::Ones(length.saturating_sub(place)),
            Stored::Bytes(bytes) => AmountsIter::Bytes(bytes.get(place..).unwrap_or_default().iter()),
            Stored::Words(words) => AmountsIter::Words(words.get(place..).unwrap_or_default().iter()),
            Stored::Wide(wide) => AmountsIter::Wide(wide.get(place..).unwrap_or_default().iter()),
        }
    }
}

impl<'a> IntoIterator for Amounts<'a> {
    type Item = i128;
    type IntoIter = AmountsIter<'a>;

    fn into_iter(self) -> AmountsIter<'a> {
        self.iter()
    }
}

impl Ord for Amounts<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Stored::Ones(left), Stored::Ones(right)) => left.cmp(right),
            (Stored::Bytes(left), Stored::Bytes(right)) => left.cmp(right),
            (Stored::Words(left), Stored::Words(right)) => left.cmp(right),
            (Stored::Ones(_) | Stored::Bytes(_) | Stored::Words(_) | Stored::Wide(_), _) => {
                self.iter().cmp(other.iter())
            }
        }
    }
}

impl PartialOrd for Amounts<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Amounts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Amounts<'_> {}

/// Amounts one after the other.
pub enum AmountsIter<'a> {
    /// Ones; how many are left.
    Ones(usize),
    /// Small amounts.
    Bytes(std::slice::Iter<'a, u8>),
    /// Amounts of 64 bits.
    Words(std::slice::Iter<'a, i64>),
    /// Any amounts.
    Wide(std::slice::Iter<'a, i128>),
}

impl Iterator for AmountsIter<'_> {
    type Item = i128;

    fn next(&mut self) -> Option<i128> {
        match self {
            Self::Ones(left) => {
                *left = left.checked_sub(1)?;
                Some(1)
            }
            Self::Bytes(bytes) => bytes.next().copied().map(i128::from),
            Self::Words(words) => words.next().copied().map(i128::from),
            Self::Wide(wide) => wide.next().copied(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Self::Ones(left) => *left,
            Self::Bytes(bytes) => bytes.len(),
            Self::Words(words) => words.len(),
            Self::Wide(wide) => wide.len(),
        };
        (left, Some(left))
    }

    /// One loop for each form, so that the compiler sees its bounds.
    fn fold<B, F: FnMut(B, i128) -> B>(self, init: B, mut f: F) -> B {
        match self {
            Self::Ones(left) => (0..left).fold(init, |folded, _| f(folded, 1)),
            Self::Bytes(bytes) => bytes.fold(init, |folded, byte| f(folded, i128::from(*byte))),
            Self::Words(words) => words.fold(init, |folded, word| f(folded, i128::from(*word))),
            Self::Wide(wide) => wide.fold(init, |folded, wide| f(folded, *wide)),
        }
    }
}

impl ExactSizeIterator for AmountsIter<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount() -> impl Strategy<Value = i128> {
        prop_oneof![Just(1_i128), 0_i128..300, any::<i64>().prop_map(i128::from), any::<i128>()]
    }

    proptest! {
        #[test]
        fn amounts_read_back_whatever_their_size(steps in prop::collection::vec((amount(), any::<bool>()), 0..40)) {
            let (mut stored, mut expected) = (Stored::default(), Vec::<i128>::new());
            for (amount, added) in steps {
                match expected.last_mut().filter(|_| added) {
                    Some(last) => {
                        let fits = last.checked_add(amount);
                        prop_assert_eq!(stored.add_to_last(amount).is_ok(), fits.is_some());
                        *last = fits.unwrap_or(*last);
                    }
                    None => {
                        stored.push_wide(amount);
                        expected.push(amount);
                    }
                }
            }
            prop_assert_eq!(Amounts(&stored).iter().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(Amounts(&stored).iter().fold(Vec::new(), |mut all, amount| { all.push(amount); all }), expected.clone());
            prop_assert_eq!(Amounts(&stored).get(3), expected.get(3).copied());
            prop_assert_eq!(Amounts(&stored).len(), expected.len());
        }

        #[test]
        fn amounts_compare_by_what_they_are(left in prop::collection::vec(amount(), 0..4), right in prop::collection::vec(amount(), 0..4)) {
            let stored = |amounts: &[i128]| {
                let mut stored = Stored::default();
                amounts.iter().for_each(|amount| stored.push_wide(*amount));
                stored
            };
            let (one, other) = (stored(&left), stored(&right));
            prop_assert_eq!(Amounts(&one).cmp(&Amounts(&other)), left.cmp(&right));
            let mut both = one.clone();
            both.append(&other);
            prop_assert!(Amounts(&both) == Amounts(&stored(&[left, right].concat())));
        }
    }
}
