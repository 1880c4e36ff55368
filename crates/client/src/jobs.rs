//! Jobs: an analysis goes in, its states are followed, and the released result is fetched.

use bytes::{Bytes, BytesMut};
use sekisho_wire::v1::{
    CancelJobRequest, CheckJobRequest, CheckJobResponse, CodeList, FetchResultRequest, GetJobRequest,
    GetReceiptRequest, Job, ListJobsRequest, SubmitJobRequest, WatchJobRequest, job,
};
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Status};

use crate::{Client, Error, Parameter, Receipt, Result};

/// An analysis to be submitted or checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The project's id.
    pub project: String,
    /// One SELECT statement, or several as [`crate::StudyPlan::to_sql`] writes them, sent as it stands.
    pub sql: String,
    /// The values of `$1`, `$2` and so on, in this order.
    pub parameters: Vec<Parameter>,
    /// Reference tables of this analysis alone: a name, and CSV with a line of column names.
    pub lists: Vec<(String, String)>,
    /// Chosen by the caller: submitting again with the same id answers the first job.
    pub request_id: String,
}

/// A settled job, and its result if that was released.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The job.
    pub job: Job,
    /// The Arrow IPC streams, one for each statement, as they came and as the receipt's digest says.
    pub arrow: Option<Bytes>,
}

impl Submission {
    /// A submission with a request id of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system has no randomness.
    pub fn new(project: impl Into<String>, sql: impl Into<String>) -> Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| {
            let message = format!("the system gives no randomness: {error}");
            Error::Failed(crate::Problem::new(crate::codes::INTERNAL, message))
        })?;
        Ok(Self {
            project: project.into(),
            sql: sql.into(),
            parameters: Vec::new(),
            lists: Vec::new(),
            request_id: hex::encode(id),
        })
    }

    /// The same with the value of the next parameter.
    #[must_use]
    pub fn with_parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The same with a code list.
    #[must_use]
    pub fn with_list(mut self, name: impl Into<String>, csv: impl Into<String>) -> Self {
        self.lists.push((name.into(), csv.into()));
        self
    }

    fn wire_parameters(&self) -> Vec<sekisho_wire::v1::Parameter> {
        self.parameters.iter().map(Parameter::to_wire).collect()
    }

    fn wire_lists(&self) -> Vec<CodeList> {
        let list = |(name, csv): &(String, String)| CodeList { name: name.clone(), csv: csv.clone() };
        self.lists.iter().map(list).collect()
    }
}

impl Client {
    /// Submits an analysis, waits until it is settled, and fetches what was released.
    ///
    /// # Errors
    ///
    /// As any call. A refused, held or failed job is an outcome, not an error.
    pub async fn sql(&self, project: &str, sql: &str) -> Result<Outcome> {
        self.run(&Submission::new(project, sql)?, |_| ()).await
    }

