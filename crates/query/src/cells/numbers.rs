//! Numbers for distinct values: one probe of a table for each row.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, new_empty_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};

/// Longest texts, in bytes, that are a key of 64 bits, and of 128 bits; a longer one is looked up in a map.
const SHORT: usize = 7;
const MIDDLE: usize = 15;

/// Whether values of this type can be numbered.
pub(super) fn can_be_numbered(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Date32
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Timestamp(_, _)
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Utf8
    )
}

/// The distinct values of one key, in the order in which they were first seen.
pub(super) struct Values {
    data_type: DataType,
    numbers: Table<u64>,
    /// Numbers of texts that are too long for that.
    middle: Table<u128>,
    /// Numbers of texts that are longer still.
    long: HashMap<Box<str>, u32>,
    null: Option<u32>,
    values: Vec<ScalarValue>,
    /// Bytes of the texts among the values, and among the keys of the map.
    texts: usize,
}

impl Values {
    pub(super) fn new(data_type: &DataType) -> Self {
        let data_type = data_type.clone();
        let (numbers, middle) = (Table::new(), Table::new());
        Self { data_type, numbers, middle, long: HashMap::new(), null: None, values: Vec::new(), texts: 0 }
    }

    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The number of each row's value.
    pub(super) fn number(&mut self, array: &ArrayRef) -> Result<Vec<u32>> {
        if array.null_count() == array.len() {
            let null = if array.is_empty() { 0 } else { self.number_of_null()? };
            return Ok(vec![null; array.len()]);
        }
        match array.as_string_opt::<i32>() {
            Some(texts) => self.number_texts(texts, array),
            None => self.number_integers(array),
        }
    }

    /// The values of some numbers.
    pub(super) fn array(&self, numbers: &[u32]) -> Result<ArrayRef> {
        if numbers.is_empty() {
            return Ok(new_empty_array(&self.data_type));
        }
        let missing = || DataFusionError::Execution("a key's number has no value".into());
        let value = |number: &u32| usize::try_from(*number).ok().and_then(|number| self.values.get(number));
        let values: Option<Vec<ScalarValue>> = numbers.iter().map(|number| value(number).cloned()).collect();
        ScalarValue::iter_to_array(values.ok_or_else(missing)?)
    }

    /// About how many bytes are held.
    pub(super) fn heap_size(&self) -> usize {
        self.numbers.heap_size()
            + self.middle.heap_size()
            + (self.values.len() + self.long.len()) * 2 * size_of::<ScalarValue>()
            + self.texts
    }

