//! What being on one side of a predicate tells of a person.
//!
//! Of a column that is declared sensitive, having a value is the secret. If everybody of a group has it,
//! to know the group is to know the value (Lupp & Langsrud 2021), whatever the size of the group.

use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Division, Frame, Records, Scalar, TruthValue};
use crate::disclosure::Telling;

use super::Columns;
use super::graph::conjuncts;

const NOTHING: Telling = Telling { inside: false, outside: false };
const IF_TRUE: Telling = Telling { inside: true, outside: false };
const IF_FALSE: Telling = Telling { inside: false, outside: true };
const EITHER: Telling = Telling { inside: true, outside: true };

/// Most codes that a condition may leave out and still say nothing of those who have others: with all but one
/// of them left out it names that one.
const MOST_EXCLUDED: usize = 10;

fn otherwise(telling: Telling) -> Telling {
    Telling { inside: telling.outside, outside: telling.inside }
}

/// Whether a condition only asks for a value to be there, whichever it is.
fn is_presence(condition: &Scalar) -> bool {
    matches!(condition, Scalar::Not(inner) if matches!(inner.as_ref(), Scalar::IsNull(_)))
}

impl Columns {
    /// Whether an expression reads a sensitive column.
    pub(super) fn is_sensitive(&self, scalar: &Scalar) -> bool {
        scalar.columns().into_iter().any(|id| self.info(id).is_some_and(|info| info.sensitive))
    }

    /// Whether who is among some records depends on a sensitive column.
    pub(super) fn chosen_by_sensitive(&self, records: &Records) -> bool {
        records.columns().into_iter().any(|id| self.info(id).is_some_and(|info| info.sensitive))
    }

    /// Whether a value is a code as it is stored, or its beginning.
    fn is_code(&self, scalar: &Scalar) -> bool {
        if let Scalar::Column(id) = scalar {
            return self.info(*id).is_some_and(|info| info.code);
        }
        let Scalar::Function { function, args } = scalar else { return false };
        matches!(function.name(), "left" | "substr") && args.first().is_some_and(|arg| self.is_code(arg))
    }

    /// Whether several conditions together leave out more codes than say nothing.
    pub(super) fn exclude_many(&self, conditions: &[Scalar]) -> bool {
        conditions.iter().filter(|one| self.telling(one) == IF_FALSE).count() > MOST_EXCLUDED
    }

    /// A predicate that divides people inside a statistic with this FILTER.
    pub(super) fn division(&self, predicate: Scalar, filter: Option<&Scalar>) -> Division {
        let within = filter.into_iter().filter(|filter| **filter != predicate).cloned();
        let frame = self.frame(within.chain([predicate.clone()]).collect());
        Division { telling: self.telling(&predicate), frame, predicate }
    }

    /// What of several conditions together says nothing that may harm, where others of them do: with those who
    /// fulfil it, people are compared who fulfil all. Without such a part they are compared with the group.
    fn frame(&self, conditions: Vec<Scalar>) -> Option<Frame> {
        let all = conditions.into_iter().flat_map(conjuncts);
        let (sensitive, plain): (Vec<Scalar>, Vec<Scalar>) = all.partition(|one| self.is_sensitive(one));
        // That something is there restricts nobody by itself: it may be there because of the sensitive value.
        let plain = plain.into_iter().filter(|one| !is_presence(one));
        let loosened = sensitive.iter().filter_map(|one| self.loosened(one));
        let mut left: Vec<Scalar> = plain.chain(loosened).collect();
        let telling = Telling {
            inside: sensitive.iter().any(|one| self.telling(one).inside),
            outside: !sensitive.is_empty() && sensitive.iter().all(|one| self.telling(one).outside),
        };
        let single = if left.len() == 1 { left.pop() } else { None };
        let nothing = single.is_none() && left.is_empty();
        (telling != NOTHING && !nothing)
            .then(|| Frame { predicate: single.unwrap_or(Scalar::And(left)), telling })
    }

