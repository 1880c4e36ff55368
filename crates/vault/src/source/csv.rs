//! The rows of a CSV file (RFC 4180, with a header line), plain or compressed.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::positions;
use crate::manifest::TableSource;
use crate::{Error, Place, Result};

/// Most bytes that are read for one row: an unclosed quote must not fill the memory.
const MAX_ROW: usize = 16 << 20;

/// Whether the file is compressed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Gzip,
    Plain,
}

/// An open CSV file.
pub(super) struct Rows {
    file: PathBuf,
    reader: Reader<Bounded>,
    record: ByteRecord,
    kept: Vec<usize>,
    /// Bytes read since the last row began.
    since: Rc<Cell<usize>>,
}

impl Rows {
    pub(super) fn open(file: &Path, packing: Packing, table: &TableSource) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { file: file.to_owned(), source };
        let input = BufReader::new(File::open(file).map_err(unreadable)?);
        let input: Box<dyn Read> = match packing {
            Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
            Packing::Plain => Box::new(input),
        };
        let since = Rc::new(Cell::new(0));
        let bounded = Bounded { input, since: Rc::clone(&since) };
        let mut reader = ReaderBuilder::new().from_reader(bounded);
        let headers = reader.byte_headers().map_err(|error| failure(file, error, 1))?.clone();
        let kept = positions(file, table, headers.iter())?;
        Ok(Self { file: file.to_owned(), reader, record: ByteRecord::new(), kept, since })
    }

    pub(super) fn advance(&mut self) -> Result<bool> {
        self.since.set(0);
        let next = self.reader.position().line();
        self.reader.read_byte_record(&mut self.record).map_err(|error| failure(&self.file, error, next))
    }

    pub(super) fn field(&self, index: usize) -> Result<Option<&str>, &'static str> {
        let field = self.kept.get(index).and_then(|position| self.record.get(*position)).unwrap_or_default();
        let text = std::str::from_utf8(field).map_err(|_| "UTF-8 text")?;
        Ok((!text.is_empty()).then_some(text))
    }

    pub(super) fn place(&self) -> Place {
        Place::Line(self.record.position().map_or(0, csv::Position::line))
    }
}

/// A reader that gives up when one row takes too many bytes.
struct Bounded {
    input: Box<dyn Read>,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_ROW {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let read = self.input.read(buffer)?;
        self.since.set(self.since.get().saturating_add(read));
        Ok(read)
    }
}

/// An error of the CSV reader, without the texts that it quotes.
fn failure(file: &Path, error: csv::Error, line: u64) -> Error {
    let file = file.to_owned();
    let bad_row = |line, expected| Error::BadRow {
        file: file.clone(),
        place: Place::Line(line),
        column: None,
        expected,
    };
    match error.into_kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => bad_row(
            pos.map_or(line, |pos| pos.line()),
            format!("{expected_len} fields as in the header line, found {len}"),
        ),
        ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => {
            bad_row(line, format!("a row of at most {} MiB (is a quote not closed?)", MAX_ROW >> 20))
        }
        ErrorKind::Io(source) => Error::Unreadable { file, source },
        // Without what it says: it may quote the row.
        ErrorKind::Utf8 { .. }
        | ErrorKind::Seek
        | ErrorKind::Serialize(_)
        | ErrorKind::Deserialize { .. }
        | _ => bad_row(line, "a row of CSV".into()),
    }
}
