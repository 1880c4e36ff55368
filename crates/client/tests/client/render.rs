//! What people and tools read.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampSecondArray};
use arrow::ipc::reader::StreamReader;
use proptest::prelude::*;
use sekisho_client::render::{self, Look};
use sekisho_client::{Document, Outcome, Position, Problem, v1};
use unicode_width::UnicodeWidthStr;

use crate::fake;
use crate::values::{document, outcome};

const TERMINAL: Look = Look { terminal: true, colour: false, width: Some(80) };

fn released() -> Outcome {
    let job = v1::Job {
        name: "projects/ward/jobs/01J".to_owned(),
        state: v1::job::State::Released.into(),
        snapshot: "ward@3".to_owned(),
        policy: Some(v1::Policy { profile: "japan-rwd".to_owned(), sha256: "ab".to_owned() }),
        release: Some(v1::ReleaseRef { release: "cd".to_owned(), log_index: 17 }),
        ..v1::Job::default()
    };
    Outcome { job, arrow: Some(fake::arrow_of("").into()) }
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let document = Document::of_outcome(&released()).unwrap();
    let expected = r#"{
  "job": "projects/ward/jobs/01J",
  "state": "released",
  "snapshot": "ward@3",
  "columns": [
    {"name": "sex", "type": "Utf8", "role": "dimension"},
    {"name": "n", "type": "Int64", "role": "statistic"},
    {"name": "over_95", "type": "Int64", "role": "statistic"}],
  "rows": [
    {"sex": "F", "n": 8203, "over_95": 11},
    {"sex": "M", "n": 9346, "over_95": null},
    {"sex": null, "n": 12, "over_95": null}],
  "withheld": [
    {"row": 1, "column": "over_95"}],
  "groups_may_be_absent": false,
  "policy": {"profile": "japan-rwd", "sha256": "ab"},
  "receipt": {"release": "cd", "log_index": 17},
  "error": null
}"#;
    assert_eq!(render::json::lines(&document), expected);
    let one_line: serde_json::Value = serde_json::from_str(&document.to_json_line()).unwrap();
    assert_eq!(one_line, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    assert!(!document.to_json_line().contains('\n'));
}

#[test]
fn csv_tells_withheld_from_null() {
    let document = Document::of_outcome(&released()).unwrap();
    let expected = "sex,n,over_95\nF,8203,11\nM,9346,[withheld]\n,12,\n";
    assert_eq!(render::csv::csv(&document, Look::plain()), expected);
    let footer = "# job: projects/ward/jobs/01J\n# snapshot: ward@3\n# policy: japan-rwd (sha256 ab)\n\
                  # receipt: log entry 17, release cd\n";
    assert_eq!(render::csv::footer(&document), footer);
}

#[test]
fn a_table_in_a_pipe_is_plain() {
    let document = Document::of_outcome(&released()).unwrap();
    let expected = "
 sex  |    n |    over_95
------+------+------------
 F    | 8203 |         11
 M    | 9346 | [withheld]
 NULL |   12 |       NULL
";
    assert_eq!(format!("\n{}", render::table(&document, Look::plain())), expected);
}

#[test]
fn a_table_in_a_terminal_has_lines_and_a_mark_for_withheld() {
    let document = Document::of_outcome(&released()).unwrap();
    let expected = "
┌──────┬──────┬─────────┐
│ sex  ┆    n ┆ over_95 │
╞══════╪══════╪═════════╡
│ F    ┆ 8203 ┆      11 │
│ M    ┆ 9346 ┆      ▒▒ │
│ NULL ┆   12 ┆    NULL │
└──────┴──────┴─────────┘
";
    assert_eq!(format!("\n{}", render::table(&document, TERMINAL)), expected);
}

#[test]
fn months_are_dates_in_a_table_and_instants_elsewhere() {
    let instants = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(TimestampSecondArray::from(values)) };
    let (january, noon) = (1_577_836_800, 1_577_836_800 + 12 * 3_600);
    let columns = vec![
        ("month", instants(vec![Some(january), None])),
        ("moment", instants(vec![Some(january), Some(noon)])),
    ];
    let document = document(columns);
    let expected = "
 month      | moment
