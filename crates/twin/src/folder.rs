//! A twin as files: a manifest, a CSV file for each table, and what it was drawn from.
//!
//! It is written beside its place and then moved there, so that a twin is complete or not there. Its files are
//! for their owner only.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sekisho_client::{Client, v1};
use sekisho_disclosure::Profile;
use sekisho_vault::{IngestOptions, Keyring, Manifest, Vault};
use serde::{Deserialize, Serialize};

use crate::ask::{Asker, Known, Source};
use crate::catalogue::Catalogue;
use crate::draw::Draw;
use crate::manifest;
use crate::random::Random;
use crate::{Error, Result};

/// People of a twin of which no number of people was released.
const PEOPLE: u64 = 1_000;

/// The file that says what a twin was drawn from. It is written last.
const DRAWN_FROM: &str = "twin.json";

/// The twin to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// The project's id.
    pub project: String,
    /// Where it is written; the folder is made, and an older twin in it is replaced.
    pub folder: PathBuf,
    /// How many people it has; as many as were released, if it is not said.
    pub people: Option<u64>,
    /// The same twin is made of the same seed and the same releases.
    pub seed: u64,
}

/// A twin that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// The folder that it lies in.
    pub folder: PathBuf,
    /// How many people it has.
    pub people: u64,
    /// How many releases it was drawn from.
    pub releases: usize,
}

/// What a twin was drawn from.
#[derive(Serialize)]
struct DrawnFrom<'a> {
    synthetic: bool,
    note: &'a str,
    project: &'a str,
    snapshot: &'a str,
    catalogue: String,
    people: u64,
    seed: u64,
    releases: &'a [Source],
}

#[derive(Deserialize)]
struct Catalogued {
    catalogue: String,
}

/// Makes the twin of a project: asks for a few statistics of each column by ordinary jobs, which the project is
/// charged for like any others, and draws records from the answers. `told` hears how far it is.
///
/// # Errors
/// Where a call fails or a file cannot be written. A statistic that is not released is no error.
pub async fn make(client: &Client, order: &Order, told: &mut dyn FnMut(&str)) -> Result<Made> {
    let catalogue = Catalogue::of(client, &order.project).await?;
    make_of(client, &catalogue, order, told).await
}

pub(crate) async fn make_of(
    client: &Client,
    catalogue: &Catalogue,
    order: &Order,
    told: &mut dyn FnMut(&str),
) -> Result<Made> {
    let mut asker = Asker::new(client, &order.project, told);
    let tables = asker.tables(catalogue).await?;
    let sources = std::mem::take(&mut asker.sources);
    let known = tables.iter().filter_map(|known| known.people).max();
    let people = order.people.or(known).unwrap_or(PEOPLE);
    told(&format!("drawing {people} people"));
    // A person of the twin stands for one of those that were counted.
    let everybody = known.unwrap_or(people);
    let new = beside(&order.folder)?;
    let written = async {
        write(&new, catalogue, &tables, (people, everybody), order.seed)?;
        take_in(&new).await?;
        let drawn = DrawnFrom {
            synthetic: true,
            note: manifest::SYNTHETIC,
            project: &order.project,
            snapshot: &catalogue.answer.snapshot,
            catalogue: catalogue.digest(),
            people,
            seed: order.seed,
            releases: &sources,
        };
        let drawn = serde_json::to_string_pretty(&drawn).map_err(|_| Error::Internal("describing a twin"))?;
        write_file(&new.join(DRAWN_FROM), drawn.as_bytes())?;
        replace(&new, &order.folder)
    };
    if let Err(error) = written.await {
        // What is left of it is no twin; nobody can be told if it stays.
        let _removed = fs::remove_dir_all(&new);
        return Err(error);
    }
    Ok(Made { folder: order.folder.clone(), people, releases: sources.len() })
}

/// Whether a folder holds a twin with the tables that the catalogue has now.
pub(crate) fn is_of(folder: &Path, catalogue: &Catalogue) -> bool {
    let read = fs::read_to_string(folder.join(DRAWN_FROM)).ok();
    let of = read.and_then(|text| serde_json::from_str::<Catalogued>(&text).ok());
    of.is_some_and(|of| of.catalogue == catalogue.digest())
}

/// The vault of a twin.
pub(crate) fn vault(folder: &Path) -> Result<Vault> {
    Ok(Vault::open(&folder.join("vault"), Keyring::open(&folder.join("vault.key"))?)?)
}

