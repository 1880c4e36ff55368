//! `sekisho sql --serve-lines`: a JSON line in, a JSON document out, in order, whatever the line holds.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use sekisho_client::{Client, Document, Error, Parameter, Result, Settings, Submission};
use serde::Deserialize;

use crate::args::{Connection, Format, SqlArgs};
use crate::output::Output;

/// Longest line that is read, in bytes; a longer one is answered and skipped.
const LONGEST_LINE: u64 = 16 << 20;

#[derive(Deserialize)]
struct Line {
    sql: String,
    project: Option<String>,
    /// The values of `$1`, `$2` and so on.
    #[serde(default)]
    params: Vec<Parameter>,
    /// Code lists by their names, as CSV text.
    #[serde(default)]
    with: BTreeMap<String, String>,
}

/// Answers until the input ends. A server that cannot be reached fails a line, not the command.
pub(crate) async fn serve(connection: &Connection, args: &SqlArgs, out: &mut Output) -> Result<u8> {
    if matches!(args.format, Format::Csv | Format::Arrow) {
        return Err(Error::argument("--serve-lines answers JSON; leave --format away"));
    }
    let client = Client::connect_lazily(&connection.profile()?, Settings::standard())?;
    let mut input = io::stdin().lock();
    while let Some(line) = next_line(&mut input)? {
        let document = answer(&client, args, line).await;
        out.result_line(&document.to_json_line())?;
    }
    Ok(0)
}

/// A line without its end, or why it cannot be read.
type Read = Result<Vec<u8>>;

fn next_line(input: &mut impl BufRead) -> Result<Option<Read>> {
    let failed = |error: io::Error| Error::argument(format!("cannot read standard input: {error}"));
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some()
        || u64::try_from(line.len()).is_ok_and(|length| length < LONGEST_LINE)
    {
        return Ok(Some(Ok(line)));
    }
    input.skip_until(b'\n').map_err(failed)?;
    Ok(Some(Err(Error::argument("the line is longer than 16 MiB"))))
}

async fn answer(client: &Client, args: &SqlArgs, line: Read) -> Document {
    let outcome = async {
        let line: Line = serde_json::from_slice(&line?).map_err(|error| {
            Error::argument(format!(
                "the line is not of the form {{\"sql\": ..., \"project\": ...}}: {error}"
            ))
        })?;
        let project = line.project.as_ref().or(args.project.as_ref()).ok_or_else(|| {
            Error::argument("the line names no project, and the command line has no --project")
        })?;
        let submission = Submission {
            parameters: line.params,
            lists: line.with.into_iter().collect(),
            ..Submission::new(project, line.sql)?
        };
        if args.check {
            return Ok(Document::of_check(&client.check(&submission).await?));
        }
        Document::of_outcome(&client.run(&submission, |_| ()).await?)
    };
    outcome.await.unwrap_or_else(|error| Document::of_error(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8]) -> Vec<Result<Vec<u8>>> {
        std::iter::from_fn(|| next_line(&mut input).unwrap()).collect()
    }

    #[test]
    fn each_line_is_one_request_an_empty_one_too() {
        let read: Vec<_> = lines(b"a\n\nb").into_iter().map(Result::unwrap).collect();
        assert_eq!(read, [b"a".to_vec(), Vec::new(), b"b".to_vec()]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let mut input = vec![b'x'; usize::try_from(LONGEST_LINE).unwrap() + 5];
        input.extend_from_slice(b"\nnext\n");
        let read = lines(&input);
        assert_eq!(read.len(), 2);
        assert!(read[0].is_err());
        assert_eq!(read[1], Ok(b"next".to_vec()));
    }
}
