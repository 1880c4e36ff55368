//! Who is in no snapshot any more because they opted out, and how their rows are left out.
//!
//! The rows of earlier files stay where they are: whoever reads a table leaves them out. That costs no
//! rewriting, so that an opt-out takes effect at once and in every version of a dataset. To destroy the rows is
//! erasure, which is another thing.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt32Type;

use crate::{Error, Result};

/// People who opted out, by dense id.
///
/// INVARIANT: in order, each once.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Absent(Arc<[u32]>);

impl Absent {
    /// Some people, in any order.
    pub(crate) fn of(people: impl IntoIterator<Item = u32>) -> Self {
        let mut people: Vec<u32> = people.into_iter().collect();
        people.sort_unstable();
        people.dedup();
        Self(people.into())
    }

    /// Whether nobody opted out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many did.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Whether a person did.
    #[must_use]
    pub fn contains(&self, subject: u32) -> bool {
        self.0.binary_search(&subject).is_ok()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// The rows of everybody else. `subject` is the column of the dense id; the rows may come in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the column holds no dense ids: nothing is read then.
    pub fn leave_out(&self, batch: RecordBatch, subject: usize) -> Result<RecordBatch> {
        const UNSOUND: Error = Error::Internal { what: "rows of people have no dense id" };
        if self.is_empty() {
            return Ok(batch);
        }
        let column = batch.columns().get(subject).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let subjects = column.filter(|column| column.null_count() == 0).ok_or(UNSOUND)?.values();
        let (Some(least), Some(most)) = (subjects.iter().min(), subjects.iter().max()) else {
            return Ok(batch);
        };
        let from = self.0.partition_point(|absent| absent < least);
        if self.0.get(from).is_none_or(|absent| absent > most) {
            return Ok(batch);
        }
        let stays: BooleanArray = subjects.iter().map(|subject| Some(!self.contains(*subject))).collect();
        filter_record_batch(&batch, &stays).map_err(|_| UNSOUND)
    }
}

/// Nobody's number, nor how many they are.
impl fmt::Debug for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Absent(..)")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, UInt32Array};

    use super::*;

    fn batch(subjects: &[u32]) -> RecordBatch {
        let costs = Int64Array::from_iter_values(subjects.iter().map(|subject| i64::from(*subject) * 10));
        let columns: [(&str, ArrayRef); 2] =
            [("cost", Arc::new(costs)), ("id", Arc::new(UInt32Array::from(subjects.to_vec())))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn rows_of_absent_people_are_left_out_wherever_they_stand() {
        let absent = Absent::of([7, 2, 7]);
        for (given, left) in [
            (vec![1, 2, 2, 3], vec![1, 3]),
            (vec![2], vec![]),
            (vec![7, 1, 7, 2], vec![1]),
            (vec![3, 4, 6], vec![3, 4, 6]),
            (vec![8, 9], vec![8, 9]),
            (vec![], vec![]),
        ] {
            assert_eq!(absent.leave_out(batch(&given), 1).unwrap(), batch(&left));
        }
        assert!(absent.leave_out(batch(&[1]), 0).is_err(), "costs are no dense ids");
        assert!(absent.leave_out(batch(&[1]), 2).is_err());
        assert_eq!(format!("{absent:?}"), "Absent(..)");
    }
}
