//! What became of an analysis, in the format that was asked for.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use sekisho_client::render;
use sekisho_client::{Cost, Document, Error, Outcome, Problem, Result, State, Statement, exit_code};

use crate::args::Format;
use crate::files;
use crate::output::Output;

/// What to show, and how.
pub(crate) struct Shown<'a> {
    pub(crate) document: &'a Document,
    /// The released result.
    pub(crate) arrow: Option<&'a [u8]>,
    /// The statement, for the caret.
    pub(crate) sql: &'a str,
    pub(crate) format: Format,
    pub(crate) footer: bool,
    /// The folder for a file of each statement.
    pub(crate) output: Option<&'a Path>,
}

/// Shows a settled job with its result.
pub(crate) fn outcome(
    out: &mut Output,
    outcome: &Outcome,
    format: Format,
    footer: bool,
    output: Option<&Path>,
) -> Result<u8> {
    let document = Document::of_outcome(outcome)?;
    let arrow = outcome.arrow.as_deref();
    show(out, &Shown { document: &document, arrow, sql: &outcome.job.sql, format, footer, output })
}

/// Shows an outcome and answers its exit code.
pub(crate) fn show(out: &mut Output, shown: &Shown<'_>) -> Result<u8> {
    let document = shown.document;
    let line = match document.state {
        State::Released => {
            released(out, shown)?;
            None
        }
        State::Allowed => {
            out.note(&costs(&document.costs));
            document.statements.iter().for_each(|statement| out.note(&checked(statement)));
            match document.twin {
                None => Some("allowed".to_owned()),
                Some(twin) => {
                    on_this_machine(out, shown, twin)?;
                    None
                }
            }
        }
        State::Queued | State::Running | State::Checking => Some(state_line(document)),
        State::Held => {
            out.note(&format!("{}: waits for a checker\n", state_line(document)));
            None
        }
        State::Refused | State::Failed | State::Cancelled => {
            let problem = document.error.clone().unwrap_or_else(|| without_reason(document));
            let text = render::problem(&problem, document.state.as_str(), Some(shown.sql), out.stderr);
            out.note(&text);
            document.statements.iter().for_each(|statement| out.note(&checked(statement)));
            None
        }
    };
    match (shown.format, line) {
        (Format::Json, _) => out.result_line(&render::json::lines(document))?,
        (Format::Table, Some(line)) => {
            out.result_line(&line)?;
            footer(out, shown)?;
        }
        (Format::Csv | Format::Arrow, Some(line)) => out.note(&format!("{line}\n")),
        (Format::Table | Format::Csv | Format::Arrow, None) => {}
    }
    Ok(exit_code(Ok(document.state)))
}

/// What a reader of Arrow must know of several statements.
fn several_streams(document: &Document) -> String {
    match document.statements.len() {
        0 | 1 => String::new(),
        several => format!(
            "note: {several} Arrow streams, one after the other; `--output DIR` writes a file of each\n"
        ),
    }
}

/// What a check found of one statement.
fn checked(statement: &Statement) -> String {
    let verdict = if statement.error.is_some() { "refused" } else { "allowed" };
    format!("{}: {verdict}\n{}", render::escaped(&statement.name), costs(&statement.costs))
}

/// Shows what the checkpoint would let out of records on this machine, and that it is no release.
fn on_this_machine(out: &mut Output, shown: &Shown<'_>, twin: bool) -> Result<()> {
    let what = if twin {
        "SYNTHETIC: drawn from a twin of the project; no number in it is of a record"
    } else {
        "NOT RELEASED: computed on this machine from files of yours"
    };
    match shown.format {
        // Whoever pipes the table must see it too.
        Format::Table => out.result_line(what)?,
        Format::Arrow | Format::Csv => out.note(&format!("{what}\n")),
        // The document has a field for it.
        Format::Json => {}
    }
    released(out, shown)?;
    let missing = if twin {
        "rare values and earlier releases are not in the twin"
    } else {
        "earlier releases are not here"
    };
    out.note(&format!("allowed; the enclave may withhold more: {missing}\n"));
    Ok(())
}

