//! How the verdict on one table grows with what stands in the ledger, for tables as studies ask for them.
//!
//! `cargo bench -p sekisho-disclosure --bench ledger`. The earlier tables are counts, and for one in four a sum of
//! costs, by code, sex, age or prefecture, with all margins; cohorts overlap, every eighth question is repeated, and
//! small cells are withheld. For each number of them it prints how many sums stand, the memory of the ledger and
//! that of a million released cells; then for new tables of about a thousand cells how many of the cells that are
//! safe by themselves are shown, and what the verdict took; then measures it (not with `SEKISHO_BENCH_ONCE`).
//! With `SEKISHO_BENCH_APART` each earlier table is judged without those before it, for histories of ten thousand.
//! `SEKISHO_BENCH_TABLES` (default `0,10,100,1000`) and `SEKISHO_BENCH_PEOPLE` (225000) set the sizes.
#![expect(missing_docs, reason = "the harness makes a function without any")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]
#![expect(clippy::indexing_slicing, reason = "the tables are as long as the keys")]

mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::StringArray;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sekisho_disclosure::{
    CellTable, Checked, Evidence, KeyColumn, Ledger, Part, Profile, Profiles, Reason, Scale, StatisticColumn,
    StatisticKind, Tally, Telling, Unreleased, check,
};
use sekisho_model::Hold;
use shared::{BANDS, YEARS, computed, having, mixed, prefecture, setting, share, skewed};

/// Codes of diagnoses and drugs that analyses ask for.
const CODES: u32 = 300;
/// The labels of a group; `None` where it is over all of them.
type Labels = [Option<u32>; 2];

/// What somebody's records of a code cost, in yen: most little, some a hundred times as much.
#[expect(clippy::cast_possible_truncation, reason = "below a thousand million")]
fn cost(subject: u32, code: u32) -> i64 {
    let draw = -share(subject, 5000 + code).max(1e-6).ln();
    (500.0 + 20_000.0 * draw * draw) as i64
}

/// What is recorded of a person, beside codes.
#[derive(Clone, Copy)]
struct Person {
    sex: u32,
    band: u32,
    prefecture: u32,
    year: u32,
}

/// Made-up people.
struct Population {
    people: Vec<Person>,
    /// Who has each code, ascending; last, everybody.
    of_code: Vec<Vec<u32>>,
}

impl Population {
    fn new(all: u32) -> Self {
        let person = |subject: u32| Person {
            sex: mixed(subject, 1) % 2,
            band: mixed(subject, 2) % BANDS,
            prefecture: prefecture(subject),
            year: mixed(subject, 4) % YEARS,
        };
        let people: Vec<Person> = (0..all).map(person).collect();
        let people_of = |code: u32| {
            let most = 0.1 / f64::from(code + 1).powf(0.6);
            having(code, most, all).collect()
        };
        let mut of_code: Vec<Vec<u32>> = (0..CODES).map(people_of).collect();
        of_code.push((0..all).collect());
        Self { people, of_code }
    }

    /// Counts of those people whom `which` gives two labels, and what their records cost, with all margins.
    fn tables(
        &self,
        cohort: &[u32],
        costs: Option<u32>,
        which: impl Fn(Person) -> Option<[u32; 2]>,
    ) -> Vec<CellTable> {
        let mut tables = Vec::new();
        for kept in [3_u32, 1, 2, 0] {
            let mut tallies: BTreeMap<Labels, (Tally, Tally)> = BTreeMap::new();
            for subject in cohort {
                let Some([row, column]) = which(self.people[*subject as usize]) else { continue };
                let labels = [(kept & 1 > 0).then_some(row), (kept & 2 > 0).then_some(column)];
                let (count, sum) = tallies.entry(labels).or_default();
                count.add_one(*subject);
                costs.into_iter().for_each(|code| sum.add_word(*subject, cost(*subject, code)));
            }
            if !tallies.is_empty() {
                tables.push(table(tallies, costs.is_some()));
            }
        }
        tables
    }

    /// What an analyst asks for as number `table`.
    fn asked(&self, table: u32) -> Vec<CellTable> {
        if table > 20 && table.is_multiple_of(8) {
            return self.asked(mixed(table, 17) % table);
        }
        let code = skewed(share(table, 11), CODES);
        let (kind, which) = (mixed(table, 12) % 20, mixed(table, 13));
        let costs = mixed(table, 16).is_multiple_of(4).then_some(code);
        let both: Vec<u32>;
        let cohort: &[u32] = match kind {
            0 => self.of_code.last().unwrap(),
            1..3 => {
                let other = &self.of_code[skewed(share(table, 14), CODES) as usize];
                let has = |subject: &u32| other.binary_search(subject).is_ok();
                both = self.of_code[code as usize].iter().copied().filter(has).collect();
                &both
            }
            _ => &self.of_code[code as usize],
        };
        let fits = move |person: Person| match kind {
            3..5 => person.band >= which % BANDS,
            5 => person.year >= which % YEARS,
            6 => person.band / 4 == which % 5,
            _ => true,
        };
        let by = |person: Person| match mixed(table, 15) % 4 {
            0 | 1 => [person.band, person.sex],
            2 => [person.prefecture, person.sex],
            _ => [person.year, person.sex],
        };
        self.tables(cohort, costs.filter(|_| kind > 0), |person| fits(person).then(|| by(person)))
    }

