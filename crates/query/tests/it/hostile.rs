//! Texts that are made to exhaust parser, planner or engine: each ends soon, with a refusal or the answer.

use std::time::{Duration, Instant};

use sekisho_model::{Code, Limits};

use super::fixture::{Fixture, ward};

/// The stack of a worker thread, and of a test.
const SMALL_STACK: usize = 2 << 20;

/// Long enough for a busy machine, far too short for anything exponential.
const SOON: Duration = Duration::from_secs(120);

/// What may come of a hostile text.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// With this answer.
    With(&'static str),
    /// With one of these refusals.
    In(&'static [Code]),
}

const TOO_LARGE: Ends = Ends::In(&[Code::TooLarge]);
const REFUSED: Ends = Ends::In(REFUSALS);

const REFUSALS: &[Code] = &[
    Code::ColumnUnknown,
    Code::InvalidQuery,
    Code::NotSupported,
    Code::RecordsInOutput,
    Code::SqlSyntax,
    Code::TooLarge,
];

/// Runs each text on a small stack.
fn check(cases: Vec<(&'static str, String, Ends)>) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let fixture = Fixture::new(&ward()).await;
            let mut failures: Vec<String> = Vec::new();
            for (name, sql, ends) in cases {
                let start = Instant::now();
                let answer = fixture.ask(&sql).await;
                let elapsed = start.elapsed();
                let ended = match (&answer, ends) {
                    (Ok(answer), Ends::With(expected)) => answer.show() == expected,
                    (Err(refusal), Ends::In(codes)) => {
                        let said = !refusal.message.is_empty() && refusal.message.len() < 2_000;
                        codes.contains(&refusal.code) && said && !refusal.hint.is_empty()
                    }
                    _ => false,
                };
                let shown = match answer {
                    Ok(answer) => answer.show(),
                    Err(refusal) => format!("{}: {} ({})", refusal.code, refusal.message, refusal.hint),
                };
                if !ended || elapsed > SOON {
                    failures.push(format!(
                        "{name}: {elapsed:?}, {}",
                        shown.chars().take(300).collect::<String>()
                    ));
                }
            }
            assert!(failures.is_empty(), "{failures:#?}");
        });
    };
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(run).unwrap().join().unwrap();
}

fn count_where(predicate: &str) -> String {
    format!("SELECT COUNT(*) AS n FROM patients WHERE {predicate}")
}

fn chain(part: &str, sign: &str, times: usize) -> String {
    vec![part; times].join(sign)
}

#[test]
fn long_texts_are_refused() {
    check(vec![
        ("a megabyte", count_where(&format!("sex = '{}'", "x".repeat(1 << 20))), TOO_LARGE),
        ("a megabyte of spaces", format!("SELECT 1{}", " ".repeat(1 << 20)), TOO_LARGE),
        ("a comment of a megabyte", format!("SELECT 1 /*{}*/", "*".repeat(1 << 20)), TOO_LARGE),
        ("200,000 spaces", format!("SELECT 1{} AS one", " ".repeat(200_000)), Ends::With("1")),
        ("a long string", count_where(&format!("sex = '{}'", "x".repeat(200_000))), Ends::With("#")),
        (
            "a long name",
            format!("SELECT COUNT(*) FROM patients WHERE {}", "x".repeat(200)),
            Ends::In(&[Code::ColumnUnknown]),
        ),
        ("semicolons", format!("SELECT 1{}", ";".repeat(30_000)), Ends::With("1")),
        ("statements", chain("SELECT 1", ";", 3_000), Ends::In(&[Code::StatementNotAllowed])),
        (
            "2,000 columns",
            format!("SELECT {} FROM patients", columns(2_000)),
            Ends::With(Box::leak(["3000"; 2_000].join(" ").into_boxed_str())),
        ),
        ("2,000 columns of records", format!("SELECT {} FROM patients", chain("sex", ",", 2_000)), REFUSED),
        ("300 columns", format!("SELECT {}", numbers(300)), Ends::With(Box::leak(row(300).into_boxed_str()))),
        ("20,000 codes", count_where(&format!("birth_year IN ({})", numbers(20_000))), TOO_LARGE),
        (
            "1,000 codes",
            format!(
                "SELECT COUNT(*) AS n FROM diagnoses WHERE icd10 IN ('{}')",
                numbers(1_000).replace(", ", "', '")
            ),
            Ends::With("0"),
        ),
    ]);
}

