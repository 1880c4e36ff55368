//! How sorted rows are cut into row groups and files, never through a person.

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use object_store::path::Path;

use super::IngestOptions;
use crate::sealed::SealedWriter;
use crate::snapshot::StoredFile;
use crate::{Error, Result, Vault};

/// Most row groups of one file; the format of encrypted files allows 32,767.
const FILE_GROUPS: usize = 1024;

/// Writes the files of one table.
pub(super) struct TableWriter<'a> {
    vault: &'a Vault,
    schema: SchemaRef,
    subject: Option<usize>,
    options: &'a IngestOptions,
    file: Option<SealedWriter>,
    first: Option<u32>,
    last: Option<u32>,
    done: Vec<StoredFile>,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(
        vault: &'a Vault,
        schema: &SchemaRef,
        subject: Option<usize>,
        options: &'a IngestOptions,
    ) -> Self {
        let schema = Arc::clone(schema);
        Self { vault, schema, subject, options, file: None, first: None, last: None, done: Vec::new() }
    }

    /// Appends rows; `name` gives the path of a new file, from its number.
    pub(super) async fn write(
        &mut self,
        batch: &RecordBatch,
        mut name: impl FnMut(usize) -> Path,
    ) -> Result<()> {
        let subjects = self.subjects(batch)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let end = self.cut(subjects.as_ref(), start, batch.num_rows());
            if end > start {
                let file = self.open(&mut name)?;
                file.write(&batch.slice(start, end - start)).await?;
                if let Some(subjects) = &subjects {
                    self.first = self.first.or(subjects.values().get(start).copied());
                    self.last = subjects.values().get(end - 1).copied();
                }
            }
            if end < batch.num_rows() {
                self.end_group().await?;
            }
            start = end;
        }
        Ok(())
    }

    /// The finished files: at least one, so that a table without rows has a file too.
    pub(super) async fn finish(mut self, mut name: impl FnMut(usize) -> Path) -> Result<Vec<StoredFile>> {
        if self.done.is_empty() {
            self.open(&mut name)?;
        }
        self.end_file().await?;
        Ok(self.done)
    }

    /// Up to which row, from `start`, the present row group goes on; `rows` if there is no end yet.
    fn cut(&self, subjects: Option<&UInt32Array>, start: usize, rows: usize) -> usize {
        let (group_rows, group_bytes) = self.file.as_ref().map_or((0, 0), SealedWriter::group_size);
        let room = if group_bytes >= self.options.memory_bytes / 4 {
            0
        } else {
            self.options.row_group_rows.max(1).saturating_sub(group_rows)
        };
        // A group that has no row yet takes one at least.
        let room = if group_rows == 0 { room.max(1) } else { room };
        let mut end = start.saturating_add(room);
        let Some(subjects) = subjects else { return end.min(rows) };
        while end < rows {
            let before = match end.checked_sub(1) {
                Some(row) if end > 0 => subjects.values().get(row).copied(),
                _ => self.last,
            };
            if before != subjects.values().get(end).copied() {
                return end;
            }
            end += 1;
        }
        rows
    }

    async fn end_group(&mut self) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.end_group().await?;
        if file.rows() >= self.options.file_rows || file.groups() >= FILE_GROUPS {
            self.end_file().await?;
        }
        Ok(())
    }

    async fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let file = file.finish(&self.vault.storage).await?;
        let (first_subject, last_subject) = (self.first.take(), self.last);
        let last_subject = last_subject.filter(|_| first_subject.is_some());
        self.done.push(StoredFile { first_subject, last_subject, ..file });
        Ok(())
    }

    fn open(&mut self, name: &mut impl FnMut(usize) -> Path) -> Result<&mut SealedWriter> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let path = name(self.done.len());
                let Vault { storage, keyring, .. } = self.vault;
                SealedWriter::begin(storage, keyring, path, &self.schema, self.subject)?
            }
        };
        Ok(self.file.insert(file))
    }

    /// The dense ids of a batch, which must go on from the last one.
    fn subjects(&self, batch: &RecordBatch) -> Result<Option<UInt32Array>> {
        let Some(subject) = self.subject else { return Ok(None) };
        let unsorted = Error::Internal { what: "rows are not in the order of the dense id" };
        let column = batch.columns().get(subject);
        let subjects = column.and_then(|column| column.as_any().downcast_ref::<UInt32Array>());
        let ascending = |subjects: &&UInt32Array| {
            subjects.null_count() == 0
                && subjects.values().is_sorted()
                && subjects.values().first().copied() >= self.last
        };
        subjects.filter(ascending).cloned().map(Some).ok_or(unsorted)
    }
}