    /// A condition without its sensitive parts; `None` where nothing is left of it.
    fn loosened(&self, condition: &Scalar) -> Option<Scalar> {
        if !self.is_sensitive(condition) {
            return Some(condition.clone());
        } else if let Scalar::And(all) = condition {
            let left: Vec<Scalar> = all.iter().filter_map(|one| self.loosened(one)).collect();
            return (!left.is_empty()).then_some(Scalar::And(left));
        } else if let Scalar::Or(any) = condition {
            return any.iter().map(|one| self.loosened(one)).collect::<Option<_>>().map(Scalar::Or);
        } else if let Scalar::Truth { arg, is: TruthValue::True } = condition {
            return self.loosened(arg);
        }
        None
    }

    /// The column of which a condition asks for certain codes, by their names or a pattern, and of nothing else.
    pub(super) fn asked_for(&self, condition: &Scalar) -> Option<ColumnId> {
        let arg = match condition {
            Scalar::Compare { op: Operator::Eq, left, right } if right.columns().is_empty() => left,
            Scalar::InList { arg, list, negated: false }
                if list.iter().all(|value| value.columns().is_empty()) =>
            {
                arg
            }
            Scalar::Like { arg, negated: false, .. } => arg,
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => return None,
        };
        match (arg.as_ref(), self.is_code(arg)) {
            (Scalar::Column(id), true) => Some(*id),
            _ => None,
        }
    }

    /// On which side of a predicate people are known to have a sensitive value.
    pub(super) fn telling(&self, predicate: &Scalar) -> Telling {
        if !self.is_sensitive(predicate) {
            return NOTHING;
        }
        match predicate {
            Scalar::And(args) if self.exclude_many(args) => EITHER,
            // Whoever fulfils all of several conditions fulfils each.
            Scalar::And(args) => Telling {
                inside: args.iter().any(|arg| self.telling(arg).inside),
                outside: args.iter().all(|arg| self.telling(arg).outside),
            },
            Scalar::Or(args) => Telling {
                inside: args.iter().all(|arg| self.telling(arg).inside),
                outside: args.iter().any(|arg| self.telling(arg).outside),
            },
            Scalar::Not(arg) => otherwise(self.telling(arg)),
            Scalar::Truth { arg, is: TruthValue::True } => self.telling(arg),
            Scalar::Truth { arg, is: TruthValue::False } => otherwise(self.telling(arg)),
            // How often a person took a branch, or had a code.
            Scalar::Compare { op: Operator::Gt | Operator::GtEq, left, right }
                if matches!(left.as_ref(), Scalar::Column(_)) && right.columns().is_empty() =>
            {
                IF_TRUE
            }
            // Only of a code does it say nothing to have another one.
            Scalar::Compare { op: Operator::Eq, left, right }
                if self.is_code(left) && right.columns().is_empty() =>
            {
                IF_TRUE
            }
            Scalar::Compare { op: Operator::NotEq, left, right }
                if self.is_code(left) && right.columns().is_empty() =>
            {
                IF_FALSE
            }
            Scalar::InList { arg, list, negated: true }
                if self.is_code(arg) && list.len() <= MOST_EXCLUDED =>
            {
                IF_FALSE
            }
            Scalar::InList { arg, negated: false, .. } if self.is_code(arg) => IF_TRUE,
            Scalar::Like { arg, negated, .. } if self.is_code(arg) => {
                if *negated {
                    IF_FALSE
                } else {
                    IF_TRUE
                }
            }
            Scalar::IsNull(arg) if !matches!(arg.as_ref(), Scalar::Column(_)) => EITHER,
            Scalar::IsNull(_) => IF_FALSE,
            Scalar::Column(_) => IF_TRUE,
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Truth { is: TruthValue::Unknown, .. } => EITHER,
        }
    }
}