------------+---------------------
 2020-01-01 | 2020-01-01T00:00:00
 NULL       | 2020-01-01T12:00:00
";
    assert_eq!(format!("\n{}", render::table(&document, Look::plain())), expected);
    assert!(render::csv::csv(&document, Look::plain()).contains("2020-01-01T00:00:00,2020-01-01T00:00:00"));
}

#[test]
fn a_result_of_groups_says_that_some_may_be_absent_however_many_there_are() {
    for (sexes, rows) in [(&[][..], "0 rows"), (&["F"], "1 row"), (&["F", "M"], "2 rows")] {
        let shown = |of_groups: &str| {
            let metadata = [("sekisho.groups_may_be_absent", of_groups)];
            let outcome = outcome(vec![texts("sex", sexes)], &metadata);
            render::summary(&Document::of_outcome(&outcome).unwrap())
        };
        assert_eq!(shown("true"), format!("{rows}\n{}", render::ABSENT));
        assert_eq!(shown("false"), rows);
    }
}

#[test]
fn arrow_with_a_footer_says_the_same_and_carries_the_policy() {
    let outcome = released();
    let document = Document::of_outcome(&outcome).unwrap();
    let arrow = render::arrow::with_footer(outcome.arrow.as_ref().unwrap(), &document).unwrap();
    let schema = StreamReader::try_new(&*arrow, None).unwrap().schema();
    assert_eq!(schema.metadata()["sekisho.snapshot"], "ward@3");
    assert_eq!(schema.metadata()["sekisho.policy"], "japan-rwd (sha256 ab)");
    let again = Document::of_outcome(&Outcome { arrow: Some(arrow.into()), ..outcome }).unwrap();
    assert_eq!(again, document);
}

fn texts(name: &'static str, values: &[&str]) -> (&'static str, ArrayRef) {
    (name, Arc::new(StringArray::from(values.to_vec())))
}

fn widest(text: &str) -> usize {
    text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

#[test]
fn wide_characters_line_up() {
    let document = document(vec![texts("病名", &["肝硬変", "ab"]), texts("x", &["1", "2"])]);
    let table = render::table(&document, TERMINAL);
    let widths: Vec<usize> = table.lines().map(UnicodeWidthStr::width).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}

#[test]
fn a_table_is_not_wider_than_the_terminal() {
    let long = "a long text that does not fit beside the others ".repeat(3);
    let names: Vec<String> = (0..8).map(|index| format!("statistic_number_{index}")).collect();
    let mut columns = vec![texts("text", &[&long])];
    columns.extend(
        names
            .iter()
            .map(|name| -> (&str, ArrayRef) { (name, Arc::new(Int64Array::from(vec![1_234_567_890]))) }),
    );
    let document = document(columns);
    for width in [200, 120, 80, 60, 40] {
        let table = render::table(&document, Look { width: Some(width), ..TERMINAL });
        assert!(widest(&table) <= usize::from(width), "{width}:\n{table}");
        assert_eq!(table.matches("1234567890").count(), 8, "{width}:\n{table}");
    }
}

#[test]
fn data_cannot_drive_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r\n";
    let document = document(vec![texts("x\u{1b}[31m", &[evil])]);
    let drives = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    for text in [
        render::table(&document, TERMINAL),
        render::table(&document, Look::plain()),
        render::csv::csv(&document, TERMINAL),
        render::json::lines(&document),
        document.to_json_line(),
    ] {
        assert!(!text.contains(drives), "{text:?}");
        assert!(text.contains("owned"));
    }
    let back: serde_json::Value = serde_json::from_str(&document.to_json_line()).unwrap();
    assert_eq!(back["rows"][0]["x\u{1b}[31m"], evil);
}

fn refusal(line: u32, column: u32) -> Problem {
    Problem {
        code: "RECORDS_IN_OUTPUT".to_owned(),
        message: "the result would hold records of people".to_owned(),
        hint: "aggregate, such as `COUNT(*)`".to_owned(),
        position: Some(Position { line, column }),
    }
}

