//! Which columns are isolating, and by what step they may be cut: found in one pass over the rows of
//! a table, as they are written.
//!
//! A column of people's numbers is *isolating* if more than half of its values, counted by row and
//! without NULLs, are shared by fewer than [`SHARED_BY`] people: a condition on a single value then
//! mostly means few people. Its *step* is the smallest of 1, 2, 5 × 10ⁿ of which at most
//! [`step::CLASSES`] lie between the 1st and the 99th percentile. The manifest may declare either.
//!
//! Numbers and timestamps are looked at. Codes are names, whatever their type. A timestamp that is
//! isolating is cut by days. Dates are not looked at: a day with few people is no secret of theirs
//! as a bill's amount is, and a profile bounds the grain of dates; the manifest may declare them
//! isolating.
//!
//! Memory is bounded by [`MOST_VALUES`], and the result does not depend on the order of the source.
//! No value is kept beyond the pass, and what is found of a column is a step or nothing.

mod hash;
mod rare;
mod spread;
mod step;
#[cfg(test)]
mod tests;

use arrow::array::{Array as _, ArrowPrimitiveType, AsArray as _, RecordBatch};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use sekisho_model::{Column, ColumnClass, ColumnType, DateGrain, Isolating, Step, TableKind};

use self::rare::Rare;
use self::spread::Spread;
use crate::manifest::{Declared, Fate, TableSource};
use crate::{Error, Result};

/// Fewest people who share a value that does not single them out.
///
/// The `minimum_count` of a profile is not known at ingest. This is the largest of the built-in
/// profiles (NDB guideline, ACRO); a column that is not isolating by it stays so under a stricter one.
const SHARED_BY: u8 = 10;

/// Most values that are kept of all columns of a table together, and as many classes: about 40 MiB. A
/// table of more than 64 such columns takes half a MiB for each.
const MOST_VALUES: usize = 1 << 18;

/// Most and fewest values that are kept of one column. The more, the surer is what a sample says.
const MOST_OF_COLUMN: usize = 1 << 16;
const FEWEST_OF_COLUMN: usize = 1 << 12;

/// What is seen of the columns of a table.
pub(super) struct Survey {
    subject: usize,
    watched: Vec<Watched>,
}

/// A column that is looked at.
struct Watched {
    /// Its position.
    index: usize,
    axis: Axis,
    declared: Declared,
    rare: Rare,
    spread: Spread,
}

/// What a column's values are.
#[derive(Clone, Copy)]
enum Axis {
    /// Doubles.
    Binary,
    /// Integers, or decimals with this many digits behind the point.
    Decimal(u8),
    /// Points in time.
    Time,
}

/// Whether a look at a column's values can find it isolating.
pub(crate) fn measurable(column: &Column) -> bool {
    axis(column).is_some()
}

fn axis(column: &Column) -> Option<Axis> {
    match column.class {
        ColumnClass::Date | ColumnClass::Dimension | ColumnClass::Measure => {}
        ColumnClass::Identifier | ColumnClass::Subject | ColumnClass::Unit { .. } => return None,
    }
    let axis = match column.data_type {
        ColumnType::Decimal { scale, .. } => Axis::Decimal(scale),
        ColumnType::Double => Axis::Binary,
        ColumnType::Integer => Axis::Decimal(0),
        ColumnType::Timestamp => Axis::Time,
        ColumnType::Boolean | ColumnType::Date | ColumnType::DenseId | ColumnType::Text => return None,
    };
    (!column.code).then_some(axis)
}