    /// The same, telling each state as it comes.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn run(&self, submission: &Submission, mut seen: impl FnMut(&Job)) -> Result<Outcome> {
        let job = self.submit(submission).await?;
        seen(&job);
        let job = if settled(&job) { job } else { self.watch(&job.name, seen).await? };
        self.outcome(job).await
    }

    /// Submits an analysis; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn submit(&self, submission: &Submission) -> Result<Job> {
        let service = self.jobs.clone();
        let request = SubmitJobRequest {
            parent: project_name(&submission.project)?,
            sql: submission.sql.clone(),
            parameters: submission.wire_parameters(),
            code_lists: submission.wire_lists(),
            request_id: submission.request_id.clone(),
        };
        let answer = self.retried(request, async |request| service.clone().submit_job(request).await).await?;
        Ok(answer.into_inner())
    }

    /// Judges an analysis from its plan alone, without running it.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn check(&self, submission: &Submission) -> Result<CheckJobResponse> {
        let service = self.jobs.clone();
        let request = CheckJobRequest {
            parent: project_name(&submission.project)?,
            sql: submission.sql.clone(),
            parameters: submission.wire_parameters(),
            code_lists: submission.wire_lists(),
        };
        let answer = self.retried(request, async |request| service.clone().check_job(request).await).await?;
        Ok(answer.into_inner())
    }

    /// The present state of a job.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn job(&self, name: &str) -> Result<Job> {
        let service = self.jobs.clone();
        let request = GetJobRequest { name: name.to_owned() };
        let answer = self.retried(request, async |request| service.clone().get_job(request).await).await?;
        Ok(answer.into_inner())
    }

    /// The caller's jobs in a project, newest first, at most `most`.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn list(&self, project: &str, most: usize) -> Result<Vec<Job>> {
        let mut request = ListJobsRequest { parent: project_name(project)?, ..ListJobsRequest::default() };
        let mut jobs: Vec<Job> = Vec::new();
        loop {
            let service = self.jobs.clone();
            request.page_size = u32::try_from(most.saturating_sub(jobs.len())).unwrap_or(u32::MAX).min(500);
            let call = async |request| service.clone().list_jobs(request).await;
            let page = self.retried(request.clone(), call).await?.into_inner();
            let empty = page.jobs.is_empty();
            jobs.extend(page.jobs);
            if jobs.len() >= most || empty || page.next_page_token.is_empty() {
                jobs.truncate(most);
                return Ok(jobs);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Follows a job until it is settled, telling each state once, and answers the settled job. A broken
    /// stream is opened again.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn watch(&self, name: &str, mut seen: impl FnMut(&Job)) -> Result<Job> {
        let mut service = self.jobs.clone();
        let mut last = None;
        let mut failed = 0;
        loop {
            self.sign_in().await?;
            let mut heard = false;
            let broken = match service.watch_job(WatchJobRequest { name: name.to_owned() }).await {
                Err(status) => status,
                Ok(answer) => {
                    let mut states = answer.into_inner();
                    loop {
                        match states.message().await {
                            Ok(Some(job)) => {
                                heard = true;
                                if last.replace(job.state) != Some(job.state) {
                                    failed = 0;
                                    seen(&job);
                                }
                                if settled(&job) {
                                    return Ok(job);
                                }
                            }
                            Ok(None) => break Status::unavailable("the stream of states ended early"),
                            Err(status) => break status,
                        }
                    }
                }
            };
            if heard && broken.code() == Code::Unauthenticated {
                // The stream was as long as its token: nothing is wrong with the server.
                failed = 0;
            }
            self.pause_after(&broken, &mut failed).await?;
        }
    }

    /// Takes a job back; one that is settled stays as it is.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn cancel(&self, name: &str) -> Result<Job> {
        let service = self.jobs.clone();
        let request = CancelJobRequest { name: name.to_owned() };
        let answer = self.retried(request, async |request| service.clone().cancel_job(request).await).await?;
        Ok(answer.into_inner())
    }

    /// A job with its result, if that was released.
    ///
    /// # Errors
    ///
    /// As any call; [`Error::Answer`] if the bytes are not those that the server vouched for.
    pub async fn outcome(&self, job: Job) -> Result<Outcome> {
        if job.state() != job::State::Released {
            return Ok(Outcome { job, arrow: None });
        }
        let arrow = self.fetch(&job.name).await?;
        let digest = hex::encode(Sha256::digest(&arrow));
        match &job.release {
            Some(release) if release.release.eq_ignore_ascii_case(&digest) => {
                Ok(Outcome { job, arrow: Some(arrow) })
            }
            Some(_) => Err(Error::Answer("the result's bytes are not those of the release".to_owned())),
            None => Err(Error::Answer("a released job without a release".to_owned())),
        }
    }

    /// The proof that a job's release stands in the log.
    ///
    /// # Errors
    ///
    /// As any call; [`Error::Answer`] if the receipt is not of its form.
    pub async fn receipt(&self, name: &str) -> Result<Receipt> {
        let service = self.jobs.clone();
        let request = GetReceiptRequest { name: name.to_owned() };
        let answer =
            self.retried(request, async |request| service.clone().get_receipt(request).await).await?;
        Receipt::of_answer(name, answer.into_inner())
    }

    async fn fetch(&self, name: &str) -> Result<Bytes> {
        let most = self.settings.result_bytes;
        let service = self.jobs.clone();
        let request = FetchResultRequest { name: name.to_owned() };
        self.retried(request, async |request: Request<FetchResultRequest>| {
            let mut chunks = service.clone().fetch_result(request).await?.into_inner();
            let mut arrow = BytesMut::new();
            while let Some(chunk) = chunks.message().await? {
                if arrow.len().saturating_add(chunk.arrow_ipc.len()) > most {
                    let message =
                        format!("the result is larger than the {most} bytes that this client takes");
                    return Err(Status::new(Code::ResourceExhausted, message));
                }
                arrow.extend_from_slice(&chunk.arrow_ipc);
            }
            Ok(arrow.freeze())
        })
        .await
    }
}

/// Whether nothing more happens by itself: a held job waits for a person.
fn settled(job: &Job) -> bool {
    match job.state() {
        job::State::Released
        | job::State::Held
        | job::State::Refused
        | job::State::Failed
        | job::State::Cancelled => true,
        job::State::Unspecified | job::State::Queued | job::State::Running | job::State::Checking => false,
    }
}

/// The resource name of a project; takes that name too.
pub(crate) fn project_name(project: &str) -> Result<String> {
    let id = project.strip_prefix("projects/").unwrap_or(project);
    if id.is_empty() || id.contains('/') {
        return Err(Error::argument("a project is named by its id, such as `ward`"));
    }
    Ok(format!("projects/{id}"))
}

/// The resource name of a job, from that name or from its id within a project.
///
/// # Errors
///
/// [`Error::Argument`] if it is neither.
///
/// ```
/// use sekisho_client::job_name;
///
/// assert_eq!(job_name("01JX", Some("ward")).unwrap(), "projects/ward/jobs/01JX");
/// assert_eq!(job_name("projects/ward/jobs/01JX", None).unwrap(), "projects/ward/jobs/01JX");
/// assert!(job_name("01JX", None).is_err());
/// ```
pub fn job_name(job: &str, project: Option<&str>) -> Result<String> {
    let parts: Vec<&str> = job.split('/').collect();
    match (parts.as_slice(), project) {
        (["projects", project, "jobs", id], _) if !project.is_empty() && !id.is_empty() => Ok(job.to_owned()),
        ([id], Some(project)) if !id.is_empty() => Ok(format!("{}/jobs/{id}", project_name(project)?)),
        _ => {
            Err(Error::argument("a job is named `projects/PROJECT/jobs/JOB`, or by its id with `--project`"))
        }
    }
}
