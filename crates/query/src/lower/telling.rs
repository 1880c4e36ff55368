//! What being on one side of a predicate tells of a person.
//!
//! Of a column that is declared sensitive, having a value is the secret. If everybody of a group has it,
//! to know the group is to know the value (Lupp & Langsrud 2021), whatever the size of the group.

use datafusion::logical_expr::Operator;

use crate::algebra::{Records, Scalar, TruthValue};
use crate::disclosure::Telling;

use super::Columns;

const NOTHING: Telling = Telling { inside: false, outside: false };
const IF_TRUE: Telling = Telling { inside: true, outside: false };
const IF_FALSE: Telling = Telling { inside: false, outside: true };
const EITHER: Telling = Telling { inside: true, outside: true };

fn otherwise(telling: Telling) -> Telling {
    Telling { inside: telling.outside, outside: telling.inside }
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

    /// On which side of a predicate people are known to have a sensitive value.
    pub(super) fn telling(&self, predicate: &Scalar) -> Telling {
        if !self.is_sensitive(predicate) {
            return NOTHING;
        }
        match predicate {
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
            Scalar::Compare { op: Operator::Eq | Operator::IsNotDistinctFrom, .. } => IF_TRUE,
            Scalar::Compare { op: Operator::NotEq | Operator::IsDistinctFrom, .. } => IF_FALSE,
            // How often a person took a branch, or had a code.
            Scalar::Compare { op: Operator::Gt | Operator::GtEq, right, .. }
                if right.columns().is_empty() =>
            {
                IF_TRUE
            }
            Scalar::InList { negated, .. } | Scalar::Like { negated, .. } => {
                if *negated {
                    IF_FALSE
                } else {
                    IF_TRUE
                }
            }
            Scalar::IsNull(_) => IF_FALSE,
            Scalar::Column(_) => IF_TRUE,
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Truth { is: TruthValue::Unknown, .. } => EITHER,
        }
    }
}