impl Survey {
    /// Nothing was seen yet. `columns` are those of the catalogue, of which `subject` is one where the
    /// table is one of people.
    pub(super) fn new(table: &TableSource, columns: &[Column], subject: Option<usize>) -> Self {
        let Some(subject) = subject.filter(|_| table.kind == TableKind::Subject) else {
            return Self { subject: 0, watched: Vec::new() };
        };
        let kept = table.columns.iter().filter_map(|column| match &column.fate {
            Fate::Drop => None,
            Fate::Pseudonym | Fate::Subject => Some(Declared::default()),
            Fate::Value { declared, .. } => Some(declared.clone()),
        });
        let open = |declared: &Declared| match declared.isolating {
            Some(isolating) => isolating && declared.step.is_none(),
            None => true,
        };
        let columns: Vec<_> =
            kept.zip(columns).enumerate().filter(|(_, (declared, _))| open(declared)).collect();
        let axes = || {
            columns
                .iter()
                .filter_map(|(index, (declared, column))| Some((*index, declared.clone(), axis(column)?)))
        };
        let most = (MOST_VALUES / axes().count().max(1)).clamp(FEWEST_OF_COLUMN, MOST_OF_COLUMN);
        let watch = |(index, declared, axis)| {
            let (rare, spread) = (Rare::new(most), Spread::new(most));
            Watched { index, axis, declared, rare, spread }
        };
        Self { subject, watched: axes().map(watch).collect() }
    }

    /// Sees rows that follow those before in the order of the dense id.
    pub(super) fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.watched.is_empty() {
            return Ok(());
        }
        let subjects =
            batch.columns().get(self.subject).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let subjects = subjects.ok_or(UNSOUND)?.values();
        for watched in &mut self.watched {
            watched.see(batch, subjects)?;
        }
        Ok(())
    }

    /// Says of each column what was found or declared.
    pub(super) fn complete(self, columns: &mut [Column]) {
        for watched in self.watched {
            if let Some(column) = columns.get_mut(watched.index) {
                column.isolating = watched.isolating();
            }
        }
    }
}

impl Watched {
    fn see(&mut self, batch: &RecordBatch, subjects: &[u32]) -> Result<()> {
        match self.axis {
            Axis::Binary => {
                for (subject, value) in present::<Float64Type>(batch, self.index, subjects)? {
                    // The two zeros are one number.
                    let value = value + 0.0;
                    self.rare.see(i128::from(value.to_bits()), subject);
                    self.spread.see_double(value);
                }
            }
            Axis::Decimal(_) if is_integer(batch, self.index) => {
                for (subject, value) in present::<Int64Type>(batch, self.index, subjects)? {
                    self.rare.see(value.into(), subject);
                    self.spread.see(value.into());
                }
            }
            Axis::Decimal(_) => {
                for (subject, value) in present::<Decimal128Type>(batch, self.index, subjects)? {
                    self.rare.see(value, subject);
                    self.spread.see(value);
                }
            }
            Axis::Time => {
                for (subject, value) in present::<TimestampMicrosecondType>(batch, self.index, subjects)? {
                    self.rare.see(value.into(), subject);
                }
            }
        }
        Ok(())
    }

    fn isolating(&self) -> Option<Isolating> {
        let isolating = self.declared.isolating.unwrap_or_else(|| self.rare.are_most());
        isolating.then(|| match self.declared.step {
            Some(step) => Isolating::Declared(step),
            None => self.step().map_or(Isolating::Unknown, Isolating::Found),
        })
    }

    fn step(&self) -> Option<Step> {
        match self.axis {
            Axis::Binary => step::of_doubles(self.spread.range()?),
            Axis::Decimal(scale) => step::of_decimals(self.spread.range()?, scale),
            Axis::Time => Some(Step::Date(DateGrain::Day)),
        }
    }
}

fn is_integer(batch: &RecordBatch, index: usize) -> bool {
    batch.columns().get(index).is_some_and(|column| column.as_primitive_opt::<Int64Type>().is_some())
}

/// The values of a column that are not NULL, and whose each is.
fn present<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    index: usize,
    subjects: &'a [u32],
) -> Result<impl Iterator<Item = (u32, T::Native)> + use<'a, T>> {
    let column = batch.columns().get(index).and_then(|column| column.as_primitive_opt::<T>());
    let column = column.filter(|column| column.len() == subjects.len()).ok_or(UNSOUND)?;
    Ok(subjects.iter().zip(column).filter_map(|(subject, value)| Some((*subject, value?))))
}

const UNSOUND: Error = Error::Internal { what: "the columns of a table are not those of its catalogue" };
