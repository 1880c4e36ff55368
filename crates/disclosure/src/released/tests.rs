//! What leaves, what stays sealed, and what comes back.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int64Array, ListArray, StringArray, StringViewArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema};
use arrow::ipc::reader::StreamReader;
use proptest::prelude::*;

use super::*;
use crate::testing::{check_first, count, japan, people, ungrouped};
use crate::{Branch, Unreleased};

/// A public half that shows the first table as it is.
struct AsItIs;

impl PublicHalf for AsItIs {
    type Error = Error;

    async fn run(self, tables: Vec<CheckedTable>) -> Result<Vec<Table>, Error> {
        let table = tables.first().ok_or(Error::Malformed("no table"))?;
        let keys = table.keys().len();
        let mut withheld = Vec::new();
        for (column, blanks) in table.withheld().iter().enumerate() {
            withheld
                .extend((0..blanks.len()).filter(|row| blanks.value(*row)).map(|row| (row, column + keys)));
        }
        let mut roles = vec![Role::Dimension; keys];
        roles.extend(table.statistics().iter().map(|_| Role::Statistic));
        let batch = table.batch().clone();
        Ok(vec![Table { statement: None, batch, roles, withheld, groups_may_be_absent: true }])
    }
}

/// A public half that computed these tables.
struct Computed(Vec<Table>);

impl PublicHalf for Computed {
    type Error = Error;

