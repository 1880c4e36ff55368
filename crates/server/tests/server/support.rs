//! Starts `sekishod` on a copy of a prepared state directory, waits for it, and ends it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use sekisho_client::{Client, Document, Profile, v1};
use tempfile::TempDir;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Between two looks at something that tells nobody when it changes.
const PAUSE: Duration = Duration::from_millis(10);

/// The people of the NAFLD registry, as every analysis of them must count.
pub(crate) const PEOPLE: &str = "SELECT COUNT(*) AS n FROM patients";

/// A state directory of a test's own.
pub(crate) struct Home {
    folder: TempDir,
}

/// How a server is started.
#[derive(Default)]
pub(crate) struct Start<'a> {
    /// Datasets beside those of the demonstration.
    pub(crate) datasets: &'a [PathBuf],
    /// What `SEKISHO_LOG` says.
    pub(crate) log: Option<&'a str>,
    /// The largest file that it may write, in bytes; the limit may be lifted while it runs.
    pub(crate) largest_file: Option<u64>,
    /// Where its standard error goes, if not into the home.
    pub(crate) stderr: Option<&'a Path>,
}

/// A server that runs; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    state: PathBuf,
}

impl Home {
    /// A copy of the demonstration's state directory.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(pristine(), &folder.path().join("state"));
        Self { folder }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A path beside the state directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What servers wrote to standard output and standard error so far.
    pub(crate) fn written(&self) -> Vec<u8> {
        [self.beside("stdout"), self.beside("stderr")]
            .iter()
            .flat_map(|path| fs::read(path).unwrap_or_default())
            .collect()
    }

    pub(crate) async fn start(&self) -> Server {
        self.start_with(&Start::default()).await
    }

    pub(crate) async fn start_with(&self, start: &Start<'_>) -> Server {
        let mut arguments: Vec<PathBuf> =
            vec!["demo".into(), "--state".into(), self.state(), "--no-examples".into()];
        arguments.extend(start.datasets.iter().flat_map(|path| [PathBuf::from("--dataset"), path.clone()]));
        let mut command = limited(start.largest_file);
        command.args(arguments).env("SEKISHO_LOG", start.log.unwrap_or("warn")).stdin(Stdio::null());
        command.stdout(append(&self.beside("stdout")));
        command.stderr(append(start.stderr.unwrap_or(&self.beside("stderr"))));
        let child = command.spawn().unwrap();
        let mut server = Server { child, state: self.state() };
        let ready = self.state().join("ready.json");
        until("ready.json", async || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", String::from_utf8_lossy(&self.written()));
            let text = fs::read_to_string(&ready).ok()?;
            let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
            (ready["pid"] == server.child.id()).then_some(())
        })
        .await;
        server
    }
}

impl Server {
    /// The kernel ends it, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is asked to end, and ends well.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let ended = until("the server's end", async || self.child.try_wait().unwrap()).await;
        assert!(ended.success(), "{ended}");
    }

    /// Takes the limit on the size of its files away.
    pub(crate) fn lift_limit(&self) {
        let id = self.child.id().to_string();
        let lifted = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited:unlimited"]).status();
        assert!(lifted.unwrap().success());
    }

    pub(crate) fn profile(&self, person: &str) -> Profile {
        Profile::load(&Profile::path_in_state(&self.state, person)).unwrap()
    }

    /// A client with a connection of its own.
    pub(crate) async fn client(&self, person: &str) -> Client {
        Client::connect(&self.profile(person)).await.unwrap()
    }

    /// A newcomer is answered, and rightly.
    pub(crate) async fn answers(&self) {
        let client = self.client("analyst").await;
        let outcome = tokio::time::timeout(PATIENCE, client.sql("nafld", PEOPLE)).await.unwrap().unwrap();
        let document = Document::of_outcome(&outcome).unwrap().to_json_line();
        assert!(document.contains("[{\"n\":17549}]"), "{document}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was ended before has nothing left to end.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// `sekishod`, perhaps with a limit on the size of the files that it writes.
pub(crate) fn limited(largest_file: Option<u64>) -> Command {
    let program = env!("CARGO_BIN_EXE_sekishod");
    let Some(bytes) = largest_file else {
        return Command::new(program);
    };
    let mut command = Command::new("sh");
    // POSIX counts in blocks of 512 bytes; only the soft limit is set.
    let script = format!("ulimit -S -f {} && exec \"$@\"", bytes.div_ceil(512));
    command.args(["-c", &script, "sh", program]);
    command
}

/// `sekishod verify` over a state directory.
pub(crate) fn verify(state: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sekishod")).arg("verify").arg("--state").arg(state).output().unwrap()
}

/// The log of a state directory stands as it was signed.
pub(crate) fn assert_verifies(state: &Path) {
    let output = verify(state);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Looks until something is there.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("{what} did not come in {PATIENCE:?}"))
}

/// The job when it is settled.
pub(crate) async fn settled(client: &Client, name: &str) -> v1::Job {
    let watched = tokio::time::timeout(PATIENCE, client.watch(name, |_| ())).await;
    watched.unwrap_or_else(|_| panic!("{name} did not settle")).unwrap()
}

/// Numbers that look random and are the same in each run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len().try_into().unwrap());
        &from[usize::try_from(index).unwrap()]
    }
}

/// The demonstration's state directory, prepared once by the program itself.
fn pristine() -> &'static Path {
    static PRISTINE: OnceLock<PathBuf> = OnceLock::new();
    PRISTINE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        remove_left_over(folder);
        let state = folder.join(format!("pristine-{}", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekishod"));
        let output =
            command.args(["demo", "--no-examples", "--once", "--state"]).arg(&state).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        state
    })
}

/// Removes what earlier runs prepared, but not what a run beside this one uses.
fn remove_left_over(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_prefix("pristine-").is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            // A run beside this one may be doing the same.
            let _removed = fs::remove_dir_all(path);
        }
    }
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}
