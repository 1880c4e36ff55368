//! A snapshot of small data, and what an analysis of it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::ipc::reader::StreamReader;
use sekisho_disclosure::{Ledger, Outcome, Profile, Profiles, check};
use sekisho_model::{Analysis, Hold, Limits, Refusal, SnapshotPin, TableGrant};
use sekisho_query::{Engine, Failure, View, plan};
use sekisho_vault::{IngestOptions, Keyring, Leavers, Manifest, Vault};
use tempfile::TempDir;

/// A vault with one dataset.
pub(crate) struct Fixture {
    pub(crate) view: View,
    pub(crate) engine: Engine,
    vault: Vault,
    _folder: TempDir,
}

/// The ward data of the demonstration.
pub(crate) fn ward() -> PathBuf {
    data("ward/manifest.toml")
}

fn data(path: &str) -> PathBuf {
    Path::new("../../tests/data").join(path).canonicalize().unwrap()
}

/// A built-in profile.
pub(crate) fn profile(name: &str) -> Profile {
    Profiles::built_in().unwrap().get(name).unwrap().clone()
}

impl Fixture {
    /// Takes in the dataset of a manifest.
    pub(crate) async fn new(manifest: &Path) -> Self {
        Self::with_options(manifest, &IngestOptions::default()).await
    }

    /// The same, with files cut otherwise.
    pub(crate) async fn with_options(manifest: &Path, options: &IngestOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::create(&folder.path().join("master.key")).unwrap();
        let vault = Vault::open(&folder.path().join("vault"), keyring).unwrap();
        let manifest = Manifest::read(manifest).unwrap();
        vault.ingest(&manifest, options).await.unwrap();
        let dataset = manifest.catalogue();
        let snapshot = Arc::new(vault.snapshot(&dataset.id, SnapshotPin::Latest).await.unwrap());
        let grants =
            dataset.tables.iter().map(|table| TableGrant { table: table.name.clone(), columns: None });
        let view = View { snapshot, grants: grants.collect(), profile: profile("japan-rwd") };
        Self { view, engine: Engine::new(vault.object_store()), vault, _folder: folder }
    }

    /// Some people opt out, by their original ids.
    pub(crate) async fn opt_out(&mut self, ids: &[String]) {
        let file = self._folder.path().join("leavers.txt");
        std::fs::write(&file, ids.join("\n")).unwrap();
        let dataset = self.view.snapshot.id.dataset.clone();
        self.vault.opt_out(&dataset, &Leavers::read(&file).unwrap(), false).await.unwrap();
        let snapshot = self.vault.snapshot(&dataset, SnapshotPin::Latest).await.unwrap();
        self.view.snapshot = Arc::new(snapshot);
    }

    /// Takes in a dataset that is written here.
    pub(crate) async fn of_text(manifest: &str, files: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("manifest.toml");
        std::fs::write(&path, manifest).unwrap();
        Self::new(&path).await
    }

    /// The people of the demonstration's cohort, without their measurements.
    pub(crate) async fn cohort() -> Self {
        let manifest = std::fs::read_to_string(data("nafld/manifest.toml")).unwrap();
        let parts: Vec<&str> = manifest.split("[[table]]").take(2).collect();
        let file = data("nafld/patients.csv.gz");
        let manifest = parts.join("[[table]]").replace("patients.csv.gz", file.to_str().unwrap());
        Self::of_text(&manifest, &[]).await
    }

    /// The bytes of the answer under a profile, or the refusal.
    pub(crate) async fn bytes(&self, sql: &str, profile: &Profile) -> Result<Vec<u8>, Refusal> {
        self.bytes_of(sql.into(), profile).await
    }

    /// The same of an analysis that brings lists or parameters.
    pub(crate) async fn bytes_of(&self, analysis: Analysis, profile: &Profile) -> Result<Vec<u8>, Refusal> {
        let limits = Limits::default();
        let plan = plan(analysis, &self.view, &limits)?;
        let (unreleased, public) =
            self.engine.execute(plan, &limits).await.map_err(|failure| failure.refusal())?;
        let checked = check(unreleased, &Ledger::new(), profile, Hold::ByRule)
            .map_err(|error| Failure::from(error).refusal())?;
        match checked.publish(public).await.map_err(|failure| failure.refusal())? {
            Outcome::Released(released) => Ok(released.arrow_ipc().to_vec()),
            Outcome::Held(_) => panic!("nothing is held here"),
        }
    }