    async fn run(self, _: Vec<CheckedTable>) -> Result<Vec<Table>, Error> {
        Ok(self.0)
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn publish(checked: Checked, public: impl PublicHalf<Error = Error>) -> Result<Released, Error> {
    match now(checked.publish(public))? {
        Outcome::Released(released) => Ok(released),
        Outcome::Held(_) => panic!("held"),
    }
}

fn checked(hold: Hold, filtered: u32) -> Checked {
    let total = count("n", vec![people(0..500)]);
    let mut part = count("n", vec![people(0..filtered)]);
    part.branches.push(Branch {
        frame: None,
        zeros: vec![],
        inside: vec![people(0..filtered)],
        outside: vec![people(filtered..500)],
        telling: Default::default(),
    });
    let tables = vec![ungrouped(people(0..500), vec![total, part])];
    check_first(Unreleased::new(tables), &japan(), hold).unwrap()
}

fn read(released: &Released) -> RecordBatch {
    StreamReader::try_new(released.arrow_ipc(), None).unwrap().next().unwrap().unwrap()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_result_says_what_is_withheld_and_by_which_policy() {
    let released = publish(checked(Hold::ByRule, 4), AsItIs).unwrap();
    let batch = read(&released);
    let schema = batch.schema();
    assert_eq!(schema.metadata()["sekisho.withheld"], r#"[{"row":0,"column":"n","index":1}]"#);
    assert_eq!(schema.metadata()["sekisho.profile"], "japan-rwd");
    assert_eq!(schema.metadata()["sekisho.policy"], japan().digest().to_string());
    assert_eq!(schema.field(1).metadata()["sekisho.role"], "statistic");
    assert_eq!(schema.metadata()["sekisho.groups_may_be_absent"], "true");
    // Two columns have one name, and both are there.
    assert_eq!(
        (batch.num_columns(), batch.column(0).is_null(0), batch.column(1).is_null(0)),
        (2, false, true)
    );
    assert_eq!(released.policy(), ("japan-rwd", japan().digest()));
    assert_eq!(released.digest(), Digest::of(released.arrow_ipc()));
    assert_eq!(format!("{released:?}"), "Released(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_count_below_the_threshold_gives_the_same_bytes(few in 1_u32..10, other in 1_u32..10) {
        let bytes = |count| publish(checked(Hold::ByRule, count), AsItIs).unwrap().arrow_ipc().to_vec();
        prop_assert_eq!(bytes(few), bytes(other));
        prop_assert_ne!(bytes(few), bytes(10 + other));
    }
}

fn a_table(columns: Vec<(&str, ArrayRef)>, withheld: Vec<(usize, usize)>) -> Table {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let roles = vec![Role::Statistic; columns.len()];
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    Table { statement: None, batch, roles, withheld, groups_may_be_absent: false }
}

fn computed(columns: Vec<(&str, ArrayRef)>, withheld: Vec<(usize, usize)>) -> Result<Released, Error> {
    publish(checked(Hold::ByRule, 20), Computed(vec![a_table(columns, withheld)]))
}

#[test]
fn the_results_of_several_statements_leave_under_their_names_as_one_release() {
    let table = |name: &str, number: i64| {
        let statement = Some(name.parse().unwrap());
        Table { statement, ..a_table(vec![("n", Arc::new(Int64Array::from(vec![number])))], vec![]) }
    };
    let tables = vec![table("main", 11), table("other", 12)];
    let released = publish(checked(Hold::ByRule, 20), Computed(tables)).unwrap();
    let mut streams = std::io::Cursor::new(released.arrow_ipc());
    for (name, number) in [("main", 11), ("other", 12)] {
        let mut reader = StreamReader::try_new(&mut streams, None).unwrap();
        assert_eq!(reader.schema().metadata()["sekisho.statement"], name);
        let column = reader.next().unwrap().unwrap().column(0).clone();
        assert_eq!(column.as_ref(), &Int64Array::from(vec![number]) as &dyn Array);
        assert!(reader.next().is_none());
    }
    assert_eq!(streams.position(), u64::try_from(released.arrow_ipc().len()).unwrap());
    let key = SealKey::new([7; 32]);
    let sealed = released.seal(&key, "job").unwrap();
    let reopened = Released::reopen(&sealed.bytes, &key, "job", &released.digest()).unwrap();
    assert_eq!(reopened.arrow_ipc(), released.arrow_ipc());
    assert!(publish(checked(Hold::ByRule, 20), Computed(vec![])).is_err(), "no table is no result");
}

#[test]
fn what_lies_beneath_a_null_does_not_leave() {
    const SECRET: i64 = 0x5EC2_E75E_C2E7_5EC2;
    let valid = Int64Array::from(vec![SECRET, 1, SECRET]);
    let nulls = NullBuffer::from(vec![true, true, false]);
    let column = Arc::new(Int64Array::new(valid.values().clone(), Some(nulls)));
    let released = computed(vec![("n", column.clone())], vec![(0, 0)]).unwrap();
    assert!(!contains(released.arrow_ipc(), &SECRET.to_le_bytes()));
    let shown = computed(vec![("n", column)], vec![]).unwrap();
    assert!(contains(shown.arrow_ipc(), &SECRET.to_le_bytes()));
}

#[test]
fn what_lies_within_a_withheld_model_does_not_leave() {
    const SECRET: i64 = 0x5EC2_E75E_C2E7_5EC2;
    let nulls = |valid: &[bool]| Some(NullBuffer::from(valid.to_vec()));
    let numbers: ArrayRef =
        Arc::new(Int64Array::new(vec![SECRET, 1, SECRET].into(), nulls(&[true, true, false])));
    let fields = Fields::from(vec![Field::new("n", DataType::Int64, true)]);
    let model: ArrayRef =
        Arc::new(StructArray::new(fields.clone(), vec![Arc::clone(&numbers)], nulls(&[true, true, true])));
    let item = Arc::new(Field::new_list_field(model.data_type().clone(), true));
    let list: ArrayRef =
        Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([1, 2]), Arc::clone(&model), None));
    for column in [&model, &list] {
        let released = computed(vec![("m", Arc::clone(column))], vec![(0, 0)]).unwrap();
        assert!(!contains(released.arrow_ipc(), &SECRET.to_le_bytes()));
        assert_eq!(read(&released).column(0).null_count(), 1);
        let shown = computed(vec![("m", Arc::clone(column))], vec![]).unwrap();
        assert!(contains(shown.arrow_ipc(), &SECRET.to_le_bytes()));
    }
    // A part of what is NULL is NULL, whatever lay in it.
    let gone: ArrayRef = Arc::new(StructArray::new(fields, vec![numbers], nulls(&[false, true, true])));
    let released = computed(vec![("m", gone)], vec![]).unwrap();
    assert!(!contains(released.arrow_ipc(), &SECRET.to_le_bytes()));
}

#[test]
fn labels_of_absent_rows_do_not_leave_in_shared_buffers() {
    let labels = ["a label that is shown", "a label that is absent"];
    let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(labels).slice(0, 1));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(labels).slice(0, 1));
    let dictionary: ArrayRef =
        Arc::new(labels.into_iter().collect::<DictionaryArray<Int32Type>>().slice(0, 1));
    for column in [views, texts, dictionary] {
        let released = computed(vec![("label", column)], vec![]).unwrap();
        assert!(contains(released.arrow_ipc(), labels[0].as_bytes()));
        assert!(!contains(released.arrow_ipc(), labels[1].as_bytes()));
        assert_eq!(read(&released).column(0).data_type(), &DataType::Utf8);
    }
}

