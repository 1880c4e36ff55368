//! Numbers for distinct values: one probe of a table for each row.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray, new_empty_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};

use super::table::{Table, next};
use crate::coded::is_coded;

/// Longest texts, in bytes, that are a key of 64 bits, and of 128 bits; a longer one is looked up in a map.
const SHORT: usize = 7;
const MIDDLE: usize = 15;

/// Integers so near to the first one, to either side, are found by their place; dates and years are.
const NEAR: i64 = 1 << 13;

/// Whether values of this type can be numbered.
pub(super) fn can_be_numbered(data_type: &DataType) -> bool {
    is_coded(data_type)
        || matches!(
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

/// Numbers of the values of one dictionary.
struct Dictionary {
    values: ArrayRef,
    /// By place; nought where the value was not met, else its number and one.
    numbers: Vec<u32>,
}

/// The distinct values of one key, in the order in which they were first seen.
pub(super) struct Values {
    data_type: DataType,
    /// The dictionary of the last rows: usually that of the next.
    dictionary: Option<Dictionary>,
    /// The integer in the middle of those that are found by place, and the number and one of each.
    near: Option<(i64, Vec<u32>)>,
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
        Self {
            data_type,
            dictionary: None,
            near: None,
            numbers: Table::new(),
            middle: Table::new(),
            long: HashMap::new(),
            null: None,
            values: Vec::new(),
            texts: 0,
        }
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
        if let Some(coded) = array.as_dictionary_opt::<Int32Type>() {
            self.number_coded(coded)
        } else if let Some(texts) = array.as_string_opt::<i32>() {
            (0..texts.len()).map(|row| self.number_text(texts, row)).collect()
        } else {
            self.number_integers(array)
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
        let values = ScalarValue::iter_to_array(values.ok_or_else(missing)?)?;
        Ok(cast(&values, &self.data_type)?)
    }

    /// About how many bytes are held.
    pub(super) fn heap_size(&self) -> usize {
        let dictionary = self.dictionary.iter().map(|dictionary| {
            dictionary.values.get_array_memory_size() + dictionary.numbers.capacity() * size_of::<u32>()
        });
        self.numbers.heap_size()
            + self.middle.heap_size()
            + self.near.iter().map(|(_, numbers)| numbers.capacity() * size_of::<u32>()).sum::<usize>()
            + dictionary.sum::<usize>()
            + (self.values.len() + self.long.len()) * 2 * size_of::<ScalarValue>()
            + self.texts
    }

    /// Rows that name a value of a dictionary by its place.
    fn number_coded(&mut self, coded: &DictionaryArray<Int32Type>) -> Result<Vec<u32>> {
        let Some(texts) = coded.values().as_string_opt::<i32>() else {
            return Err(DataFusionError::Execution("a dictionary is not of texts".into()));
        };
        let known = self.dictionary.take().filter(|known| Arc::ptr_eq(&known.values, coded.values()));
        let mut dictionary = known.unwrap_or_else(|| Dictionary {
            values: Arc::clone(coded.values()),
            numbers: vec![0; texts.len()],
        });
        let mut numbers = Vec::with_capacity(coded.len());
        for (row, place) in coded.keys().values().iter().enumerate() {
            if coded.is_null(row) {
                numbers.push(self.number_of_null()?);
                continue;
            }
            let place = usize::try_from(*place).unwrap_or(usize::MAX);
            let number = match dictionary.numbers.get_mut(place) {
                Some(0) | None => {
                    let number = self.number_text(texts, place)?;
                    if let Some(known) = dictionary.numbers.get_mut(place) {
                        *known = number + 1;
                    }
                    number
                }
                Some(known) => *known - 1,
            };
            numbers.push(number);
        }
        self.dictionary = Some(dictionary);
        Ok(numbers)
    }

    /// The number of one text.
    fn number_text(&mut self, texts: &StringArray, row: usize) -> Result<u32> {
        if texts.is_null(row) {
            return self.number_of_null();
        }
        let offset = |row: usize| texts.value_offsets().get(row).and_then(|at| usize::try_from(*at).ok());
        let (Some(start), Some(end)) = (offset(row), offset(row + 1)) else {
            return Err(DataFusionError::Execution("a text is not there".into()));
        };
        let (bytes, length) = (texts.value_data(), end - start);
        let (number, new) = if length <= SHORT {
            self.numbers.number(short(bytes, start, end), self.values.len())?
        } else if length <= MIDDLE {
            self.middle.number(middle(bytes, start, end), self.values.len())?
        } else if let Some(number) = self.long.get(texts.value(row)) {
            (*number, false)
        } else {
            let number = next(self.values.len())?;
            self.texts += length;
            self.long.insert(texts.value(row).into(), number);
            (number, true)
        };
        if new {
            self.texts += length;
            self.values.push(ScalarValue::Utf8(Some(texts.value(row).into())));
        }
        Ok(number)
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
                self.number_integer(*integer, || ScalarValue::try_from_array(array, row))?
            };
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// The number of one integer, which stands for a value.
    fn number_integer(&mut self, integer: i64, value: impl FnOnce() -> Result<ScalarValue>) -> Result<u32> {
        let width = usize::try_from(2 * NEAR).unwrap_or(0);
        let (middle, near) = self.near.get_or_insert_with(|| (integer, vec![0; width]));
        let place = integer.checked_sub(*middle).and_then(|place| place.checked_add(NEAR));
        if let Some(known) = place.and_then(|place| near.get_mut(usize::try_from(place).ok()?)) {
            if *known == 0 {
                *known = next(self.values.len() + 1)?;
                self.values.push(value()?);
            }
            return Ok(*known - 1);
        }
        let (number, new) = self.numbers.number(integer.cast_unsigned(), self.values.len())?;
        if new {
            self.values.push(value()?);
        }
        Ok(number)
    }

    fn number_of_null(&mut self) -> Result<u32> {
        if let Some(number) = self.null {
            return Ok(number);
        }
        let number = next(self.values.len())?;
        let null =
            if is_coded(&self.data_type) { ScalarValue::Utf8(None) } else { (&self.data_type).try_into()? };
        self.values.push(null);
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

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{BooleanArray, Date32Array, Int64Array};
    use proptest::prelude::*;

    use super::*;

    use crate::coded::coded;

    fn check(arrays: &[ArrayRef]) {
        let mut values = Values::new(arrays[0].data_type());
        let mut known: Vec<ScalarValue> = Vec::new();
        for array in arrays {
            let numbers = values.number(array).unwrap();
            for (row, number) in numbers.iter().enumerate() {
                let mut value = ScalarValue::try_from_array(array, row).unwrap();
                if let ScalarValue::Dictionary(_, text) = value {
                    value = *text;
                }
                let place = known.iter().position(|known| *known == value).unwrap_or(known.len());
                if place == known.len() {
                    known.push(value);
                }
                assert_eq!(*number as usize, place);
            }
            let texts = |array: &ArrayRef| cast(array, &ScalarValue::data_type(&known[0])).unwrap();
            let again = values.array(&numbers).unwrap();
            assert_eq!(again.data_type(), array.data_type());
            assert_eq!(&texts(&again), &texts(array));
        }
    }

    proptest! {
        #[test]
        fn equal_texts_have_one_number(texts in prop::collection::vec(prop::option::of("[a\\x00]{0,20}"), 1..200)) {
            let (left, right) = texts.split_at(texts.len() / 2 + 1);
            let array = |texts: &[Option<String>]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
            check(&[array(left), array(right)]);
            // The same as places in dictionaries: of all rows, and of each part by itself.
            let coded = |texts: &[Option<String>]| cast(&array(texts), &coded()).unwrap();
            let all = coded(&texts);
            check(&[all.slice(0, left.len()), all.slice(left.len(), right.len()), coded(left), coded(right)]);
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
