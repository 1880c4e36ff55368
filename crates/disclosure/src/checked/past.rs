//! A release judged together with all that was released of its dataset before.
//!
//! The sums of the ledger that are connected with the new ones by people enter the same system: as sums that
//! stand, or as secrets. The same question again gets the same answer, whatever else was released meanwhile.

use std::collections::BTreeSet;

use sekisho_model::Digest;
use sha2::{Digest as _, Sha256};

use super::verdict::{Cell, Claim, Sum};
use crate::budget::Charge;
use crate::evidence::{Contributions, Evidence, Scale};
use crate::history::{Entry, Ledger, Page, Status, Sums};
use crate::profile::Profile;
use crate::suppression::{self, Candidate, Place};

/// With up to so many earlier sums, a release that is not shown to be harmless at a glance is judged in full.
const MOST_IN_FULL: usize = 512;

/// A release, and what there was before it.
pub(super) struct Past<'a> {
    pub(super) sums: &'a [Sum<'a>],
    pub(super) ledger: &'a Ledger,
    /// The people of the dataset, each once: known to all.
    pub(super) everybody: Option<&'a Evidence>,
    pub(super) profile: &'a Profile,
    /// Cells that are withheld already, to protect others.
    pub(super) without: &'a BTreeSet<Cell>,
}

