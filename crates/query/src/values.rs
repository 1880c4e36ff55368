//! The aggregate that gathers single values of data subjects, for order statistics and counts of values.
//!
//! `values(subject, value)` answers the bytes of a [`ValueTally`]. Rows with a NULL subject or value are
//! no records of it. A text stands for its hash of 128 bits: equal texts are equal values.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, StringArray, UInt32Array,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::disclosure::ValueTally;
use crate::tally::{Amount, Amounts};

/// The aggregate function; `distinct` keeps each value of a person once.
pub(crate) fn values(distinct: bool) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(ValuesFunction { distinct, signature }))
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct ValuesFunction {
    distinct: bool,
    signature: Signature,
}

impl ValuesFunction {
    fn empty(&self) -> ValueTally {
        if self.distinct { ValueTally::of_distinct() } else { ValueTally::new() }
    }
}

impl AggregateUDFImpl for ValuesFunction {
    fn name(&self) -> &str {
        if self.distinct { "distinct_values" } else { "values" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[values]", args.name), DataType::LargeBinary, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(self.empty())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many { empty: self.empty(), tallies: Vec::new(), heap: 0 }))
    }
}

/// The values of a statistic without groups.
struct One(ValueTally);

impl std::fmt::Debug for One {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("One(..)")
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::new(values)?;
        (0..rows.subjects.len()).for_each(|row| rows.add(row, &mut self.0));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeBinary(Some(self.0.encode())))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.heap_size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in encoded(states)?.iter().flatten() {
            self.0.merge(&decode(bytes)?);
        }
        Ok(())
    }
}

/// The values of each group.
struct Many {
    empty: ValueTally,
    tallies: Vec<ValueTally>,
    heap: usize,
}

impl Many {
    fn grow(&mut self, groups: usize) {
        if self.tallies.len() < groups {
            self.tallies.resize(groups, self.empty.clone());
        }
    }

    fn weigh(&mut self) {
        self.heap = self.tallies.iter().map(ValueTally::heap_size).sum();
    }

    fn take(&mut self, emit_to: EmitTo) -> ArrayRef {
        let taken = emit_to.take_needed(&mut self.tallies);
        self.weigh();
        Arc::new(LargeBinaryArray::from_iter_values(taken.iter().map(ValueTally::encode)))
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.grow(groups);
        let rows = Rows::new(values)?;
        for (row, group) in group_indices.iter().enumerate() {
            let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let Some(tally) = self.tallies.get_mut(*group).filter(|_| passes) {
                let before = tally.heap_size();
                rows.add(row, tally);
                self.heap = self.heap.saturating_add(tally.heap_size().saturating_sub(before));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.take(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(emit_to)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.grow(groups);
        for (bytes, group) in encoded(values)?.iter().zip(group_indices) {
            if let (Some(bytes), Some(tally)) = (bytes, self.tallies.get_mut(*group)) {
                tally.merge(&decode(bytes)?);
            }
        }
        self.weigh();
        Ok(())
    }

    fn convert_to_state(&self, _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        exec_err!("values are not converted row by row")
    }

    fn size(&self) -> usize {
        self.tallies.capacity() * size_of::<ValueTally>() + self.heap
    }
}

/// The arguments of one batch.
struct Rows<'a> {
    subjects: &'a UInt32Array,
    values: Single<'a>,
}

enum Single<'a> {
    Number(Amounts<'a>),
    Text(&'a StringArray),
}

impl<'a> Rows<'a> {
    fn new(arguments: &'a [ArrayRef]) -> Result<Self> {
        let [subjects, values] = arguments else {
            return exec_err!("values take a subject and a value");
        };
        let Some(subjects) = subjects.as_primitive_opt::<UInt32Type>() else {
            return exec_err!("values take dense ids");
        };
        let values = match values.as_string_opt::<i32>() {
            Some(texts) => Single::Text(texts),
            None => Single::Number(Amounts::new(values)?),
        };
        Ok(Self { subjects, values })
    }

    fn add(&self, row: usize, tally: &mut ValueTally) {
        if self.subjects.is_null(row) {
            return;
        }
        let subject = self.subjects.value(row);
        match &self.values {
            Single::Text(texts) if texts.is_valid(row) => tally.add(subject, hash(texts.value(row))),
            Single::Text(_) => {}
            Single::Number(numbers) => match numbers.at(row) {
                Amount::Exact(value) => tally.add(subject, value),
                Amount::Null => {}
                Amount::TooLarge => tally.add_overflow(subject),
            },
        }
    }
}

/// Two hashes of 64 bits: equal texts always have the same.
fn hash(text: &str) -> i128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(text.as_bytes());
        i128::from(hasher.finish())
    };
    half(1) << 63 ^ half(2)
}

fn encoded(states: &[ArrayRef]) -> Result<&LargeBinaryArray> {
    match states.first().and_then(|state| state.as_binary_opt::<i64>()) {
        Some(array) => Ok(array),
        None => exec_err!("the state of values is bytes"),
    }
}

fn decode(bytes: &[u8]) -> Result<ValueTally> {
    ValueTally::decode(bytes).map_err(|error| DataFusionError::Execution(error.to_string()))
}
