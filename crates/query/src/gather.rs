//! The accumulators of our aggregates: they gather something for each group, row by row, and leave it in a
//! deposit.

use std::fmt;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::deposit::Deposit;

/// Something that is gathered row by row.
pub(crate) trait Gathered: Clone + Send + Sized + 'static {
    /// Adds the rows of one batch that pass the filter, each to what is gathered for its row.
    fn add(
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
        target: &mut impl Target<Self>,
    ) -> Result<()>;

    /// Makes room for what was gathered of the same group elsewhere.
    fn make_room_for(&mut self, others: &[Self]);

    /// Takes in what was gathered of the same group elsewhere.
    fn merge(&mut self, other: Self);

    /// Bytes held on the heap.
    fn heap_size(&self) -> usize;
}

/// Where the rows of a batch go.
pub(crate) trait Target<T> {
    /// What is gathered for a row.
    fn of(&mut self, row: usize) -> Option<&mut T>;
}

/// Everything goes to one place.
struct Whole<'a, T>(&'a mut T);

impl<T> Target<T> for Whole<'_, T> {
    fn of(&mut self, _: usize) -> Option<&mut T> {
        Some(self.0)
    }
}

/// Each row goes to its group.
struct Groups<'a, T> {
    gathered: &'a mut [T],
    of: &'a [usize],
}

impl<T> Target<T> for Groups<'_, T> {
    fn of(&mut self, row: usize) -> Option<&mut T> {
        self.gathered.get_mut(*self.of.get(row)?)
    }
}

/// Calls `add` for the rows that count, with what is gathered for them. One loop for each way to add, so
/// that the compiler sees all of it.
pub(crate) fn each<T>(
    subjects: &[u32],
    counted: Option<&BooleanBuffer>,
    target: &mut impl Target<T>,
    mut add: impl FnMut(usize, u32, &mut T),
) {
    let mut one = |row: usize, subject: u32| {
        if let Some(gathered) = target.of(row) {
            add(row, subject, gathered);
        }
    };
    match counted {
        None => subjects.iter().enumerate().for_each(|(row, subject)| one(row, *subject)),
        Some(counted) => {
            let rows = counted.set_indices();
            rows.for_each(|row| one(row, subjects.get(row).copied().unwrap_or_default()));
        }
    }
}

/// The rows in which two columns are there and that pass the filter; `None` for all.
pub(crate) fn counted(
    left: Option<&NullBuffer>,
    right: Option<&NullBuffer>,
    filter: Option<&BooleanArray>,
) -> Option<BooleanBuffer> {
    let passes = filter.map(|filter| match filter.nulls() {
        Some(known) => filter.values() & known.inner(),
        None => filter.values().clone(),
    });
    match (NullBuffer::union(left, right), passes) {
        (Some(present), Some(passes)) => Some(present.inner() & &passes),
        (Some(present), None) => Some(present.into_inner()),
        (None, passes) => passes,
    }
}

/// For a statistic without groups.
pub(crate) struct One<T> {
    empty: T,
    gathered: T,
    deposit: Deposit<T>,
}

impl<T: Gathered> One<T> {
    pub(crate) fn new(empty: T, deposit: Deposit<T>) -> Self {
        Self { gathered: empty.clone(), empty, deposit }
    }
}

impl<T> fmt::Debug for One<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("One(..)")
    }
}

impl<T: Gathered + Sync> Accumulator for One<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        T::add(values, None, &mut Whole(&mut self.gathered))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let gathered = std::mem::replace(&mut self.gathered, self.empty.clone());
        ScalarValue::try_from_array(&self.deposit.leave([gathered]), 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.gathered.heap_size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for gathered in taken(&self.deposit, states)?.into_iter().flatten() {
            self.gathered.merge(gathered);
        }
        Ok(())
    }
}

/// For a statistic of groups.
pub(crate) struct Many<T> {
    empty: T,
    gathered: Vec<T>,
    weight: Weight,
    deposit: Deposit<T>,
}

impl<T: Gathered> Many<T> {
    pub(crate) fn new(empty: T, deposit: Deposit<T>) -> Self {
        Self { empty, gathered: Vec::new(), weight: Weight::default(), deposit }
    }

    fn grow(&mut self, groups: usize) {
        if self.gathered.len() < groups {
            self.gathered.resize(groups, self.empty.clone());
        }
    }

    fn leave(&mut self, emit_to: EmitTo) -> ArrayRef {
        let tickets = self.deposit.leave(emit_to.take_needed(&mut self.gathered));
        self.weight = Weight::of(&self.gathered);
        tickets
    }
}

impl<T: Gathered> GroupsAccumulator for Many<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.grow(groups);
        T::add(values, filter, &mut Groups { gathered: &mut self.gathered, of: group_indices })?;
        self.weight.add(group_indices.len(), &self.gathered);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.leave(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.leave(emit_to)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.grow(groups);
        for (gathered, group) in taken(&self.deposit, values)?.into_iter().zip(group_indices) {
            if let (Some(gathered), Some(mine)) = (gathered, self.gathered.get_mut(*group)) {
                mine.merge(gathered);
            }
        }
        self.weight = Weight::of(&self.gathered);
        Ok(())
    }

    fn convert_to_state(&self, _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        exec_err!("what is gathered is not converted row by row")
    }

    fn size(&self) -> usize {
        self.gathered.capacity() * size_of::<T>() + self.weight.bytes()
    }
}

/// Bytes on the heap of everything that is gathered: counted now and then, and bounded in between.
#[derive(Default)]
struct Weight {
    counted: usize,
    rows_since: usize,
}

impl Weight {
    /// A vector that doubles holds at most twice what it was given: a subject and a word.
    const ROW: usize = 2 * (size_of::<u32>() + size_of::<i64>());
    /// Fewest rows after which everything is weighed again.
    const ROWS: usize = 1 << 17;

    fn add<T: Gathered>(&mut self, rows: usize, gathered: &[T]) {
        self.rows_since += rows;
        if self.rows_since > Self::ROWS.max(gathered.len()) {
            *self = Self::of(gathered);
        }
    }

    fn of<T: Gathered>(gathered: &[T]) -> Self {
        Self { counted: gathered.iter().map(T::heap_size).sum(), rows_since: 0 }
    }

    fn bytes(&self) -> usize {
        self.counted + self.rows_since * Self::ROW
    }
}

/// What lies in the deposit for the states of other accumulators.
fn taken<T: Gathered>(deposit: &Deposit<T>, states: &[ArrayRef]) -> Result<Vec<Option<T>>> {
    match states.first() {
        Some(tickets) => deposit.take(tickets),
        None => exec_err!("a state is a ticket"),
    }
}
