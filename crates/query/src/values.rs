//! The aggregate that gathers single values of data subjects, for order statistics and counts of values.
//!
//! `values(subject, value)` answers a ticket for a [`ValueTally`]. Rows with a NULL subject or value are
//! no records of it. A text stands for its hash of 128 bits: equal texts are equal values.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use crate::deposit::{Deposit, TICKET};
use crate::disclosure::ValueTally;
use crate::gather::{Gathered, Many, One, Target, counted, each};
use crate::tally::{Amount, Amounts};

/// The aggregate function; `distinct` keeps each value of a person once. What it gathers is left in a
/// deposit of its own.
pub(crate) fn values(distinct: bool) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    let deposit = Deposit::new();
    Arc::new(AggregateUDF::new_from_impl(ValuesFunction { distinct, signature, deposit }))
}

/// The deposit of a function that gathers values.
pub(crate) fn deposit(function: &AggregateUDF) -> Option<&Deposit<ValueTally>> {
    Some(&function.inner().downcast_ref::<ValuesFunction>()?.deposit)
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct ValuesFunction {
    distinct: bool,
    signature: Signature,
    deposit: Deposit<ValueTally>,
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
        Ok(TICKET)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[values]", args.name), TICKET, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::new(self.empty(), self.deposit.clone())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::new(self.empty(), self.deposit.clone())))
    }
}

impl Gathered for ValueTally {
    fn add(
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
        target: &mut impl Target<Self>,
    ) -> Result<()> {
        Rows::new(arguments)?.add(filter, target);
        Ok(())
    }

    fn make_room_for(&mut self, others: &[Self]) {
        ValueTally::make_room_for(self, others);
    }

    fn merge(&mut self, other: Self) {
        ValueTally::merge(self, &other);
    }

    fn heap_size(&self) -> usize {
        ValueTally::heap_size(self)
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

    fn add(&self, filter: Option<&BooleanArray>, target: &mut impl Target<ValueTally>) {
        let present = match &self.values {
            Single::Number(numbers) => numbers.nulls(),
            Single::Text(texts) => texts.nulls(),
        };
        let counted = counted(self.subjects.nulls(), present, filter);
        let (subjects, counted) = (self.subjects.values(), counted.as_ref());
        match &self.values {
            Single::Text(texts) => each(subjects, counted, target, |row, subject, tally: &mut ValueTally| {
                tally.add(subject, hash(texts.value(row)));
            }),
            Single::Number(numbers) => {
                each(subjects, counted, target, |row, subject, tally: &mut ValueTally| {
                    match numbers.at(row) {
                        Amount::Exact(value) => tally.add(subject, value),
                        Amount::Null => {}
                        Amount::TooLarge => tally.add_overflow(subject),
                    }
                });
            }
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
