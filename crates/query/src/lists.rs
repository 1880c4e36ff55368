//! Code lists: reference tables that come with one analysis, as CSV.
//!
//! The first line names the columns; they are read as SQL reads names without quotes, in lower case. A
//! column is an integer if each of its cells is one as it would be written (`12`, `-3`; not `007`, `+1` or
//! `1.0`), and text otherwise. An empty cell is NULL, quoted or not. What is refused is refused with the
//! list's name and the line, never with what stands there.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use csv::{ErrorKind, ReaderBuilder, Trim};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::ScalarValue;

use crate::model::{Code, CodeList, Limits, Refusal};

/// Longest name of a column, in bytes.
const LONGEST_NAME: usize = 128;

/// A code list that was read.
#[derive(Debug)]
pub(crate) struct List {
    /// Its name in SQL.
    pub(crate) name: String,
    /// Its rows; each column is nullable text or a nullable 64-bit integer.
    pub(crate) batch: RecordBatch,
}

/// Reads the lists of one analysis, whose number and length [`crate::model::Analysis::check`] has bounded.
///
/// # Errors
/// `LIST_NOT_ALLOWED` where a text is not CSV with a header line; `TOO_LARGE` past a limit.
pub(crate) fn read(lists: &[CodeList], limits: &Limits) -> Result<Vec<List>, Refusal> {
    lists.iter().map(|list| read_one(list, limits)).collect()
}

fn read_one(list: &CodeList, limits: &Limits) -> Result<List, Refusal> {
    let name = list.name.as_str();
    let text = list.csv.strip_prefix('\u{feff}').unwrap_or(&list.csv);
    // The reader would take the rest of the text for one cell.
    if !text.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2) {
        return Err(bad(name, "a quote is not closed"));
    }
    let mut reader = ReaderBuilder::new().trim(Trim::Headers).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| bad_row(name, error))?.clone();
    if header.len() > limits.list_columns {
        return Err(too_large(name, "columns", limits.list_columns));
    }
    let names: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
    check_names(name, &names)?;
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    for (row, record) in reader.records().enumerate() {
        if row >= limits.list_rows {
            return Err(too_large(name, "rows", limits.list_rows));
        }
        let record = record.map_err(|error| bad_row(name, error))?;
        for (column, cell) in columns.iter_mut().zip(&record) {
            column.push((!cell.is_empty()).then(|| cell.to_owned()));
        }
    }
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (column, cells) in names.iter().zip(columns) {
        let array = typed(cells);
        fields.push(Field::new(column, array.data_type().clone(), true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    Ok(List { name: name.to_owned(), batch: batch.map_err(|_| bad(name, "it is not a table"))? })
}

fn check_names(list: &str, names: &[String]) -> Result<(), Refusal> {
    if names.iter().all(String::is_empty) {
        return Err(bad(list, "the first line names no column"));
    }
    let mut known = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let number = index.saturating_add(1);
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            let what = format!("the name of column {number} is not 1 to {LONGEST_NAME} bytes of text");
            return Err(bad(list, &what));
        }
        if !known.insert(name) {
            return Err(bad(list, &format!("column {number} has the name of an earlier one")));
        }
    }
    Ok(())
}

/// Integers where every cell is one, else text.
fn typed(cells: Vec<Option<String>>) -> ArrayRef {
    let integers: Option<Vec<Option<i64>>> = cells
        .iter()
        .map(|cell| cell.as_deref().map(integer).map_or(Some(None), |read| read.map(Some)))
        .collect();
    match integers {
        Some(integers) if integers.iter().any(Option::is_some) => Arc::new(Int64Array::from(integers)),
        Some(_) | None => Arc::new(StringArray::from(cells)) as ArrayRef,
    }
}

/// The integer, if it is written as integers are: a code such as `007` is text.
fn integer(cell: &str) -> Option<i64> {
    cell.parse().ok().filter(|number: &i64| number.to_string() == cell)
}

/// An error of the CSV reader, without the texts that it quotes.
fn bad_row(list: &str, error: csv::Error) -> Refusal {
    let line = error.position().map(csv::Position::line);
    let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    match error.into_kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            bad(list, &format!("{at}there are {len} cells under {expected_len} columns"))
        }
        ErrorKind::Io(_)
        | ErrorKind::Utf8 { .. }
        | ErrorKind::Seek
        | ErrorKind::Serialize(_)
        | ErrorKind::Deserialize { .. }
        | _ => bad(list, &format!("{at}this is not a row of CSV")),
    }
}

fn bad(list: &str, what: &str) -> Refusal {
    let hint = "give CSV with a line of column names and as many cells in each line; a cell with a comma, a quote \
                or a line end stands in quotes";
    Refusal::new(Code::ListNotAllowed, format!("the code list `{list}` cannot be read: {what}"), hint)
}

fn too_large(list: &str, what: &str, most: usize) -> Refusal {
    let message = format!("the code list `{list}` has more than {most} {what}");
    Refusal::new(Code::TooLarge, message, "leave out what the SQL does not read, or ask for a code table")
}

/// How ranges stand to each other that do not overlap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ranges {
    /// No value is in two of them.
    Apart,
    /// One may end where the next begins.
    Touching,
}

