//! The aggregate that keeps count of people: contributions of data subjects, gathered in the same pass
//! as the statistic.
//!
//! `tally(subject, amount, unit…)` answers the bytes of a [`Tally`]. Rows with a NULL subject or
//! amount are no records of it.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, LargeBinaryArray,
    StringArray, UInt32Array,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, UInt32Type,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::disclosure::Tally;

/// Fractional bits of a double's amount: see `disclosure::Scale::Binary60`.
const FRACTION: f64 = (1_u64 << 60) as f64;

/// The aggregate function.
pub(crate) fn tally() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(TallyFunction { signature }))
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct TallyFunction {
    signature: Signature,
}

impl AggregateUDFImpl for TallyFunction {
    fn name(&self) -> &str {
        "tally"
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
        Ok(vec![Arc::new(Field::new(format!("{}[tally]", args.name), DataType::LargeBinary, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(Tally::new())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::default()))
    }
}

/// One tally: a statistic without groups.
#[derive(Debug)]
struct One(Tally);

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

/// A tally for each group.
#[derive(Default)]
struct Many {
    tallies: Vec<Tally>,
    heap: usize,
}

impl Many {
    fn grow(&mut self, groups: usize) {
        if self.tallies.len() < groups {
            self.tallies.resize_with(groups, Tally::new);
        }
    }

    fn weigh(&mut self) {
        self.heap = self.tallies.iter().map(Tally::heap_size).sum();
    }

    fn take(&mut self, emit_to: EmitTo) -> ArrayRef {
        let taken = emit_to.take_needed(&mut self.tallies);
        self.weigh();
        Arc::new(LargeBinaryArray::from_iter_values(taken.iter().map(Tally::encode)))
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

    fn convert_to_state(
        &self,
        _values: &[ArrayRef],
        _filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        exec_err!("a tally is not converted row by row")
    }

    fn size(&self) -> usize {
        self.tallies.capacity() * size_of::<Tally>() + self.heap
    }
}

/// The arguments of one batch.
struct Rows<'a> {
    subjects: &'a UInt32Array,
    amounts: Amounts<'a>,
    units: Vec<&'a StringArray>,
}

/// Amounts of one type.
pub(crate) enum Amounts<'a> {
    Decimal(&'a Decimal128Array),
    Double(&'a Float64Array),
    Integer(&'a Int64Array),
}

impl<'a> Rows<'a> {
    fn new(values: &'a [ArrayRef]) -> Result<Self> {
        let [subjects, amounts, units @ ..] = values else {
            return exec_err!("a tally takes a subject and an amount");
        };
        let Some(subjects) = subjects.as_primitive_opt::<UInt32Type>() else {
            return exec_err!("a tally takes dense ids");
        };
        let amounts = Amounts::new(amounts)?;
        let text = |unit: &'a ArrayRef| {
            let array = unit.as_string_opt::<i32>();
            array.ok_or_else(|| DataFusionError::Execution("a tally takes units as text".into()))
        };
        Ok(Self { subjects, amounts, units: units.iter().map(text).collect::<Result<_>>()? })
    }

    fn add(&self, row: usize, tally: &mut Tally) {
        if self.subjects.is_null(row) {
            return;
        }
        let subject = self.subjects.value(row);
        match self.amounts.at(row) {
            Amount::Exact(amount) => {
                tally.add(subject, amount, self.units.iter().map(|unit| hash(unit, row)));
            }
            Amount::Null => {}
            Amount::TooLarge => tally.add_overflow(subject),
        }
    }
}

/// The amount of one record.
pub(crate) enum Amount {
    Exact(i128),
    Null,
    TooLarge,
}

impl<'a> Amounts<'a> {
    pub(crate) fn new(amounts: &'a ArrayRef) -> Result<Self> {
        if let Some(integers) = amounts.as_primitive_opt::<Int64Type>() {
            Ok(Self::Integer(integers))
        } else if let Some(decimals) = amounts.as_primitive_opt::<Decimal128Type>() {
            Ok(Self::Decimal(decimals))
        } else if let Some(doubles) = amounts.as_primitive_opt::<Float64Type>() {
            Ok(Self::Double(doubles))
        } else {
            exec_err!("a tally takes integers, decimals or doubles")
        }
    }

    pub(crate) fn at(&self, row: usize) -> Amount {
        match self {
            Self::Decimal(array) if array.is_valid(row) => Amount::Exact(array.value(row)),
            Self::Integer(array) if array.is_valid(row) => Amount::Exact(i128::from(array.value(row))),
            Self::Double(array) if array.is_valid(row) => fixed_point(array.value(row)),
            Self::Decimal(_) | Self::Double(_) | Self::Integer(_) => Amount::Null,
        }
    }
}

/// A double as a multiple of 2⁻⁶⁰; a magnitude above 2⁶⁶ has no room.
fn fixed_point(value: f64) -> Amount {
    const LARGEST: f64 = (1_u128 << 66) as f64;
    if !value.is_finite() {
        Amount::Null
    } else if value.abs() > LARGEST {
        Amount::TooLarge
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^126 in magnitude, and rounded")]
        let amount = (value * FRACTION).round() as i128;
        Amount::Exact(amount)
    }
}

/// Units are told apart by a fixed 64-bit hash: a collision counts fewer units, never more.
fn hash(units: &StringArray, row: usize) -> Option<u64> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    units.is_valid(row).then(|| hasher.hash_one(units.value(row)))
}

fn encoded(states: &[ArrayRef]) -> Result<&LargeBinaryArray> {
    match states.first().and_then(|state| state.as_binary_opt::<i64>()) {
        Some(array) => Ok(array),
        None => exec_err!("a tally's state is bytes"),
    }
}

fn decode(bytes: &[u8]) -> Result<Tally> {
    Tally::decode(bytes).map_err(|error| DataFusionError::Execution(error.to_string()))
}