#[test]
fn a_result_that_contradicts_itself_does_not_leave() {
    let column = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    assert!(matches!(computed(vec![("n", column())], vec![(1, 0)]), Err(Error::Malformed(_))));
    assert!(matches!(computed(vec![("n", column())], vec![(0, 1)]), Err(Error::Malformed(_))));
    let batch = RecordBatch::try_from_iter([("n", column())]).unwrap();
    let table =
        Table { statement: None, batch, roles: vec![], withheld: vec![], groups_may_be_absent: false };
    assert!(matches!(publish(checked(Hold::ByRule, 20), Computed(vec![table])), Err(Error::Malformed(_))));
    let bytes = arrow::array::BinaryArray::from_vec(vec![b"x"]);
    assert_eq!(computed(vec![("b", Arc::new(bytes))], vec![]).unwrap_err(), Error::OutputType { column: 1 });
}

#[test]
fn an_empty_result_is_one() {
    let released = computed(vec![("n", Arc::new(Int64Array::from(Vec::<i64>::new())))], vec![]).unwrap();
    assert_eq!(read(&released).num_rows(), 0);
}

#[test]
fn a_sealed_result_reopens_as_what_it_was() {
    let key = SealKey::new([7; 32]);
    let released = publish(checked(Hold::ByRule, 20), AsItIs).unwrap();
    let sealed = released.seal(&key, "projects/ward/jobs/1").unwrap();
    assert_eq!(sealed.digest, released.digest());
    assert!(!contains(&sealed.bytes, b"sekisho.policy"));
    let reopened = Released::reopen(&sealed.bytes, &key, "projects/ward/jobs/1", &sealed.digest).unwrap();
    assert_eq!(reopened.arrow_ipc(), released.arrow_ipc());
    assert_eq!(reopened.policy(), released.policy());
    assert_ne!(released.seal(&key, "projects/ward/jobs/1").unwrap().bytes, sealed.bytes);
    assert_eq!(format!("{key:?} {sealed:?}"), "SealKey(..) Sealed(..)");
}

#[test]
fn a_sealed_result_opens_for_its_own_job_key_and_log_entry_only() {
    let key = SealKey::new([7; 32]);
    let sealed = publish(checked(Hold::ByRule, 20), AsItIs).unwrap().seal(&key, "a").unwrap();
    let open = |bytes: &[u8], key: &SealKey, context: &str, digest: &Digest| {
        Released::reopen(bytes, key, context, digest).map(|_| ()).unwrap_err()
    };
    assert_eq!(open(&sealed.bytes, &SealKey::new([8; 32]), "a", &sealed.digest), SealError::NotAuthentic);
    assert_eq!(open(&sealed.bytes, &key, "b", &sealed.digest), SealError::NotAuthentic);
    assert_eq!(open(&sealed.bytes, &key, "a", &Digest::of(b"other")), SealError::NotTheLoggedOne);
    assert_eq!(open(&sealed.bytes[..5], &key, "a", &sealed.digest), SealError::NotAuthentic);
    for at in [0, 12, sealed.bytes.len() - 1] {
        let mut altered = sealed.bytes.clone();
        altered[at] ^= 1;
        assert_eq!(open(&altered, &key, "a", &sealed.digest), SealError::NotAuthentic);
    }
}

#[test]
fn a_held_result_does_not_reopen_as_a_released_one() {
    let key = SealKey::new([7; 32]);
    let held = match now(checked(Hold::Always, 20).publish(AsItIs)).unwrap() {
        Outcome::Held(held) => held,
        Outcome::Released(_) => panic!("released"),
    };
    let sealed = held.seal(&key, "a").unwrap();
    let error = Released::reopen(&sealed.bytes, &key, "a", &held.digest()).unwrap_err();
    assert_eq!(error, SealError::NotAuthentic);
    assert_eq!((format!("{held:?}"), held.policy().0), ("Held(..)".to_owned(), "japan-rwd"));
}
