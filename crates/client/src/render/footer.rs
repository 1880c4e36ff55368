//! What stands behind a result: snapshot, policy, receipt and how much was withheld.

use crate::Document;

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

/// What every reader of groups must know, whatever the records: nothing shows where a group is missing.
pub const ABSENT: &str =
    "groups without a number that may be shown are absent; what was released earlier counts too";

/// How many rows and how many withheld cells a released result has, and of groups that some may be absent.
#[must_use]
pub fn summary(document: &Document) -> String {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    };
    let rows = count(document.rows.len(), "row");
    let rows = match document.withheld.len() {
        0 => rows,
        withheld => format!("{rows}, {} withheld", count(withheld, "cell")),
    };
    if document.groups_may_be_absent { format!("{rows}\n{ABSENT}") } else { rows }
}
