//! No value of a record gets into a refusal, a failure, a Debug text or a log, whatever is asked.

mod ears;

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sekisho_disclosure::{Ledger, check};
use sekisho_model::{Hold, Limits};
use sekisho_query::plan;

use crate::fixture::{Fixture, profile};
use crate::fuzz::mutate::words;
use crate::random::genes::Genes;
use crate::random::world::World;
use crate::random::{self, analysis};

const QUERIES: usize = 3_200;

/// Of so many queries, the engine logs everything that it can in one; it is slow at it.
const TALKATIVE: usize = 10;

/// Parts of the planted values: ids, texts, integers and decimals. No query has them.
const CANARIES: &[&str] = &["zeisig", "stieglitz", "girlitz", "7340033", "918273", "645546"];

/// Everybody's values are canaries.
fn files() -> Vec<(&'static str, String)> {
    let mut people = "patient_id,sex,age,score\n".to_owned();
    let mut visits = "patient_id,code,amount,day\n".to_owned();
    let mut tests = "patient_id,code,result,day\n".to_owned();
    for id in 0..60 {
        writeln!(people, "zeisig{id},stieglitz{},7340033{id:02},918273.{id:02}", id % 3).unwrap();
        writeln!(visits, "zeisig{id},girlitz{},734003300{},2021-05-{:02}", id % 4, id % 7, id % 28 + 1)
            .unwrap();
        writeln!(visits, "zeisig{id},girlitz{},9007340033000000{},", id % 2, id % 7).unwrap();
        writeln!(tests, "zeisig{id},girlitz{},-645546.{id:02},", id % 5).unwrap();
    }
    let codes = "code,class\ngirlitz0,stieglitz0\ngirlitz1,stieglitz1\n".to_owned();
    vec![("people.csv", people), ("visits.csv", visits), ("tests.csv", tests), ("codes.csv", codes)]
}

/// Expressions that fail in some rows, in a way that would quote the value.
const FAILING: &[&str] = &[
    "CAST(v.code AS INT)",
    "CAST(v.code AS DATE)",
    "CAST(v.code AS DECIMAL(5,2))",
    "CAST(v.amount AS SMALLINT)",
    "CAST(p.score AS DECIMAL(4,2))",
    "v.amount * v.amount * v.amount",
    "v.amount / (v.amount - v.amount)",
    "power(v.amount, v.amount)",
    "ln(-v.amount)",
    "sqrt(-v.amount)",
    "date_part('year', CAST(v.code AS DATE))",
    "make_date(v.amount, p.age, 1)",
    "substr(v.code, v.amount)",
    "left(v.code, v.amount)",
    "CAST(p.sex AS BOOLEAN)",
    "CAST(v.code AS TIMESTAMP)",
    "CAST(v.amount AS TIMESTAMP)",
    "p.score * p.score * p.score * p.score * p.score",
    "-v.amount * 9223372036854775807",
    "CAST(v.code AS DOUBLE)",
    "strpos(v.code, p.sex)",
    "v.code LIKE '%\\'",
    "CAST(v.amount AS INT) + 2147483647",
    "date_trunc('day', CAST(v.amount AS TIMESTAMP))",
    "nullif(v.amount, p.age)",
    "CAST(v.code AS INTERVAL)",
    "exp(v.amount)",
    "round(p.score, CAST(v.amount AS INT))",
    "abs(-v.amount)",
    "CAST(v.amount AS DATE)",
    "CAST('x' AS INT) + v.amount",
    "DATE '2020-01-01' + CAST(v.code AS INTERVAL)",
    "v.code ~ '('",
    "v.code + 1",
    "p.sex - p.sex",
    "v.code / 0",
    "1 / 0",
    "CAST(v.patient_id AS TEXT)",
    "v.code % 2",
    "greatest(v.amount, p.score)",
    "CASE v.code WHEN 1 THEN v.amount END",
    "trunc(v.amount, v.amount)",
];

