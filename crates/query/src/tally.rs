//! The aggregate that keeps count of people: contributions of data subjects, gathered in the same pass
//! as the statistic.
//!
//! `tally(subject, amount, unit…)` answers a ticket for a [`Tally`]. Rows with a NULL subject or amount
//! are no records of it.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
    UInt32Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, UInt32Type,
};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use crate::deposit::{Deposit, TICKET};
use crate::disclosure::Tally;
use crate::gather::{Gathered, Many, One, Target, counted, each};

/// Fractional bits of a double's amount: see `disclosure::Scale::Binary60`.
const FRACTION: f64 = (1_u64 << 60) as f64;

/// The aggregate function; what it gathers is left in a deposit of its own.
pub(crate) fn tally() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(TallyFunction { signature, deposit: Deposit::new() }))
}

/// The deposit of a function that is a tally.
pub(crate) fn deposit(function: &AggregateUDF) -> Option<&Deposit<Tally>> {
    Some(&function.inner().downcast_ref::<TallyFunction>()?.deposit)
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct TallyFunction {
    signature: Signature,
    deposit: Deposit<Tally>,
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
        Ok(TICKET)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[tally]", args.name), TICKET, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::new(Tally::new(), self.deposit.clone())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::new(Tally::new(), self.deposit.clone())))
    }
}

impl Gathered for Tally {
    fn add(
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
        target: &mut impl Target<Self>,
    ) -> Result<()> {
        Rows::new(arguments)?.add(filter, target);
        Ok(())
    }

    fn make_room_for(&mut self, others: &[Self]) {
        Tally::make_room_for(self, others);
    }

    fn merge(&mut self, other: Self) {
        Tally::merge(self, other);
    }

    fn heap_size(&self) -> usize {
        Tally::heap_size(self)
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

    fn add(&self, filter: Option<&BooleanArray>, target: &mut impl Target<Tally>) {
        let counted = counted(self.subjects.nulls(), self.amounts.nulls(), filter);
        let (subjects, counted) = (self.subjects.values(), counted.as_ref());
        if !self.units.is_empty() {
            return each(subjects, counted, target, |row, subject, tally: &mut Tally| {
                let units = self.units.iter().map(|unit| hash(unit, row));
                match self.amounts.at(row) {
                    Amount::Exact(amount) => tally.add(subject, amount, units),
                    Amount::Null => {}
                    Amount::TooLarge => tally.add_overflow(subject),
                }
            });
        }
        match &self.amounts {
            Amounts::Integer(words) if words.values().iter().all(|word| *word == 1) => {
                each(subjects, counted, target, |_, subject, tally: &mut Tally| tally.add_one(subject));
            }
            Amounts::Integer(words) => {
                each(subjects, counted, target, |row, subject, tally: &mut Tally| {
                    tally.add_word(subject, words.values().get(row).copied().unwrap_or_default());
                });
            }
            Amounts::Decimal(_) | Amounts::Double(_) => {
                each(subjects, counted, target, |row, subject, tally: &mut Tally| {
                    match self.amounts.at(row) {
                        Amount::Exact(amount) => match i64::try_from(amount) {
                            Ok(word) => tally.add_word(subject, word),
                            Err(_) => tally.add(subject, amount, []),
                        },
                        Amount::Null => {}
                        Amount::TooLarge => tally.add_overflow(subject),
                    }
                });
            }
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

    pub(crate) fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Decimal(array) => array.nulls(),
            Self::Double(array) => array.nulls(),
            Self::Integer(array) => array.nulls(),
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
    units.is_valid(row).then(|| unit_hash(units.value(row)))
}

/// What stands for a unit in a tally.
pub(crate) fn unit_hash(unit: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(unit)
}
