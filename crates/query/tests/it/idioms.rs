//! What people who know SQL write as a matter of course, and what they mistake.

use std::fmt::Write as _;

use sekisho_model::Code;

use super::fixture::{Fixture, ward};

const MANIFEST: &str = r#"
dataset = "types"
title = "A column of each type"
source = "Generated"
licence = "Apache-2.0"
pseudonym = "keep"

[[table]]
name = "t"
file = "t.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "s", class = "dimension", type = "text", code = true },
    { name = "i", class = "measure", type = "integer", isolating = false },
    { name = "d", class = "measure", type = "decimal(9,2)", isolating = false },
    { name = "f", class = "measure", type = "double", isolating = false },
    { name = "b", class = "dimension", type = "boolean" },
    { name = "a", class = "date", type = "date" },
    { name = "m", class = "date", type = "timestamp" },
    { name = "e", class = "measure", type = "integer", isolating = true, step = "10" },
]
"#;

/// Sixty people, each with three dated records and one of nothing.
async fn types() -> Fixture {
    let mut rows = "patient_id,s,i,d,f,b,a,m,e\n".to_owned();
    for id in 0..60 {
        for day in [1, 11, 21] {
            let (two, three) = (id % 2, id % 3);
            writeln!(rows, "p{id:02},E1{two}.{three},{three},{three}.25,{two}.5,{},2020-01-{day:02},2020-01-{day:02} 10:00:00,{id}", id % 2 == 0).unwrap();
        }
        writeln!(rows, "p{id:02},,,,,,,,").unwrap();
    }
    Fixture::of_text(MANIFEST, &[("t.csv", rows)]).await
}

/// Rows stand behind each other, `|` between; `#` is withheld, `-` is NULL.
async fn answers(fixture: &Fixture, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        match fixture.ask(sql).await {
            Ok(answer) => assert_eq!(answer.show(), *expected, "{sql}"),
            Err(refusal) => panic!("{sql}: {refusal:?}"),
        }
    }
}

/// Each is refused with these words, and with a place.
fn refused(fixture: &Fixture, code: Code, cases: &[(&str, &str)]) {
    for (words, sql) in cases {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, code, "{sql}: {refusal:?}");
        let text = format!("{} {}", refusal.message, refusal.hint);
        assert!(text.contains(words) && refusal.position.is_some(), "{sql}: {refusal:?}");
    }
}

#[tokio::test]
async fn parts_of_dates_are_called_like_functions() {
    answers(
        &types().await,
        &[
            ("SELECT year(a) AS y, month(a) AS m, quarter(a) AS q, COUNT(*) AS n FROM t WHERE a IS NOT NULL GROUP BY 1, 2, 3", "2020 1 1 180"),
            ("SELECT COUNT(*) AS n FROM t WHERE Year(m) = 2020 AND day(a) > 10", "120"),
        ],
    )
    .await;
}

#[tokio::test]
async fn labels_are_joined_cut_and_matched() {
    answers(
        &types().await,
        &[
            ("SELECT 'code ' || s AS k, COUNT(*) AS n FROM t WHERE i = 0 GROUP BY 1 ORDER BY 1", "code E10.0 30|code E11.0 30"),
            ("SELECT COUNT(s || NULL) AS n, COUNT(s || i) AS m FROM t", "0 180"),
            ("SELECT left(replace(s, '.', ''), 3) AS k, COUNT(*) AS n FROM t WHERE s IS NOT NULL GROUP BY 1 ORDER BY 1", "E10 90|E11 90"),
            ("SELECT COUNT(*) AS n FROM t WHERE regexp_like(s, '^E1[0-9].[12]$')", "120"),
            ("SELECT COUNT(*) AS n FROM t WHERE s ~ '^E10' AND s !~* 'e..\\.2'", "60"),
            ("SELECT COUNT(*) AS n FROM t WHERE regexp_like(s, 'e10', 'i')", "90"),
            ("SELECT COUNT(*) AS n FROM t WHERE s LIKE NULL", "#"),
            ("SELECT CASE WHEN s ~ '^E10' THEN 'x' ELSE 'y' END AS k, COUNT(*) AS n FROM t WHERE i = 0 GROUP BY 1 ORDER BY 1", "x 30|y 30"),
        ],
    )
    .await;
}

