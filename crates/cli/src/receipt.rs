//! `sekisho receipt` and `sekisho verify`: proof that a release stands in the enclave's log.

use std::fs;
use std::path::Path;

use sekisho_client::render::escaped;
use sekisho_client::{Client, Document, Error, Receipt, Result, Verified};

use crate::args::{Connection, ListFormat, ReceiptArgs, VerifyArgs};
use crate::output::Output;

pub(crate) async fn receipt(connection: &Connection, args: &ReceiptArgs, out: &mut Output) -> Result<u8> {
    let name = args.job.name()?;
    let client = Client::connect(&connection.profile()?).await?;
    out.result_line(&client.receipt(&name).await?.to_json())?;
    Ok(0)
}

pub(crate) async fn verify(connection: &Connection, args: &VerifyArgs, out: &mut Output) -> Result<u8> {
    let verified = match (args.job_name()?, &args.receipt) {
        (Some(job), _) => online(connection, &job).await?,
        (None, Some(receipt)) => offline(connection, args, receipt)?,
        (None, None) => return Err(Error::argument("give a job, or --receipt FILE")),
    };
    if args.format == ListFormat::Json {
        out.listing(&verified)?;
        return Ok(0);
    }
    let facts = [
        ("verified", Some(verified.job)),
        ("released", Some(verified.at)),
        ("log entry", Some(verified.log_index.to_string())),
        ("sha256", Some(verified.release)),
        ("snapshot", verified.snapshot),
        ("policy", verified.profile),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            out.result_line(&format!("{name:<10} {}", escaped(&fact)))?;
        }
    }
    Ok(0)
}

async fn online(connection: &Connection, job: &str) -> Result<Verified> {
    let client = Client::connect(&connection.profile()?).await?;
    let outcome = client.outcome(client.job(job).await?).await?;
    client.verify(&outcome).await
}

fn offline(connection: &Connection, args: &VerifyArgs, receipt: &Path) -> Result<Verified> {
    let log_key = match &args.log_key {
        Some(key) => key.clone(),
        None => connection.profile()?.log_key.ok_or_else(|| {
            Error::argument("the profile has no `log_key`; give the log's public key with --log-key")
        })?,
    };
    let verified = Receipt::read(&text(receipt)?)?.verify(&log_key)?;
    if let Some(path) = &args.arrow {
        verified.covers_arrow(&bytes(path)?)?;
    }
    if let Some(path) = &args.document {
        verified.covers_document(&Document::read_references(&text(path)?)?)?;
    }
    Ok(verified)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::argument(format!("cannot read `{}`: {error}", path.display())))
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| Error::argument(format!("`{}` is not text", path.display())))
}