/// What is asked: every sum with its place, what is asked of it, and the rules that judge it.
pub(super) fn question(sums: &[Sum<'_>], profile: &Profile) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"sekisho question 2\0");
    hash.update(profile.digest().as_bytes());
    for Sum { place, claim, evidence, .. } in sums {
        let Place { rank: _, keys: _, table, statistic, part, label } = place;
        for number in [*table, *statistic, *part, label.len()] {
            hash.update(number.to_le_bytes());
        }
        for key in label {
            hash.update(key.len().to_le_bytes());
            hash.update(key);
        }
        let claim: u8 = match claim {
            Claim::Published => 0,
            Claim::Hidden => 1,
            Claim::Secret => 2,
        };
        hash.update([claim]);
        hash.update(evidence.contributions().digest());
    }
    let question = Digest::from_bytes(hash.finalize().into());
    in_order_of_statements(question, sums)
}

/// The question with the ranks of its statements, where there are several: another order has another answer.
fn in_order_of_statements(question: Digest, sums: &[Sum<'_>]) -> Digest {
    if sums.iter().all(|sum| sum.place.rank == 0) {
        return question;
    }
    let mut hash = Sha256::new();
    hash.update(b"sekisho statements 1\0");
    hash.update(question.as_bytes());
    sums.iter().for_each(|sum| hash.update(sum.place.rank.to_le_bytes()));
    Digest::from_bytes(hash.finalize().into())
}

impl<'a> Past<'a> {
    /// A release beside a ledger. How many people there are is taken as known, unless the ledger would say more by it.
    pub(super) fn new(
        sums: &'a [Sum<'a>],
        (ledger, everybody): (&'a Ledger, Option<&'a Evidence>),
        profile: &'a Profile,
        without: &'a BTreeSet<Cell>,
    ) -> Self {
        let everybody = everybody.filter(|people| ledger.may_tell_how_many(people, profile.minimum_count));
        Self { sums, ledger, everybody, profile, without }
    }

    /// The sums that ask to be published and must not be, by number.
    pub(super) fn suppressed(&self, steps: u64) -> BTreeSet<u32> {
        // A sum that a rule withheld before is not shown now; the cell takes its other sums with it.
        let forbidden: BTreeSet<u32> = self
            .numbered()
            .filter(|(_, sum)| sum.claim == Claim::Published)
            .filter(|(_, sum)| self.ledger.status(sum.evidence) == Some(Status::Secret))
            .map(|(number, _)| number)
            .collect();
        let cells: BTreeSet<_> = self
            .numbered()
            .filter(|(number, _)| forbidden.contains(number))
            .map(|(_, sum)| sum.cell)
            .chain(self.without.iter().copied())
            .collect();
        let asked: Vec<(u32, &Sum<'_>)> = self
            .numbered()
            .filter(|(_, sum)| sum.claim != Claim::Published || !cells.contains(&sum.cell))
            .collect();
        let mut candidates: Vec<Candidate<'_>> = asked.iter().map(|(_, sum)| candidate(sum)).collect();
        // Once everybody stands in the ledger, they are like any other sum that does.
        let everybody = self.everybody_unnoted();
        let known = match everybody {
            Some(_) => None,
            None => suppression::suppress_after(&candidates, self.ledger, self.profile, MOST_IN_FULL, steps),
        };
        let suppressed = known.unwrap_or_else(|| {
            candidates.extend(self.before(&asked));
            suppression::suppress(&candidates, everybody, self.profile, steps)
        });
        let numbers = suppressed.iter().filter_map(|place| asked.get(*place)).map(|(number, _)| *number);
        numbers.chain(forbidden).collect()
    }

    /// What the release adds to the ledger.
    pub(super) fn page(
        &self,
        question: Digest,
        suppressed: BTreeSet<u32>,
        charges: Vec<Charge>,
        shown: impl Fn(&Sum<'_>) -> bool,
    ) -> Page {
        let mut added = Sums::default();
        for sum in self.sums {
            let status = match sum.claim {
                Claim::Published if shown(sum) => Status::Shown(self.profile.minimum_count),
                // Withheld to protect another: no secret of its own.
                Claim::Published => continue,
                Claim::Hidden => Status::Hidden,
                Claim::Secret => Status::Secret,
            };
            // A sum of nothing but zeros is known, unless nobody is behind it.
            let evidence = sum.evidence;
            if evidence.contributors() > 0 || (evidence.people() == 0 && status == Status::Secret) {
                added.add(Entry { evidence: evidence.clone(), scale: sum.scale, status });
            }
        }
        // How many people there are is known, and stands from the first release on.
        if let Some(everybody) = self.everybody_unnoted() {
            let status = Status::Shown(self.profile.minimum_count);
            added.add(Entry { evidence: everybody.clone(), scale: Scale::Integer, status });
        }
        let news = added.into_entries().filter(|entry| self.ledger.changes_with(entry)).collect();
        let suppressed = suppressed.into_iter().collect();
        Page { suppressed, sums: news, charges, ..Page::again(question) }
    }

    /// The sums of the ledger that are connected with what is asked.
    fn before(&self, asked: &[(u32, &Sum<'_>)]) -> Vec<Candidate<'_>> {
        let shown: BTreeSet<Contributions<'_>> = asked
            .iter()
            .filter(|(_, sum)| sum.claim == Claim::Published)
            .map(|(_, sum)| sum.evidence.contributions())
            .collect();
        // Sums of other people matter too where all together may be nearly everybody.
        let everybody = self.everybody.filter(|_| self.ledger.sums() > 0);
        let sums = asked.iter().map(|(_, sum)| sum.evidence).chain(everybody);
        let entries = self.ledger.connected(sums).into_iter();
        // What was only hidden may be shown in its own right.
        let open = entries.filter(|entry| {
            entry.status != Status::Hidden || !shown.contains(&entry.evidence.contributions())
        });
        let candidates = open.enumerate().map(|(number, entry)| Candidate {
            place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
            evidence: &entry.evidence,
            withheld: matches!(entry.status, Status::Hidden | Status::Secret),
            standing: match entry.status {
                Status::Shown(minimum) => Some(minimum),
                Status::Hidden | Status::Secret => None,
            },
        });
        candidates.collect()
    }

    /// The people of the dataset, unless they stand in the ledger.
    fn everybody_unnoted(&self) -> Option<&Evidence> {
        let noted = |everybody: &Evidence| matches!(self.ledger.status(everybody), Some(Status::Shown(_)));
        self.everybody.filter(|everybody| !noted(everybody))
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &Sum<'_>)> {
        (0_u32..).zip(self.sums)
    }
}

fn candidate<'a>(sum: &Sum<'a>) -> Candidate<'a> {
    let evidence: &'a Evidence = sum.evidence;
    let withheld = sum.claim != Claim::Published;
    Candidate { place: sum.place.clone(), evidence, withheld, standing: None }
}
