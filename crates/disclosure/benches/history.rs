//! How the verdict on one table grows with what was released before.
//!
//! `cargo bench -p sekisho-disclosure --bench history`. Prints, for each number of earlier tables, how many sums
//! their ledger has, its memory, what judging them took, and for two new tables how many cells are withheld and how
//! long the verdict takes, in processor time; then measures the verdicts (not with `SEKISHO_BENCH_ONCE`).
//! `SEKISHO_BENCH_TABLES` (default `10,100,1000,10000`), `SEKISHO_BENCH_PEOPLE` (2250000) and `SEKISHO_BENCH_CUT_POINTS`
//! (40) set the sizes.
#![expect(missing_docs, reason = "the harness makes a function without any")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]
#![expect(clippy::indexing_slicing, reason = "the tables are as long as the keys")]

mod shared;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sekisho_disclosure::{
    CellTable, Evidence, Ledger, Part, Profile, Profiles, Scale, StatisticColumn, StatisticKind, Tally,
    Unreleased, check,
};
use sekisho_model::Hold;
use shared::{BANDS, PREFECTURES, YEARS, computed, having, mixed, prefecture, setting, share, skewed};

/// Codes of diagnoses and drugs that analyses ask for.
const CODES: u32 = 500;
/// What is recorded of a person, beside codes.
#[derive(Clone, Copy)]
struct Person {
    woman: bool,
    band: u32,
    prefecture: u32,
    year: u32,
}

/// Made-up people: one in ten has no code, and the old have more of them.
struct Population {
    people: Vec<Person>,
    /// Who has each code, ascending.
    of_code: Vec<Vec<u32>>,
}

impl Population {
    fn new(all: u32) -> Self {
        let person = |subject: u32| Person {
            woman: mixed(subject, 1).is_multiple_of(2),
            band: mixed(subject, 2) % BANDS,
            prefecture: prefecture(subject),
            year: mixed(subject, 4) % YEARS,
        };
        let people: Vec<Person> = (0..all).map(person).collect();
        let old =
            |subject: u32| (0.3 + 1.4 * f64::from(people[subject as usize].band) / f64::from(BANDS)) / 1.7;
        let people_of = |code: u32| {
            let most = 0.34 / f64::from(code + 1).powf(0.8);
            having(code, most, all).filter(|subject| share(*subject, 1000 + code) < old(*subject)).collect()
        };
        let of_code = (0..CODES).map(people_of).collect();
        Self { people, of_code }
    }

    /// Counts of those people whom `which` gives a cell.
    fn count(&self, cohort: &[u32], cells: u32, which: impl Fn(Person) -> Option<u32>) -> Vec<CellTable> {
        let mut tallies: Vec<Tally> = (0..cells).map(|_| Tally::new()).collect();
        for subject in cohort {
            if let Some(cell) = which(self.people[*subject as usize]) {
                tallies[cell as usize].add_one(*subject);
            }
        }
        let groups = tallies.into_iter().map(Tally::freeze).filter(|group| group.people() > 0);
        groups.map(ungrouped).collect()
    }

    /// The table that an analyst asks for as number `table`: by sex, age, prefecture or year, mostly of those
    /// with a code, and sometimes with one more condition. Codes that many ask for are asked for again.
    fn table(&self, table: u32) -> Vec<CellTable> {
        let code = skewed(share(table, 11), CODES);
        let everybody: Vec<u32>;
        let (kind, which) = (mixed(table, 12) % 20, mixed(table, 13));
        let cohort: &[u32] = match kind {
            0..2 => {
                everybody = (0..u32::try_from(self.people.len()).unwrap()).collect();
                &everybody
            }
            2..4 => {
                let other = &self.of_code[skewed(share(table, 14), CODES) as usize];
                let both = |subject: &u32| other.binary_search(subject).is_ok();
                everybody = self.of_code[code as usize].iter().copied().filter(both).collect();
                &everybody
            }
            _ => &self.of_code[code as usize],
        };
        let fits = move |person: Person| match kind {
            4 => person.woman == (which.is_multiple_of(2)),
            5 => person.band >= which % BANDS,
            6 => person.year >= which % YEARS,
            7 => person.band / 4 == which % 5,
            _ => true,
        };
        let by = |person: Person| match mixed(table, 15) % 6 {
            0 => u32::from(person.woman),
            1 => person.band,
            2 => person.band * 2 + u32::from(person.woman),
            3 => person.prefecture,
            4 => person.year,
            _ => person.year * 2 + u32::from(person.woman),
        };
        self.count(cohort, PREFECTURES, |person| fits(person).then(|| by(person)))
    }

    /// A table of about a thousand cells: everybody, or those with a code, by prefecture and age.
    fn large(&self, code: Option<usize>) -> Vec<CellTable> {
        let everybody: Vec<u32> = (0..u32::try_from(self.people.len()).unwrap()).collect();
        let cohort = code.map_or(&everybody, |code| &self.of_code[code]);
        let by = |person: Person| Some(person.prefecture * BANDS + person.band);
        self.count(cohort, PREFECTURES * BANDS, by)
    }
}

