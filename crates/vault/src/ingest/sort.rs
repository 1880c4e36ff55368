//! How the rows of a table come into the order of the dense id without all being in memory.
//!
//! Rows of one person keep the order of the source.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::mem;
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, RecordBatchReader as _, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::run::{BATCH_ROWS, Run, RunWriter, failed};
use crate::scratch::Workspace;
use crate::{Error, Result};

/// Most runs that are merged at once.
const FAN_IN: usize = 64;

/// Rows that leave a sorted buffer at once.
const PIECE_ROWS: usize = 8192;

/// Takes a table's rows in any order.
pub(super) struct Sorter<'a> {
    workspace: &'a Workspace,
    table: &'a str,
    schema: SchemaRef,
    /// The column to sort by; without one the order of the source stays.
    by: Option<usize>,
    runs: Vec<Run>,
    named: usize,
}

/// Gives a table's rows in order.
pub(super) enum Sorted {
    Memory(Buffer),
    Merge(Merge),
}

/// Rows in memory and their order.
pub(super) struct Buffer {
    batch: RecordBatch,
    order: VecDeque<u32>,
}

/// Runs that are being merged.
pub(super) struct Merge {
    inputs: Vec<Input>,
    /// The next row of each input that has one: the smallest dense id first, then the earliest run.
    next: BinaryHeap<Reverse<(u32, usize)>>,
}

struct Input {
    reader: ParquetRecordBatchReader,
    by: Option<usize>,
    batch: RecordBatch,
    keys: UInt32Array,
    row: usize,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        table: &'a str,
        schema: &SchemaRef,
        by: Option<usize>,
    ) -> Self {
        Self { workspace, table, schema: Arc::clone(schema), by, runs: Vec::new(), named: 0 }
    }

    /// Sorts rows and puts them on the disk.
    pub(super) fn spill(&mut self, batch: RecordBatch) -> Result<()> {
        let buffer = Buffer::sort(batch, self.by)?;
        let run = self.store(Sorted::Memory(buffer))?;
        self.runs.push(run);
        Ok(())
    }

    /// All rows in order, the last ones from memory.
    pub(super) fn finish(mut self, last: RecordBatch) -> Result<Sorted> {
        if self.runs.is_empty() {
            return Ok(Sorted::Memory(Buffer::sort(last, self.by)?));
        }
        self.spill(last)?;
        while self.runs.len() > FAN_IN {
            let mut runs = mem::take(&mut self.runs).into_iter().peekable();
            while runs.peek().is_some() {
                // Neighbours are merged, so that earlier rows stay in earlier runs.
                let group: Vec<Run> = runs.by_ref().take(FAN_IN).collect();
                let merged = self.store(Sorted::Merge(Merge::begin(&group, self.by)?))?;
                self.runs.push(merged);
                group.into_iter().try_for_each(Run::delete)?;
            }
        }
        Ok(Sorted::Merge(Merge::begin(&self.runs, self.by)?))
    }

    fn store(&mut self, mut sorted: Sorted) -> Result<Run> {
        let path = self.workspace.file(&format!("{}-{}.run", self.table, self.named));
        self.named += 1;
        let mut writer = RunWriter::begin(path, &self.schema)?;
        while let Some(batch) = sorted.next_batch()? {
            writer.write(&batch)?;
        }
        writer.finish()
    }
}

impl Drop for Sorter<'_> {
    fn drop(&mut self) {
        // Open files outlive their names, so the merge still reads them, and a failure to delete
        // is made good by the workspace.
        for run in mem::take(&mut self.runs) {
            let _ = run.delete();
        }
    }
}

impl Sorted {
    /// The next rows; `None` after the last.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::Memory(buffer) => buffer.next_batch(),
            Self::Merge(merge) => merge.next_batch(),
        }
    }
}

impl Buffer {
    fn sort(batch: RecordBatch, by: Option<usize>) -> Result<Self> {
        let rows = u32::try_from(batch.num_rows());
        let rows = rows.map_err(|_| Error::Internal { what: "a buffer has too many rows" })?;
        let keys = keys(&batch, by)?;
        let mut order: Vec<u32> = (0..rows).collect();
        // A stable sort: rows of one person stay in order.
        let values = keys.values();
        order.sort_by_key(|row| usize::try_from(*row).ok().and_then(|row| values.get(row)));
        Ok(Self { batch, order: order.into() })
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.order.is_empty() {
            return Ok(None);
        }
        let piece: UInt32Array = self.order.drain(..PIECE_ROWS.min(self.order.len())).collect();
        take_record_batch(&self.batch, &piece).map(Some).map_err(|_| UNSOUND)
    }
}

