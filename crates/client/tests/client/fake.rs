//! A server that answers from a script, over real TLS with a certificate authority of its own.
//!
//! What a job does is said by its SQL, so that a test reads in one place: `released`, `refused`, `held`,
//! `failed`, `escapes`, and more below.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::StreamWriter;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sekisho_audit::{Entry, EventKind, Log, LogKey};
use sekisho_client::v1::catalog_service_server::{CatalogService, CatalogServiceServer};
use sekisho_client::v1::job_service_server::{JobService, JobServiceServer};
use sekisho_client::v1::{
    Budget, CancelJobRequest, Catalog, CheckJobRequest, CheckJobResponse, CheckedStatement, CodeList, Column,
    Cost, FetchResultRequest, FetchResultResponse, GetBudgetRequest, GetCatalogRequest, GetJobRequest,
    GetReceiptRequest, Isolating, Job, ListJobsRequest, ListJobsResponse, ListProjectsRequest,
    ListProjectsResponse, Parameter, Policy, Position, Problem, Project, Receipt, ReleaseRef, Spent,
    SubmitJobRequest, Table, WatchJobRequest, job,
};
use sekisho_model::Timestamp;
use sha2::{Digest, Sha256};
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The token that is let in, and so is each that begins like it.
pub(crate) const TOKEN: &str = "let-me-in";

/// A running server; it ends with the value.
pub(crate) struct Fake {
    pub(crate) state: Arc<State>,
    pub(crate) address: String,
    pub(crate) log_key: String,
    folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

/// What the server remembers.
#[derive(Default)]
pub(crate) struct State {
    /// Jobs by name.
    pub(crate) jobs: Mutex<HashMap<String, Job>>,
    /// Jobs by request id.
    requests: Mutex<HashMap<String, String>>,
    /// What came with each analysis that was submitted or checked.
    pub(crate) given: Mutex<Vec<(Vec<Parameter>, Vec<CodeList>)>>,
    /// How many of the next calls to `SubmitJob` are answered, and then lost.
    pub(crate) lose_submits: AtomicUsize,
    /// How many of the next streams of states break after their first state.
    pub(crate) break_watches: AtomicUsize,
    /// How many of the next streams of states end after their first state, because the token does.
    pub(crate) end_watches: AtomicUsize,
    /// How many calls of `WatchJob` came.
    pub(crate) watches: AtomicUsize,
    /// The audit log; made when the server starts.
    log: Mutex<Option<Log>>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Starts on an address of one's own choice, with new certificates.
    pub(crate) async fn at(address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ca, identity) = certificates();
        std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let (log, log_key) = log(folder.path());
        let state = Arc::new(State { log: Mutex::new(Some(log)), ..State::default() });
        let service = Service(Arc::clone(&state));
        let router = Server::builder()
            .tls_config(ServerTlsConfig::new().identity(identity))
            .unwrap()
            .add_service(JobServiceServer::with_interceptor(service.clone(), signed_in))
            .add_service(CatalogServiceServer::with_interceptor(service, signed_in));
        let task = tokio::spawn(async move {
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        let fake = Self { state, address, log_key, folder, task };
        fake.write_profile("analyst", TOKEN, "ca.pem");
        fake
    }

    /// The state directory; its `profiles/analyst.toml` is let in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write_profile(&self, name: &str, token: &str, ca: &str) -> PathBuf {
        let profiles = self.folder().join("profiles");
        std::fs::create_dir_all(&profiles).unwrap();
        let path = profiles.join(format!("{name}.toml"));
        let text = format!(
            "address = \"{}\"\nca = \"../{ca}\"\ntoken = \"{token}\"\nlog_key = \"{}\"\n",
            self.address, self.log_key
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A log of 17 entries, and its public key.
fn log(folder: &Path) -> (Log, String) {
    let key = LogKey::open(&folder.join("log.key"), "example.org/log").unwrap();
    let log_key = key.verifier_key().to_owned();
    let mut log = Log::open(&folder.join("log"), key).unwrap();
    let entry =
        |index| Entry::new(format!("start-{index}"), Timestamp(0), EventKind::ServerStarted, "enclave");
    log.append(&(0..17).map(entry).collect::<Vec<_>>()).unwrap();
    (log, log_key)
}

/// A CA, and a certificate of it for 127.0.0.1.
pub(crate) fn certificates() -> (String, Identity) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    (ca.pem(), Identity::from_pem(certificate.pem(), key.serialize_pem()))
}

fn signed_in(request: Request<()>) -> Result<Request<()>, Status> {
    let expected = format!("Bearer {TOKEN}");
    if request
        .metadata()
        .get("authorization")
        .is_some_and(|token| token.as_bytes().starts_with(expected.as_bytes()))
    {
        return Ok(request);
    }
    Err(error(Code::Unauthenticated, "UNAUTHENTICATED", "the token is not valid"))
}

fn error(code: Code, reason: &str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "sekisho", HashMap::new());
    Status::with_error_details(code, message, details)
}

fn not_found() -> Status {
    error(Code::NotFound, "NOT_FOUND", "no such thing, or not for you")
}

/// The names of the statements of a text.
fn statements(sql: &str) -> Vec<String> {
    sql.lines().filter_map(|line| line.strip_prefix("-- statement: ")).map(str::to_owned).collect()
}

/// The result of a job: for each statement the same.
pub(crate) fn arrow_of(sql: &str) -> Vec<u8> {
    let names = statements(sql);
    if names.is_empty() {
        return stream(sql, None);
    }
    // A server that is not to be trusted says what leads elsewhere.
    let named =
        |name: String| stream(sql, Some(if sql.contains("misnamed") { "../x".to_owned() } else { name }));
    names.into_iter().flat_map(named).collect()
}

fn stream(sql: &str, statement: Option<String>) -> Vec<u8> {
    let field = |name: &str, kind: DataType, role: &str| {
        Field::new(name, kind, true).with_metadata([("sekisho.role".to_owned(), role.to_owned())].into())
    };
    let fields = vec![
        field("sex", DataType::Utf8, "dimension"),
        field("n", DataType::Int64, "statistic"),
        field("over_95", DataType::Int64, "statistic"),
    ];
    let metadata = [
        ("sekisho.withheld".to_owned(), r#"[{"row":1,"column":"over_95"}]"#.to_owned()),
        ("sekisho.groups_may_be_absent".to_owned(), sql.contains("GROUP BY").to_string()),
    ];
    let mut metadata: HashMap<String, String> = metadata.into();
    metadata.extend(statement.map(|name| ("sekisho.statement".to_owned(), name)));
    let schema = Arc::new(Schema::new(fields).with_metadata(metadata));
    let text = if sql.contains("escapes") { "\u{1b}]0;owned\u{7}\u{9b}2J" } else { "F" };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some(text), Some("M"), None])),
        Arc::new(Int64Array::from(vec![Some(8203), Some(9346), Some(12)])),
        Arc::new(Int64Array::from(vec![Some(11), None, None])),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy { profile: "japan-rwd".to_owned(), sha256: "ab".repeat(32) }
}

