//! `JobService`.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use sekisho_disclosure::Released;
use sekisho_model::{JobState, Timestamp};
use sekisho_service::{CheckedStatement, Cost, JobView, Service};
use sekisho_wire::v1;
use sekisho_wire::v1::job_service_server::JobService;
use tonic::{Request, Response, Status};

use super::analysis::{self, analysis};
use super::{policy, problem, status, token};

/// Bytes of a result in one message.
const CHUNK: usize = 64 * 1024;

/// The adapter.
pub(crate) struct JobDoor(pub(crate) Service);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl JobService for JobDoor {
    async fn submit_job(&self, request: Request<v1::SubmitJobRequest>) -> Result<Response<v1::Job>, Status> {
        let token = token(&request);
        let v1::SubmitJobRequest { parent, sql, request_id, parameters, code_lists } = request.into_inner();
        let request_id = Some(request_id).filter(|id| !id.is_empty());
        let analysis = analysis(sql, parameters, code_lists).map_err(|problem| status(&problem))?;
        let job = self.0.submit(&token, &parent, analysis, request_id).await;
        job.map(|job| Response::new(document(&job))).map_err(|problem| status(&problem))
    }

    async fn check_job(
        &self,
        request: Request<v1::CheckJobRequest>,
    ) -> Result<Response<v1::CheckJobResponse>, Status> {
        let token = token(&request);
        let v1::CheckJobRequest { parent, sql, parameters, code_lists } = request.into_inner();
        let analysis = analysis(sql, parameters, code_lists).map_err(|problem| status(&problem))?;
        let checked = self.0.check(&token, &parent, analysis).await.map_err(|problem| status(&problem))?;
        Ok(Response::new(v1::CheckJobResponse {
            problem: checked.problem.as_ref().map(problem),
            snapshot: checked.snapshot.to_string(),
            policy: Some(policy(&checked.policy)),
            costs: checked.costs.into_iter().map(cost).collect(),
            statements: checked.statements.into_iter().map(statement).collect(),
        }))
    }

    async fn get_job(&self, request: Request<v1::GetJobRequest>) -> Result<Response<v1::Job>, Status> {
        let job = self.0.job(&token(&request), &request.get_ref().name).await;
        job.map(|job| Response::new(document(&job))).map_err(|problem| status(&problem))
    }

    async fn list_jobs(
        &self,
        request: Request<v1::ListJobsRequest>,
    ) -> Result<Response<v1::ListJobsResponse>, Status> {
        let token = token(&request);
        let v1::ListJobsRequest { parent, page_size, page_token } = request.into_inner();
        let page =
            self.0.jobs(&token, &parent, page_size, &page_token).await.map_err(|problem| status(&problem))?;
        let jobs = page.jobs.iter().map(document).collect();
        Ok(Response::new(v1::ListJobsResponse { jobs, next_page_token: page.next.unwrap_or_default() }))
    }

    type WatchJobStream = Answers<v1::Job>;

    async fn watch_job(
        &self,
        request: Request<v1::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        let states = self.0.watch(&token(&request), &request.get_ref().name).await;
        let states = states.map_err(|problem| status(&problem))?;
        let answers = states.map(|state| state.map(|job| document(&job)).map_err(|problem| status(&problem)));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn cancel_job(&self, request: Request<v1::CancelJobRequest>) -> Result<Response<v1::Job>, Status> {
        let job = self.0.cancel(&token(&request), &request.get_ref().name).await;
        job.map(|job| Response::new(document(&job))).map_err(|problem| status(&problem))
    }

    type FetchResultStream = Answers<v1::FetchResultResponse>;

    async fn fetch_result(
        &self,
        request: Request<v1::FetchResultRequest>,
    ) -> Result<Response<Self::FetchResultStream>, Status> {
        let released = self.0.result(&token(&request), &request.get_ref().name).await;
        Ok(Response::new(chunks(&released.map_err(|problem| status(&problem))?)))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::Receipt>, Status> {
        let receipt = self.0.receipt(&token(&request), &request.get_ref().name).await;
        let receipt = receipt.map_err(|problem| status(&problem))?;
        Ok(Response::new(v1::Receipt {
            entry: receipt.entry,
            log_index: receipt.index,
            proof: receipt.proof.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: receipt.checkpoint,
        }))
    }
}

/// The one place where data becomes a message.
fn chunks(released: &Released) -> Answers<v1::FetchResultResponse> {
    let messages: Vec<_> = released
        .arrow_ipc()
        .chunks(CHUNK)
        .map(|bytes| Ok(v1::FetchResultResponse { arrow_ipc: bytes.to_vec().into() }))
        .collect();
    Box::pin(stream::iter(messages))
}

fn document(job: &JobView) -> v1::Job {
    v1::Job {
        name: job.name.to_string(),
        state: state(job.state).into(),
        snapshot: job.snapshot.as_ref().map(ToString::to_string).unwrap_or_default(),
        stands_for: job.stands_for.as_ref().map(ToString::to_string).unwrap_or_default(),
        create_time: Some(time(job.accepted_at)),
        update_time: Some(time(job.updated_at)),
        sql: job.sql.clone(),
        submitter: job.submitter.clone(),
        policy: job.policy.as_ref().map(policy),
        release: job.release.as_ref().map(|release| v1::ReleaseRef {
            release: release.digest.to_string(),
            log_index: release.log_index,
        }),
        problem: job.problem.as_ref().map(problem),
        parameters: job.parameters.iter().map(analysis::shown).collect(),
        code_lists: job
            .lists
            .iter()
            .map(|list| v1::CodeListRef { name: list.name.to_string(), sha256: list.sha256.to_string() })
            .collect(),
    }
}

fn cost(Cost { attribute, answers, for_each_group }: Cost) -> v1::Cost {
    v1::Cost { attribute, answers, for_each_group }
}

fn statement(CheckedStatement { name, problem: refused, costs }: CheckedStatement) -> v1::CheckedStatement {
    v1::CheckedStatement {
        name: name.to_string(),
        problem: refused.as_ref().map(problem),
        costs: costs.into_iter().map(cost).collect(),
    }
}

fn state(state: JobState) -> v1::job::State {
    match state {
        JobState::Queued => v1::job::State::Queued,
        JobState::Running => v1::job::State::Running,
        JobState::Checking => v1::job::State::Checking,
        JobState::Released => v1::job::State::Released,
        JobState::Held => v1::job::State::Held,
        JobState::Refused => v1::job::State::Refused,
        JobState::Failed => v1::job::State::Failed,
        JobState::Cancelled => v1::job::State::Cancelled,
    }
}

fn time(at: Timestamp) -> prost_types::Timestamp {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(at.0 % 1000).unwrap_or_default().saturating_mul(1_000_000);
    prost_types::Timestamp { seconds, nanos }
}
