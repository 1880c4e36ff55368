//! Where an analysis comes from: the command line, files and standard input.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use sekisho_client::{Error, Result, StudyPlan, Submission};

use crate::args::SqlArgs;

/// What was asked, with its parameters and code lists.
pub(crate) fn submission(args: &SqlArgs) -> Result<Submission> {
    let sql = match &args.plan {
        Some(plan) => StudyPlan::load(plan)?.to_sql(),
        None => statement(args)?,
    };
    let mut submission = Submission::new(args.project.as_deref().unwrap_or_default(), sql)?;
    for value in &args.params {
        submission = submission.with_parameter(value.parse()?);
    }
    for list in &args.with {
        let (name, path) =
            list.split_once('=').filter(|(name, path)| !name.is_empty() && !path.is_empty()).ok_or_else(
                || Error::argument(format!("`--with {list}` is not of the form NAME=FILE.csv")),
            )?;
        submission = submission.with_list(name, text(fs::read(path), &format!("`{path}`"))?);
    }
    Ok(submission)
}

/// The statement as it was given; only a byte order mark is taken off.
fn statement(args: &SqlArgs) -> Result<String> {
    let named = args.file.as_deref().filter(|path| *path != Path::new("-"));
    match (named, args.file.is_some(), args.sql.as_deref()) {
        (Some(path), _, _) => text(fs::read(path), &format!("`{}`", path.display())),
        (None, true, _) | (None, false, Some("-")) => {
            let mut bytes = Vec::new();
            text(io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes), "standard input")
        }
        (None, false, Some(sql)) => given(sql),
        (None, false, None) => Err(Error::argument("no SQL: give a statement, -f FILE, or -")),
    }
}

/// The text that was read, without a byte order mark.
fn text(bytes: io::Result<Vec<u8>>, source: &str) -> Result<String> {
    let bytes = bytes.map_err(|error| Error::argument(format!("cannot read {source}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::argument(format!("{source} is not UTF-8")))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// SQL may begin with a comment, so an option that does not exist looks like SQL. A comment alone is none.
fn given(sql: &str) -> Result<String> {
    if sql.starts_with('-') && !sql.contains('\n') {
        return Err(Error::argument(format!(
            "unexpected argument `{sql}`; `sekisho sql --help` lists the options"
        )));
    }
    Ok(sql.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_is_not_sql() {
        assert!(given("--fromat").is_err());
        assert_eq!(given("-- comment\nSELECT 1").unwrap(), "-- comment\nSELECT 1");
    }
}
