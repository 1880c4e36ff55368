//! How a snapshot's manifest is stored: a small JSON envelope around a sealed JSON body.
//!
//! The body is sealed because declared values, descriptions and row counts stand in it, and so
//! that nobody without the master key can change what a column means.

mod column;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use sekisho_model::{Dataset, Digest, SnapshotId, Table, TableKind};
use serde::{Deserialize, Serialize};

use self::column::{ColumnRow, column, column_row};
use super::{Parts, Snapshot, StoredFile, StoredTable, schema};
use crate::absent::Absent;
use crate::manifest::Pseudonym;
use crate::{Error, Keyring, Result};

/// The version of the stored form. Format 3 says who opted out, and which ingest the rows are of; format 2
/// says of each column whether it is isolating, and format 1 does not.
const FORMAT: u32 = 3;

/// The version from which on people may be absent.
const OF_LINES: u32 = 3;

/// The oldest version that is read.
const OLDEST: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Envelope {
    format: u32,
    dataset: String,
    number: u64,
    /// Which master key it takes.
    key: String,
    /// The body, encrypted; nonce first, Base64.
    sealed: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Body {
    title: String,
    description: String,
    source: String,
    licence: String,
    units: Vec<String>,
    pseudonym: PseudonymRow,
    people: u32,
    /// From format 3 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// From format 3 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    absent: Option<Vec<u32>>,
    registry: Vec<FileRow>,
    tables: Vec<TableRow>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum PseudonymRow {
    Hmac,
    Keep,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TableRow {
    name: String,
    description: String,
    kind: KindRow,
    key: Option<String>,
    columns: Vec<ColumnRow>,
    files: Vec<FileRow>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum KindRow {
    Code,
    Subject,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    path: String,
    size: u64,
    rows: u64,
    first_subject: Option<u32>,
    last_subject: Option<u32>,
    sha256: String,
    wrapped_key: String,
}

/// The bytes of a snapshot's manifest.
pub(super) fn write(snapshot: &Snapshot, path: &Path) -> Result<Vec<u8>> {
    let failed = |_| Error::Internal { what: "a snapshot's manifest cannot be written as JSON" };
    let body = serde_json::to_vec(&body(snapshot)).map_err(failed)?;
    let envelope = Envelope {
        format: FORMAT,
        dataset: snapshot.id.dataset.to_string(),
        number: snapshot.id.number,
        key: snapshot.keyring.id(),
        sealed: snapshot.keyring.seal(&body, path.as_ref())?,
    };
    serde_json::to_vec_pretty(&envelope).map_err(failed)
}

/// A snapshot from the bytes of its manifest.
pub(super) fn read(
    bytes: &[u8],
    path: &Path,
    id: SnapshotId,
    keyring: Arc<Keyring>,
    store: Arc<dyn ObjectStore>,
) -> Result<Snapshot> {
    let object = || path.to_string();
    let envelope: Envelope =
        serde_json::from_slice(bytes).map_err(|_| Error::Altered { object: object() })?;
    if envelope.format > FORMAT {
        return Err(Error::Newer { object: object() });
    }
    if envelope.format < OLDEST || envelope.dataset != id.dataset.as_str() || envelope.number != id.number {
        return Err(Error::Altered { object: object() });
    }
    if envelope.key != keyring.id() {
        return Err(Error::WrongKey { object: object() });
    }
    let body = keyring.unseal(&envelope.sealed, path.as_ref())?;
    // The body is authentic, so one that does not parse is of another version.
    let body: Body = serde_json::from_slice(&body).map_err(|_| Error::Newer { object: object() })?;
    let altered = || Error::Altered { object: object() };
    let of_lines = [body.line.is_some(), body.absent.is_some()];
    if of_lines.iter().any(|is_there| *is_there != (envelope.format >= OF_LINES)) {
        return Err(altered());
    }
    let line = body.line.unwrap_or(id.number);
    let mut tables = Vec::with_capacity(body.tables.len());
    let mut stored = Vec::with_capacity(body.tables.len());
    for row in body.tables {
        let (key, files) = (row.key.clone(), row.files.iter().map(file).collect::<Option<Vec<_>>>());
        let files = files.ok_or_else(altered)?;
        // The envelope is not sealed: a version that the body does not have was put there.
        if row.columns.iter().any(|column| column.of_format_2() != (envelope.format > OLDEST)) {
            return Err(altered());
        }
        // A step that this version does not know was written by a later one.
        let table = table(row).ok_or_else(|| Error::Newer { object: object() })?;
        let (name, kind, schema) = (table.name.clone(), table.kind, schema(&table));
        stored.push(StoredTable { name, kind, key, schema, files });
        tables.push(table);
    }
    let registry = body.registry.iter().map(file).collect::<Option<Vec<_>>>().ok_or_else(altered)?;
    let parts = Parts {
        dataset: Dataset { id: id.dataset, title: body.title, units: body.units, tables },
        description: body.description,
        source: body.source,
        licence: body.licence,
        pseudonym: match body.pseudonym {
            PseudonymRow::Hmac => Pseudonym::Hmac,
            PseudonymRow::Keep => Pseudonym::Keep,
        },
        absent: Absent::of(body.absent.unwrap_or_default()),
        people: body.people,
        registry,
        tables: stored,
    };
    Ok(parts.assemble(id.number, line, keyring, store))
}

fn body(snapshot: &Snapshot) -> Body {
    let tables = snapshot.dataset.tables.iter().zip(&snapshot.tables);
    Body {
        title: snapshot.dataset.title.clone(),
        description: snapshot.description.clone(),
        source: snapshot.source.clone(),
        licence: snapshot.licence.clone(),
        units: snapshot.dataset.units.clone(),
        pseudonym: match snapshot.pseudonym {
            Pseudonym::Hmac => PseudonymRow::Hmac,
            Pseudonym::Keep => PseudonymRow::Keep,
        },
        people: snapshot.people,
        line: Some(snapshot.line),
        absent: Some(snapshot.absent.iter().collect()),
        registry: snapshot.registry.iter().map(file_row).collect(),
        tables: tables.map(|(table, stored)| table_row(table, stored)).collect(),
    }
}

fn table_row(table: &Table, stored: &StoredTable) -> TableRow {
    TableRow {
        name: table.name.clone(),
        description: table.description.clone(),
        kind: match table.kind {
            TableKind::Code => KindRow::Code,
            TableKind::Subject => KindRow::Subject,
        },
        key: stored.key.clone(),
        columns: table.columns.iter().map(column_row).collect(),
        files: stored.files.iter().map(file_row).collect(),
    }
}

fn table(row: TableRow) -> Option<Table> {
    let kind = match row.kind {
        KindRow::Code => TableKind::Code,
        KindRow::Subject => TableKind::Subject,
    };
    let columns = row.columns.into_iter().map(|row| column(row, kind)).collect::<Option<_>>()?;
    Some(Table { name: row.name, description: row.description, kind, columns })
}

fn file_row(file: &StoredFile) -> FileRow {
    FileRow {
        path: file.path.to_string(),
        size: file.size,
        rows: file.rows,
        first_subject: file.first_subject,
        last_subject: file.last_subject,
        sha256: file.sha256.to_string(),
        wrapped_key: file.wrapped_key.clone(),
    }
}

fn file(row: &FileRow) -> Option<StoredFile> {
    Some(StoredFile {
        path: Path::parse(&row.path).ok()?,
        size: row.size,
        rows: row.rows,
        first_subject: row.first_subject,
        last_subject: row.last_subject,
        sha256: row.sha256.parse::<Digest>().ok()?,
        wrapped_key: row.wrapped_key.clone(),
    })
}
