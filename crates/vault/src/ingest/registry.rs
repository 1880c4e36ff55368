//! Which dense id belongs to which person: an id is given once and never again.
//!
//! The registry of a dataset is a list of files to which each snapshot may add one, with the
//! people who are new in it. A person is looked up by a keyed digest of their id.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, FixedSizeBinaryArray, FixedSizeBinaryBuilder, RecordBatch, StringBuilder,
    UInt32Array, UInt32Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt as _;
use object_store::path::Path;
use ring::hmac;
use sekisho_model::DatasetId;

use crate::manifest::Pseudonym;
use crate::sealed::SealedWriter;
use crate::snapshot::{Snapshot, StoredFile};
use crate::storage::Storage;
use crate::{Error, Keyring, Result};

/// Bytes of a lookup key.
const KEY_LEN: usize = 32;

/// Rows of one batch of the registry's file.
const BATCH_ROWS: usize = 64 << 10;

type LookupKey = [u8; KEY_LEN];

/// The people of a dataset.
pub(crate) struct Registry {
    dataset: DatasetId,
    digest: hmac::Key,
    pseudonym: Pseudonym,
    ids: HashMap<LookupKey, u32>,
    /// The next id to give; also the number of people.
    next: u32,
    /// New people, in the order of their ids.
    new: Vec<LookupKey>,
    /// Their ids as they were, where they are kept.
    kept: Vec<String>,
    /// The person asked for last: rows of one person often follow each other.
    last: Option<(String, u32)>,
}

impl Registry {
    /// The registry as the previous snapshot left it.
    pub(crate) async fn load(
        dataset: &DatasetId,
        pseudonym: Pseudonym,
        keyring: &Keyring,
        previous: Option<&Snapshot>,
    ) -> Result<Self> {
        let mut registry = Self {
            dataset: dataset.clone(),
            digest: keyring.pseudonym_key(dataset, "subject"),
            pseudonym,
            ids: HashMap::new(),
            next: 0,
            new: Vec::new(),
            kept: Vec::new(),
            last: None,
        };
        let Some(previous) = previous else { return Ok(registry) };
        let unsound = || Error::Altered { object: format!("registry of {}", previous.id) };
        let mut batches = previous.read_registry();
        while let Some(batch) = batches.try_next().await? {
            let subjects: Option<&UInt32Array> = column(&batch, "subject");
            let keys: Option<&FixedSizeBinaryArray> = column(&batch, "key");
            let (Some(subjects), Some(keys)) = (subjects, keys) else { return Err(unsound()) };
            for (subject, key) in subjects.iter().zip(keys.iter()) {
                let key = key.and_then(|key| LookupKey::try_from(key).ok()).ok_or_else(unsound)?;
                if subject != Some(registry.next) || registry.ids.insert(key, registry.next).is_some() {
                    return Err(unsound());
                }
                registry.next = registry.next.checked_add(1).ok_or_else(unsound)?;
            }
        }
        if registry.next == previous.people { Ok(registry) } else { Err(unsound()) }
    }

    /// Whether a person has a dense id.
    pub(crate) fn knows(&self, id: &str) -> bool {
        !self.ids.is_empty() && self.ids.contains_key(&self.key(id))
    }

    /// The dense id of a person; a new one if they were never seen.
    pub(crate) fn assign(&mut self, id: &str) -> Result<u32> {
        if let Some((last, subject)) = &self.last
            && last == id
        {
            return Ok(*subject);
        }
        let key = self.key(id);
        let subject = match self.ids.get(&key) {
            Some(subject) => *subject,
            None => self.add(key, id)?,
        };
        self.last = Some((id.to_owned(), subject));
        Ok(subject)
    }

    /// Writes the new people to a file of their own.
    pub(crate) async fn write(&self, storage: &Storage, keyring: &Keyring, path: Path) -> Result<StoredFile> {
        let schema = schema();
        let mut writer = SealedWriter::begin(storage, keyring, path, &schema, Some(0))?;
        let first = self.next - self.new_people();
        let mut subjects = first..self.next;
        let mut kept = self.kept.iter();
        for keys in self.new.chunks(BATCH_ROWS) {
            let mut ids = UInt32Builder::with_capacity(keys.len());
            let mut lookup = FixedSizeBinaryBuilder::with_capacity(keys.len(), 32);
            let mut originals = StringBuilder::new();
            for key in keys {
                ids.append_option(subjects.next());
                originals.append_option(kept.next());
                lookup
                    .append_value(key)
                    .map_err(|_| Error::Internal { what: "a lookup key has 32 bytes" })?;
            }
            let columns: Vec<ArrayRef> =
                vec![Arc::new(ids.finish()), Arc::new(lookup.finish()), Arc::new(originals.finish())];
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
                .map_err(|_| Error::Internal { what: "the registry's columns do not fit together" })?;
            writer.write(&batch).await?;
            writer.end_group().await?;
        }
        let file = writer.finish(storage).await?;
        Ok(StoredFile { first_subject: Some(first), last_subject: self.next.checked_sub(1), ..file })
    }

    /// People who were never seen before this ingest.
    pub(crate) fn new_people(&self) -> u32 {
        u32::try_from(self.new.len()).unwrap_or(u32::MAX)
    }

    /// People of all snapshots.
    pub(crate) fn people(&self) -> u32 {
        self.next
    }

    fn key(&self, id: &str) -> LookupKey {
        let mut key = LookupKey::default();
        key.copy_from_slice(hmac::sign(&self.digest, id.as_bytes()).as_ref());
        key
    }

    fn add(&mut self, key: LookupKey, id: &str) -> Result<u32> {
        let subject = self.next;
        let too_many = || Error::TooManyPeople { dataset: self.dataset.clone() };
        self.next = subject.checked_add(1).ok_or_else(too_many)?;
        self.ids.insert(key, subject);
        self.new.push(key);
        if self.pseudonym == Pseudonym::Keep {
            self.kept.push(id.to_owned());
        }
        Ok(subject)
    }
}

/// The columns of the registry's files; `original` is null unless ids are kept.
fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject", DataType::UInt32, false),
        Field::new("key", DataType::FixedSizeBinary(32), false),
        Field::new("original", DataType::Utf8, true),
    ]))
}

fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}
