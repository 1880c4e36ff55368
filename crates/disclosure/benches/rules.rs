//! How long the rules take for one cell, and the whole verdict for tables with all their margins.
//!
//! `cargo bench -p sekisho-disclosure --bench rules`. `SEKISHO_BENCH_PEOPLE` (default 100000) sets how many people
//! are in a table. Prints how many cells are shown.
#![expect(missing_docs, reason = "the harness makes a function without any")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::StringArray;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sekisho_disclosure::{
    CellTable, Evidence, KeyColumn, Ledger, Part, Profile, Profiles, Scale, StatisticColumn, StatisticKind,
    Tally, Telling, Unreleased, check, judge_sum,
};
use sekisho_model::Hold;

fn people() -> u32 {
    std::env::var("SEKISHO_BENCH_PEOPLE").map_or(100_000, |text| text.parse().unwrap())
}

fn profile(name: &str) -> Profile {
    Profiles::built_in().unwrap().get(name).unwrap().clone()
}

/// A number that follows from another as if by chance.
fn mixed(number: u64) -> u64 {
    let mut value = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        value = (value ^ value >> 33).wrapping_mul(factor);
    }
    value ^ value >> 33
}

/// In which cell of a dimension a person is: some are much larger than others.
fn label(person: u32, dimension: usize, size: u64) -> u64 {
    let random = mixed(u64::from(person) << 8 | u64::try_from(dimension).unwrap());
    (random % size).min(random >> 32 & 0xffff) % size
}

/// Counts of people by every subset of some dimensions: one table for each.
fn with_margins(people: u32, sizes: &[u64]) -> Vec<CellTable> {
    (0..1_u32 << sizes.len()).map(|subset| table(people, sizes, subset)).collect()
}

fn table(people: u32, sizes: &[u64], subset: u32) -> CellTable {
    let kept: Vec<(usize, u64)> =
        sizes.iter().copied().enumerate().filter(|(dimension, _)| subset >> dimension & 1 == 1).collect();
    let mut tallies: BTreeMap<Vec<u64>, Tally> = BTreeMap::new();
    for person in 0..people {
        let labels = kept.iter().map(|(dimension, size)| label(person, *dimension, *size)).collect();
        tallies.entry(labels).or_default().add_one(person);
    }
    let (labels, groups): (Vec<_>, Vec<_>) =
        tallies.into_iter().map(|(labels, tally)| (labels, tally.freeze())).unzip();
    let key = |place: usize| KeyColumn {
        name: format!("key{place}"),
        values: Arc::new(StringArray::from_iter_values(
            labels.iter().map(|labels: &Vec<u64>| labels.get(place).unwrap().to_string()),
        )),
        declared: false,
        telling: Telling::default(),
    };
    CellTable {
        keys: (0..kept.len()).map(key).collect(),
        statistics: vec![count(&groups)],
        groups,
        parent: None,
        attributes: Vec::new(),
    }
}

fn count(groups: &[Evidence]) -> StatisticColumn {
    let parts = vec![Part { scale: Scale::Integer, evidence: groups.to_vec() }];
    StatisticColumn {
        name: "n".to_owned(),
        kind: StatisticKind::People,
        parts,
        chosen: false,
        values: None,
        branches: Vec::new(),
    }
}

fn copied(tables: &[CellTable]) -> Unreleased {
    let key = |key: &KeyColumn| KeyColumn { name: key.name.clone(), values: Arc::clone(&key.values), ..*key };
    let copy = |table: &CellTable| CellTable {
        keys: table.keys.iter().map(key).collect(),
        groups: table.groups.clone(),
        statistics: vec![count(&table.groups)],
        parent: None,
        attributes: Vec::new(),
    };
    Unreleased::new(tables.iter().map(copy).collect())
}

/// Each sum by itself, by all rules for sums: half of them counts, half amounts of money.
fn primary_rules(criterion: &mut Criterion) {
    let cells: Vec<Evidence> = (0..10_000_u32)
        .map(|cell| {
            let mut tally = Tally::new();
            for person in 0..cell % 40 {
                let amount =
                    if cell % 2 == 0 { 1 } else { mixed(u64::from(person) << 20 | u64::from(cell)) % 5_000 };
                tally.add(person, i128::from(amount), []);
            }
            tally.freeze()
        })
        .collect();
    let profile = profile("japan-rwd");
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(u64::try_from(cells.len()).unwrap()));
    group.bench_function("each sum by itself", |bencher| {
        bencher.iter(|| cells.iter().filter(|cell| judge_sum(cell, &profile).is_empty()).count());
    });
    group.finish();
}

fn whole_tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verdict");
    group.sample_size(10);
    for (name, sizes, rounded) in [
        ("47 x 20 x 2 with all margins", [47, 20, 2], false),
        ("47 x 20 x 2 with all margins, rounded", [47, 20, 2], true),
        ("21,000 cells with all margins", [47, 20, 22], false),
    ] {
        let tables = with_margins(people(), &sizes);
        let profile = profile(if rounded { "opensafely" } else { "japan-rwd" });
        let judged = |unreleased| check(unreleased, &Ledger::new(), &profile, Hold::ByRule).unwrap();
        let checked = judged(copied(&tables));
        let cells: usize = tables.iter().map(|table| table.groups.len()).sum();
        println!("{name}: {cells} cells of {} people, {} withheld", people(), checked.findings().len());
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| copied(&tables), judged, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, primary_rules, whole_tables);
criterion_main!(benches);
