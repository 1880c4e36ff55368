//! Results in files: one for each statement, named after it.

use std::fs;
use std::io;
use std::path::Path;

use sekisho_client::render::{self, Look};
use sekisho_client::{Document, Error, Result, streams};

use crate::args::Format;
use crate::show::Shown;

/// The name of the file where the statement has none.
const UNNAMED: &str = "result";

/// Writes the result of each statement into the folder that was asked for.
///
/// INVARIANT: the client has taken no name that could lead out of the folder.
pub(crate) fn write(shown: &Shown<'_>) -> Result<()> {
    let Some(folder) = shown.output else { return Ok(()) };
    let failed = |path: &Path, error: io::Error| {
        Error::argument(format!("cannot write `{}`: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, bytes) in results(shown)? {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// The files, by name.
fn results(shown: &Shown<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    let document = shown.document;
    let alone = document.statements.iter().map(|statement| document.alone(statement));
    let of_each: Vec<Document> =
        if document.statements.is_empty() { vec![document.clone()] } else { alone.collect() };
    let names = document.statements.iter().map(|statement| statement.name.as_str());
    let names = names.chain(document.statements.is_empty().then_some(UNNAMED));
    if shown.format == Format::Arrow {
        let streams = streams(shown.arrow.unwrap_or_default())?;
        let file = |((name, document), stream): ((&str, &Document), &[u8])| {
            let bytes =
                if shown.footer { render::arrow::with_footer(stream, document)? } else { stream.to_vec() };
            Ok((format!("{name}.arrow"), bytes))
        };
        return names.zip(&of_each).zip(streams).map(file).collect();
    }
    let file = |(name, document): (&str, &Document)| {
        let footer = if shown.footer { render::csv::footer(document) } else { String::new() };
        (format!("{name}.csv"), (render::csv::csv(document, Look::plain()) + &footer).into_bytes())
    };
    Ok(names.zip(&of_each).map(file).collect())
}