/// The job in its last state; a release is logged.
fn settled(mut job: Job, log: Option<&mut Log>) -> Job {
    if job.release.is_some() {
        return job;
    }
    let sql = job.sql.clone();
    job.snapshot = "ward@3".to_owned();
    job.policy = Some(policy());
    let problem = |code: &str, message: &str, hint: &str, position| Problem {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        position,
    };
    let state = if sql.contains("refused") {
        let line = sql.lines().position(|line| line.contains("patient_id")).unwrap_or(0);
        let column = sql.lines().nth(line).and_then(|line| line.find("patient_id")).unwrap_or(0);
        let position = Position { line: line as u32 + 1, column: column as u32 + 1 };
        let message = "the result would hold records of people";
        job.problem =
            Some(problem("RECORDS_IN_OUTPUT", message, "aggregate, such as COUNT(*)", Some(position)));
        job::State::Refused
    } else if sql.contains("failed") {
        job.problem = Some(problem("TIME_LIMIT", "the job ran longer than 60 s", "", None));
        job::State::Failed
    } else if sql.contains("held") {
        job::State::Held
    } else {
        let release = hex::encode(Sha256::digest(arrow_of(&sql)));
        let release = if sql.contains("altered") { "0".repeat(64) } else { release };
        let log_index = log.map_or(0, |log| {
            let entry =
                Entry::new(job.name.clone(), Timestamp(1_700_000_000_000), EventKind::JobReleased, "enclave")
                    .of_job(&job.name.parse().unwrap())
                    .with("release_sha256", release.clone())
                    .with("profile", policy().profile)
                    .with("policy_sha256", policy().sha256)
                    .with("snapshot", "ward@3");
            log.append(&[entry]).unwrap()[0]
        });
        job.release = Some(ReleaseRef { release, log_index });
        job::State::Released
    };
    job.state = state.into();
    job
}