    /// The answer under `japan-rwd`.
    pub(crate) async fn ask(&self, sql: &str) -> Result<Answer, Refusal> {
        self.ask_of(sql.into()).await
    }

    /// The same of an analysis that brings lists or parameters.
    pub(crate) async fn ask_of(&self, analysis: Analysis) -> Result<Answer, Refusal> {
        Ok(Answer::read(&self.bytes_of(analysis, &profile("japan-rwd")).await?))
    }

    /// What an analysis is refused with from the plan alone, if it is.
    pub(crate) fn refused(&self, analysis: Analysis) -> Option<Refusal> {
        self.refused_within(&analysis, &Limits::default())
    }

    /// The same within other limits.
    pub(crate) fn refused_within(&self, analysis: &Analysis, limits: &Limits) -> Option<Refusal> {
        plan(analysis.clone(), &self.view, limits).err()
    }

    /// What a text is refused with, from the plan alone.
    pub(crate) fn refusal(&self, sql: &str) -> Refusal {
        self.refusal_of(sql.into())
    }

    /// The same of an analysis that brings lists or parameters.
    pub(crate) fn refusal_of(&self, analysis: Analysis) -> Refusal {
        let sql = analysis.sql.clone();
        match plan(analysis, &self.view, &Limits::default()) {
            Ok(_) => panic!("not refused: {sql}"),
            Err(refusal) => refusal,
        }
    }
}

/// A released table.
pub(crate) struct Answer {
    pub(crate) batch: RecordBatch,
    pub(crate) withheld: Vec<(usize, usize)>,
}

impl Answer {
    pub(crate) fn read(ipc: &[u8]) -> Self {
        let reader = StreamReader::try_new(ipc, None).unwrap();
        let schema = reader.schema();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let batch = datafusion::arrow::compute::concat_batches(&schema, &batches).unwrap();
        let listed = schema.metadata().get("sekisho.withheld").cloned().unwrap_or_else(|| "[]".to_owned());
        let withheld = withheld_cells(&listed, &batch);
        Self { batch, withheld }
    }

    /// Rows as text; a withheld cell is `#`, NULL is `-`.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = text_rows(&self.batch);
        for (row, column) in &self.withheld {
            assert!(self.batch.column(*column).is_null(*row), "a withheld cell has a value");
            rows[*row][*column] = "#".to_owned();
        }
        rows
    }

    /// The values of the columns that are no statistics.
    pub(crate) fn labels(&self) -> Vec<String> {
        let schema = self.batch.schema();
        let is_label = |column: &usize| {
            schema.field(*column).metadata().get("sekisho.role").is_none_or(|role| role != "statistic")
        };
        let columns: Vec<usize> = (0..self.batch.num_columns()).filter(is_label).collect();
        self.rows()
            .into_iter()
            .flat_map(|row| columns.iter().map(|at| row[*at].clone()).collect::<Vec<_>>())
            .collect()
    }

    /// Rows in one line: `F 1484|M 1516`.
    pub(crate) fn show(&self) -> String {
        self.rows().iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("|")
    }
}

/// The rows of a table as text; NULL is `-`.
pub(crate) fn text_rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let text = |array: &dyn Array| cast(array, &DataType::Utf8).unwrap();
    let columns: Vec<_> = batch.columns().iter().map(|column| text(column)).collect();
    let cell = |row: usize, column: &dyn Array| {
        let column = column.as_any().downcast_ref::<StringArray>().unwrap();
        if column.is_null(row) { "-".to_owned() } else { column.value(row).to_owned() }
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect()
}

/// `[{"row":1,"column":"n",…}]`, read without a JSON library.
fn withheld_cells(listed: &str, batch: &RecordBatch) -> Vec<(usize, usize)> {
    let number =
        |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
    let cell = |part: &str| {
        let name: String =
            part.split("\"column\":\"").nth(1).unwrap().chars().take_while(|c| *c != '"').collect();
        (number(part), batch.schema().index_of(&name).unwrap())
    };
    listed.split("\"row\":").skip(1).map(cell).collect()
}
