//! `sekisho jobs`, `watch`, `cancel` and `result`: jobs that exist already.

use chrono::{DateTime, SecondsFormat};
use sekisho_client::render::Grid;
use sekisho_client::{Client, Document, Error, Problem, Result, State, codes, exit_code, v1};
use serde::Serialize;

use crate::args::{CancelArgs, Connection, JobsArgs, ListFormat, ResultArgs, WatchArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::show::{self, Shown, show, state_line};

/// Characters of a statement that a listing shows.
const SQL_SHOWN: usize = 60;

/// The fewest that it shows in a narrow terminal, on one line.
const SQL_SHOWN_AT_LEAST: usize = 12;

/// Characters of a line of the listing beside the statement: an id, the longest state, a time, and the frame.
const BEFORE_SQL: usize = 26 + 9 + 20 + 13;

/// A job in a listing.
#[derive(Serialize)]
struct Listed<'a> {
    job: &'a str,
    state: State,
    created: Option<String>,
    updated: Option<String>,
    snapshot: Option<String>,
    submitter: &'a str,
    sql: &'a str,
    error: Option<Problem>,
}

pub(crate) async fn list(connection: &Connection, args: &JobsArgs, out: &mut Output) -> Result<u8> {
    let client = Client::connect(&connection.profile()?).await?;
    let jobs = client.list(&args.project, args.limit).await?;
    if args.format == ListFormat::Json {
        out.listing(&jobs.iter().map(listed).collect::<Result<Vec<_>>>()?)?;
        return Ok(0);
    }
    let mut grid = Grid::new(&["job", "state", "created", "sql"]);
    (0..3).for_each(|column| grid.whole_in(column));
    let room = out.stdout.width.map_or(SQL_SHOWN, |width| usize::from(width).saturating_sub(BEFORE_SQL));
    let room = room.clamp(SQL_SHOWN_AT_LEAST, SQL_SHOWN);
    for job in &jobs {
        let id = job.name.rsplit('/').next().unwrap_or(&job.name);
        let created = time(job.create_time).unwrap_or_default();
        grid.push([id, State::of_job(job)?.as_str(), &created, &on_one_line(&job.sql, room)]);
    }
    out.result(grid.shown(out.stdout).as_bytes())?;
    Ok(0)
}

pub(crate) async fn watch(connection: &Connection, args: &WatchArgs, out: &mut Output) -> Result<u8> {
    let name = args.job.name()?;
    let client = Client::connect(&connection.profile()?).await?;
    let mut written = Ok(());
    let job = client
        .watch(&name, |job| {
            let line = Document::of_job(job).map(|document| match args.format {
                ListFormat::Table => state_line(&document),
                ListFormat::Json => document.to_json_line(),
            });
            if written.is_ok() {
                written = line.and_then(|line| out.result_line(&line));
            }
        })
        .await?;
    written?;
    Ok(exit_code(Ok(State::of_job(&job)?)))
}

pub(crate) async fn cancel(connection: &Connection, args: &CancelArgs, out: &mut Output) -> Result<u8> {
    let name = args.job.name()?;
    let client = Client::connect(&connection.profile()?).await?;
    let document = Document::of_job(&client.cancel(&name).await?)?;
    match args.format {
        ListFormat::Table => out.result_line(&state_line(&document))?,
        ListFormat::Json => out.result_line(&document.to_json_line())?,
    }
    let message = match document.state {
        State::Cancelled => return Ok(0),
        State::Held => "a held job waits for a checker and cannot be taken back yet".to_owned(),
        State::Queued | State::Running | State::Checking => {
            "the job is being settled; it was not taken back".to_owned()
        }
        State::Allowed | State::Failed | State::Refused | State::Released => {
            format!("the job is {} already; it was not taken back", document.state.as_str())
        }
    };
    Err(Error::Failed(Problem::new(codes::WRONG_STATE, message)))
}

pub(crate) async fn result(connection: &Connection, args: &ResultArgs, out: &mut Output) -> Result<u8> {
    let output = args.output.as_deref();
    show::refuse_output(args.format, output)?;
    let name = args.job.name()?;
    let profile = connection.profile()?;
    let progress = Progress::new();
    let work = async {
        let client = Client::connect(&profile).await?;
        let job = if args.no_wait {
            client.job(&name).await?
        } else {
            client.watch(&name, |job| progress.show(job)).await?
        };
        client.outcome(job).await
    };
    let outcome = progress.during(out, work).await?;
    if outcome.arrow.is_some() {
        return show::outcome(out, &outcome, args.format, args.footer, output);
    }
    let document = Document::of_job(&outcome.job)?;
    let (sql, format, footer) = (outcome.job.sql.as_str(), args.format, args.footer);
    show(out, &Shown { document: &document, arrow: None, sql, format, footer, output })
}

fn listed(job: &v1::Job) -> Result<Listed<'_>> {
    let document = Document::of_job(job)?;
    Ok(Listed {
        job: &job.name,
        state: document.state,
        created: time(job.create_time),
        updated: time(job.update_time),
        snapshot: document.snapshot,
        submitter: &job.submitter,
        sql: &job.sql,
        error: document.error,
    })
}

/// RFC 3339, to the second.
fn time(timestamp: Option<sekisho_client::Timestamp>) -> Option<String> {
    let timestamp = timestamp?;
    let at = DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A statement on one line of at most so many characters.
fn on_one_line(sql: &str, most: usize) -> String {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= most {
        return words;
    }
    format!("{}...", words.chars().take(most.saturating_sub(3)).collect::<String>())
}