/// What a job would cost, a line for each attribute.
fn costs(costs: &[Cost]) -> String {
    let line = |cost: &Cost| {
        let each = (cost.for_each_group > 0).then(|| format!("{} for each group", cost.for_each_group));
        let whole = (cost.answers > 0).then(|| cost.answers.to_string());
        let answers: Vec<String> = whole.into_iter().chain(each).collect();
        format!("costs answers of {}: {}\n", render::escaped(&cost.attribute), answers.join(" and "))
    };
    costs.iter().map(line).collect()
}

/// A job and its state on one line.
pub(crate) fn state_line(document: &Document) -> String {
    let job = document.job.as_deref().unwrap_or_default();
    format!("{}  {}", render::escaped(job), document.state.as_str())
}

fn released(out: &mut Output, shown: &Shown<'_>) -> Result<()> {
    let document = shown.document;
    if !document.statements.is_empty() {
        refuse_several(shown.format, shown.output)?;
    }
    match shown.format {
        Format::Csv | Format::Arrow if shown.output.is_some() => files::write(shown)?,
        Format::Json => {}
        Format::Table => {
            out.result(render::table(document, out.stdout).as_bytes())?;
            footer(out, shown)?;
        }
        Format::Csv => {
            out.result(render::csv::csv(document, out.stdout).as_bytes())?;
            if shown.footer {
                out.result(render::csv::footer(document).as_bytes())?;
            }
        }
        Format::Arrow => {
            if let Some(arrow) = shown.arrow {
                if shown.footer {
                    out.result(&render::arrow::with_footer(arrow, document)?)?;
                } else {
                    out.result(arrow)?;
                }
                out.note(&several_streams(document));
            }
        }
    }
    match shown.format {
        // The document has a field for it.
        Format::Json => {}
        Format::Arrow | Format::Csv | Format::Table if out.stderr.terminal => {
            out.note(&format!("{}\n", render::summary(document)));
        }
        // Who reads the result from a file or a pipe must know as well that a group may be missing, or that the answer
        // is an earlier one.
        Format::Arrow | Format::Csv | Format::Table => {
            if let Some(version) = &document.stands_for {
                out.note(&format!("note: {version}: {}\n", render::EARLIER));
            }
            if document.groups_may_be_absent {
                out.note(&format!("note: {}\n", render::ABSENT));
            }
        }
    }
    Ok(())
}

fn footer(out: &mut Output, shown: &Shown<'_>) -> Result<()> {
    if !shown.footer {
        return Ok(());
    }
    let facts = render::facts(shown.document);
    let line = |(name, fact): (&str, String)| format!("{name:<8}  {}\n", render::escaped(&fact));
    out.result(facts.into_iter().map(line).collect::<String>().as_bytes())
}

fn without_reason(document: &Document) -> Problem {
    let code = document.state.as_str().to_uppercase();
    Problem::new(code, format!("`{}` has no result", document.job.as_deref().unwrap_or("the job")))
}

/// Only tables have files of their own, and bytes that are no text do not go to a terminal.
pub(crate) fn refuse_output(format: Format, output: Option<&Path>) -> Result<()> {
    if output.is_some() && matches!(format, Format::Json | Format::Table) {
        return Err(Error::argument("--output writes files of --format csv or arrow"));
    }
    if format == Format::Arrow && output.is_none() && io::stdout().is_terminal() {
        return Err(Error::argument("--format arrow writes bytes that are no text; redirect them to a file"));
    }
    Ok(())
}

/// Several tables are not one CSV.
pub(crate) fn refuse_several(format: Format, output: Option<&Path>) -> Result<()> {
    if format == Format::Csv && output.is_none() {
        let message = "several statements are several tables: add `--output DIR` for a file of each, or take `--format json`";
        return Err(Error::argument(message));
    }
    Ok(())
}