#[derive(Clone)]
struct Service(Arc<State>);

impl Service {
    fn job(&self, name: &str) -> Result<Job, Status> {
        self.0.jobs.lock().unwrap().get(name).cloned().ok_or_else(not_found)
    }
}

/// Takes one off a count that tests set.
fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl JobService for Service {
    type WatchJobStream = Answers<Job>;
    type FetchResultStream = Answers<FetchResultResponse>;

    async fn submit_job(&self, request: Request<SubmitJobRequest>) -> Answer<Job> {
        let request = request.into_inner();
        if request.parent != "projects/ward" {
            return Err(not_found());
        }
        if request.sql.contains("too large") {
            return Err(error(Code::InvalidArgument, "TOO_LARGE", "the text is longer than 64 KiB"));
        }
        self.0.given.lock().unwrap().push((request.parameters.clone(), request.code_lists));
        let mut jobs = self.0.jobs.lock().unwrap();
        let count = jobs.len();
        let mut requests = self.0.requests.lock().unwrap();
        let name = requests
            .entry(request.request_id)
            .or_insert_with(|| format!("projects/ward/jobs/01J{count:023}"))
            .clone();
        let job = Job {
            name: name.clone(),
            state: job::State::Queued.into(),
            sql: request.sql,
            parameters: request.parameters,
            submitter: "analyst".to_owned(),
            create_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            ..Job::default()
        };
        let job = jobs.entry(name).or_insert(job).clone();
        if take(&self.0.lose_submits) {
            return Err(Status::unavailable("the answer is lost"));
        }
        Ok(Response::new(job))
    }

    async fn check_job(&self, request: Request<CheckJobRequest>) -> Answer<CheckJobResponse> {
        let request = request.into_inner();
        self.0.given.lock().unwrap().push((request.parameters, request.code_lists));
        let cost = Cost { attribute: "diagnoses.icd10".to_owned(), answers: 2, for_each_group: 1 };
        let costs = if request.sql.contains("icd10") { vec![cost] } else { Vec::new() };
        let names = statements(&request.sql);
        let job = settled(Job { sql: request.sql, ..Job::default() }, None);
        // Only the last one is refused.
        let last = names.len();
        let checked = |(name, number)| {
            let problem = job.problem.clone().filter(|_| number == last);
            let costs = if problem.is_none() { costs.clone() } else { Vec::new() };
            CheckedStatement { name, problem, costs }
        };
        let statements = names.into_iter().zip(1..).map(checked).collect();
        Ok(Response::new(CheckJobResponse {
            problem: job.problem,
            snapshot: job.snapshot,
            policy: job.policy,
            costs,
            statements,
        }))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Answer<Job> {
        self.job(&request.into_inner().name).map(Response::new)
    }

    async fn list_jobs(&self, request: Request<ListJobsRequest>) -> Answer<ListJobsResponse> {
        // One job a page, to prove that the client turns pages.
        let mut jobs: Vec<Job> = self.0.jobs.lock().unwrap().values().cloned().collect();
        jobs.sort_by(|left, right| right.name.cmp(&left.name));
        let start: usize = request.into_inner().page_token.parse().unwrap_or(0);
        let next_page_token = if start + 1 < jobs.len() { (start + 1).to_string() } else { String::new() };
        Ok(Response::new(ListJobsResponse {
            jobs: jobs.into_iter().skip(start).take(1).collect(),
            next_page_token,
        }))
    }

    async fn watch_job(&self, request: Request<WatchJobRequest>) -> Answer<Self::WatchJobStream> {
        self.0.watches.fetch_add(1, Ordering::SeqCst);
        let job = self.job(&request.into_inner().name)?;
        let of_state = |state: job::State| Ok(Job { state: state.into(), ..job.clone() });
        if take(&self.0.break_watches) {
            let broken = Err(Status::unavailable("the stream breaks"));
            return Ok(Response::new(Box::pin(tokio_stream::iter([of_state(job::State::Running), broken]))));
        }
        if take(&self.0.end_watches) {
            let ended = Err(Status::unauthenticated("expired; sign in again"));
            return Ok(Response::new(Box::pin(tokio_stream::iter([of_state(job::State::Running), ended]))));
        }
        let last = settled(job.clone(), self.0.log.lock().unwrap().as_mut());
        self.0.jobs.lock().unwrap().insert(last.name.clone(), last.clone());
        let states = [of_state(job::State::Running), of_state(job::State::Checking), Ok(last)];
        Ok(Response::new(Box::pin(tokio_stream::iter(states))))
    }

    async fn cancel_job(&self, request: Request<CancelJobRequest>) -> Answer<Job> {
        let mut job = self.job(&request.into_inner().name)?;
        if job.state() == job::State::Queued {
            job.state = job::State::Cancelled.into();
            self.0.jobs.lock().unwrap().insert(job.name.clone(), job.clone());
        }
        Ok(Response::new(job))
    }

    async fn fetch_result(&self, request: Request<FetchResultRequest>) -> Answer<Self::FetchResultStream> {
        let job = self.job(&request.into_inner().name)?;
        let arrow = arrow_of(&job.sql);
        let chunks: Vec<_> = arrow
            .chunks(100)
            .map(|chunk| Ok(FetchResultResponse { arrow_ipc: chunk.to_vec().into() }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answer<Receipt> {
        let release = self.job(&request.into_inner().name)?.release.ok_or_else(not_found)?;
        let receipt = self.0.log.lock().unwrap().as_ref().unwrap().receipt(release.log_index).unwrap();
        Ok(Response::new(Receipt {
            entry: receipt.entry,
            log_index: receipt.index,
            proof: receipt.proof.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: receipt.checkpoint,
        }))
    }
}

#[tonic::async_trait]
impl CatalogService for Service {
    async fn list_projects(&self, _: Request<ListProjectsRequest>) -> Answer<ListProjectsResponse> {
        Ok(Response::new(ListProjectsResponse { projects: vec![ward()] }))
    }

    async fn get_budget(&self, request: Request<GetBudgetRequest>) -> Answer<Budget> {
        let project = request.into_inner().parent;
        if project != "projects/ward" {
            return Err(not_found());
        }
        let spent = |attribute: &str, used, worth| Spent { attribute: attribute.to_owned(), used, worth };
        let attributes = vec![spent("claims.points", 0, None), spent("diagnoses.icd10", 41, Some(300))];
        let (snapshot, profile) = ("ward@3".to_owned(), "japan-rwd".to_owned());
        let share = Some(200);
        Ok(Response::new(Budget { project, snapshot, profile, max_leverage: 100, attributes, share }))
    }

    async fn get_catalog(&self, request: Request<GetCatalogRequest>) -> Answer<Catalog> {
        if request.into_inner().parent != "projects/ward" {
            return Err(not_found());
        }
        let column = |name: &str, kind: &str, class: &str, values: &[&str]| Column {
            name: name.to_owned(),
            description: format!("the {name}"),
            r#type: kind.to_owned(),
            class: class.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            ..Column::default()
        };
        let steps = |step: &str, declared: bool, column: Column| Column {
            isolating: Some(Isolating { step: step.to_owned(), declared }),
            ..column
        };
        let diagnosis = column("diagnosis", "text", "dimension", &[]);
        let patients = Table {
            name: "patients".to_owned(),
            description: "one row a patient".to_owned(),
            personal: true,
            columns: vec![
                column("patient_id", "id", "subject", &[]),
                column("sex", "text", "dimension", &["F", "M"]),
                steps("500", false, column("points", "integer", "measure", &[])),
                steps("month", true, column("born", "date", "date", &[])),
                steps("", false, column("level", "double", "measure", &[])),
                Column { sensitive: true, code: true, ..diagnosis },
            ],
        };
        Ok(Response::new(Catalog {
            project: Some(ward()),
            snapshot: "ward@3".to_owned(),
            tables: vec![patients],
            functions: ["floor", "count", "sum", "lag"].map(str::to_owned).to_vec(),
            aggregate_functions: ["count", "sum"].map(str::to_owned).to_vec(),
            window_functions: vec!["lag".to_owned()],
            rules: vec!["at least 10 people stand behind each number".to_owned()],
            ..Catalog::default()
        }))
    }
}

fn ward() -> Project {
    Project {
        name: "projects/ward".to_owned(),
        title: "Ward".to_owned(),
        dataset: "ward".to_owned(),
        profile: "japan-rwd".to_owned(),
    }
}
