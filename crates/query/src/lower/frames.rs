//! For whom a cell counts what nobody may know: the frames of the budget against reconstruction.
//!
//! For each *attribute* that a frontier reads (a column of codes, a confidential one, or a quantity) there are
//! further frontiers: the same one, as it would be if the conditions that read the attribute were fulfilled,
//! and, where somebody would count then, as it would be if they were not. The difference of the two is how
//! often each person counts for what is not known of them.
//!
//! Where only labels and amounts read it, the frontier's own groups say so, and nothing more is run.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::ScalarValue;

use crate::algebra::{Conditions, Frontier, ReadAttribute, Reads, Records, Scalar, Statistic};
use crate::disclosure::StatisticKind;

use super::Columns;

mod produced;
mod substitute;

pub(super) use produced::produced;
use substitute::{Pattern, Substitution};

/// Most conditions of one attribute, beside those that must all be fulfilled anyway, of which each by itself can
/// be fulfilled or not: of more, all are, or none.
const MOST_CONDITIONS: usize = 4;

/// Most of them of which every combination is looked at.
const EVERY_COMBINATION: usize = 2;

impl Columns {
    /// The attributes that a frontier reads; `attributes` are all there are.
    pub(super) fn frames(&self, frontier: &Frontier, attributes: &BTreeSet<String>) -> Vec<ReadAttribute> {
        let read = |attribute: &&String| {
            let reads = |id| self.info(id).is_some_and(|info| info.origins.contains(*attribute));
            frontier.columns().into_iter().any(reads)
        };
        let read: Vec<&String> = attributes.iter().filter(read).collect();
        read.iter().filter_map(|attribute| self.frames_of(frontier, attribute, attributes)).collect()
    }

    fn frames_of(
        &self,
        frontier: &Frontier,
        attribute: &str,
        attributes: &BTreeSet<String>,
    ) -> Option<ReadAttribute> {
        let mut first = Framed::new(self, frontier, attribute, attributes, Pattern::all(true));
        let with = first.frontier();
        let Framed { substitution: seen, labels, reads, amounts, .. } = first;
        if reads.iter().all(|reads| *reads == Reads::Not) {
            return None;
        }
        let (name, always) = (attribute.to_owned(), seen.always || !labels.is_empty());
        let read = |conditions| {
            Some(ReadAttribute {
                name: name.clone(),
                labels: labels.clone(),
                reads: reads.clone(),
                conditions,
            })
        };
        if !seen.always && !seen.any && !amounts {
            return read(Conditions::None);
        }
        let other = |pattern: Pattern| Framed::new(self, frontier, attribute, attributes, pattern).frontier();
        let mut frontiers = vec![with];
        frontiers.extend(patterns(seen.free, always).into_iter().map(other));
        if seen.reads_derived.get() {
            frontiers.push(other(Pattern { derived: false, ..Pattern::all(true) }));
        }
        let without = (!always && (seen.free > 0 || amounts)).then(|| Box::new(other(Pattern::all(false))));
        read(Conditions::Some { with: frontiers, without })
    }
}

/// The combinations of conditions beside that of all; where the others are fulfilled anyway, that of none as
/// well.
fn patterns(free: usize, always: bool) -> Vec<Pattern> {
    let mut combinations: BTreeSet<Vec<bool>> = BTreeSet::new();
    if free <= EVERY_COMBINATION {
        let bits = |number: usize| (0..free).map(|bit| number >> bit & 1 == 1).collect();
        combinations.extend((0..1_usize << free).map(bits));
    } else {
        for one in (0..free).filter(|_| free <= MOST_CONDITIONS) {
            combinations.insert((0..free).map(|at| at == one).collect());
            combinations.insert((0..free).map(|at| at != one).collect());
        }
        combinations.insert(vec![false; free]);
    }
    combinations.remove(&vec![true; free]);
    if !always {
        combinations.remove(&vec![false; free]);
    }
    combinations.into_iter().map(|free| Pattern { free, ..Pattern::all(true) }).collect()
}

/// A frontier under other conditions.
struct Framed<'a> {
    known: &'a Columns,
    before: &'a Frontier,
    attributes: &'a BTreeSet<String>,
    substitution: Substitution<'a>,
    /// The keys that are values of the attribute.
    labels: Vec<usize>,
    /// How each statistic reads the attribute.
    reads: Vec<Reads>,
    /// Whether an amount is made of the attribute and of something else.
    amounts: bool,
}

