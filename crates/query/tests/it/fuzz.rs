//! What the fuzz targets of `fuzz/` do with one input, and a bounded run of them over their seeds.
//!
//! Whatever the text is: nothing panics, no refusal or failure is an error of ours or has a value of a
//! record, the plan does not depend on records, and what runs was made from the algebra: every answer either
//! has a frontier behind it and no label that a single person has, or is the same for other people.

pub(crate) mod mutate;
mod shapes;

use std::fmt::Write as _;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sekisho_disclosure::{Ledger, Outcome, check};
use sekisho_model::{Analysis, Code, Hold, Limits};
use sekisho_query::{Failure, plan};
use tokio::runtime::Runtime;

use crate::fixture::{Answer, Fixture, profile};
use crate::random::analysis;
use crate::random::genes::Genes;
use crate::random::world::World;

/// Texts of a bounded run for each seed.
const MUTATIONS: usize = 24;

/// Generated plans of a bounded run.
const SHAPES: usize = 900;

/// What the seeds are, from the folder of this crate.
const SEEDS: &str = "../../fuzz/seeds/sql_text";

/// Parts of values that one person alone has. No seed has them.
const CANARIES: [&str; 3] = ["zeisig", "7340017", "1273.61"];

/// Nobody has the age of anybody else, nor the score.
fn age(id: usize) -> usize {
    id * 10_000_000 + 7_340_017
}

/// How one input ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum End {
    /// By a limit of the job.
    Limited,
    /// With this many frontiers.
    Released(usize),
    Refused,
}

/// Two enclaves with the same catalogue and different people.
pub(crate) struct Fuzz {
    runtime: Runtime,
    some: Fixture,
    others: Fixture,
    limits: Limits,
}

/// Everybody has an age and a score of their own; texts are shared.
fn files(of: &str, people: usize) -> Vec<(&'static str, String)> {
    let mut text = [
        "patient_id,sex,age,score\n".to_owned(),
        "patient_id,code,amount,day\n".to_owned(),
        "patient_id,code,result,day\n".to_owned(),
    ];
    let codes = ["a", "b", "c", "d", "e"];
    for id in 0..people {
        let [persons, visits, tests] = &mut text;
        writeln!(persons, "{of}{id},{},{},{}.61", ["F", "M"][id % 2], age(id), id * 10_000 + 1_273).unwrap();
        for visit in 0..id % 4 {
            let (code, day) = (codes[(id + visit) % 5], 1 + (id + visit) % 28);
            writeln!(visits, "{of}{id},{code},{},2021-0{}-{day:02}", id % 7, 1 + visit).unwrap();
            writeln!(tests, "{of}{id},{code},{}.50,2022-0{}-{day:02}", id % 9, 1 + visit).unwrap();
        }
    }
    let [persons, visits, tests] = text;
    let codes = "code,class\na,first\nb,first\nc,second\nd,\n".to_owned();
    vec![("people.csv", persons), ("visits.csv", visits), ("tests.csv", tests), ("codes.csv", codes)]
}

