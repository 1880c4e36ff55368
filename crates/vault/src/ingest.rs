//! How a dataset is taken in: read, number the people, sort by person, encrypt, publish.
//!
//! Nothing is visible before the last step, which publishes the numbered manifest. Until then
//! every file is new and unnamed by any snapshot, so stopping anywhere loses nothing.

mod column;
mod registry;
mod run;
mod sort;
mod survey;
mod table;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use object_store::path::Path;
use sekisho_model::{DatasetId, SnapshotId, Table, TableKind};

use self::column::Columns;
pub(crate) use self::registry::Registry;
use self::sort::Sorter;
use self::survey::Survey;
pub(crate) use self::survey::measurable;
use self::table::TableWriter;
use crate::absent::Absent;
use crate::keyring::fill_random;
use crate::line;
use crate::manifest::{Fate, Manifest, TableSource};
use crate::scratch::Workspace;
use crate::snapshot::{self, Parts, Snapshot, StoredFile, StoredTable};
use crate::source::Rows;
use crate::storage::{Published, Storage};
use crate::{Error, Result, Vault};

/// How much an ingest may use, and how its files are cut.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// Memory for sorting and writing, in bytes. The registry comes on top: about 50 bytes a
    /// person, and while newcomers are numbered about as much again and the id of each. So does
    /// the look at isolating columns: about 40 MiB.
    pub memory_bytes: usize,
    /// Rows after which a row group ends at the next person.
    pub row_group_rows: usize,
    /// Rows after which a file ends with its row group.
    pub file_rows: u64,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, row_group_rows: 64 << 10, file_rows: 8 << 20 }
    }
}

/// What was taken in, for the operator's eyes.
#[derive(Clone, Eq, PartialEq)]
pub struct Ingested {
    /// The new snapshot.
    pub snapshot: SnapshotId,
    /// People who are new in the registry.
    pub new_people: u32,
    /// People in the registry, of all snapshots.
    pub people: u32,
    /// Each table and its rows, in the order of the manifest.
    pub rows: Vec<(String, u64)>,
}

/// Only the snapshot: counts are nobody's business in a log.
impl fmt::Debug for Ingested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingested").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// Takes a dataset in as the next snapshot.
pub(crate) async fn run(vault: &Vault, manifest: &Manifest, options: &IngestOptions) -> Result<Ingested> {
    let versions = line::versions(vault, &manifest.dataset).await?;
    let previous = versions.into_iter().max_by_key(|version| version.id.number);
    if previous.as_ref().is_some_and(|previous| previous.pseudonym != manifest.pseudonym) {
        return Err(Error::PseudonymChanged { dataset: manifest.dataset.clone() });
    }
    let mut ingest = Ingest {
        vault,
        manifest,
        options,
        workspace: vault.scratch.workspace()?,
        registry: Registry::load(&manifest.dataset, manifest.pseudonym, &vault.keyring, previous.as_ref())
            .await?,
        absent: previous.as_ref().map(|previous| previous.absent.clone()).unwrap_or_default(),
        folder: Folder::new(&manifest.dataset)?,
    };
    let number = previous.as_ref().map_or(0, |previous| previous.id.number) + 1;
    let parts = match ingest.write(previous.as_ref()).await {
        Ok(parts) => parts,
        Err(error) => {
            ingest.discard().await;
            return Err(error);
        }
    };
    let rows = parts.tables.iter().map(|table| (table.name.clone(), total(&table.files))).collect();
    let new = parts.assemble(number, number, Arc::clone(&vault.keyring), vault.object_store());
    let path = snapshot::path(&new.id);
    // An error here leaves the files where they are: the manifest may have been published.
    match vault.storage.publish(&path, new.to_bytes()?).await? {
        Published::Made => {
            tracing::info!(snapshot = %new.id, "snapshot published");
            let new_people = ingest.registry.new_people();
            Ok(Ingested { snapshot: new.id, new_people, people: new.people, rows })
        }
        Published::Existed => {
            ingest.discard().await;
            Err(Error::Conflict { snapshot: new.id })
        }
    }
}

fn total(files: &[StoredFile]) -> u64 {
    files.iter().map(|file| file.rows).sum()
}

/// The new files' folder, which no snapshot names until one is published.
pub(crate) struct Folder {
    path: String,
    names: Vec<Path>,
}

impl Folder {
    pub(crate) fn new(dataset: &DatasetId) -> Result<Self> {
        let mut unique = [0; 8];
        fill_random(&mut unique)?;
        let path = format!("datasets/{dataset}/files/{}", hex::encode(unique));
        Ok(Self { path, names: Vec::new() })
    }

    /// The path of a new file.
    pub(crate) fn file(&mut self, stem: &str, number: usize) -> Path {
        let path = Path::from(format!("{}/{stem}-{number:04}.parquet", self.path));
        self.names.push(path.clone());
        path
    }