    fn number_texts(&mut self, texts: &StringArray, array: &ArrayRef) -> Result<Vec<u32>> {
        let bytes = texts.value_data();
        let mut numbers = Vec::with_capacity(texts.len());
        for (row, ends) in texts.value_offsets().windows(2).enumerate() {
            let [start, end] = ends else { continue };
            let (start, end) = (usize::try_from(*start).unwrap_or(0), usize::try_from(*end).unwrap_or(0));
            let number = if texts.is_null(row) {
                self.number_of_null()?
            } else if end - start <= MIDDLE {
                let (number, new) = if end - start <= SHORT {
                    self.numbers.number(short(bytes, start, end), self.values.len())?
                } else {
                    self.middle.number(middle(bytes, start, end), self.values.len())?
                };
                if new {
                    self.texts += end - start;
                    self.values.push(ScalarValue::try_from_array(array, row)?);
                }
                number
            } else if let Some(number) = self.long.get(texts.value(row)) {
                *number
            } else {
                let number = next(self.values.len())?;
                self.texts += 2 * (end - start);
                self.long.insert(texts.value(row).into(), number);
                self.values.push(ScalarValue::try_from_array(array, row)?);
                number
            };
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn number_integers(&mut self, array: &ArrayRef) -> Result<Vec<u32>> {
        let integers = cast(array, &DataType::Int64)?;
        let Some(integers) = integers.as_primitive_opt::<Int64Type>() else {
            return Err(DataFusionError::Execution("a key is no integer".into()));
        };
        let mut numbers = Vec::with_capacity(integers.len());
        for (row, integer) in integers.values().iter().enumerate() {
            let number = if integers.is_null(row) {
                self.number_of_null()?
            } else {
                let (number, new) = self.numbers.number(integer.cast_unsigned(), self.values.len())?;
                if new {
                    self.values.push(ScalarValue::try_from_array(array, row)?);
                }
                number
            };
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn number_of_null(&mut self) -> Result<u32> {
        if let Some(number) = self.null {
            return Ok(number);
        }
        let number = next(self.values.len())?;
        self.values.push(ScalarValue::try_from(&self.data_type)?);
        self.null = Some(number);
        Ok(number)
    }
}

/// A text of at most [`SHORT`] bytes and its length as one number.
fn short(bytes: &[u8], start: usize, end: usize) -> u64 {
    let length = end - start;
    let tag = u64::try_from(length).unwrap_or(0) << (8 * SHORT);
    // A load that may reach beyond the text is faster than a copy of unknown length.
    let text = match bytes.get(start..).and_then(|rest| rest.first_chunk()) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => u64::from_le_bytes(padded(bytes, start, end)),
    };
    (text & ((1 << (8 * length)) - 1)) | tag
}

/// A text of at most [`MIDDLE`] bytes and its length as one number.
fn middle(bytes: &[u8], start: usize, end: usize) -> u128 {
    let length = end - start;
    let tag = u128::try_from(length).unwrap_or(0) << (8 * MIDDLE);
    let text = match bytes.get(start..).and_then(|rest| rest.first_chunk()) {
        Some(sixteen) => u128::from_le_bytes(*sixteen),
        None => u128::from_le_bytes(padded(bytes, start, end)),
    };
    (text & ((1 << (8 * length)) - 1)) | tag
}

fn padded<const N: usize>(bytes: &[u8], start: usize, end: usize) -> [u8; N] {
    let mut padded = [0; N];
    for (to, from) in padded.iter_mut().zip(bytes.get(start..end).unwrap_or_default()) {
        *to = *from;
    }
    padded
}

fn next(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| DataFusionError::ResourcesExhausted("too many groups".into()))
}

/// What a table may have for a key.
pub(super) trait Key: Copy + Default + PartialEq {
    /// The key as two words.
    fn words(self) -> (u64, u64);
}

impl Key for u64 {
    fn words(self) -> (u64, u64) {
        (self, 0)
    }
}

impl Key for u128 {
    fn words(self) -> (u64, u64) {
        let word = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
        (word(self), word(self >> 64))
    }
}

/// A table from keys to numbers: open addressing with linear probing, at most half full.
pub(super) struct Table<K> {
    slots: Vec<Slot<K>>,
    filled: usize,
    /// Drawn anew for each table, so that nobody can choose values that collide.
    seeds: (u64, u64),
}

#[derive(Clone, Copy, Default)]
struct Slot<K> {
    key: K,
    /// The number of the key and one; zero where nothing is.
    number: u32,
}

impl<K: Key> Table<K> {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let seeds = (random.hash_one(1), random.hash_one(2) | 1);
        Self { slots: vec![Slot::default(); 16], filled: 0, seeds }
    }

    /// The number of a key, and whether it is `next_number` because the key is new.
    pub(super) fn number(&mut self, key: K, next_number: usize) -> Result<(u32, bool)> {
        let slot = self.slot(key);
        match self.slots.get(slot) {
            Some(Slot { number, .. }) if *number > 0 => Ok((number - 1, false)),
            _ => {
                let number = next(next_number)?;
                self.insert(slot, Slot { key, number: next(next_number + 1)? });
                Ok((number, true))
            }
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<K>>()
    }

    /// Where a key is, or would be.
    fn slot(&self, key: K) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(key) & mask;
        while let Some(found) = self.slots.get(slot)
            && found.number > 0
            && found.key != key
        {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn hash(&self, key: K) -> usize {
        let (low, high) = key.words();
        let product = u128::from(low ^ self.seeds.0).wrapping_mul(u128::from(high ^ self.seeds.1));
        let folded = (product ^ (product >> 64)) & u128::from(u64::MAX);
        usize::try_from(folded).unwrap_or(0)
    }

    fn insert(&mut self, slot: usize, filled: Slot<K>) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = filled;
        }
        self.filled += 1;
        if self.filled * 2 > self.slots.len() {
            let larger = vec![Slot::default(); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, larger);
            for filled in old.into_iter().filter(|slot| slot.number > 0) {
                let slot = self.slot(filled.key);
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = filled;
                }
            }
        }
    }
}

/// Two numbers as one key.
pub(super) fn pair(left: u32, right: u32) -> u64 {
    (u64::from(left) << 32) | u64::from(right)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{BooleanArray, Date32Array, Int64Array};
    use proptest::prelude::*;

    use super::*;

    fn check(arrays: &[ArrayRef]) {
        let mut values = Values::new(arrays[0].data_type());
        let mut known: Vec<ScalarValue> = Vec::new();
        for array in arrays {
            let numbers = values.number(array).unwrap();
            for (row, number) in numbers.iter().enumerate() {
                let value = ScalarValue::try_from_array(array, row).unwrap();
                let place = known.iter().position(|known| *known == value).unwrap_or(known.len());
                if place == known.len() {
                    known.push(value);
                }
                assert_eq!(*number as usize, place);
            }
            assert_eq!(values.array(&numbers).unwrap().as_ref(), array.as_ref());
        }
    }

    proptest! {
        #[test]
        fn equal_texts_have_one_number(texts in prop::collection::vec(prop::option::of("[a\\x00]{0,20}"), 1..200)) {
            let (left, right) = texts.split_at(texts.len() / 2 + 1);
            let array = |texts: &[Option<String>]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
            check(&[array(left), array(right)]);
        }

        #[test]
        fn texts_are_weighed(lengths in prop::collection::vec(16_usize..2_000, 1..40)) {
            let text = |(number, length): (usize, &usize)| format!("{number:0length$}");
            let texts: Vec<String> = lengths.iter().enumerate().map(text).collect();
            let mut values = Values::new(&DataType::Utf8);
            let before = values.heap_size();
            values.number(&(Arc::new(StringArray::from(texts.clone())) as ArrayRef)).unwrap();
            let distinct: std::collections::BTreeSet<&String> = texts.iter().collect();
            let bytes: usize = distinct.iter().map(|text| text.len()).sum();
            prop_assert!(values.heap_size() - before >= 2 * bytes);
        }

        #[test]
        fn equal_integers_have_one_number(integers in prop::collection::vec(prop::option::of(-3_i64..200), 1..400)) {
            check(&[Arc::new(Int64Array::from(integers.clone())) as ArrayRef]);
            let days = integers.iter().map(|day| day.map(|day| day as i32));
            check(&[Arc::new(Date32Array::from_iter(days)) as ArrayRef]);
            check(&[Arc::new(BooleanArray::from_iter(integers.iter().map(|x| x.map(|x| x > 0)))) as ArrayRef]);
        }
    }
}