impl Fuzz {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let some = runtime.block_on(World::enclave(&files("zeisig", 60)));
        let others = runtime.block_on(World::enclave(&files("zeisigx", 83)));
        // An input that is slow is no finding.
        let limits =
            Limits { time: Duration::from_secs(10), memory: 256 << 20, rows: 2_000, ..Limits::default() };
        Self { runtime, some, others, limits }
    }

    /// The target `sql_text`: bytes are SQL.
    pub(crate) fn sql_text(&self, bytes: &[u8]) -> Result<End, String> {
        self.judge(&String::from_utf8_lossy(bytes))
    }

    /// The target `plan_shapes`: numbers decide how a plan looks.
    pub(crate) fn plan_shapes(&self, genes: &[u32]) -> Result<End, String> {
        self.judge(&shapes::statement(&mut Genes::new(genes)))
    }

    /// How a text ends, or what is wrong.
    fn judge(&self, sql: &str) -> Result<End, String> {
        let analysis = analysis(sql);
        let plans = [&self.some, &self.others].map(|place| place.refused_within(&analysis, &self.limits));
        if plans[0] != plans[1] {
            return Err(format!("the plan depends on records: {plans:?}: {sql}"));
        }
        if let [Some(refusal), _] = &plans {
            if refusal.code == Code::Internal {
                return Err(format!("{refusal:?}: {sql}"));
            }
            is_silent(sql, &format!("{refusal:?}"))?;
            return Ok(End::Refused);
        }
        let (end, shown) = self.runtime.block_on(self.ran(&self.some, &analysis))?;
        if end == End::Released(0) {
            let (_, others) = self.runtime.block_on(self.ran(&self.others, &analysis))?;
            if shown != others {
                return Err(format!(
                    "without a frontier, and depends on records: {sql}: {shown} and {others}"
                ));
            }
        }
        Ok(end)
    }

    /// How an allowed analysis ends, and the answer in one line.
    async fn ran(&self, place: &Fixture, analysis: &Analysis) -> Result<(End, String), String> {
        let sql = &analysis.sql;
        let refused = |refusal| format!("planned once, and then {refusal:?}: {sql}");
        let plan = plan(analysis.clone(), &place.view, &self.limits).map_err(refused)?;
        let frontiers = frontiers(&format!("{plan:?}"));
        let failed = |failure: Failure| {
            let shown = format!("{failure:?} {failure} {:?}", failure.refusal());
            is_silent(sql, &shown)?;
            let limits = [Code::MemoryLimit, Code::RowLimit, Code::TimeLimit];
            if limits.contains(&failure.refusal().code) {
                Ok((End::Limited, String::new()))
            } else {
                Err(format!("{shown}: {sql}"))
            }
        };
        let run = tokio::time::timeout(self.limits.time, place.engine.execute(plan, &self.limits)).await;
        let (unreleased, public) = match run {
            Ok(Ok(executed)) => executed,
            Ok(Err(failure)) => return failed(failure),
            Err(_) => return Ok((End::Limited, String::new())),
        };
        is_silent(sql, &format!("{unreleased:?} {public:?}"))?;
        let checked = check(unreleased, &Ledger::new(), &profile("teaching"), Hold::ByRule);
        let checked = checked.map_err(|error| format!("{error}: {sql}"))?;
        match checked.publish(public).await {
            Ok(Outcome::Released(released)) => {
                let answer = Answer::read(released.arrow_ipc());
                for label in answer.labels() {
                    is_silent(sql, &label)?;
                }
                Ok((End::Released(frontiers), answer.show()))
            }
            Ok(Outcome::Held(_)) => Err(format!("held: {sql}")),
            Err(failure) => failed(failure),
        }
    }
}

/// Whether nothing that one person alone has is shown, other than what the text itself says.
fn is_silent(sql: &str, shown: &str) -> Result<(), String> {
    match CANARIES.iter().find(|canary| shown.contains(**canary) && !sql.contains(**canary)) {
        Some(canary) => Err(format!("{canary} after {sql}: {shown}")),
        None => Ok(()),
    }
}

/// The number in `Plan(2 frontiers)`.
fn frontiers(plan: &str) -> usize {
    plan.split(['(', ' ']).nth(1).unwrap().parse().unwrap()
}

/// A strategy's values, the same in every run.
fn numbers(seed: u8) -> impl FnMut() -> Vec<u32> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    move || vec(any::<u32>(), 60).new_tree(&mut runner).unwrap().current()
}

/// How many were refused, released with a frontier, and released without one. Nothing may be wrong.
fn counted(ends: Vec<Result<End, String>>) -> [usize; 3] {
    let wrong: Vec<&String> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    let count = |which: fn(&End) -> bool| ends.iter().flatten().filter(|end| which(end)).count();
    [
        count(|end| matches!(end, End::Refused)),
        count(|end| matches!(end, End::Released(1..))),
        count(|end| matches!(end, End::Released(0))),
    ]
}

/// How often as much as in an ordinary run is done.
fn times() -> usize {
    std::env::var("SEKISHO_FUZZ_TIMES").map_or(1, |times| times.parse().unwrap())
}

#[test]
fn no_text_panics_leaks_or_passes_the_algebra_by() {
    let fuzz = Fuzz::new();
    let mut numbers = numbers(3);
    let mut seeds: Vec<_> = std::fs::read_dir(SEEDS).unwrap().map(|seed| seed.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 40, "the seeds are gone");
    let mut ends = Vec::new();
    for seed in seeds {
        let seed = std::fs::read(seed).unwrap();
        ends.push(fuzz.sql_text(&seed));
        for _ in 0..MUTATIONS * times() {
            let genes = numbers();
            ends.push(fuzz.sql_text(&mutate::mutated(&seed, &mut Genes::new(&genes))));
        }
    }
    let [refused, released, reference] = counted(ends);
    assert!(refused > 400 && released > 200 && reference > 10, "{refused} {released} {reference}");
}

#[test]
fn no_plan_panics_leaks_or_passes_the_algebra_by() {
    let fuzz = Fuzz::new();
    let mut numbers = numbers(4);
    let ends = (0..SHAPES * times()).map(|_| fuzz.plan_shapes(&numbers())).collect();
    let [refused, released, reference] = counted(ends);
    assert!(refused > 250 && released > 150 && reference > 3, "{refused} {released} {reference}");
}
