//! What was released, judged again in its order under another profile: for an operator who changes the rules.
//!
//! Of a release the ledger keeps every sum with its contributions, and what became of it. So the rules for sums
//! (threshold, contributors, dominance, p%) and what sums together give away can be judged again. It keeps
//! neither which cell a sum stood in, nor institutions, areas, branches that passed, single values or degrees of
//! freedom: what other rules would say of them is not known here. What leaves is how many sums, and by which
//! rules: no number of a record.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Entry, Page, Status};
use crate::profile::Profile;
use crate::rules::{Reason, judge_part};
use crate::suppression::{Candidate, Place, STEPS, suppress};

/// Judges the pages of one ledger again, in their order.
pub struct Rejudging<'a> {
    profile: &'a Profile,
    /// What would stand in the ledger by now.
    before: Vec<Entry>,
}

/// What another profile says of one release.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rejudged {
    /// How many sums it showed for the first time.
    pub shown: usize,
    /// How many of them would be withheld, by rule; one that fails several rules counts for each.
    pub reasons: BTreeMap<Reason, usize>,
    /// How many of them would be withheld.
    pub withheld: usize,
}

impl<'a> Rejudging<'a> {
    /// Nothing was judged yet.
    #[must_use]
    pub fn under(profile: &'a Profile) -> Self {
        Self { profile, before: Vec::new() }
    }

    /// Judges the next page, together with what the profile would have shown of those before.
    pub fn page(&mut self, page: &Page) -> Rejudged {
        let asked: Vec<(&Entry, BTreeSet<Reason>)> =
            page.sums.iter().map(|sum| (sum, self.alone(sum))).collect();
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for (sum, reasons) in &asked {
            let withheld = !is_shown(sum) || !reasons.is_empty();
            candidates.push(candidate(sum, candidates.len(), withheld, None));
        }
        for sum in &self.before {
            let standing = is_shown(sum).then_some(self.profile.minimum_count);
            candidates.push(candidate(sum, candidates.len(), standing.is_none(), standing));
        }
        let suppressed = suppress(&candidates, None, self.profile, STEPS);
        let mut rejudged = Rejudged::default();
        let mut after = Vec::new();
        for (number, (sum, mut reasons)) in asked.into_iter().enumerate() {
            if suppressed.contains(&number) {
                reasons.insert(Reason::Secondary);
            }
            if is_shown(sum) {
                rejudged.count(&reasons);
            }
            let status = match sum.status {
                Status::Shown(_) if reasons.is_empty() => Status::Shown(self.profile.minimum_count),
                // Withheld to protect another: no secret of its own.
                Status::Shown(_) if suppressed.contains(&number) => continue,
                Status::Shown(_) => Status::Secret,
                withheld @ (Status::Hidden | Status::Secret) => withheld,
            };
            after.push(Entry { status, ..sum.clone() });
        }
        // What one page hides another may show in its own right.
        let shown: BTreeSet<_> =
            after.iter().filter(|sum| is_shown(sum)).map(|sum| sum.evidence.contributions()).collect();
        self.before
            .retain(|sum| sum.status != Status::Hidden || !shown.contains(&sum.evidence.contributions()));
        self.before.append(&mut after);
        rejudged
    }

    /// What fails for a sum by itself, if it was shown.
    fn alone(&self, sum: &Entry) -> BTreeSet<Reason> {
        if is_shown(sum) { judge_part(&sum.evidence, false, self.profile) } else { BTreeSet::new() }
    }
}

impl Rejudged {
    fn count(&mut self, reasons: &BTreeSet<Reason>) {
        self.shown = self.shown.saturating_add(1);
        self.withheld = self.withheld.saturating_add(usize::from(!reasons.is_empty()));
        for reason in reasons {
            let number = self.reasons.entry(*reason).or_default();
            *number = number.saturating_add(1);
        }
    }
}

fn is_shown(sum: &Entry) -> bool {
    matches!(sum.status, Status::Shown(_))
}

fn candidate(sum: &Entry, number: usize, withheld: bool, standing: Option<u32>) -> Candidate<'_> {
    let place = Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() };
    Candidate { place, evidence: &sum.evidence, withheld, standing }
}

#[cfg(test)]
mod tests {
    use sekisho_model::{Hold, Stricter};

    use super::*;
    use crate::testing::{count, evidence, japan, people, sum, ungrouped};
    use crate::{CellTable, Ledger, Scale, Unreleased, check};

    /// The pages that these releases add, one after the other, under the default profile.
    fn released(releases: Vec<Vec<CellTable>>) -> Vec<Page> {
        let mut ledger = Ledger::new();
        let mut pages = Vec::new();
        for tables in releases {
            let checked = check(Unreleased::new(tables), &ledger, &japan(), Hold::ByRule).unwrap();
            let page = checked.page().clone();
            ledger.take(&page);
            pages.push(page);
        }
        pages
    }

    fn of(range: std::ops::Range<u32>) -> CellTable {
        ungrouped(people(range.clone()), vec![count("n", vec![people(range)])])
    }

    fn rejudged(pages: &[Page], profile: &Profile) -> Vec<(usize, usize, Vec<Reason>)> {
        let mut rejudging = Rejudging::under(profile);
        let judged = pages.iter().map(|page| rejudging.page(page));
        judged.map(|judged| (judged.shown, judged.withheld, judged.reasons.into_keys().collect())).collect()
    }

    fn stricter(stricter: &Stricter) -> Profile {
        japan().stricter(stricter).unwrap()
    }

    #[test]
    fn under_the_same_profile_nothing_more_is_withheld() {
        let pages = released(vec![vec![of(0..50)], vec![of(0..12), of(100..112)], vec![of(0..70)]]);
        let shown: Vec<_> =
            rejudged(&pages, &japan()).into_iter().map(|(shown, withheld, _)| (shown, withheld)).collect();
        assert_eq!(shown, [(1, 0), (2, 0), (1, 0)]);
    }

    #[test]
    fn a_higher_threshold_withholds_what_is_below_it_and_what_gives_it_away() {
        let pages = released(vec![vec![of(0..50)], vec![of(0..15)], vec![of(15..50)], vec![of(100..120)]]);
        let strict = stricter(&Stricter { minimum_count: Some(20), ..Stricter::default() });
        let expected = [
            (1, 0, vec![]),
            (1, 1, vec![Reason::Threshold, Reason::Contributors]),
            // 50 - 35 are the fifteen.
            (1, 1, vec![Reason::Secondary]),
            (1, 0, vec![]),
        ];
        let judged = rejudged(&pages, &strict);
        let sorted = |mut reasons: Vec<Reason>| {
            reasons.sort_unstable();
            reasons
        };
        assert_eq!(judged, expected.map(|(shown, withheld, reasons)| (shown, withheld, sorted(reasons))));
    }

    #[test]
    fn dominance_is_judged_again_by_the_contributions() {
        let bills = evidence(
            (0..30).map(|person| (person, if person == 0 { 100 } else { 3 + i128::from(person % 5) })),
        );
        let total = ungrouped(people(0..30), vec![sum("s", Scale::Integer, vec![bills])]);
        let pages = released(vec![vec![total]]);
        let share =
            |permille| stricter(&Stricter { dominance_permille: Some(permille), ..Stricter::default() });
        // 107 of 247 are 43.3 %.
        assert_eq!(rejudged(&pages, &share(434)), [(1, 0, vec![])]);
        assert_eq!(rejudged(&pages, &share(432)), [(1, 1, vec![Reason::Dominance])]);
    }
}