fn ungrouped(group: Evidence) -> CellTable {
    let parts = vec![Part { scale: Scale::Integer, evidence: vec![group.clone()] }];
    let kind = StatisticKind::People;
    let statistic = StatisticColumn {
        name: "n".to_owned(),
        kind,
        parts,
        chosen: false,
        values: None,
        branches: Vec::new(),
    };
    CellTable {
        keys: Vec::new(),
        groups: vec![group],
        statistics: vec![statistic],
        parent: None,
        attributes: Vec::new(),
    }
}

fn profile() -> Profile {
    Profiles::built_in().unwrap().get("japan-rwd").unwrap().clone()
}

fn history(criterion: &mut Criterion) {
    let started = computed();
    let population = Population::new(*setting("PEOPLE", "2250000").first().unwrap());
    println!("{} people made in {:.1?}", population.people.len(), computed() - started);
    let profile = profile();
    let mut group = criterion.benchmark_group("history");
    group.sample_size(10);
    let mut ledger = Ledger::new();
    let (mut tables, mut asked, mut withheld) = (0, 0, 0);
    for earlier in setting("TABLES", "10,100,1000,10000") {
        let building = computed();
        while tables < earlier {
            tables += 1;
            let unreleased = Unreleased::new(population.table(tables));
            let checked = check(unreleased, &ledger, &profile, Hold::ByRule).unwrap();
            asked += checked.tables().len();
            withheld += checked.findings().len();
            ledger.take(checked.page());
        }
        println!(
            "{earlier} tables before: {} sums in {} MiB, {withheld} of {asked} cells withheld, judged in {:.1?}",
            ledger.sums(),
            ledger.heap_size() >> 20,
            computed() - building,
        );
        for (name, code) in [("everybody", None), ("a code", Some(3))] {
            let cells = population.large(code);
            let asked = cells.len();
            let started = computed();
            let checked = check(Unreleased::new(cells), &ledger, &profile, Hold::ByRule).unwrap();
            let (took, blanks) = (computed() - started, checked.findings().len());
            println!("{asked} cells of {name}: {blanks} withheld, first verdict {took:.2?}");
            if std::env::var_os("SEKISHO_BENCH_ONCE").is_none() {
                group.bench_function(format!("{asked} cells of {name} after {earlier} tables"), |bencher| {
                    bencher.iter_batched(
                        || Unreleased::new(population.large(code)),
                        |unreleased| check(unreleased, &ledger, &profile, Hold::ByRule).unwrap(),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
    }
}

/// People of a registry, counted with two means by sex and event for one age limit after the other: sums of amounts
/// of which each person has their own, over groups that contain each other.
fn cut_points(criterion: &mut Criterion) {
    const PEOPLE: u32 = 17_549;
    let profile = profile();
    let mut ledger = Ledger::new();
    let age = |person: u32| 18 + mixed(person, 1) % 41 + mixed(person, 2) % 34;
    let weight = |person: u32| i64::from(45_000 + mixed(person, 3) % 70_000);
    let height = |person: u32| i64::from(1_450 + mixed(person, 4) % 500);
    let table = |limit: u32| {
        let group = |cell: u32| {
            let fits = move |person: &u32| mixed(*person, 5) % 4 == cell && age(*person) >= limit;
            (0..PEOPLE).filter(fits)
        };
        let sum = |cell: u32, amount: &dyn Fn(u32) -> i64| {
            let mut tally = Tally::new();
            group(cell).for_each(|person| tally.add_word(person, amount(person)));
            tally.freeze()
        };
        let cell = |cell: u32| {
            let count = sum(cell, &|_| 1);
            let part = |evidence: Evidence| Part { scale: Scale::Integer, evidence: vec![evidence] };
            let mean = |name: &str, amount: &dyn Fn(u32) -> i64| StatisticColumn {
                name: name.to_owned(),
                kind: StatisticKind::Mean,
                parts: vec![part(sum(cell, amount)), part(count.clone())],
                chosen: false,
                values: None,
                branches: Vec::new(),
            };
            let mut table = ungrouped(count.clone());
            table.statistics.extend([mean("weight", &weight), mean("height", &height)]);
            table
        };
        Unreleased::new((0..4).map(cell).collect())
    };
    let tables = *setting("CUT_POINTS", "40").first().unwrap();
    for number in 0..tables {
        let started = computed();
        let checked = check(table(20 + number), &ledger, &profile, Hold::ByRule).unwrap();
        let (took, blanks) = (computed() - started, checked.findings().len());
        println!("table {} of ages from {} on: {blanks} of 12 withheld, {took:.2?}", number + 1, 20 + number);
        ledger.take(checked.page());
    }
    if std::env::var_os("SEKISHO_BENCH_ONCE").is_none() {
        criterion.bench_function(
            format!("counts and means after {tables} tables of them").as_str(),
            |bencher| {
                bencher.iter_batched(
                    || table(20 + tables),
                    |unreleased| check(unreleased, &ledger, &profile, Hold::ByRule).unwrap(),
                    BatchSize::PerIteration,
                );
            },
        );
    }
}

criterion_group!(benches, cut_points, history);
criterion_main!(benches);