/// Around a failing expression.
const FRAMES: &[&str] = &[
    "SELECT SUM(#) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT AVG(#) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT # AS k, COUNT(*) AS n FROM people p JOIN visits v ON p.patient_id = v.patient_id GROUP BY 1",
    "SELECT COUNT(*) AS n FROM people p JOIN visits v ON p.patient_id = v.patient_id WHERE # > 0",
    "SELECT COUNT(*) AS n FROM people p JOIN visits v ON p.patient_id = v.patient_id WHERE # IS NOT NULL",
    "SELECT COUNT(*) FILTER (WHERE # = 1) AS n FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT COUNT(*) AS n FROM people p JOIN visits v ON p.patient_id = v.patient_id AND # < 5",
    "WITH x AS (SELECT p.patient_id, MAX(#) AS m FROM people p JOIN visits v ON p.patient_id = v.patient_id \
     GROUP BY p.patient_id) SELECT SUM(m) AS s, COUNT(m) AS n FROM x",
    "WITH x AS (SELECT p.patient_id, SUM(#) AS m FROM people p JOIN visits v ON p.patient_id = v.patient_id \
     GROUP BY p.patient_id) SELECT m, COUNT(*) AS n FROM x GROUP BY m",
    "SELECT STDDEV(#) AS s FROM people p, visits v WHERE p.patient_id = v.patient_id",
    "SELECT MEDIAN(#) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY #) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT COUNT(DISTINCT #) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT CORR(v.amount, #) AS s FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT SUM(x) AS s, COUNT(x) AS n FROM (SELECT v.patient_id, LAG(#) OVER (PARTITION BY v.patient_id ORDER BY #) AS x \
     FROM people p JOIN visits v ON p.patient_id = v.patient_id) w",
    "SELECT SUM(x) AS s FROM (SELECT v.patient_id, SUM(#) OVER (PARTITION BY v.patient_id ORDER BY v.code \
     ROWS 1 PRECEDING) AS x FROM people p JOIN visits v ON p.patient_id = v.patient_id) w",
    "SELECT COUNT(*) AS n FROM people p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id AND # > 0)",
    "SELECT COUNT(*) AS n FROM people p WHERE (SELECT MAX(#) FROM visits v WHERE v.patient_id = p.patient_id) > 0",
    "SELECT COUNT(*) AS n, SUM(#) AS s FROM people p LEFT JOIN visits v ON v.patient_id = p.patient_id AND # > 0",
    "SELECT SUM(x) AS s FROM (SELECT p.patient_id, # AS x FROM people p JOIN visits v ON p.patient_id = v.patient_id \
     UNION ALL SELECT patient_id, age FROM people) u",
    "SELECT # FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "SELECT DISTINCT # FROM people p JOIN visits v ON p.patient_id = v.patient_id",
    "EXPLAIN ANALYZE SELECT SUM(#) FROM people p JOIN visits v ON p.patient_id = v.patient_id",
];

fn text(genes: &[u32]) -> String {
    let genes = &mut Genes::new(genes);
    let kind = genes.below(8);
    let expression = FAILING[genes.below(FAILING.len())];
    let sql = match kind {
        0..=3 => FRAMES[genes.below(FRAMES.len())].replace('#', expression),
        _ => random::text(genes),
    };
    if kind.is_multiple_of(2) { words(&sql, genes) } else { sql }
}

/// Everything that anybody can read of one analysis but its released table, and how it ended.
async fn heard(fixture: &Fixture, sql: &str) -> (String, &'static str) {
    let limits = Limits::default();
    let plan = match plan(analysis(sql), &fixture.view, &limits) {
        Ok(plan) => plan,
        Err(refusal) => return (format!("{refusal:?}"), "refused"),
    };
    let shown = format!("{plan:?}");
    match fixture.engine.execute(plan, &limits).await {
        Ok((unreleased, public)) => {
            let shown = format!("{shown} {unreleased:?} {public:?}");
            let checked = check(unreleased, &Ledger::new(), &profile("teaching"), Hold::Always).unwrap();
            let shown = format!("{shown} {checked:?}");
            match checked.publish(public).await {
                Ok(outcome) => (format!("{shown} {outcome:?}"), "released"),
                Err(failure) => (format!("{shown} {failure:?} {failure} {:?}", failure.refusal()), "failed"),
            }
        }
        Err(failure) => (format!("{shown} {failure:?} {failure} {:?}", failure.refusal()), "failed"),
    }
}

#[test]
fn no_canary_is_ever_heard() {
    let ears = ears::listen();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = vec(any::<u32>(), 40);
    let mut ends = std::collections::BTreeMap::new();
    let (mut silent, mut failed) = (true, Vec::new());
    runtime.block_on(async {
        let fixture = World::enclave(&files()).await;
        ears.take();
        for number in 0..QUERIES {
            ears.open(number % TALKATIVE == 0);
            let sql = text(&strategy.new_tree(&mut runner).unwrap().current());
            let (shown, end) = heard(&fixture, &sql).await;
            let logged = ears.take();
            silent &= logged.is_empty();
            for (place, text) in [("an answer", shown), ("a log", logged)] {
                let text = text.to_lowercase();
                let sung = CANARIES.iter().find_map(|canary| text.find(canary));
                if let Some(at) = sung {
                    let around: String = text.chars().skip(at.saturating_sub(300)).take(600).collect();
                    panic!("{place} has a canary after {sql}: {around}");
                }
            }
            if end == "failed" {
                failed.push(sql);
            }
            *ends.entry(end).or_insert(0) += 1;
        }
    });
    assert!(failed.is_empty(), "plans that were allowed failed: {failed:#?}");
    assert!(!silent, "the logs were not heard, so nothing was proved");
    assert!(ends["refused"] > 800 && ends["released"] > 800, "{ends:?}");
}