impl<'a> Framed<'a> {
    fn new(
        known: &'a Columns,
        before: &'a Frontier,
        attribute: &'a str,
        attributes: &'a BTreeSet<String>,
        pattern: Pattern,
    ) -> Self {
        let substitution = Substitution::new(known, attribute, pattern);
        Self {
            known,
            before,
            attributes,
            substitution,
            labels: Vec::new(),
            reads: Vec::new(),
            amounts: false,
        }
    }

    fn frontier(&mut self) -> Frontier {
        let input: Records = self.substitution.records(&self.before.input, true);
        let mut keys = Vec::new();
        for (place, (id, key)) in self.before.keys.iter().enumerate() {
            let pure = self.substitution.is_pure(key);
            let key = if pure {
                self.labels.push(place);
                let nothing =
                    self.known.info(*id).and_then(|info| ScalarValue::try_from(&info.data_type).ok());
                Scalar::Literal(nothing.unwrap_or(ScalarValue::Null))
            } else {
                self.substitution.value(key)
            };
            keys.push((*id, key));
        }
        let all = self.substitution.always || self.substitution.any || !self.labels.is_empty();
        let statistics: Vec<Statistic> =
            self.before.statistics.iter().map(|statistic| self.statistic(statistic, all)).collect();
        if statistics.is_empty() {
            self.reads.push(if all { Reads::Records } else { Reads::Not });
        }
        Frontier {
            input,
            keys,
            sets: self.before.sets.clone(),
            statistics,
            units: Vec::new(),
            complete: None,
            telling: BTreeMap::new(),
            parent: None,
            attributes: Vec::new(),
            zeros: None,
        }
    }

    fn statistic(&mut self, statistic: &Statistic, all: bool) -> Statistic {
        let sites = self.substitution.sites;
        let filter = statistic.filter.as_ref().map(|filter| self.substitution.conditions(filter));
        let filter = filter.map(|kept| kept.unwrap_or_else(Scalar::truth));
        let confidential = statistic.args.iter().any(|arg| self.is_confidential(arg));
        let own = statistic.args.iter().any(|arg| self.substitution.reads(arg));
        let plain = statistic.args.iter().all(|arg| self.is_plain(arg));
        let counts = matches!(
            statistic.kind,
            StatisticKind::Distinct | StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }
        );
        let kind = if statistic.kind == StatisticKind::People {
            StatisticKind::People
        } else if counts || (confidential && plain) {
            StatisticKind::Count
        } else {
            statistic.kind
        };
        // A model says the products of what is not known of people and of covariates that the analyst chose.
        let summed =
            matches!(statistic.kind, StatisticKind::Estimate(_) | StatisticKind::Mean | StatisticKind::Sum);
        let mixed = confidential && !plain && summed;
        self.amounts |= own && mixed;
        let mut amount = |scalar: &Scalar| {
            if mixed { self.substitution.amount(scalar, self.attributes) } else { scalar.clone() }
        };
        let args = statistic.args.iter().map(&mut amount).collect();
        let implied = statistic.implied.iter().map(&mut amount).collect();
        let kind = if confidential && !plain && !summed && kind != StatisticKind::People {
            StatisticKind::Count
        } else {
            kind
        };
        let read = all || own || self.substitution.sites > sites;
        self.reads.push(match (read, confidential || counts, &statistic.filter) {
            (false, _, _) => Reads::Not,
            (true, true, Some(_)) => Reads::Filtered,
            (true, true, None) => Reads::Records,
            (true, false, _) => Reads::Amounts,
        });
        let implied = if kind == statistic.kind { implied } else { Vec::new() };
        Statistic { kind, args, implied, own: None, filter, branches: Vec::new(), ..statistic.clone() }
    }

    /// Whether it carries the value of any attribute.
    fn is_confidential(&self, scalar: &Scalar) -> bool {
        self.known.is_confidential(scalar, self.attributes)
    }

    /// Whether an amount is nothing but values of attributes and constants.
    fn is_plain(&self, scalar: &Scalar) -> bool {
        let confidential = |id| self.known.is_confidential(&Scalar::Column(id), self.attributes);
        scalar.columns().into_iter().all(confidential) && !self.substitution.is_mixed(scalar)
    }
}

impl Columns {
    /// Whether an expression carries the value of an attribute.
    pub(super) fn is_confidential(&self, scalar: &Scalar, attributes: &BTreeSet<String>) -> bool {
        let carries = |id| self.info(id).is_some_and(|info| !info.origins.is_disjoint(attributes));
        scalar.columns().into_iter().any(carries)
    }
}
