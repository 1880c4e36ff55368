//! `sekisho receipt` and `sekisho verify`: proof that a release stands in the enclave's log.

use std::fs;
use std::path::Path;

use sekisho_client::render::{self, escaped};
use sekisho_client::{
    Client, Document, Error, Problem, Receipt, Result, State, Verified, codes, exit_code, v1,
};
use serde::Serialize;

use crate::args::{Connection, ListFormat, ReceiptArgs, VerifyArgs};
use crate::output::Output;

/// What `sekisho verify` found.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    verified: Verified,
    /// Whether the values that were given, or fetched, are those that were released.
    values_checked: bool,
    /// The same in words.
    #[serde(skip)]
    values: &'static str,
}

const FETCHED: &str = "the server's result is the one that was released";
const ARROW: &str = "the result's bytes are those that were released";
const DOCUMENT: &str = "the document's values are those that were released";
const DOCUMENT_UNCHECKED: &str =
    "of the document NOT CHECKED: give the result too, as --format arrow wrote it, with --arrow";
const NONE: &str = "none were given: give the result, as --format arrow wrote it, with --arrow";

pub(crate) async fn receipt(connection: &Connection, args: &ReceiptArgs, out: &mut Output) -> Result<u8> {
    let name = args.job.name()?;
    let client = Client::connect(&connection.profile()?).await?;
    if let Some(code) = without_receipt(&client.job(&name).await?, out)? {
        return Ok(code);
    }
    out.result_line(&client.receipt(&name).await?.to_json())?;
    Ok(0)
}

pub(crate) async fn verify(connection: &Connection, args: &VerifyArgs, out: &mut Output) -> Result<u8> {
    let found = match (args.job_name()?, &args.receipt) {
        (Some(name), _) => {
            let client = Client::connect(&connection.profile()?).await?;
            let job = client.job(&name).await?;
            if let Some(code) = without_receipt(&job, out)? {
                return Ok(code);
            }
            online(&client, job, args).await?
        }
        (None, Some(receipt)) => offline(connection, args, receipt)?,
        (None, None) => return Err(Error::argument("give a job, or --receipt FILE")),
    };
    if args.format == ListFormat::Json {
        out.listing(&found)?;
        return Ok(0);
    }
    let Found { verified, values, .. } = found;
    let facts = [
        ("verified", Some(verified.job)),
        ("released", Some(verified.at)),
        ("log entry", Some(verified.log_index.to_string())),
        ("sha256", Some(verified.release)),
        ("snapshot", verified.snapshot),
        ("policy", verified.profile),
        ("values", Some(values.to_owned())),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            out.result_line(&format!("{name:<10} {}", escaped(&fact)))?;
        }
    }
    Ok(0)
}

/// The exit code of a job that is not released, which has no receipt: that of its state.
fn without_receipt(job: &v1::Job, out: &mut Output) -> Result<Option<u8>> {
    let state = State::of_job(job)?;
    let message = format!("the job is {}: only a released one has a receipt", state.as_str());
    let problem = Problem::new(codes::WRONG_STATE, message);
    match state {
        State::Released => Ok(None),
        State::Held | State::Refused | State::Failed | State::Cancelled => {
            out.note(&render::problem(&problem, "error", None, out.stderr));
            Ok(Some(exit_code(Ok(state))))
        }
        State::Allowed | State::Queued | State::Running | State::Checking => Err(Error::Failed(problem)),
    }
}

async fn online(client: &Client, job: v1::Job, args: &VerifyArgs) -> Result<Found> {
    let outcome = client.outcome(job).await?;
    let verified = client.verify(&outcome).await?;
    let Some(path) = &args.document else {
        return Ok(Found { verified, values_checked: true, values: FETCHED });
    };
    compared(&verified, &text(path)?, &Document::of_outcome(&outcome)?)?;
    Ok(Found { verified, values_checked: true, values: DOCUMENT })
}

fn offline(connection: &Connection, args: &VerifyArgs, receipt: &Path) -> Result<Found> {
    let log_key = match &args.log_key {
        Some(key) => key.clone(),
        None => connection.profile()?.log_key.ok_or_else(|| {
            Error::argument("the profile has no `log_key`; give the log's public key with --log-key")
        })?,
    };
    let verified = Receipt::read(&text(receipt)?)?.verify(&log_key)?;
    let arrow = args.arrow.as_deref().map(bytes).transpose()?;
    let document = args.document.as_deref().map(text).transpose()?;
    if let Some(arrow) = &arrow {
        verified.covers_arrow(arrow)?;
    }
    let (values_checked, values) = match (&arrow, &document) {
        (Some(arrow), Some(document)) => {
            compared(&verified, document, &Document::of_arrow(arrow)?)?;
            (true, DOCUMENT)
        }
        (Some(_), None) => (true, ARROW),
        (None, Some(document)) => {
            verified.covers_document(&Document::read_references(document)?)?;
            (false, DOCUMENT_UNCHECKED)
        }
        (None, None) => (false, NONE),
    };
    Ok(Found { verified, values_checked, values })
}

/// A document is of this release, and has the values of the result.
fn compared(verified: &Verified, document: &str, result: &Document) -> Result<()> {
    verified.covers_document(&Document::read_references(document)?)?;
    if result.has_the_values_of(document)? {
        return Ok(());
    }
    Err(Error::Receipt("the document's values are not those that were released".to_owned()))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::argument(format!("cannot read `{}`: {error}", path.display())))
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| Error::argument(format!("`{}` is not text", path.display())))
}