/// The manifest of a folder.
pub(crate) fn manifest_of(folder: &Path) -> Result<Manifest> {
    Ok(Manifest::read(&folder.join("manifest.toml"))?)
}

async fn take_in(folder: &Path) -> Result<()> {
    let keyring = Keyring::create(&folder.join("vault.key"))?;
    let vault = Vault::open(&folder.join("vault"), keyring)?;
    vault.ingest(&manifest_of(folder)?, &IngestOptions::default()).await?;
    Ok(())
}

fn write(
    folder: &Path,
    catalogue: &Catalogue,
    tables: &[Known],
    (people, everybody): (u64, u64),
    seed: u64,
) -> Result<()> {
    write_file(&folder.join("manifest.toml"), manifest::text(catalogue, tables)?.as_bytes())?;
    for (number, (table, known)) in (0..).zip(catalogue.answer.tables.iter().zip(tables)) {
        if !manifest::is_there(table, known) {
            continue;
        }
        let path = folder.join(manifest::file(table));
        let failed = |error: csv::Error| Error::file(&path, &error);
        let mut out = csv::Writer::from_writer(BufWriter::new(create(&path)?));
        out.write_record(table.columns.iter().map(|column| column.name.as_str())).map_err(failed)?;
        if table.personal {
            let drawn = Drawn::new(table, known, everybody, &catalogue.profile);
            (0..people)
                .try_for_each(|person| drawn.write(&mut out, (seed, number, person)))
                .map_err(failed)?;
        } else {
            let text = |row: &Vec<Option<String>>| {
                row.iter().map(|value| value.clone().unwrap_or_default()).collect::<Vec<_>>()
            };
            known.codes.iter().try_for_each(|row| out.write_record(text(row))).map_err(failed)?;
        }
        out.flush().map_err(|error| Error::file(&path, &error))?;
    }
    Ok(())
}

/// A table of people, as it is drawn.
struct Drawn {
    /// The share of people with a record.
    share: f64,
    /// How many records such a person has.
    mean: f64,
    columns: Vec<Draw>,
}

impl Drawn {
    fn new(table: &v1::Table, known: &Known, everybody: u64, profile: &Profile) -> Self {
        let ratio = |part: Option<u64>, whole: Option<u64>| match (part, whole) {
            (Some(part), Some(whole)) if whole > 0 => float(part) / float(whole),
            _ => 1.0,
        };
        let columns = table.columns.iter().zip(&known.columns);
        Self {
            share: ratio(known.people, Some(everybody)),
            mean: ratio(known.rows, known.people),
            columns: columns.map(|(column, marginal)| Draw::of(column, marginal, profile)).collect(),
        }
    }

    /// Writes the records of one person.
    fn write<W: std::io::Write>(
        &self,
        out: &mut csv::Writer<W>,
        (seed, table, person): (u64, u64, u64),
    ) -> csv::Result<()> {
        let mut random = Random::of(seed, table, person);
        if random.unit() >= self.share {
            return Ok(());
        }
        let name = format!("twin-{person}");
        for _ in 0..random.records(self.mean) {
            out.write_record(self.columns.iter().map(|draw| draw.value(&name, &mut random)))?;
        }
        Ok(())
    }
}

/// A count as a double, to nine digits at least.
fn float(count: u64) -> f64 {
    let half = |half: u64| u32::try_from(half & u64::from(u32::MAX)).map_or(0.0, f64::from);
    half(count >> 32) * 4_294_967_296.0 + half(count)
}

/// An empty folder beside the place of a twin, for its owner only.
fn beside(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().and_then(|name| name.to_str()).ok_or_else(|| Error::File {
        path: folder.to_owned(),
        reason: "it is no name of a folder".to_owned(),
    })?;
    let new = folder.with_file_name(format!(".{name}.{}", std::process::id()));
    if new.exists() {
        fs::remove_dir_all(&new).map_err(|error| Error::file(&new, &error))?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&new).map_err(|error| Error::file(&new, &error))?;
    Ok(new)
}

/// Moves a finished twin to its place. What lies there goes only if it is a twin.
fn replace(new: &Path, folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::file(folder, &error);
    if folder.join(DRAWN_FROM).exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::rename(new, folder).map_err(failed)
}

/// A new file for its owner only.
fn create(path: &Path) -> Result<fs::File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| Error::file(path, &error))
}

fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    create(path)?.write_all(content).map_err(|error| Error::file(path, &error))
}
