//! A vault in a temporary folder, small datasets for it, and stores that fail on demand.

use std::fmt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use async_trait::async_trait;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use sekisho_model::SnapshotPin;
use sekisho_vault::{IngestOptions, Keyring, Manifest, Result, Snapshot, Vault};
use tokio::sync::Barrier;

/// A folder that holds a vault (`vault/`), its key (`master.key`) and source files (`data/`).
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.path("data")).unwrap();
        Keyring::create(&home.path("master.key")).unwrap();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("vault")
    }

    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::open(&self.path("master.key")).unwrap()
    }

    pub(crate) fn vault(&self) -> Vault {
        Vault::open(&self.root(), self.keyring()).unwrap()
    }

    pub(crate) fn vault_over(&self, store: Arc<dyn ObjectStore>) -> Vault {
        Vault::over(store, &self.root(), self.keyring()).unwrap()
    }

    /// Writes a source file.
    pub(crate) fn file(&self, name: &str, body: impl AsRef<[u8]>) {
        std::fs::write(self.path("data").join(name), body).unwrap();
    }

    /// A manifest beside the source files.
    pub(crate) fn manifest(&self, text: &str) -> Manifest {
        Manifest::parse(text, &self.path("data/manifest.toml")).unwrap()
    }

    /// Every file below the vault, with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        found
    }
}

/// The manifest of a demonstration dataset.
pub(crate) fn demo(name: &str) -> Manifest {
    let folder = FsPath::new("../../tests/data").join(name);
    Manifest::read(&folder.join("manifest.toml")).unwrap()
}

/// A manifest of one table `visits` with the columns given, in `visits.csv`.
pub(crate) fn visits(columns: &[&str]) -> String {
    let mut text = String::from(
        "dataset = \"clinic\"\ntitle = \"t\"\nsource = \"s\"\nlicence = \"l\"\n\
         [[table]]\nname = \"visits\"\nfile = \"visits.csv\"\n",
    );
    for column in columns {
        text.push_str(&format!("[[table.column]]\n{column}\n"));
    }
    text
}

pub(crate) const SUBJECT: &str = "name = \"id\"\nclass = \"subject\"";
pub(crate) const COST: &str = "name = \"cost\"\nclass = \"measure\"\ntype = \"integer\"";

/// Options with this much memory, and small row groups and files.
pub(crate) fn small(memory_bytes: usize) -> IngestOptions {
    IngestOptions { memory_bytes, row_group_rows: 1000, file_rows: 20_000 }
}

pub(crate) async fn latest(vault: &Vault, dataset: &str) -> Snapshot {
    vault.snapshot(&dataset.parse().unwrap(), SnapshotPin::Latest).await.unwrap()
}

/// All rows of a table.
pub(crate) async fn read(snapshot: &Snapshot, table: &str) -> Result<RecordBatch> {
    let batches: Vec<_> = snapshot.read(table)?.try_collect().await?;
    let schema = &snapshot.table(table).unwrap().schema;
    Ok(concat_batches(schema, &batches).unwrap())
}

/// All rows of a table as texts, NULL as the empty one.
pub(crate) async fn texts(snapshot: &Snapshot, table: &str) -> Vec<Vec<String>> {
    let batch = read(snapshot, table).await.unwrap();
    let columns: Vec<_> =
        batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
    let columns: Vec<&StringArray> =
        columns.iter().map(|column| column.as_any().downcast_ref().unwrap()).collect();
    let text = |column: &StringArray, row| {
        if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()).collect()
}

/// A store on the local file system whose writes fail from the n-th on, as if the process had died,
/// or meet at a barrier before a snapshot is published.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: LocalFileSystem,
    left: AtomicUsize,
    fault: std::io::ErrorKind,
    meet: Option<Arc<Barrier>>,
}

impl Faulty {
    pub(crate) fn failing(root: &FsPath, after: usize, fault: std::io::ErrorKind) -> Arc<Self> {
        Arc::new(Self { inner: local(root), left: AtomicUsize::new(after), fault, meet: None })
    }

    pub(crate) fn meeting(root: &FsPath, meet: Arc<Barrier>) -> Arc<Self> {
        let (left, fault) = (AtomicUsize::new(usize::MAX), std::io::ErrorKind::Other);
        Arc::new(Self { inner: local(root), left, fault, meet: Some(meet) })
    }

    /// Writes that were still allowed.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    fn spend(&self) -> object_store::Result<()> {
        let spent = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let source = Box::new(std::io::Error::from(self.fault));
        spent.map(|_| ()).map_err(|_| object_store::Error::Generic { store: "faulty", source })
    }
}

fn local(root: &FsPath) -> LocalFileSystem {
    std::fs::create_dir_all(root).unwrap();
    LocalFileSystem::new_with_prefix(root).unwrap()
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.spend()?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.spend()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        match self.spend() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(error) => Box::pin(futures::stream::once(async { Err(error) })),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        if let Some(meet) = &self.meet {
            meet.wait().await;
        }
        self.spend()?;
        self.inner.copy_opts(from, to, options).await
    }
}