impl Ranges {
    /// How ranges from one value to another stand to each other; `None` if two overlap, or one has no ends.
    pub(crate) fn of(mut ends: Vec<(ScalarValue, ScalarValue)>) -> Option<Self> {
        let ordered = |(low, high): &(ScalarValue, ScalarValue)| {
            let known = !low.is_null() && !high.is_null();
            known && low.partial_cmp(high).is_some_and(Ordering::is_le)
        };
        if !ends.iter().all(ordered) {
            return None;
        }
        ends.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        let mut found = Self::Apart;
        for (before, behind) in ends.iter().zip(ends.iter().skip(1)) {
            // Two that begin at one value overlap, be one of them empty or not.
            if before.0 == behind.0 {
                return None;
            }
            match before.1.partial_cmp(&behind.0)? {
                Ordering::Less => {}
                Ordering::Equal => found = Self::Touching,
                Ordering::Greater => return None,
            }
        }
        Some(found)
    }
}

/// The pairs of columns of a list that are the ends of ranges which do not overlap.
pub(crate) fn ranges(batch: &RecordBatch) -> BTreeMap<(String, String), Ranges> {
    let mut found = BTreeMap::new();
    let schema = batch.schema();
    let columns: Vec<(&Arc<Field>, &ArrayRef)> = schema.fields().iter().zip(batch.columns()).collect();
    for (low, lows) in &columns {
        for (high, highs) in &columns {
            if low == high || lows.data_type() != highs.data_type() {
                continue;
            }
            let value = |array: &ArrayRef, row| ScalarValue::try_from_array(array, row).ok();
            let ends: Option<Vec<_>> =
                (0..batch.num_rows()).map(|row| value(lows, row).zip(value(highs, row))).collect();
            if let Some(ranges) = ends.and_then(Ranges::of) {
                found.insert((low.name().clone(), high.name().clone()), ranges);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::compute::cast;
    use datafusion::arrow::datatypes::{DataType, Int64Type};

    use super::*;

    fn list(csv: &str) -> Result<RecordBatch, Refusal> {
        let limits = Limits { list_rows: 3, list_columns: 3, ..Limits::default() };
        let list = CodeList { name: "codes".parse().unwrap(), csv: csv.to_owned() };
        Ok(read(&[list], &limits)?.remove(0).batch)
    }

    /// Name and type of each column, then its cells; NULL is `-`.
    fn show(csv: &str) -> String {
        let batch = list(csv).unwrap();
        let column = |(field, array): (&Arc<Field>, &ArrayRef)| {
            let (short, text) = match array.as_primitive_opt::<Int64Type>() {
                Some(_) => ("int", cast(array, &DataType::Utf8).unwrap()),
                None => ("text", Arc::clone(array)),
            };
            let text = text.as_string::<i32>();
            let cell = |row: usize| if text.is_null(row) { "-" } else { text.value(row) };
            let cells: Vec<&str> = (0..text.len()).map(cell).collect();
            format!("{} {short}: {}", field.name(), cells.join("/"))
        };
        batch.schema().fields().iter().zip(batch.columns()).map(column).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_column_is_an_integer_only_if_each_cell_is_written_as_one() {
        assert_eq!(show("code,band\nE11,1\nE14,-2\n"), "code text: E11/E14; band int: 1/-2");
        for written in ["007", "+1", "1.0", "1e3", " 1", "9223372036854775808", "-0", "１", "1_0"] {
            assert_eq!(show(&format!("a\n1\n{written}\n")), format!("a text: 1/{written}"));
        }
        assert_eq!(show("a\n-9223372036854775808\n0\n"), "a int: -9223372036854775808/0");
    }

    #[test]
    fn an_empty_cell_is_null_and_a_column_of_nothing_else_is_text() {
        assert_eq!(show("a,b,c\n1,,\n,\"\",x\n"), "a int: 1/-; b text: -/-; c text: -/x");
        assert_eq!(show("a,b\n"), "a text: ; b text: ");
    }

    #[test]
    fn marks_line_ends_quotes_and_capitals_are_read_as_programs_write_them() {
        assert_eq!(
            show("\u{feff}Code, Name \r\nE11,\"a, \"\"b\"\"\r\nc\"\r\n"),
            "code text: E11; name text: a, \"b\"\r\nc"
        );
        assert_eq!(show("code\nE11"), "code text: E11");
        assert_eq!(show("\"Code\",傷病名\nE11,２型糖尿病\n"), "code text: E11; 傷病名 text: ２型糖尿病");
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line_and_without_its_cells() {
        let cases = [
            ("", "names no column"),
            ("\n\n", "names no column"),
            ("a,\nx,y\n", "the name of column 2"),
            ("a,A\nx,y\n", "column 2 has the name of an earlier one"),
            ("a\u{7},b\nx,y\n", "the name of column 1"),
            ("a,b\nx,y\nSECRET\n", "line 3: there are 1 cells under 2 columns"),
            ("a,b\nx,y,SECRET\n", "line 2: there are 3 cells under 2 columns"),
            ("a\n\"SECRET\nE12\n", "a quote is not closed"),
        ];
        for (csv, words) in cases {
            let refusal = list(csv).unwrap_err();
            assert_eq!(refusal.code, Code::ListNotAllowed, "{csv:?}");
            assert!(refusal.message.contains("`codes`") && refusal.message.contains(words), "{refusal:?}");
            assert!(!format!("{refusal:?}").contains("SECRET"), "{refusal:?}");
        }
    }

    #[test]
    fn what_is_past_a_limit_is_refused_with_the_limit() {
        assert_eq!(show("a\n1\n2\n3\n"), "a int: 1/2/3");
        for (csv, words) in [("a\n1\n2\n3\n4\n", "more than 3 rows"), ("a,b,c,d\n", "more than 3 columns")] {
            let refusal = list(csv).unwrap_err();
            assert_eq!(refusal.code, Code::TooLarge);
            assert!(refusal.message.contains(words), "{refusal:?}");
        }
    }
}
