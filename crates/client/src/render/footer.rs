//! What stands behind a result: snapshot, policy, receipt and how much was withheld.

use crate::{Document, Statement};

/// The facts behind a result as names and values, those that there are.
#[must_use]
pub fn facts(document: &Document) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(job) = &document.job {
        facts.push(("job", job.clone()));
    }
    if let Some(snapshot) = &document.snapshot {
        facts.push(("snapshot", snapshot.clone()));
    }
    if let Some(stands_for) = &document.stands_for {
        facts.push(("stands for", format!("{stands_for}: {EARLIER}")));
    }
    if let Some(policy) = &document.policy {
        facts.push(("policy", format!("{} (sha256 {})", policy.profile, policy.sha256)));
    }
    if let Some(receipt) = &document.receipt {
        facts.push(("receipt", format!("log entry {}, release {}", receipt.log_index, receipt.release)));
    }
    if document.groups_may_be_absent {
        facts.push(("groups", ABSENT.to_owned()));
    }
    facts
}

/// What is said of an answer to a question that was asked before few people left.
pub const EARLIER: &str = "the answer is of the earlier version; few people left since";

/// What every reader of groups must know, whatever the records: nothing shows where a group is missing.
pub const ABSENT: &str =
    "groups without a number that may be shown are absent; what was released earlier counts too";

/// How many rows and how many withheld cells a released result has, a line for each of several statements, and of
/// groups that some may be absent.
#[must_use]
pub fn summary(document: &Document) -> String {
    let rows = if document.statements.is_empty() {
        size(document.rows.len(), document.withheld.len())
    } else {
        let line = |of: &Statement| format!("{}: {}", of.name, size(of.rows.len(), of.withheld.len()));
        document.statements.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let rows = match &document.stands_for {
        Some(stands_for) => format!("{rows}\n{stands_for}: {EARLIER}"),
        None => rows,
    };
    if document.groups_may_be_absent { format!("{rows}\n{ABSENT}") } else { rows }
}

fn size(rows: usize, withheld: usize) -> String {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    };
    match withheld {
        0 => count(rows, "row"),
        withheld => format!("{}, {} withheld", count(rows, "row"), count(withheld, "cell")),
    }
}