#[tokio::test]
async fn bands_and_pairs_are_written_as_people_write_them() {
    answers(
        &types().await,
        &[
            (
                "SELECT i - i % 2 AS k, COUNT(*) AS n FROM t WHERE i IS NOT NULL GROUP BY 1 ORDER BY 1",
                "0 120|2 60",
            ),
            ("SELECT e - e % 20 AS k, COUNT(*) AS n FROM t WHERE e < 40 GROUP BY 1 ORDER BY 1", "0 60|20 60"),
            ("SELECT regr_count(i, f) AS n FROM t", "180"),
            (
                "SELECT width_bucket(i, 0, 3, 3) AS k, COUNT(*) AS n FROM t WHERE i IS NOT NULL GROUP BY 1 ORDER BY 1",
                "1 60|2 60|3 60",
            ),
            ("SELECT width_bucket(i, -0.5, 1.5, 4) AS k, COUNT(*) AS n FROM t GROUP BY 1 ORDER BY 1", "2 60|4 60|5 60|- 60"),
            ("SELECT Width_Bucket(e, 20, 40, 1) AS k, COUNT(*) AS n FROM t WHERE e < 60 GROUP BY 1 ORDER BY 1", "0 60|1 60|2 60"),
        ],
    )
    .await;
}

/// A constant is counted as a row, and summed as itself.
#[tokio::test]
async fn a_constant_is_summed_as_itself_wherever_it_is_summed() {
    answers(
        &types().await,
        &[
            ("SELECT SUM(x) AS n FROM (SELECT patient_id, SUM(2) AS x FROM t GROUP BY patient_id) y", "480"),
            ("SELECT SUM(x) AS n FROM (SELECT patient_id, MAX(7) AS x FROM t GROUP BY patient_id) y", "420"),
            ("SELECT SUM(x) AS n FROM (SELECT SUM(2) OVER (PARTITION BY patient_id) AS x FROM t) y", "1920"),
            ("SELECT SUM(3) AS n, COUNT(3) AS m FROM (SELECT s, COUNT(*) AS n FROM t GROUP BY s) y WHERE n = 30", "18 6"),
            ("SELECT COUNT(x) AS n FROM (SELECT patient_id, AVG(NULL) AS x FROM t GROUP BY patient_id) y", "0"),
            ("SELECT COUNT(x) AS n FROM (SELECT patient_id, approx_median(DISTINCT i) AS x FROM t GROUP BY patient_id) y", "60"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_window_reaches_back_in_days() {
    let days = |frame: &str| {
        format!(
            "SELECT x, COUNT(*) AS n FROM (SELECT COUNT(*) OVER (PARTITION BY patient_id ORDER BY a {frame}) AS x \
             FROM t WHERE a IS NOT NULL) y GROUP BY x ORDER BY x"
        )
    };
    let back = days("RANGE BETWEEN INTERVAL '10 days' PRECEDING AND CURRENT ROW");
    let around = days("RANGE BETWEEN INTERVAL '10 days' PRECEDING AND INTERVAL '10 days' FOLLOWING");
    let later = days("DESC RANGE BETWEEN INTERVAL '9 days' PRECEDING AND CURRENT ROW");
    let first = "SELECT COUNT(*) AS n FROM (SELECT patient_id, a FROM t WHERE a IS NOT NULL \
                 QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY a) = 1) y";
    let cases = [
        (back.as_str(), "1 60|2 120"),
        (around.as_str(), "2 120|3 60"),
        (later.as_str(), "1 180"),
        (first, "60"),
    ];
    let fixture = types().await;
    answers(&fixture, &cases).await;
    let over = |frame: &str| {
        format!("SELECT COUNT(x) FROM (SELECT SUM(i) OVER (PARTITION BY patient_id {frame}) AS x FROM t) y")
    };
    for (words, frame) in [
        (
            "INTERVAL '30 days' PRECEDING",
            "ORDER BY a RANGE BETWEEN INTERVAL '1 month' PRECEDING AND CURRENT ROW",
        ),
        ("INTERVAL '30 days' PRECEDING", "ORDER BY i RANGE BETWEEN 3 PRECEDING AND CURRENT ROW"),
        ("further than 36525", "ORDER BY a RANGE BETWEEN INTERVAL '99999 days' PRECEDING AND CURRENT ROW"),
        ("further than 1000000", "ORDER BY a ROWS BETWEEN 18446744073709551615 PRECEDING AND CURRENT ROW"),
    ] {
        refused(&fixture, Code::NotSupported, &[(words, &over(frame))]);
    }
    for frame in ["2 FOLLOWING AND 1 FOLLOWING", "1 PRECEDING AND 2 PRECEDING", "2 FOLLOWING AND 1 PRECEDING"]
    {
        let sql = over(&format!("ORDER BY a ROWS BETWEEN {frame}"));
        refused(&fixture, Code::InvalidQuery, &[("ends before it begins", &sql)]);
    }
}

#[tokio::test]
async fn mistakes_are_refused_where_they_stand() {
    let fixture = types().await;
    let window = |call: &str| {
        format!(
            "SELECT COUNT(x) FROM (SELECT {call} OVER (PARTITION BY patient_id ORDER BY a) AS x FROM t) y"
        )
    };
    for (words, call) in [
        ("a whole number from 1", "ntile(0)"),
        ("a whole number from 1", "ntile(NULL)"),
        ("a whole number from 1", "nth_value(i, 0)"),
        ("a whole number", "lag(i, 9223372036854775807)"),
    ] {
        refused(&fixture, Code::InvalidQuery, &[(words, &window(call))]);
    }
    let sliding = "SELECT COUNT(x) FROM (SELECT SUM(DISTINCT i) OVER (PARTITION BY patient_id ORDER BY a \
                   ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM t) y";
    refused(&fixture, Code::NotSupported, &[("UNBOUNDED PRECEDING", sliding)]);
    refused(
        &fixture,
        Code::InvalidQuery,
        &[
            (
                "BIGINT cannot be converted to INTERVAL",
                "SELECT COUNT(*) FROM t WHERE CAST(i AS INTERVAL) IS NULL",
            ),
            ("DATE cannot be converted to DOUBLE", "SELECT COUNT(*) FROM t WHERE TRY_CAST(a AS DOUBLE) > 1"),
            ("date + INTERVAL '90 days'", "SELECT COUNT(*) FROM t WHERE a + i > DATE '2020-01-01'"),
            ("incompatible types", "SELECT COUNT(*) FROM t WHERE s + i > 3"),
            ("constant string", "SELECT COUNT(*) FROM (SELECT date_part(s, a) AS x FROM t) y WHERE x = 1"),
            (
                "the part of the date as a constant",
                "SELECT COUNT(*) FILTER (WHERE date_part(s, a) IS NULL) FROM t",
            ),
            ("cannot be read as", "SELECT COUNT(*) FROM t WHERE a > '2025-13-01'"),
            ("TIMESTAMP WITH TIME ZONE", "SELECT COUNT(*) FROM t WHERE m AT TIME ZONE 'x' IS NULL"),
            ("the negative of TIMESTAMP", "SELECT COUNT(*) FROM t WHERE -m IS NULL"),
            ("cannot be converted to bytes", "SELECT COUNT(*) FROM t WHERE s::BYTEA IS NULL"),
        ],
    );
}

#[tokio::test]
async fn what_is_no_function_here_has_another_name() {
    let fixture = types().await;
    refused(
        &fixture,
        Code::FunctionNotAllowed,
        &[
            ("write the date, such as DATE '2025-04-01'", "SELECT COUNT(*) FROM t WHERE a < now()"),
            ("write the date, such as DATE '2025-04-01'", "SELECT COUNT(*) FROM t WHERE a < current_date"),
            ("PERCENTILE_CONT", "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY i) FROM t"),
            ("at most 60 bands", "SELECT width_bucket(i, 0, 10, 61) AS k, COUNT(*) FROM t GROUP BY 1"),
            ("floor(x / 10) * 10", "SELECT width_bucket(i, 10, 0, 5) AS k, COUNT(*) FROM t GROUP BY 1"),
            ("floor(x / 10) * 10", "SELECT width_bucket(i, 0, i, 5) AS k, COUNT(*) FROM t GROUP BY 1"),
            ("floor(x / 10) * 10", "SELECT width_bucket(i, 0, 10, 3) AS k, COUNT(*) FROM t GROUP BY 1"),
        ],
    );
    refused(
        &fixture,
        Code::AggregateNotAllowed,
        &[
            ("date_trunc('month', x)", "SELECT MIN(a) FROM t"),
            ("date_trunc('month', x)", "SELECT MAX(m) FROM t"),
        ],
    );
    refused(
        &fixture,
        Code::NotSupported,
        &[("regexp_like", "SELECT COUNT(*) FROM t WHERE s SIMILAR TO 'E'")],
    );
}

/// What an expression compiles to is known before a record is read.
#[tokio::test]
async fn a_regular_expression_is_a_small_constant() {
    let fixture = types().await;
    let long = format!("SELECT COUNT(*) FROM t WHERE regexp_like(s, '{}')", "E".repeat(200));
    refused(
        &fixture,
        Code::ExpressionNotAllowed,
        &[
            ("not a constant", "SELECT COUNT(*) FROM t WHERE regexp_like(s, s)"),
            ("not a constant", "SELECT COUNT(*) FROM t WHERE s ~ left(s, 2)"),
            ("does not compile", "SELECT COUNT(*) FROM t WHERE s ~ '('"),
            ("does not compile", "SELECT COUNT(*) FROM t WHERE s ~ '((a{1000}){1000}){1000}'"),
            ("does not compile", "SELECT COUNT(*) FROM t WHERE s ~ '(?=E)'"),
            ("only `i`", "SELECT COUNT(*) FROM t WHERE regexp_like(s, 'E', 'g')"),
            ("more than 128 bytes", &long),
            ("two constants", "SELECT COUNT(*) FROM t WHERE replace(s, 'E', 'EE') = 'EE10'"),
            ("two constants", "SELECT COUNT(*) FROM t WHERE replace(s, '', 'E') = 'E'"),
        ],
    );
}

/// The digits of an isolating value are the value.
#[tokio::test]
async fn texts_of_an_isolating_column_are_no_way_around_its_ranges() {
    let fixture = types().await;
    for condition in [
        "concat(e) = '17'",
        "e || '' = '17'",
        "trim(CAST(e AS TEXT)) = '17'",
        "strpos(CAST(e AS TEXT), '17') > 0",
        "starts_with(CAST(e AS TEXT), '17')",
        "regexp_like(CAST(e AS TEXT), '^17$')",
        "CAST(e AS TEXT) ~ '^17$'",
        "CAST(e AS TEXT) LIKE '17'",
        "concat(e + i) = '17'",
        "length(repeat) = 1",
    ] {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT *, CAST(e AS TEXT) AS repeat FROM t) t WHERE {condition}"
        );
        assert_eq!(fixture.refusal(&sql).code, Code::ExpressionNotAllowed, "{sql}");
        let counted = format!(
            "SELECT COUNT(*) FILTER (WHERE {condition}) AS n FROM (SELECT *, CAST(e AS TEXT) AS repeat FROM t) t"
        );
        assert_eq!(fixture.refusal(&counted).code, Code::ExpressionNotAllowed, "{counted}");
    }
}

/// A text that doubles in each of many steps ends as NULL and not in the memory of the enclave.
#[tokio::test]
async fn a_text_that_is_joined_with_itself_again_and_again_has_an_end() {
    let fixture = types().await;
    // A concatenation of NULL is the empty text, and `||` of NULL is NULL.
    for (doubled, there) in [("concat(x, x)", 60), ("x || x", 0), ("concat_ws('', x, x)", 60)] {
        let mut sql = "WITH c0 AS (SELECT patient_id, MAX(s) AS x FROM t GROUP BY patient_id)".to_owned();
        for step in 1..=30 {
            let before = step - 1;
            write!(
                sql,
                ", c{step} AS (SELECT patient_id, MAX({doubled}) AS x FROM c{before} GROUP BY patient_id)"
            )
            .unwrap();
        }
        sql.push_str(" SELECT COUNT(*) AS n, COUNT(x) AS there FROM c30 WHERE x IS NULL OR x = ''");
        assert_eq!(fixture.ask(&sql).await.unwrap().show(), format!("60 {there}"), "{doubled}");
    }
}

#[tokio::test]
async fn what_needs_a_constant_says_so_over_the_ward_too() {
    let fixture = Fixture::new(&ward()).await;
    refused(
        &fixture,
        Code::ExpressionNotAllowed,
        &[(
            "apart from zeros",
            "SELECT COUNT(*) FROM claims c JOIN patients p USING (patient_id) WHERE c.points / p.birth_year > 20.1",
        )],
    );
}

/// Something of each type, as a column and as a constant.
const ARGUMENTS: [&str; 9] = ["s", "i", "d", "b", "a", "m", "-1", "NULL", "INTERVAL '1 day'"];

/// Types that SQL can name.
const TYPES: [&str; 14] = [
    "SMALLINT",
    "BIGINT UNSIGNED",
    "REAL",
    "DECIMAL(5,2)",
    "DECIMAL(60,2)",
    "VARCHAR(3)",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIME",
    "INTERVAL",
    "BOOLEAN",
    "BYTEA",
    "BIGINT[]",
];

/// Whatever is called with whatever: a mistake of the analyst is a refusal and never a failure of ours.
#[tokio::test]
async fn no_call_of_a_listed_function_ends_as_an_internal_error() {
    let fixture = types().await;
    let mut queries = Vec::new();
    for argument in ARGUMENTS {
        for name in sekisho_query::allowed_functions() {
            queries.push(format!("SELECT COUNT(*) FILTER (WHERE {name}({argument}) IS NULL) AS n FROM t"));
            queries.push(format!("SELECT {name}(DISTINCT {argument}) AS n FROM t"));
            queries.push(format!("SELECT COUNT(x) AS n FROM (SELECT patient_id, {name}({argument}) AS x FROM t GROUP BY patient_id) y"));
            queries.push(format!(
                "SELECT COUNT(x) AS n FROM (SELECT {name}({argument}) OVER (PARTITION BY patient_id ORDER BY a \
                 ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM t) y"
            ));
            queries.push(format!(
                "SELECT {name}({argument}) OVER (ORDER BY i) AS x FROM (SELECT s, b, COUNT(*) AS i, AVG(d) AS d, \
                 SUM(f) AS f, date_trunc('month', a) AS a, date_trunc('month', m) AS m FROM t GROUP BY s, b, 6, 7) y"
            ));
        }
        for to in TYPES {
            queries.push(format!("SELECT CAST({argument} AS {to}) AS k, COUNT(*) AS n FROM t GROUP BY 1"));
            queries.push(format!("SELECT COUNT(*) AS n FROM t WHERE TRY_CAST({argument} AS {to}) IS NULL"));
        }
        for like in ["LIKE NULL", "ILIKE 0", "|| NULL", "~ 'x'", "- 1", "AT TIME ZONE 'x'"] {
            queries.push(format!("SELECT COUNT(*) AS n FROM t WHERE ({argument} {like}) IS NULL"));
        }
    }
    let mut failed = Vec::new();
    for sql in queries {
        if fixture.ask(&sql).await.is_err_and(|refusal| refusal.code == Code::Internal) {
            failed.push(sql);
        }
    }
    assert!(failed.is_empty(), "{}:\n{}", failed.len(), failed.join("\n"));
}

/// Statistics over several sub-queries in one SELECT, which the planner would give the same name.
#[tokio::test]
async fn several_sub_queries_in_one_select_are_several_statistics() {
    let fixture = Fixture::new(&ward()).await;
    let has = |alias: &str, code: &str| {
        format!(
            "EXISTS (SELECT 1 FROM diagnoses {alias} WHERE {alias}.patient_id = p.patient_id AND {alias}.icd10 = '{code}')"
        )
    };
    for (first, second) in [("d", "e"), ("d", "d")] {
        let (i10, e11) = (has(first, "I10"), has(second, "E11"));
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {i10}) AS a, count(*) FILTER (WHERE {e11}) AS b, sum(CASE WHEN {i10} THEN 1 ELSE 0 END) AS c, \
             sum(CASE WHEN NOT {e11} THEN 1 ELSE 0 END) AS d FROM patients p"
        );
        let together = fixture.ask(&sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")).show();
        let alone = |condition: String| format!("SELECT count(*) AS n FROM patients p WHERE {condition}");
        let (a, b) = (
            fixture.ask(&alone(i10.clone())).await.unwrap().show(),
            fixture.ask(&alone(e11.clone())).await.unwrap().show(),
        );
        let without = fixture.ask(&alone(format!("NOT {e11}"))).await.unwrap().show();
        assert_eq!(together, format!("{a} {b} {a} {without}"), "{sql}");
    }
}
