//! Documents as JSON: on one line for tools, or with one row a line.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::text::dangerous;
use crate::Document;

/// The document on one line, without a line end.
#[must_use]
pub fn line(document: &Document) -> String {
    harmless(serde_json::to_string(document).unwrap_or_default())
}

/// The document with each key, column, row and withheld cell on a line of its own.
#[must_use]
pub fn lines(document: &Document) -> String {
    listed(document)
}

/// Any value with its members, and the elements of their arrays, on lines of their own.
#[must_use]
pub fn listed(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, Lines { open: Vec::new() });
    let written = value.serialize(&mut serializer);
    let text = written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default();
    harmless(text)
}

/// JSON escapes the control characters below U+0020 itself. The others stand in strings only, so they can
/// be escaped in the text as a whole.
fn harmless(json: String) -> String {
    let drives = |character: char| dangerous(character) && character != '\n';
    if !json.chars().any(drives) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if drives(character) {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// How deep a member or element still begins a new line.
const DEPTH: usize = 2;

struct Lines {
    /// For each value that is open, whether it is an array.
    open: Vec<bool>,
}

impl Lines {
    fn breaks(&self) -> bool {
        match self.open.as_slice() {
            [_] => true,
            [_, array] => *array,
            _ => false,
        }
    }

    fn next<W: ?Sized + io::Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        match (self.breaks(), first) {
            (true, true) => self.indent(writer, self.open.len()),
            (true, false) => {
                writer.write_all(b",")?;
                self.indent(writer, self.open.len())
            }
            (false, true) => Ok(()),
            (false, false) => writer.write_all(b", "),
        }
    }

    fn indent<W: ?Sized + io::Write>(&self, writer: &mut W, depth: usize) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..depth.min(DEPTH)).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(true);
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.pop();
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(false);
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.breaks() {
            self.indent(writer, self.open.len().saturating_sub(1))?;
        }
        self.open.pop();
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
