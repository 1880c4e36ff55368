//! What is released equals the plain engine's answer on the same rows, and satisfies the rules when
//! they are recomputed naively.

pub(crate) mod query;
pub(crate) mod world;

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use sekisho_disclosure::Profile;

use crate::fixture::{Answer, profile, text_rows};
use query::{Genes, Query, Stat};
use world::{World, worlds};

const WORLDS: u32 = 40;
const QUERIES: usize = 10;

/// The rules of a profile, as its file says them.
struct Rules {
    profile: Profile,
    minimum: usize,
    largest: usize,
    share: f64,
    p: f64,
}

fn rules() -> [Rules; 2] {
    [
        Rules { profile: profile("japan-rwd"), minimum: 10, largest: 2, share: 0.9, p: 0.1 },
        Rules { profile: profile("teaching"), minimum: 3, largest: 1, share: 0.9, p: 0.05 },
    ]
}

/// What one person adds to the statistics of one group: for each, records, sum, and records on both sides.
type Person = Vec<[f64; 4]>;

#[test]
fn what_is_released_is_true_and_safe() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: WORLDS, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = (worlds(), vec(vec(any::<u32>(), 40), QUERIES));
    let seen = std::cell::RefCell::new([0_usize; 2]);
    runner
        .run(&strategy, |(world, genes)| {
            let counted = runtime.block_on(judge(&world, &genes))?;
            let mut seen = seen.borrow_mut();
            *seen = [seen[0] + counted[0], seen[1] + counted[1]];
            Ok(())
        })
        .unwrap();
    // Otherwise nothing was proved.
    let [released, withheld] = seen.into_inner();
    assert!(released > 1_500 && withheld > 100, "{released} released, {withheld} withheld");
}

/// How many cells were released and withheld.
async fn judge(world: &World, genes: &[Vec<u32>]) -> Result<[usize; 2], TestCaseError> {
    let enclave = World::enclave(&world.files()).await;
    let permuted = World::enclave(&world.reversed()).await;
    let plain = world.plain();
    let mut counted = [0, 0];
    for genes in genes {
        let query = Query::new(&mut Genes::new(genes));
        let sql = query.sql();
        let truth: BTreeMap<Vec<String>, Vec<String>> = keyed(&plain, &sql, query.keys.len()).await;
        let people = contributions(&plain, &query).await;
        for rules in rules() {
            let fail = |what: &str| {
                Err(TestCaseError::fail(format!("{what}: {sql} under {}", rules.profile.name())))
            };
            let bytes = match enclave.bytes(&sql, &rules.profile).await {
                Ok(bytes) => bytes,
                Err(refusal) => return fail(&format!("{refusal:?}")),
            };
            if permuted.bytes(&sql, &rules.profile).await.ok().as_ref() != Some(&bytes) {
                return fail("the order of the input shows");
            }
            let rows = Answer::read(&bytes).rows();
            if query.ordered && !in_order(&rows, query.keys.len()) {
                return fail(&format!("out of order {rows:?}"));
            }
            for row in rows {
                let (keys, values) = row.split_at(query.keys.len());
                let Some(expected) = truth.get(keys) else {
                    return fail(&format!("no such row {keys:?}"));
                };
                let nobody = Vec::new();
                let group = people.get(keys).unwrap_or(&nobody);
                for (index, stat) in query.stats.iter().enumerate() {
                    if values[index] == "#" {
                        counted[1] += 1;
                        continue;
                    }
                    counted[0] += 1;
                    if !same(&values[index], &expected[index]) {
                        return fail(&format!(
                            "{} is {} and not {}",
                            stat.sql, values[index], expected[index]
                        ));
                    }
                    if let Some(rule) = broken(stat, index, group, &rules) {
                        return fail(&format!("{} of {keys:?} breaks {rule}", stat.sql));
                    }
                }
            }
        }
    }
    Ok(counted)
}

async fn rows(plain: &SessionContext, sql: &str) -> Vec<Vec<String>> {
    let frame = plain.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches.iter().flat_map(text_rows).collect()
}

async fn keyed(plain: &SessionContext, sql: &str, keys: usize) -> BTreeMap<Vec<String>, Vec<String>> {
    let rows = rows(plain, sql).await.into_iter();
    rows.map(|row| (row[..keys].to_vec(), row[keys..].to_vec())).collect()
}

/// The people of each group.
async fn contributions(plain: &SessionContext, query: &Query) -> BTreeMap<Vec<String>, Vec<Person>> {
    let keys = query.keys.len();
    let mut groups: BTreeMap<Vec<String>, Vec<Person>> = BTreeMap::new();
    for row in rows(plain, &query.contributions()).await {
        let number = |text: &String| text.parse().unwrap_or(0.0);
        let numbers: Vec<f64> = row[keys + 1..].iter().map(number).collect();
        let person = numbers.chunks(4).map(|four| [four[0], four[1], four[2], four[3]]).collect();
        groups.entry(row[..keys].to_vec()).or_default().push(person);
    }
    groups
}

/// The rule that a released statistic breaks, if there is one.
fn broken(stat: &Stat, index: usize, group: &[Person], rules: &Rules) -> Option<&'static str> {
    let few = |people: usize| 0 < people && people < rules.minimum;
    let with = |column: usize| group.iter().filter(|person| person[index][column] > 0.0).count();
    if few(group.len()) || few(with(0)) {
        return Some("threshold");
    }
    if few(with(2)) || few(with(3)) {
        return Some("branch");
    }
    let amounts = |column: usize| group.iter().map(move |person| person[index][column].abs());
    let sums: Vec<Vec<f64>> = match (stat.people, stat.mean) {
        (true, _) => vec![],
        (false, false) => vec![amounts(1).collect()],
        (false, true) => vec![amounts(0).collect(), amounts(1).collect()],
    };
    for mut sizes in sums {
        sizes.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = sizes.iter().sum();
        let top = |n: usize| sizes.iter().take(n).sum::<f64>();
        if few(sizes.iter().filter(|size| **size > 0.0).count()) {
            return Some("contributors");
        }
        if top(rules.largest) > rules.share * total + 1e-6 {
            return Some("dominance");
        }
        if total - top(2) < rules.p * top(1) - 1e-6 {
            return Some("p%");
        }
    }
    None
}

/// Released values upwards, then NULLs, then blanks.
fn in_order(rows: &[Vec<String>], column: usize) -> bool {
    let rank = |row: &Vec<String>| match row[column].as_str() {
        "#" => (2, 0.0),
        "-" => (1, 0.0),
        value => (0, value.parse::<f64>().unwrap()),
    };
    rows.is_sorted_by(|one, other| rank(one) <= rank(other))
}

/// Means of decimals are cut after four more digits by the plain engine.
fn same(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 1e-4,
        _ => one == other,
    }
}
