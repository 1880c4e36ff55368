//! What the tests of several modules are made of: evidence and tables from plain numbers.

mod attack;

use std::sync::Arc;

use arrow::array::StringArray;

use crate::rules::Reason;
use crate::{
    CellTable, Evidence, KeyColumn, Parent, Part, Profile, Profiles, Scale, StatisticColumn, StatisticKind,
    Tally, Telling, judge_sum,
};
pub(crate) use attack::Attack;

/// Evidence of one record for each person and amount.
pub(crate) fn evidence(contributions: impl IntoIterator<Item = (u32, i128)>) -> Evidence {
    let mut tally = Tally::new();
    for (subject, amount) in contributions {
        tally.add(subject, amount, []);
    }
    tally.freeze()
}

/// Evidence of one record for each person.
pub(crate) fn people(subjects: impl IntoIterator<Item = u32>) -> Evidence {
    evidence(subjects.into_iter().map(|subject| (subject, 1)))
}

/// The default profile.
pub(crate) fn japan() -> Profile {
    Profiles::built_in().unwrap().get("japan-rwd").unwrap().clone()
}

/// The default profile with another threshold, and without dominance and p%.
pub(crate) fn threshold_only(minimum_count: u32) -> Profile {
    let mut profile = japan();
    (profile.minimum_count, profile.p_permille, profile.dominance.permille) = (minimum_count, 0, 1000);
    profile
}

/// A table with one text key.
pub(crate) fn table(
    key: &str,
    groups: Vec<(&str, Evidence)>,
    statistics: impl IntoIterator<Item = StatisticColumn>,
) -> CellTable {
    let (labels, groups): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let values = Arc::new(StringArray::from(labels));
    let keys = vec![KeyColumn { name: key.into(), values, declared: false, telling: Telling::default() }];
    CellTable {
        keys,
        groups,
        statistics: statistics.into_iter().collect(),
        parent: None,
        attributes: Vec::new(),
    }
}

/// A statistic over everybody.
pub(crate) fn ungrouped(everybody: Evidence, statistics: Vec<StatisticColumn>) -> CellTable {
    let parent = (everybody.people() == 0).then(|| Parent { keys: vec![], groups: vec![people(0..100)] });
    CellTable { keys: Vec::new(), groups: vec![everybody], statistics, parent, attributes: Vec::new() }
}

/// `COUNT(*)` of some groups.
pub(crate) fn count(name: &str, rows: Vec<Evidence>) -> StatisticColumn {
    statistic(name, StatisticKind::Count, vec![(Scale::Integer, rows)])
}

/// `SUM(points)` of some groups.
pub(crate) fn sum(name: &str, scale: Scale, rows: Vec<Evidence>) -> StatisticColumn {
    statistic(name, StatisticKind::Sum, vec![(scale, rows)])
}

/// A statistic without single values and branches.
pub(crate) fn statistic(
    name: &str,
    kind: StatisticKind,
    parts: Vec<(Scale, Vec<Evidence>)>,
) -> StatisticColumn {
    let parts = parts.into_iter().map(|(scale, evidence)| Part { scale, evidence }).collect();
    StatisticColumn { name: name.into(), kind, parts, chosen: false, values: None, branches: Vec::new() }
}

/// Judges tables as the first release of their dataset.
pub(crate) fn check_first(
    unreleased: crate::Unreleased,
    profile: &Profile,
    hold: sekisho_model::Hold,
) -> Result<crate::Checked, crate::Error> {
    crate::check(unreleased, &crate::Ledger::new(), profile, hold)
}

/// Whether a rule withholds a sum for itself. Of a crowd it is not asked here: two sums that are none may make one
/// together, which is then known before it is withheld.
pub(crate) fn fails_alone(sum: &Evidence, profile: &Profile) -> bool {
    judge_sum(sum, profile).iter().any(|reason| *reason != Reason::Crowd)
}
