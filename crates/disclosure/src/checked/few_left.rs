//! A release after few people left the dataset since others: which cells are withheld must not tell where they were.
//!
//! So it is first decided as those would who stayed: the earlier sums are taken without the few who left, what goes
//! beside them is judged by the usual rules, and what would complete a combination of them is withheld
//! ([`BesideEarlier`]). All that is the same wherever they were. A combination of few people, in which some who left
//! are counted, is then either one of fewer of those who stayed, and withheld, or of none, and withheld as well.
//!
//! What is left is judged once more beside the sums as they were published: by the amounts of those who left, where any
//! could be too much of a sum (of counts nobody's is, and the first judgement has all that a second could find), and by
//! the budget, in which what follows from earlier answers is withheld as well.

use std::collections::{BTreeMap, BTreeSet};

use super::past::Past;
use super::spending;
use super::verdict::{Cell, Claim, Sum, TableVerdict, cells_of, exhaust, withhold};
use crate::budget::{Budget, Charge};
use crate::evidence::Evidence;
use crate::history::{Ledger, Stayed};
use crate::profile::Profile;
use crate::rules;
use crate::suppression::BesideEarlier;
use crate::unreleased::CellTable;

/// A release after few people left.
pub(super) struct FewLeft<'a> {
    pub(super) tables: &'a [CellTable],
    pub(super) sums: &'a [Sum<'a>],
    /// What was released before.
    pub(super) ledger: &'a Ledger,
    /// The same without those who left.
    pub(super) stayed: &'a Stayed,
    /// The people of the dataset, each once.
    pub(super) everybody: Option<&'a Evidence>,
    pub(super) profile: &'a Profile,
}

impl FewLeft<'_> {
    /// Withholds what must be; the sums of these cells, by number, and what the others cost.
    pub(super) fn judge(&self, verdicts: &mut [TableVerdict], steps: u64) -> (BTreeSet<u32>, Vec<Charge>) {
        let mut withheld = self.beside(self.stayed.ledger(), &BTreeSet::new(), steps);
        withhold(verdicts, &withheld);
        // What is withheld may have made a later cell nothing new: these are looked at again.
        let charges = loop {
            let related = self.related(&withheld, steps);
            withhold(verdicts, &related);
            withheld.extend(related);
            let mut more = BTreeSet::new();
            if !self.all_are_narrow() {
                more = self.beside(self.ledger, &withheld, steps);
                more.retain(|cell| !withheld.contains(cell));
            }
            withhold(verdicts, &more);
            let spent = self.spend(verdicts);
            exhaust(verdicts, &spent.too_close);
            if more.is_empty() && spent.too_close.is_empty() {
                break spent.charges;
            }
            withheld.extend(more.into_iter().chain(spent.too_close));
        };
        let numbered = (0_u32..).zip(self.sums).filter(|(_, sum)| sum.claim == Claim::Published);
        let withheld = numbered.filter(|(_, sum)| withheld.contains(&sum.cell));
        (withheld.map(|(number, _)| number).collect(), charges)
    }

    /// The cells that must be withheld beside what stands in a ledger.
    fn beside(&self, ledger: &Ledger, without: &BTreeSet<Cell>, steps: u64) -> BTreeSet<Cell> {
        let past = Past::new(self.sums, (ledger, self.everybody), self.profile, without);
        cells_of(self.sums, &past.suppressed(steps))
    }

    /// Whether nobody's contribution to any sum can be too much of one, and no zero is a secret: these say nothing of
    /// those who stayed.
    fn all_are_narrow(&self) -> bool {
        let harmless = rules::harmless_contribution(self.profile);
        let asked = self.sums.iter().map(|sum| sum.evidence);
        let all = asked.chain(self.ledger.entries().iter().map(|entry| &entry.evidence));
        let mut others = all.filter(|sum| sum.contributors() > 0);
        let has_zeros = self.ledger.entries().iter().any(|entry| entry.evidence.people() == 0);
        !has_zeros && others.all(|sum| sum.is_positive() && sum.largest() <= harmless)
    }

    /// The cells that complete a combination of earlier sums.
    fn related(&self, without: &BTreeSet<Cell>, steps: u64) -> BTreeSet<Cell> {
        let mut places: BTreeMap<Cell, usize> = BTreeMap::new();
        let (mut order, mut cells): (Vec<Cell>, Vec<Vec<&Evidence>>) = (Vec::new(), Vec::new());
        for sum in self.sums.iter().filter(|sum| sum.claim == Claim::Published) {
            if without.contains(&sum.cell) {
                continue;
            }
            let place = *places.entry(sum.cell).or_insert(order.len());
            match cells.get_mut(place) {
                Some(cell) => cell.push(sum.evidence),
                None => {
                    order.push(sum.cell);
                    cells.push(vec![sum.evidence]);
                }
            }
        }
        let beside = BesideEarlier { before: self.stayed.before(), since: self.stayed.since(), cells };
        let withheld = beside.withheld(steps);
        withheld.into_iter().filter_map(|number| order.get(number).copied()).collect()
    }

    fn spend(&self, verdicts: &[TableVerdict]) -> spending::Spent {
        let none = Budget::default();
        let since = if self.stayed.has_newer() { self.ledger.budget_since() } else { &none };
        let budget = (self.ledger.budget(), Some(since));
        let spend = || spending::spend(self.tables, verdicts, self.sums, budget, self.profile);
        let nothing = || spending::Spent { too_close: BTreeSet::new(), charges: Vec::new() };
        if self.profile.has_budget() { spend() } else { nothing() }
    }
}
