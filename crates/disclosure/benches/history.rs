//! How the verdict on one table grows with what was released before.
//!
//! `cargo bench -p sekisho-disclosure --bench history`. Prints, for each number of earlier tables, how many sums
//! their ledger has, its memory, and which share of the new table's cells is shown; then measures the verdict.
//! `SEKISHO_BENCH_TABLES` (default `100,1000,10000`), `SEKISHO_BENCH_CELLS` (1000) and `SEKISHO_BENCH_PEOPLE`
//! (2250000) set the size.
#![expect(missing_docs, reason = "the harness makes a function without any")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sekisho_disclosure::{
    CellTable, Evidence, Ledger, Part, Profile, Profiles, Scale, StatisticColumn, StatisticKind, Tally,
    Unreleased, check,
};
use sekisho_model::Hold;

/// Cells of each earlier table.
const CELLS_BEFORE: u32 = 20;

fn setting(name: &str, default: &str) -> Vec<u32> {
    let text = std::env::var(format!("SEKISHO_BENCH_{name}")).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.parse().unwrap()).collect()
}

/// A number that follows from two others as if by chance.
fn mixed(left: u32, right: u32) -> u32 {
    let mut value = u64::from(left) << 32 | u64::from(right);
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        value = (value ^ value >> 33).wrapping_mul(factor);
    }
    u32::try_from(value >> 33).unwrap()
}

/// Counts of people by an attribute with `cells` values. Tables look at a cohort each, as studies do: about a
/// hundredth of the people, those whose number `table` selects.
fn table(people: u32, table: u32, cells: u32) -> Vec<CellTable> {
    let mut tallies: Vec<Tally> = (0..cells).map(|_| Tally::new()).collect();
    let cohort = people / 100;
    let start = mixed(table, 7) % (people - cohort);
    let range = if table == 0 { 0..people } else { start..start + cohort };
    for subject in range {
        let cell = mixed(subject, table) % cells;
        tallies.get_mut(usize::try_from(cell).unwrap()).unwrap().add_one(subject);
    }
    tallies.into_iter().map(Tally::freeze).map(ungrouped).collect()
}

fn ungrouped(group: Evidence) -> CellTable {
    let parts = vec![Part { scale: Scale::Integer, evidence: vec![group.clone()] }];
    let kind = StatisticKind::People;
    let statistic = StatisticColumn { name: "n".to_owned(), kind, parts, values: None, branches: Vec::new() };
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
    let people = *setting("PEOPLE", "2250000").first().unwrap();
    let cells = *setting("CELLS", "1000").first().unwrap();
    let profile = profile();
    let mut group = criterion.benchmark_group("history");
    group.sample_size(10);
    let mut ledger = Ledger::new();
    let mut tables = 0;
    for earlier in setting("TABLES", "100,1000,10000") {
        let building = Instant::now();
        while tables < earlier {
            tables += 1;
            let unreleased = Unreleased::new(table(people, tables, CELLS_BEFORE));
            let checked = check(unreleased, &ledger, &profile, Hold::ByRule).unwrap();
            checked.page().into_iter().for_each(|page| ledger.take(page));
        }
        let building = building.elapsed();
        let started = Instant::now();
        let checked =
            check(Unreleased::new(table(people, 0, cells)), &ledger, &profile, Hold::ByRule).unwrap();
        let (took, blanks) = (started.elapsed(), checked.findings().len());
        println!(
            "{earlier} tables before ({} sums, {} MiB, built in {building:.1?}): {blanks} of {cells} cells \
             withheld, first verdict with its input {took:.2?}",
            ledger.sums(),
            ledger.heap_size() >> 20,
        );
        group.bench_function(format!("{cells} cells after {earlier} tables"), |bencher| {
            bencher.iter_batched(
                || Unreleased::new(table(people, 0, cells)),
                |unreleased| check(unreleased, &ledger, &profile, Hold::ByRule).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, history);
criterion_main!(benches);
