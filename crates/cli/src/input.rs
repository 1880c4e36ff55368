//! Where the SQL comes from: the command line, a file or standard input.

use std::fs;
use std::io::{self, Read as _};

use sekisho_client::{Error, Result};

use crate::args::SqlArgs;

/// The statement as it was given; only a byte order mark is taken off.
pub(crate) fn statement(args: &SqlArgs) -> Result<String> {
    let (bytes, source) = match (&args.file, args.sql.as_deref()) {
        (Some(path), _) => (fs::read(path), format!("`{}`", path.display())),
        (None, Some("-")) => {
            let mut bytes = Vec::new();
            (io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes), "standard input".to_owned())
        }
        (None, Some(sql)) => return given(sql),
        (None, None) => return Err(Error::argument("no SQL: give a statement, -f FILE, or -")),
    };
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
