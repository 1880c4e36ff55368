//! Values of every type in the document.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Int32Type, IntervalMonthDayNano, Schema};
use arrow::ipc::writer::StreamWriter;
use sekisho_client::{Document, Outcome, v1};

/// The outcome of a released job with these columns.
pub(crate) fn outcome(columns: Vec<(&str, ArrayRef)>, metadata: &[(&str, &str)]) -> Outcome {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let schema = Arc::new(Schema::new(fields).with_metadata(metadata));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    let job = v1::Job { state: v1::job::State::Released.into(), ..v1::Job::default() };
    Outcome { job, arrow: Some(writer.into_inner().unwrap().into()) }
}

pub(crate) fn document(columns: Vec<(&str, ArrayRef)>) -> Document {
    Document::of_outcome(&outcome(columns, &[])).unwrap()
}

/// The first row as JSON, and the name of the type.
fn check(array: impl arrow::array::Array + 'static, kind: &str, expected: &str) {
    let document = document(vec![("x", Arc::new(array))]);
    assert_eq!(document.columns[0].kind, kind);
    assert_eq!(serde_json::to_string(&document.rows[0]).unwrap(), format!(r#"{{"x":{expected}}}"#), "{kind}");
}

#[test]
fn numbers_of_every_type_are_json_numbers_with_all_their_digits() {
    check(Int64Array::from(vec![i64::MIN]), "Int64", "-9223372036854775808");
    check(UInt64Array::from(vec![u64::MAX]), "UInt64", "18446744073709551615");
    check(Float64Array::from(vec![0.1]), "Float64", "0.1");
    check(Float64Array::from(vec![1e300]), "Float64", "1e+300");
    check(Float64Array::from(vec![8203.0]), "Float64", "8203.0");
    check(Float32Array::from(vec![0.1]), "Float32", "0.1");
    let decimal = |value: i128, precision, scale| {
        Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale).unwrap()
    };
    let long = 12_345_678_901_234_567_890_123_456_789_012_345_678;
    check(decimal(long, 38, 2), "Decimal128(38, 2)", "123456789012345678901234567890123456.78");
    check(decimal(-5, 10, 2), "Decimal128(10, 2)", "-0.05");
    check(decimal(0, 10, 0), "Decimal128(10, 0)", "0");
    let codes = DictionaryArray::<Int32Type>::new(vec![0].into(), Arc::new(Int64Array::from(vec![7])));
    check(codes, "Dictionary(Int32, Int64)", "7");
}

#[test]
fn what_json_has_no_number_for_is_null() {
    check(Float64Array::from(vec![f64::NAN]), "Float64", "null");
    check(Float64Array::from(vec![f64::NEG_INFINITY]), "Float64", "null");
    check(Float32Array::from(vec![f32::INFINITY]), "Float32", "null");
}

#[test]
fn dates_and_times_are_iso_8601() {
    check(Date32Array::from(vec![19_000]), "Date32", r#""2022-01-08""#);
    check(Date32Array::from(vec![-1]), "Date32", r#""1969-12-31""#);
    let instant = TimestampMicrosecondArray::from(vec![1_700_000_000_500_000]);
    check(instant.clone(), "Timestamp(Microsecond, None)", r#""2023-11-14T22:13:20.500""#);
    check(
        instant.with_timezone("+09:00"),
        r#"Timestamp(Microsecond, Some("+09:00"))"#,
        r#""2023-11-15T07:13:20.500+09:00""#,
    );
    check(Time64MicrosecondArray::from(vec![3_600_000_000]), "Time64(Microsecond)", r#""01:00:00""#);
    let span = IntervalMonthDayNano::new(14, 3, 4_500_000_000);
    check(IntervalMonthDayNanoArray::from(vec![span]), "Interval(MonthDayNano)", r#""P1Y2M3DT4.5S""#);
}

#[test]
fn other_values_are_text_truth_values_and_lists() {
    check(StringArray::from(vec!["肝\"\n"]), "Utf8", r#""肝\"\n""#);
    check(StringArray::from(vec!["123"]), "Utf8", r#""123""#);
    check(BooleanArray::from(vec![true]), "Boolean", "true");
    check(BinaryArray::from(vec![&b"\x00\xff"[..]]), "Binary", r#""00ff""#);
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None])]);
    check(list, "List", "[1,null]");
}

#[test]
fn columns_of_the_same_name_are_all_there() {
    let ones = || -> ArrayRef { Arc::new(Int32Array::from(vec![1])) };
    let document = document(vec![("n", ones()), ("n", ones())]);
    assert_eq!(serde_json::to_string(&document.rows).unwrap(), r#"[{"n":1,"n:2":1}]"#);
    assert_eq!(document.columns[1].name, "n:2");
}

#[test]
fn a_withheld_mark_that_points_nowhere_is_an_error() {
    for mark in [
        r#"[{"row":1,"column":"n"}]"#,
        r#"[{"row":0,"column":"n","index":1}]"#,
        r#"[{"row":0,"column":"m"}]"#,
        "x",
    ] {
        let ones: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        assert!(
            Document::of_outcome(&outcome(vec![("n", ones)], &[("sekisho.withheld", mark)])).is_err(),
            "{mark}"
        );
    }
}

#[test]
fn a_withheld_mark_tells_columns_of_the_same_name_apart() {
    let none = || -> ArrayRef { Arc::new(Int32Array::from(vec![None])) };
    let mark = r#"[{"row":0,"column":"n","index":1}]"#;
    let outcome = outcome(vec![("n", none()), ("n", none())], &[("sekisho.withheld", mark)]);
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(serde_json::to_string(&document.withheld).unwrap(), r#"[{"row":0,"column":"n:2"}]"#);
}

#[test]
fn bytes_that_are_not_arrow_are_an_error() {
    let whole = outcome(vec![("n", Arc::new(Int32Array::from(vec![1])))], &[]);
    for length in [0, 10, 100] {
        let arrow = whole.arrow.as_ref().map(|bytes| bytes.slice(..length));
        assert!(Document::of_outcome(&Outcome { arrow, ..whole.clone() }).is_err(), "{length}");
    }
}