impl Merge {
    fn begin(runs: &[Run], by: Option<usize>) -> Result<Self> {
        let mut merge = Self { inputs: Vec::with_capacity(runs.len()), next: BinaryHeap::new() };
        for run in runs {
            let reader = run.read()?;
            let batch = RecordBatch::new_empty(reader.schema());
            let keys = UInt32Array::from(Vec::<u32>::new());
            let mut input = Input { reader, by, batch, keys, row: 0 };
            if let Some(key) = input.load()? {
                merge.next.push(Reverse((key, merge.inputs.len())));
            }
            merge.inputs.push(input);
        }
        Ok(merge)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut picked = Vec::with_capacity(BATCH_ROWS);
        while let Some(Reverse((_, index))) = self.next.pop() {
            let input = self.inputs.get_mut(index).ok_or(UNSOUND)?;
            picked.push((index, input.row));
            input.row += 1;
            if let Some(key) = input.key() {
                self.next.push(Reverse((key, index)));
                if picked.len() < BATCH_ROWS {
                    continue;
                }
                return self.gather(&picked).map(Some);
            }
            // What was picked of this batch must leave before the next one takes its place.
            let batch = self.gather(&picked)?;
            if let Some(key) = self.inputs.get_mut(index).ok_or(UNSOUND)?.load()? {
                self.next.push(Reverse((key, index)));
            }
            return Ok(Some(batch));
        }
        Ok(None)
    }

    fn gather(&self, picked: &[(usize, usize)]) -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = self.inputs.iter().map(|input| &input.batch).collect();
        interleave_record_batch(&batches, picked).map_err(|_| UNSOUND)
    }
}

impl Input {
    /// Goes to the next batch and gives its first key.
    fn load(&mut self) -> Result<Option<u32>> {
        for batch in self.reader.by_ref() {
            let batch = batch.map_err(failed)?;
            if batch.num_rows() > 0 {
                self.keys = keys(&batch, self.by)?;
                self.batch = batch;
                self.row = 0;
                return Ok(self.key());
            }
        }
        Ok(None)
    }

    fn key(&self) -> Option<u32> {
        self.keys.values().get(self.row).copied()
    }
}

const UNSOUND: Error = Error::Internal { what: "rows cannot be sorted" };

/// What rows are sorted by; without a column all are alike.
fn keys(batch: &RecordBatch, by: Option<usize>) -> Result<UInt32Array> {
    let Some(by) = by else { return Ok(UInt32Array::from(vec![0; batch.num_rows()])) };
    let column = batch.columns().get(by).and_then(|column| column.as_any().downcast_ref::<UInt32Array>());
    column.filter(|column| column.null_count() == 0).cloned().ok_or(UNSOUND)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};

    use super::*;
    use crate::scratch::Scratch;

    fn batch(rows: impl Iterator<Item = u32>) -> RecordBatch {
        let rows: Vec<u32> = rows.collect();
        // People in a scrambled order, and where each row came from.
        let people = rows.iter().map(|row| row.wrapping_mul(2_654_435_761) % 37);
        let origins = StringArray::from_iter_values(rows.iter().map(|row| format!("origin-{row}")));
        let columns: [(&str, ArrayRef); 2] =
            [("origin", Arc::new(origins)), ("subject", Arc::new(people.collect::<UInt32Array>()))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn rows(mut sorted: Sorted) -> Vec<(u32, u32)> {
        let mut rows = Vec::new();
        while let Some(batch) = sorted.next_batch().unwrap() {
            let origins: &StringArray = batch.column(0).as_any().downcast_ref().unwrap();
            let number = |text: Option<&str>| text.unwrap().strip_prefix("origin-").unwrap().parse().unwrap();
            rows.extend(
                keys(&batch, Some(1)).unwrap().values().iter().copied().zip(origins.iter().map(number)),
            );
        }
        rows
    }

    #[test]
    fn more_runs_than_are_merged_at_once_come_out_in_stable_order() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Scratch::open(root.path()).unwrap().workspace().unwrap();
        let all = batch(0..30_000);
        let mut sorter = Sorter::new(&workspace, "t", &all.schema(), Some(1));
        let runs = 3 * FAN_IN;
        for start in (0..runs).map(|run| run * 150) {
            sorter.spill(all.slice(start, 150)).unwrap();
        }
        let found = rows(sorter.finish(all.slice(runs * 150, 30_000 - runs * 150)).unwrap());
        let mut expected: Vec<(u32, u32)> =
            (0..30_000).map(|row: u32| (row.wrapping_mul(2_654_435_761) % 37, row)).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(std::fs::read_dir(workspace.file("")).unwrap().count(), 0, "runs are deleted");
    }

    #[test]
    fn without_a_column_the_order_of_the_source_stays() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Scratch::open(root.path()).unwrap().workspace().unwrap();
        let all = batch(0..900);
        let mut sorter = Sorter::new(&workspace, "t", &all.schema(), None);
        (0..8).for_each(|run| sorter.spill(all.slice(run * 100, 100)).unwrap());
        let found = rows(sorter.finish(all.slice(800, 100)).unwrap());
        assert!(found.iter().map(|(_, origin)| *origin).eq(0..900));
    }

    #[test]
    fn a_run_on_the_disk_is_encrypted() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Scratch::open(root.path()).unwrap().workspace().unwrap();
        let all = batch(std::iter::repeat_n(7, 5000));
        let mut sorter = Sorter::new(&workspace, "t", &all.schema(), Some(1));
        sorter.spill(all).unwrap();
        let bytes = std::fs::read(workspace.file("t-0.run")).unwrap();
        assert!(bytes.starts_with(b"PARE") && bytes.ends_with(b"PARE"));
        for clear in [b"origin".as_slice(), b"subject"] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear));
        }
    }
}