    /// A new question of about a thousand cells: people by prefecture and age; if a code is named, those who have
    /// it and are not of one year.
    fn large(&self, code: Option<usize>, costs: bool) -> Vec<CellTable> {
        let cohort = &self.of_code[code.unwrap_or(self.of_code.len() - 1)];
        let costs = costs.then_some(7777);
        let by =
            |person: Person| (code.is_none() || person.year != 3).then_some([person.prefecture, person.band]);
        self.tables(cohort, costs, by)
    }
}

fn table(groups: BTreeMap<Labels, (Tally, Tally)>, costs: bool) -> CellTable {
    let (labels, sums): (Vec<Labels>, Vec<(Tally, Tally)>) = groups.into_iter().unzip();
    let (counts, sums): (Vec<Evidence>, Vec<Evidence>) =
        sums.into_iter().map(|(count, sum)| (count.freeze(), sum.freeze())).unzip();
    let key = |place: usize| KeyColumn {
        name: format!("key{place}"),
        values: Arc::new(
            labels.iter().map(|labels| labels[place].map(|label| label.to_string())).collect::<StringArray>(),
        ),
        declared: false,
        telling: Telling::default(),
    };
    let statistic = |name: &str, kind, evidence| StatisticColumn {
        name: name.to_owned(),
        kind,
        parts: vec![Part { scale: Scale::Integer, evidence }],
        chosen: false,
        values: None,
        branches: Vec::new(),
    };
    let mut statistics = vec![statistic("n", StatisticKind::People, counts.clone())];
    if costs {
        statistics.push(statistic("cost", StatisticKind::Sum, sums));
    }
    let keys = (0..2).filter(|place| labels[0][*place].is_some()).map(key).collect();
    CellTable { keys, groups: counts, statistics, parent: None, attributes: Vec::new() }
}

/// What became of the cells that are safe by themselves.
#[derive(Default)]
struct Shown {
    safe: usize,
    shown: usize,
}

/// Judges tables; how many cells are safe by themselves, and how many of these are shown.
fn judge(tables: Vec<CellTable>, ledger: &Ledger, profile: &Profile) -> (Shown, Checked) {
    let asked: usize = tables.iter().map(|table| table.groups.len() * table.statistics.len()).sum();
    let checked = check(Unreleased::new(tables), ledger, profile, Hold::ByRule).unwrap();
    let alone = |finding: &&sekisho_disclosure::Finding| {
        finding.reasons.iter().any(|reason| *reason != Reason::Secondary)
    };
    let unsafe_alone = checked.findings().iter().filter(alone).count();
    let shown = Shown { safe: asked - unsafe_alone, shown: asked - checked.findings().len() };
    (shown, checked)
}

#[expect(clippy::cast_precision_loss, reason = "a share is printed")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn ledger(criterion: &mut Criterion) {
    let population = Population::new(*setting("PEOPLE", "225000").first().unwrap());
    let profile = Profiles::built_in().unwrap().get("japan-rwd").unwrap().clone();
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10);
    let apart = std::env::var_os("SEKISHO_BENCH_APART").is_some();
    let (mut ledger, empty) = (Ledger::new(), Ledger::new());
    let mut tables = 0;
    for earlier in setting("TABLES", "0,10,100,1000") {
        let building = computed();
        let (mut honest, mut slowest) = (Shown::default(), Duration::ZERO);
        while tables < earlier {
            tables += 1;
            let asked = population.asked(tables);
            let started = Instant::now();
            let before = if apart { &empty } else { &ledger };
            let (Shown { safe, shown }, checked) = judge(asked, before, &profile);
            ledger.take(checked.page());
            slowest = slowest.max(started.elapsed());
            (honest.safe, honest.shown) = (honest.safe + safe, honest.shown + shown);
        }
        println!(
            "{earlier} tables before: {} sums in {} MiB ({} MiB for a million); {:.1} % of {} safe cells shown, made and judged in {:.1?}, the slowest in {slowest:.2?}",
            ledger.sums(),
            ledger.heap_size() >> 20,
            (ledger.heap_size() / ledger.sums().max(1) * 1_000_000) >> 20,
            percent(honest.shown, honest.safe),
            honest.safe,
            computed() - building,
        );
        for (name, code, costs) in
            [("everybody", None, false), ("a code", Some(0), false), ("a code with costs", Some(0), true)]
        {
            let cells = population.large(code, costs);
            let (elapsed, started) = (Instant::now(), computed());
            let (Shown { safe, shown }, _) = judge(cells, &ledger, &profile);
            println!(
                "  {name}: {:.1} % of {safe} safe cells shown, {:.2?} ({:.2?} of processors)",
                percent(shown, safe),
                elapsed.elapsed(),
                computed() - started,
            );
            if std::env::var_os("SEKISHO_BENCH_ONCE").is_none() {
                group.bench_function(format!("{name} after {earlier} tables"), |bencher| {
                    bencher.iter_batched(
                        || Unreleased::new(population.large(code, costs)),
                        |unreleased| check(unreleased, &ledger, &profile, Hold::ByRule).unwrap(),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
    }
}

criterion_group!(benches, ledger);
criterion_main!(benches);