fn numbers(count: usize) -> String {
    (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

fn row(count: usize) -> String {
    (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

fn columns(count: usize) -> String {
    (0..count).map(|number| format!("COUNT(*) AS c{number}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn deep_nesting_is_refused() {
    let wrap = |open: &str, core: &str, close: &str, times| {
        format!("{}{core}{}", open.repeat(times), close.repeat(times))
    };
    check(vec![
        ("parentheses", format!("SELECT {}", wrap("(", "1", ")", 10_000)), TOO_LARGE),
        ("open parentheses", format!("SELECT {}", "(".repeat(10_000)), TOO_LARGE),
        ("sub-queries", wrap("SELECT * FROM (", "SELECT 1 AS x", ") t", 5_000), TOO_LARGE),
        ("sixty sub-queries", wrap("SELECT * FROM (", "SELECT 1 AS x", ") t", 60), Ends::With("1")),
        ("functions", format!("SELECT {}", wrap("abs(", "1", ")", 5_000)), TOO_LARGE),
        ("sixty parentheses", format!("SELECT {} AS x", wrap("(", "1", ")", 60)), Ends::With("1")),
        ("CASE", format!("SELECT {}", wrap("CASE WHEN true THEN ", "1", " END", 3_000)), REFUSED),
        ("NOT", count_where(&format!("{} true", "NOT ".repeat(10_000))), REFUSED),
        ("minus signs", format!("SELECT {}1", "- ".repeat(10_000)), REFUSED),
        ("casts", format!("SELECT 1{} AS x", "::INT".repeat(3_000)), REFUSED),
        ("brackets", format!("SELECT {}", wrap("[", "1", "]", 5_000)), TOO_LARGE),
        (
            "joins in brackets",
            format!("SELECT COUNT(*) FROM {}", wrap("(", "patients", ")", 5_000)),
            TOO_LARGE,
        ),
        ("IS NULL", count_where(&format!("sex{}", " IS NULL".repeat(5_000))), REFUSED),
        ("types", format!("SELECT CAST(1 AS {})", wrap("ARRAY<", "INT", ">", 5_000)), REFUSED),
    ]);
}

#[test]
fn long_chains_of_operators_end() {
    check(vec![
        ("plus", format!("SELECT {}", chain("1", " + ", 10_000)), REFUSED),
        ("plus over records", count_where(&format!("{} > 0", chain("birth_year", " + ", 10_000))), REFUSED),
        ("AND", count_where(&chain("birth_year > 0", " AND ", 10_000)), TOO_LARGE),
        ("OR", count_where(&chain("birth_year > 9999", " OR ", 4_000)), TOO_LARGE),
        ("900 AND", count_where(&chain("birth_year > 0", " AND ", 900)), Ends::With("3000")),
        ("900 OR", count_where(&chain("birth_year > 9999", " OR ", 900)), Ends::With("#")),
        ("a hundred plus", format!("SELECT {} AS x", chain("1", " + ", 100)), Ends::With("100")),
        ("AND and OR", count_where(&chain("true AND false", " OR ", 5_000)), TOO_LARGE),
        ("concatenation", format!("SELECT {}", chain("'x'", " || ", 10_000)), REFUSED),
        ("comparisons", count_where(&chain("1", " = ", 10_000)), REFUSED),
        ("branches", format!("SELECT CASE {} END", "WHEN 1 = 1 THEN 1 ".repeat(3_000)), REFUSED),
        ("UNION", chain("SELECT 1", " UNION ALL ", 5_000), REFUSED),
        (
            "joins",
            format!("SELECT COUNT(*) FROM patients {}", "NATURAL JOIN patients ".repeat(2_000)),
            REFUSED,
        ),
        ("comma joins", format!("SELECT COUNT(*) FROM {}", chain("patients", ", ", 5_000)), REFUSED),
        ("dots", format!("SELECT {} FROM patients", chain("a", ".", 10_000)), REFUSED),
        ("grouping sets", format!("SELECT COUNT(*) FROM patients GROUP BY CUBE({})", cube(40)), REFUSED),
        (
            "two cubes",
            format!("SELECT COUNT(*) FROM patients GROUP BY CUBE({0}), CUBE({0})", cube(20)),
            REFUSED,
        ),
    ]);
}

fn cube(keys: usize) -> String {
    (0..keys).map(|key| format!("birth_year + {key}")).collect::<Vec<_>>().join(", ")
}

/// CTEs of which each is `step` over the one before.
fn ctes(first: &str, step: &str, count: usize, last: &str) -> String {
    let mut text = format!("WITH c0 AS ({first})");
    for number in 1..count {
        text.push_str(&format!(", c{number} AS ({})", step.replace("PREV", &format!("c{}", number - 1))));
    }
    format!("{text} {}", last.replace("PREV", &format!("c{}", count - 1)))
}

#[test]
fn relations_on_top_of_each_other_end() {
    let first = "SELECT patient_id, birth_year AS x FROM patients";
    let sum = "SELECT COUNT(*) AS n FROM PREV WHERE x > 0";
    let twice = "SELECT a.patient_id, a.x FROM PREV a JOIN PREV b ON a.patient_id = b.patient_id";
    let public = "SELECT sex, COUNT(*) AS x FROM patients GROUP BY sex";
    let grouped = "SELECT patient_id, MAX(x) AS x FROM PREV GROUP BY patient_id";
    check(vec![
        ("5,000 CTEs", ctes(first, "SELECT * FROM PREV", 5_000, sum), TOO_LARGE),
        ("1,000 CTEs", ctes(first, "SELECT * FROM PREV", 1_000, sum), TOO_LARGE),
        ("40 CTEs", ctes(first, "SELECT * FROM PREV WHERE x > 0", 40, sum), Ends::With("3000")),
        ("1,000 filters", ctes(first, "SELECT * FROM PREV WHERE x > 0", 900, sum), TOO_LARGE),
        ("unused CTEs", ctes(first, first, 1_000, "SELECT 1 AS x"), Ends::With("1")),
        ("40 people's groups", ctes(first, grouped, 40, sum), Ends::With("3000")),
        ("400 people's groups", ctes(first, grouped, 400, sum), TOO_LARGE),
        ("doubled expressions", ctes(first, "SELECT patient_id, x + x AS x FROM PREV", 40, sum), TOO_LARGE),
        (
            "doubled predicates",
            ctes(first, "SELECT patient_id, CASE WHEN x > 0 THEN x ELSE x END AS x FROM PREV", 40, sum),
            TOO_LARGE,
        ),
        (
            "doubled public expressions",
            ctes(public, "SELECT sex, x + x AS x FROM PREV", 40, "SELECT x FROM PREV"),
            TOO_LARGE,
        ),
        ("doubled relations", ctes(first, twice, 40, sum), TOO_LARGE),
        ("doubled and quoted", ctes(first, &twice.replace("PREV", "\"PREV\""), 40, sum), TOO_LARGE),
        ("five doubled relations", ctes(first, twice, 5, sum), Ends::With("3000")),
        ("doubled unions", ctes(first, "SELECT * FROM PREV UNION ALL SELECT * FROM PREV", 40, sum), REFUSED),
        (
            "doubled sub-queries",
            ctes(first, "SELECT * FROM PREV WHERE EXISTS (SELECT 1 FROM PREV)", 40, sum),
            REFUSED,
        ),
        (
            "doubled scalars",
            ctes(first, "SELECT patient_id, (SELECT SUM(x) FROM PREV) AS x FROM PREV", 40, sum),
            REFUSED,
        ),
        (
            "public filters",
            ctes(public, "SELECT * FROM PREV WHERE x > 0", 900, "SELECT x FROM PREV"),
            TOO_LARGE,
        ),
        (
            "40 public filters",
            ctes(public, "SELECT * FROM PREV WHERE x > 0", 40, "SELECT x FROM PREV ORDER BY x"),
            Ends::With("1484|1516"),
        ),
    ]);
}

#[test]
fn garbage_is_refused() {
    let syntax = Ends::In(&[Code::SqlSyntax]);
    check(vec![
        ("a quote", "SELECT 'abc".into(), syntax),
        ("a name's quote", "SELECT \"abc FROM patients".into(), syntax),
        ("a comment", "SELECT 1 /* never ends".into(), syntax),
        ("nested comments", "/*".repeat(20_000), REFUSED),
        ("a dollar quote", "SELECT $a$ never ends".into(), syntax),
        ("control characters", "SELECT \u{0}\u{1}\u{7f}".into(), syntax),
        ("a null byte", "\u{0}".into(), syntax),
        ("direction marks", "SELECT \u{202e}1\u{202c}".into(), REFUSED),
        ("emoji", "🦀🦀🦀".repeat(1_000), REFUSED),
        ("private letters", "\u{10ffff}\u{e000}\u{feff}".into(), syntax),
        ("full-width SQL", "ＳＥＬＥＣＴ １".into(), syntax),
        ("marks", "e\u{301}".repeat(5_000), REFUSED),
        ("commas", ",".repeat(10_000), syntax),
        ("stars", "*".repeat(10_000), syntax),
        ("closing parentheses", ")".repeat(10_000), syntax),
        ("quotes", "'".repeat(9_999), REFUSED),
        ("backslashes", format!("SELECT E'{}'", "\\".repeat(9_999)), REFUSED),
        ("a large number", format!("SELECT {} AS x", "9".repeat(5_000)), Ends::With("inf")),
        ("an exponent", "SELECT 1e999999 AS x".into(), Ends::With("inf")),
        ("a bad unicode escape", "SELECT U&'\\zzzz'".into(), syntax),
        ("a bad date", count_where("DATE 'abc' > DATE '2020-01-01'"), REFUSED),
    ]);
}

#[test]
fn limits_are_those_of_the_configuration() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fixture = runtime.block_on(Fixture::new(&ward()));
    let refusal = |sql: &str, limits: Limits| sekisho_query::plan(sql, &fixture.view, &limits).unwrap_err();
    let sql = "SELECT COUNT(*) FROM patients WHERE ((birth_year)) > 1";
    let bytes = refusal(sql, Limits { sql_bytes: 20, ..Limits::default() });
    assert!(bytes.code == Code::TooLarge && bytes.message.contains("20 bytes"), "{bytes:?}");
    let nesting = refusal(sql, Limits { nesting: 1, ..Limits::default() });
    assert!(
        nesting.code == Code::TooLarge && nesting.position.is_some_and(|at| at.column == 38),
        "{nesting:?}"
    );
    let nodes = refusal(sql, Limits { plan_nodes: 4, ..Limits::default() });
    assert!(nodes.code == Code::TooLarge && nodes.message.contains("parts"), "{nodes:?}");
    // Several statements are an analysis of their own, whose parts are counted together.
    let short = "SELECT COUNT(*) AS n FROM patients";
    let statements = |number: usize| -> String {
        (0..number).map(|number| format!("-- statement: s{number}\n{short}\n")).collect()
    };
    let few = || Limits { plan_nodes: 20, ..Limits::default() };
    assert!(sekisho_query::plan(short, &fixture.view, &few()).is_ok());
    let nodes = refusal(&statements(20), few());
    assert!(nodes.code == Code::TooLarge && nodes.message.contains("more than 20 parts"), "{nodes:?}");
    assert!(nodes.message.starts_with("statement `s"), "{nodes:?}");
    let many = refusal(&statements(33), Limits::default());
    assert!(many.code == Code::TooLarge && many.message.contains("more than 32 statements"), "{many:?}");
    assert!(sekisho_query::plan(sql, &fixture.view, &Limits::default()).is_ok());
}
