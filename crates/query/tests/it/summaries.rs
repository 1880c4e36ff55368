//! Histograms and tables of characteristics over the demonstration's cohort: the released numbers, and that each is
//! the statistic that it stands for.
//!
//! The expected numbers are those of pandas 2 over `tests/data/nafld/patients.csv.gz`: `((age >= a) & (age < b)).sum()`,
//! `count()`, `mean()` and `std()` by `groupby("male")`.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};

use super::fixture::{Answer, Fixture, ward};
use sekisho_model::Code;

/// One row of each person.
const PEOPLE: &str = "WITH p AS (SELECT patient_id, MAX(age) AS age, MAX(male) AS male, MAX(bmi) AS bmi, \
                      MAX(died) AS died FROM patients GROUP BY patient_id)";

async fn ask(fixture: &Fixture, sql: &str) -> Answer {
    fixture.ask(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"))
}

/// The bins of a histogram of the cohort as rows.
fn bins(call: &str) -> String {
    format!(
        "WITH h AS (SELECT unnest({call}) AS b FROM patients) \
         SELECT h.b['lower'] AS lower, h.b['upper'] AS upper, h.b['n'] AS n FROM h ORDER BY lower"
    )
}

#[tokio::test]
async fn a_histogram_is_that_of_pandas() {
    let fixture = Fixture::cohort().await;
    let expected = "20 40 3433|40 60 8422|60 80 4954|80 90 629";
    for call in ["histogram(age, make_array(20, 40, 60, 80, 90))", "histogram(age, [20, 40, 60, 80, 90])"] {
        let answer = ask(&fixture, &bins(call)).await;
        assert_eq!((answer.show().as_str(), answer.withheld.len()), (expected, 0), "{call}");
        // The edges are the analyst's: they are no statistics.
        assert_eq!(answer.labels().len(), 8, "{call}");
    }
    let days = ask(&fixture, &bins("histogram(followup_days, [0, 1000, 2000, 3000, 8000])")).await;
    assert_eq!(days.show(), "0 1000 3718|1000 2000 4476|2000 3000 3693|3000 8000 5662");
    let halves = ask(&fixture, &bins("histogram(age, [19.5, 29.5]) FILTER (WHERE male = 1)")).await;
    let plain = "SELECT COUNT(*) FILTER (WHERE male = 1 AND age BETWEEN 20 AND 29) AS n FROM patients";
    assert_eq!(halves.rows()[0][2], ask(&fixture, plain).await.show());
}

#[tokio::test]
async fn a_bin_is_the_count_that_it_stands_for_blank_or_not() {
    let fixture = Fixture::cohort().await;
    // Eight people are older than 95.
    let sql = bins("histogram(age, [60, 80, 96, 98])");
    let answer = ask(&fixture, &sql).await;
    let counts = "SELECT COUNT(*) FILTER (WHERE age >= 60 AND age < 80) AS a, \
                  COUNT(*) FILTER (WHERE age >= 80 AND age < 96) AS b, \
                  COUNT(*) FILTER (WHERE age >= 96 AND age <= 98) AS c FROM patients";
    let counts = ask(&fixture, counts).await.rows().remove(0);
    let numbers: Vec<String> = answer.rows().into_iter().map(|row| row[2].clone()).collect();
    assert_eq!(numbers, counts);
    assert_eq!((numbers[2].as_str(), answer.withheld.as_slice()), ("#", [(2, 2)].as_slice()));
    // Beside the total the blank does not stand alone.
    let sql = "WITH h AS (SELECT male, COUNT(*) AS n, histogram(age, [0, 60, 96, 99]) AS bins FROM patients \
               GROUP BY male), b AS (SELECT male, n, unnest(bins) AS bin FROM h) \
               SELECT male, n, b.bin['lower'] AS lower, b.bin['n'] AS inside FROM b ORDER BY male, lower";
    let answer = ask(&fixture, sql).await;
    assert_eq!(answer.batch.num_rows(), 6);
    for group in answer.rows().chunks(3) {
        assert_eq!(group[2][3], "#", "{group:?}");
        assert!(group.iter().flatten().filter(|cell| *cell == "#").count() >= 2, "{group:?}");
    }
}

#[tokio::test]
async fn edges_may_be_dates() {
    let fixture = Fixture::new(&ward()).await;
    let [one, two, three] = ["DATE '2025-01-01'", "DATE '2025-04-01'", "DATE '2026-01-31'"];
    let sql = format!(
        "WITH h AS (SELECT unnest(histogram(date, [{one}, {two}, {three}])) AS b FROM diagnoses) \
         SELECT b['upper'] AS upper, b['n'] AS n FROM h ORDER BY upper"
    );
    let answer = ask(&fixture, &sql).await;
    let counts = format!(
        "SELECT COUNT(*) FILTER (WHERE date >= {one} AND date < {two}) AS a, \
         COUNT(*) FILTER (WHERE date BETWEEN {two} AND {three}) AS b FROM diagnoses"
    );
    let counts = ask(&fixture, &counts).await.rows().remove(0);
    assert!(counts.iter().all(|count| count.parse::<u32>().is_ok_and(|count| count > 0)), "{counts:?}");
    assert_eq!(answer.rows(), [["2025-04-01", &counts[0]], ["2026-01-31", &counts[1]]]);
}

#[tokio::test]
async fn the_examples_of_the_page_are_answered() {
    let fixture = Fixture::cohort().await;
    let page = include_str!("../../../../docs/models.md");
    let examples = page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut answered = 0;
    for example in examples {
        let answer = ask(&fixture, example).await;
        assert!(answer.batch.num_rows() > 2 && answer.withheld.is_empty(), "{example}: {}", answer.show());
        answered += 1;
    }
    assert_eq!(answered, 3);
}

#[tokio::test]
async fn what_reads_a_blank_bin_is_blank_and_nothing_else() {
    let fixture = Fixture::cohort().await;
    let from = "WITH h AS (SELECT histogram(age, [60, 80, 96, 98]) AS bins, COUNT(*) AS n FROM patients), \
                b AS (SELECT n, unnest(bins) AS b FROM h), c AS (SELECT n, unnest(b) FROM b)";
    let answer = ask(&fixture, &format!("{from} SELECT * FROM c ORDER BY 2")).await;
    assert_eq!(answer.rows().iter().map(|row| row[3] == "#").collect::<Vec<_>>(), [false, false, true]);
    let share = format!(
        "{from} SELECT b.b['lower'] AS lower, 2 * b.b['n'] AS twice, b.b['upper'] - b.b['lower'] AS width \
         FROM b WHERE b.b['n'] > 0 OR b.b['lower'] >= 80 ORDER BY lower"
    );
    // A condition that reads a blank does not hold.
    assert_eq!(ask(&fixture, &share).await.show(), "60 9908 20|80 1328 16");
    let sum = format!("{from} SELECT SUM(b.b['n']) AS n, MAX(b.b['upper']) AS top FROM b");
    assert_eq!(ask(&fixture, &sum).await.show(), "# 98");
    let united = format!("{from} SELECT b.b['n'] AS n FROM b UNION ALL SELECT 1 ORDER BY n");
    assert_eq!(ask(&fixture, &united).await.show(), "1|664|4954|#");
    let by_number = "SELECT b[2]['n'] - b[1]['n'] AS d, b[3]['n'] AS few, b[3]['upper'] AS top \
                     FROM (SELECT histogram(age, [60, 80, 96, 98]) AS b FROM patients) h";
    assert_eq!(ask(&fixture, by_number).await.show(), "-4290 # 98");
    // As one value it is shown as a whole or not at all.
    let whole = ask(&fixture, "SELECT histogram(age, [60, 80, 96]) AS bins FROM patients").await;
    let list = whole.batch.column(0).as_list::<i32>().value(0);
    let numbers = list.as_struct().column(2).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((numbers, whole.withheld.len()), (vec![4954, 667], 0));
    let whole = ask(&fixture, "SELECT histogram(age, [60, 80, 96, 98]) AS bins FROM patients").await;
    assert!(whole.batch.column(0).is_null(0));
    assert_eq!(whole.withheld, [(0, 0)]);
}

#[tokio::test]
async fn a_table_of_characteristics_is_that_of_pandas() {
    let fixture = Fixture::cohort().await;
    let sql = format!(
        "{PEOPLE}, t AS (SELECT male, unnest(table_one('age', age, 'bmi', bmi, 'died', died, '60 and over', age >= 60)) \
         AS t FROM p GROUP BY male) SELECT t.t['variable'] AS variable, t.t['level'] AS level, male, t.t['n'] AS n, \
         t.t['value'] AS value, t.t['spread'] AS spread FROM t ORDER BY variable, level, male"
    );
    let answer = ask(&fixture, &sql).await;
    assert_eq!(answer.withheld, []);
    let expected = [
        ("60 and over false 0", 6178, 6178.0 / 9348.0, None),
        ("60 and over false 1", 5745, 5745.0 / 8201.0, None),
        ("60 and over true 0", 3170, 3170.0 / 9348.0, None),
        ("60 and over true 1", 2456, 2456.0 / 8201.0, None),
        ("age - 0", 9348, 53.366_174_582_798_46, Some(14.713_597_531_782_614)),
        ("age - 1", 8201, 51.854_286_062_675_286, Some(14.692_186_706_715_493)),
        ("bmi - 0", 7006, 29.922_856_434_802_13, Some(7.808_238_142_100_546)),
        ("bmi - 1", 5582, 30.263_396_486_429_595, Some(6.052_758_799_251_942)),
        ("died 0 0", 8674, 8674.0 / 9348.0, None),
        ("died 0 1", 7511, 7511.0 / 8201.0, None),
        ("died 1 0", 674, 674.0 / 9348.0, None),
        ("died 1 1", 690, 690.0 / 8201.0, None),
    ];
    assert_eq!(answer.batch.num_rows(), expected.len());
    let rows = answer.rows();
    let number = |row: usize, column: usize| {
        let column = answer.batch.column(column).as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    for (row, (label, n, value, spread)) in expected.into_iter().enumerate() {
        assert_eq!(rows[row][..3].join(" "), label);
        assert_eq!(rows[row][3], n.to_string(), "{label}");
        assert!((number(row, 4).unwrap() / value - 1.0).abs() < 1e-9, "{label}: {:?}", rows[row]);
        match spread {
            None => assert_eq!(number(row, 5), None, "{label}"),
            Some(spread) => assert!((number(row, 5).unwrap() / spread - 1.0).abs() < 1e-6, "{label}"),
        }
    }
}

#[tokio::test]
async fn a_level_of_few_people_is_blank_and_one_that_is_not_named_is_not_there() {
    let fixture = Fixture::cohort().await;
    // Three people are 98; with the number of all their share would be one.
    let table = |call: &str| {
        format!(
            "{PEOPLE}, t AS (SELECT unnest(table_one({call})) AS t FROM p) \
             SELECT t.t['level'] AS level, t.t['n'] AS n, t.t['value'] AS value FROM t ORDER BY level"
        )
    };
    let answer = ask(&fixture, &table("'age', age, [40, 98]")).await;
    let rows = answer.rows();
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["40", "98"]);
    assert_eq!(rows[1][1..], ["#", "#"]);
    assert_ne!(rows[0][1], "#");
    // Nobody is 120: that is said of a level that the analyst named.
    assert_eq!(ask(&fixture, &table("'age', age, [120]")).await.show(), "120 0 0.0");
}

#[tokio::test]
async fn summaries_that_have_no_rule_are_refused_with_advice() {
    let fixture = Fixture::cohort().await;
    let cases = [
        ("histogram(age, [20])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, [40, 20])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, [20, 20])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, [20, NULL])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, [20, CAST('Infinity' AS DOUBLE)])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, [20, age])", Code::InvalidQuery, "make_array(20, 40"),
        ("histogram(age, 20, 40)", Code::InvalidQuery, ""),
        ("histogram(age, ['a', 'b'])", Code::InvalidQuery, ""),
        ("histogram(DISTINCT age, [20, 40])", Code::AggregateNotAllowed, ""),
        ("histogram(patient_id, [20, 40])", Code::SubjectAsValue, ""),
        // The same as for `WHERE followup_days >= 3`: the column's step is five days.
        ("histogram(followup_days, [0, 3, 1000])", Code::ExpressionNotAllowed, "multiple"),
        ("table_one('age', age)", Code::AggregateNotAllowed, "GROUP BY patient_id"),
        ("make_array(age)", Code::NotSupported, "histogram(age, [20, 40, 60])"),
        ("unnest([age, male])", Code::NotSupported, "histogram(age, [20, 40, 60])"),
        ("histogram(age, [20, 40])[2]['n']", Code::NotSupported, "unnest"),
    ];
    for (call, code, words) in cases {
        let refusal = fixture.refusal(&format!("SELECT {call} AS x FROM patients"));
        assert_eq!(refusal.code, code, "{call}: {refusal:?}");
        assert!(refusal.hint.contains(words), "{call}: {refusal:?}");
    }
    let edges: Vec<String> = (0..66).map(|edge| edge.to_string()).collect();
    let sql = format!("SELECT histogram(age, [{}]) AS x FROM patients", edges.join(", "));
    assert_eq!(fixture.refusal(&sql).code, Code::TooLarge);
    let sql = "SELECT patient_id, histogram(age, [20, 40]) AS x FROM patients GROUP BY patient_id";
    assert_eq!(fixture.refusal(sql).code, Code::AggregateNotAllowed);
    let sql =
        "SELECT histogram(n, [20, 40]) AS x FROM (SELECT age, COUNT(*) AS n FROM patients GROUP BY age) a";
    assert_eq!(fixture.refusal(sql).code, Code::AggregateNotAllowed);
    for (call, code, words) in [
        (
            "table_one('sex', CASE WHEN male = 1 THEN 'M' ELSE 'F' END)",
            Code::ExpressionNotAllowed,
            "make_array",
        ),
        ("table_one(age, 'age')", Code::InvalidQuery, ""),
        ("table_one('age')", Code::InvalidQuery, ""),
        ("table_one('age', age, [age])", Code::InvalidQuery, "'stage'"),
    ] {
        let refusal = fixture.refusal(&format!("{PEOPLE} SELECT {call} AS x FROM p"));
        assert_eq!(refusal.code, code, "{call}: {refusal:?}");
        assert!(refusal.hint.contains(words), "{call}: {refusal:?}");
    }
}