#[test]
fn a_refusal_has_a_caret_under_the_sql() {
    let sql = "-- patients\nSELECT 肝, patient_id\nFROM patients";
    let expected = "\
refused[RECORDS_IN_OUTPUT]: the result would hold records of people
 --> line 2, column 11
  |
2 | SELECT 肝, patient_id
  |            ^^^^^^^^^^
  = hint: aggregate, such as `COUNT(*)`
";
    assert_eq!(render::problem(&refusal(2, 11), "refused", Some(sql), Look::plain()), expected);
}

#[test]
fn a_caret_in_a_long_line_shows_what_is_around_it() {
    let sql = format!("SELECT {} patient_id {}", "a, ".repeat(300_000), "b, ".repeat(300_000));
    let shown =
        render::problem(&refusal(1, 900_009), "refused", Some(&sql), Look { width: Some(60), ..TERMINAL });
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines[4].find('^').unwrap();
    assert_eq!(lines[3].get(at..at + 10), Some("patient_id"), "{shown}");
    assert!(lines[3].len() <= 66, "{shown}");
}

#[test]
fn a_problem_without_a_place_has_no_caret() {
    let problem = Problem::new("TIME_LIMIT", "the job ran longer than 60 s");
    let shown = render::problem(&problem, "failed", Some("SELECT 1"), Look::plain());
    assert_eq!(shown, "failed[TIME_LIMIT]: the job ran longer than 60 s\n");
}

#[test]
fn an_empty_column_is_counted_where_a_table_just_fits() {
    let columns = vec![
        texts(" ", &[" "]),
        texts("", &[""]),
        texts("a long name", &["twelve chars"]),
        texts("b", &["twelve chars"]),
    ];
    for width in 30..50 {
        let table = render::table(&document(columns.clone()), Look { width: Some(width), ..TERMINAL });
        assert!(widest(&table) <= usize::from(width), "{table}");
    }
}

proptest! {
    #[test]
    fn no_sql_and_no_position_breaks_a_refusal(
        sql in any::<String>(), line in 0_u32..5, column in any::<u32>(), width in proptest::option::of(0_u16..90)
    ) {
        let look = Look { width, ..Look::plain() };
        for column in [column, column % 40] {
            let shown = render::problem(&refusal(line, column), "refused", Some(&sql), look);
            prop_assert!(!shown.contains(|character: char| character.is_control() && character != '\n'));
        }
    }

    #[test]
    fn a_csv_reader_finds_every_text_again(texts in proptest::collection::vec(any::<String>(), 1..5)) {
        let columns = texts.iter().map(|text| -> (&str, ArrayRef) {
            (text, Arc::new(StringArray::from(vec![text.as_str()])))
        });
        let document = document(columns.collect());
        let csv = render::csv::csv(&document, Look::plain());
        let format = arrow::csv::reader::Format::default().with_header(false);
        let (schema, _) = format.infer_schema(csv.as_bytes(), None).unwrap();
        prop_assert_eq!(schema.fields().len(), texts.len());
        let fields: Vec<_> = schema.fields().iter()
            .map(|field| arrow::datatypes::Field::new(field.name(), arrow::datatypes::DataType::Utf8, true)).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let mut reader = arrow::csv::ReaderBuilder::new(schema).build(csv.as_bytes()).unwrap();
        let batch = reader.next().unwrap().unwrap();
        for (column, text) in batch.columns().iter().zip(&texts) {
            let column = column.as_any().downcast_ref::<StringArray>().unwrap();
            prop_assert_eq!(column.value(1), text.as_str());
        }
    }

    #[test]
    fn a_table_of_any_text_keeps_to_the_terminal(
        values in proptest::collection::vec(any::<String>(), 1..6), width in 30_u16..120
    ) {
        let columns = values.iter().map(|text| -> (&str, ArrayRef) {
            (text, Arc::new(StringArray::from(vec![text.as_str()])))
        });
        let table = render::table(&document(columns.collect()), Look { width: Some(width), ..TERMINAL });
        prop_assert!(widest(&table) <= usize::from(width), "{}", table);
    }
}