    /// Deletes what was written.
    pub(crate) async fn discard(&self, storage: &Storage) {
        for path in &self.names {
            storage.discard(path).await;
        }
    }
}

/// An ingest under way.
struct Ingest<'a> {
    vault: &'a Vault,
    manifest: &'a Manifest,
    options: &'a IngestOptions,
    workspace: Workspace,
    registry: Registry,
    /// Who opted out: no row of theirs is taken in.
    absent: Absent,
    folder: Folder,
}

impl Ingest<'_> {
    /// Writes every file of the new snapshot.
    async fn write(&mut self, previous: Option<&Snapshot>) -> Result<Parts> {
        self.enrol()?;
        let mut dataset = self.manifest.catalogue();
        let mut tables = Vec::with_capacity(self.manifest.tables.len());
        for (table, catalogue) in self.manifest.tables.iter().zip(&mut dataset.tables) {
            tables.push(self.table(table, catalogue).await?);
        }
        let mut registry = previous.map(|previous| previous.registry.clone()).unwrap_or_default();
        if self.registry.new_people() > 0 {
            // Hyphens do not occur in table names, so this is no table's file.
            let path = self.folder.file("registry-of-people", 0);
            registry.push(self.registry.write(&self.vault.storage, &self.vault.keyring, path).await?);
        }
        Ok(Parts {
            dataset,
            description: self.manifest.description.clone(),
            source: self.manifest.source.clone(),
            licence: self.manifest.licence.clone(),
            pseudonym: self.manifest.pseudonym,
            absent: self.absent.clone(),
            people: self.registry.people(),
            registry,
            tables,
        })
    }

    /// Gives everybody who is new a dense id, in the order of their own ids; shorter ones go first, as numbers do.
    /// The checkpoint draws people by their dense ids, and adds doubles in that order: what is released must not
    /// depend on the order of the rows in a source. What does not fit is told when its row is taken in.
    fn enrol(&mut self) -> Result<()> {
        let mut newcomers: BTreeSet<(usize, String)> = BTreeSet::new();
        for table in &self.manifest.tables {
            let mut kept = table.columns.iter().filter(|column| !matches!(column.fate, Fate::Drop));
            let Some(subject) = kept.position(|column| matches!(column.fate, Fate::Subject)) else {
                continue;
            };
            for file in &table.files {
                let (mut rows, mut last) = (Rows::open(file, table)?, String::new());
                while rows.advance()? {
                    let Ok(Some(id)) = rows.field(subject) else { continue };
                    if id != last && id.trim() == id {
                        id.clone_into(&mut last);
                        if !self.registry.knows(id) {
                            newcomers.insert((id.len(), last.clone()));
                        }
                    }
                }
            }
        }
        newcomers.into_iter().try_for_each(|(_, id)| self.registry.assign(&id).map(|_| ()))
    }

    /// Writes the files of a table, and completes what the catalogue says of its columns.
    async fn table(&mut self, table: &TableSource, catalogue: &mut Table) -> Result<StoredTable> {
        let schema = snapshot::schema(catalogue);
        let identifiers = self.vault.keyring.pseudonym_key(&self.manifest.dataset, "identifier");
        let mut columns = Columns::new(table, &schema, &identifiers);
        let subject = match table.kind {
            TableKind::Code => None,
            TableKind::Subject => columns.subject(),
        };
        // A buffer's vectors may be half empty, and sorting copies it piece by piece.
        let mut sorter = Sorter::new(&self.workspace, &table.name, &schema, subject);
        let limit = self.options.memory_bytes / 3;
        let mut keys = HashSet::new();
        for file in &table.files {
            let mut rows = Rows::open(file, table)?;
            while rows.advance()? {
                columns.push(&rows, &mut self.registry, &mut keys)?;
                if columns.bytes() >= limit {
                    sorter.spill(columns.finish()?)?;
                }
            }
        }
        let mut sorted = sorter.finish(columns.finish()?)?;
        let mut writer = TableWriter::new(self.vault, &schema, subject, self.options);
        let mut survey = Survey::new(table, &catalogue.columns, subject);
        while let Some(batch) = sorted.next_batch()? {
            let batch = match subject {
                Some(subject) => self.absent.leave_out(batch, subject)?,
                None => batch,
            };
            // The writer checks the order of the dense id, on which the survey relies.
            writer.write(&batch, |number| self.folder.file(&table.name, number)).await?;
            survey.see(&batch)?;
        }
        survey.complete(&mut catalogue.columns);
        let files = writer.finish(|number| self.folder.file(&table.name, number)).await?;
        Ok(StoredTable { name: table.name.clone(), kind: table.kind, key: table.key.clone(), schema, files })
    }

    async fn discard(&self) {
        self.folder.discard(&self.vault.storage).await;
    }
}
