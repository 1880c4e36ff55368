//! One crosstab with all its margins through the checkpoint, from a file of counts: the cells, then what it cost.
//!
//! `scripts/acro.sh` runs it beside ACRO. By hand: `cargo bench -p sekisho-disclosure --bench crosstab -- FILE`, with
//! lines of `row,column,count`. Prints `row,column,count` for each group, `*` where it is withheld and nothing for a
//! label that is left out; in the last line the seconds of processor time and the most KiB in memory. The time is
//! that of counting people in cells, one after the other, and of the verdict.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::StringArray;
use sekisho_disclosure::{
    CellTable, Evidence, KeyColumn, Ledger, Part, Profiles, Scale, StatisticColumn, StatisticKind, Tally,
    Telling, Unreleased, check,
};
use sekisho_model::Hold;

/// The labels of a group; `None` where it is over all of them.
type Labels = [Option<String>; 2];

fn main() {
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("give it a file of lines `row,column,count`; `scripts/acro.sh` does");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let cells: Vec<(String, String, u32)> = text.lines().map(cell).collect();
    let before = processor_seconds();
    let tables: Vec<Vec<(Labels, Evidence)>> = (0..4_usize).map(|kept| groups(&cells, kept)).collect();
    let profile = Profiles::built_in().unwrap().get("japan-rwd").unwrap().clone();
    let unreleased = Unreleased::new(tables.iter().map(|groups| table(groups)).collect());
    let checked = check(unreleased, &Ledger::new(), &profile, Hold::ByRule).unwrap();
    let spent = processor_seconds() - before;
    let mut withheld = vec![Vec::new(); tables.len()];
    for finding in checked.findings() {
        withheld.get_mut(finding.table).unwrap().push(finding.row);
    }
    for (groups, withheld) in tables.iter().zip(withheld) {
        for (row, ([first, second], group)) in groups.iter().enumerate() {
            let (first, second) = (first.as_deref().unwrap_or(""), second.as_deref().unwrap_or(""));
            match withheld.contains(&row) {
                true => println!("{first},{second},*"),
                false => println!("{first},{second},{}", group.people()),
            }
        }
    }
    println!("{spent} {}", status("VmHWM:"));
}

fn cell(line: &str) -> (String, String, u32) {
    let mut parts = line.trim().split(',');
    let mut next = || parts.next().unwrap().to_owned();
    let (row, column) = (next(), next());
    (row, column, next().parse().unwrap())
}

/// The groups by the labels of which `kept` has the bit.
fn groups(cells: &[(String, String, u32)], kept: usize) -> Vec<(Labels, Evidence)> {
    let mut tallies: BTreeMap<Labels, Tally> = BTreeMap::new();
    let mut next = 0;
    for (row, column, count) in cells {
        let label = |bit: usize, label: &String| (kept >> bit & 1 == 1).then(|| label.clone());
        let tally = tallies.entry([label(0, row), label(1, column)]).or_default();
        (next..next + count).for_each(|person| tally.add_one(person));
        next += count;
    }
    tallies.into_iter().map(|(labels, tally)| (labels, tally.freeze())).collect()
}

fn table(groups: &[(Labels, Evidence)]) -> CellTable {
    let has = |place: usize| groups.iter().any(|(labels, _)| labels.get(place).unwrap().is_some());
    let key = |place: usize| KeyColumn {
        name: format!("key{place}"),
        values: Arc::new(StringArray::from_iter(
            groups.iter().map(|(labels, _)| labels.get(place).unwrap().clone()),
        )),
        declared: false,
        telling: Telling::default(),
    };
    let evidence: Vec<Evidence> = groups.iter().map(|(_, group)| group.clone()).collect();
    let count = StatisticColumn {
        name: "n".to_owned(),
        kind: StatisticKind::People,
        parts: vec![Part { scale: Scale::Integer, evidence: evidence.clone() }],
        chosen: false,
        values: None,
        branches: Vec::new(),
    };
    CellTable {
        keys: (0..2).filter(|place| has(*place)).map(key).collect(),
        groups: evidence,
        statistics: vec![count],
        parent: None,
        attributes: Vec::new(),
    }
}

/// Seconds that this process has had of a processor.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A number of KiB that the kernel keeps of this process.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
