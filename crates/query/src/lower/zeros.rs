//! Who would be on an empty side of a branch, were the conditions on some columns left out.
//!
//! Beside a blank, a zero of `FILTER (WHERE died = 1 AND v)` says of everybody who fulfils v that they did not die.
//! So where a side is empty, the same records are looked at without what restricts them, grouped by the keys and by
//! each condition: then it can be told who would be there without any of the columns that are read. A condition that
//! reads several columns at once could hold them all in one number: nothing can be left out of it, and its zeros are
//! not shown.

mod opened;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::algebra::{ColumnInfo, Formula, Frontier, Scalar, Sides, Statistic, TruthValue, Zeros};

use super::Columns;
use super::graph::conjuncts;
use opened::Opened;

/// Most conditions by which the records are grouped.
const MOST_LITERALS: usize = 64;

/// What is asked of a condition, which may be NULL.
#[derive(Clone, Copy)]
enum Sense {
    False,
    NotFalse,
    NotTrue,
    True,
}

/// A condition reads several columns, or none, or there are too many.
struct Unknown;

impl Columns {
    /// What it takes to judge the empty sides of a frontier's branches, where it has any.
    pub(super) fn zeros(&mut self, frontier: &Frontier) -> Option<Zeros> {
        if frontier.statistics.iter().all(|statistic| statistic.branches.is_empty()) {
            return None;
        }
        let mut opened = Opened::new(self);
        let input = opened.records(&frontier.input);
        let conditions = std::mem::take(&mut opened.conditions);
        let mut literals = Literals { opened, found: Vec::new(), names: Vec::new() };
        let mut columns: Vec<usize> = Vec::new();
        for (_, key) in &frontier.keys {
            columns.extend(literals.column(key));
        }
        let all_keys = columns.len() == frontier.keys.len();
        let around = conditions.iter().map(|condition| literals.formula(condition, Sense::True));
        let around = around.collect::<Result<Vec<_>, Unknown>>().ok();
        let known = all_keys.then_some(input).flatten().zip(around);
        let is_known = known.is_some();
        let sides = |statistic: &Statistic| literals.sides_of(statistic, is_known);
        let branches = frontier.statistics.iter().map(sides).collect();
        let Literals { opened, found, .. } = literals;
        let (keys, has_sets) = (columns.len(), frontier.sets.is_some());
        columns.extend(found.iter().map(|(_, column)| *column));
        let Some((input, around)) = known else {
            return Some(Zeros {
                frontier: None,
                columns,
                keys,
                has_sets,
                around: Formula::All(Vec::new()),
                branches,
            });
        };
        let boolean =
            |(literal, _): (Scalar, usize)| (opened.known.add(ColumnInfo::plain(DataType::Boolean)), literal);
        let keys_of = frontier.keys.iter().cloned().chain(found.into_iter().map(boolean)).collect();
        let frontier = Frontier {
            input,
            keys: keys_of,
            sets: None,
            statistics: Vec::new(),
            units: Vec::new(),
            complete: None,
            telling: std::collections::BTreeMap::new(),
            parent: None,
            attributes: Vec::new(),
            zeros: None,
        };
        Some(Zeros {
            frontier: Some(Box::new(frontier)),
            columns,
            keys,
            has_sets,
            around: Formula::All(around),
            branches,
        })
    }
}

/// The conditions that read one column each.
struct Literals<'a> {
    opened: Opened<'a>,
    /// With the column of each, by number.
    found: Vec<(Scalar, usize)>,
    names: Vec<String>,
}

impl Literals<'_> {
    /// The two sides of each branch. A CASE inside a FILTER divides those who pass the filter.
    fn sides_of(&mut self, statistic: &Statistic, is_known: bool) -> Vec<Sides> {
        let sides = |division: &crate::algebra::Division| {
            let predicate = &division.predicate;
            let within = statistic.filter.as_ref().filter(|filter| *filter != predicate);
            match self.both(within, predicate).ok().filter(|_| is_known) {
                Some((inside, outside)) => Sides::Known { inside, outside },
                None if is_silent(predicate) => Sides::Silent,
                None => Sides::Unknown,
            }
        };
        statistic.branches.iter().map(sides).collect()
    }

    fn both(&mut self, within: Option<&Scalar>, predicate: &Scalar) -> Result<(Formula, Formula), Unknown> {
        let within = within.map(|filter| self.formula(filter, Sense::True)).transpose()?;
        let mut side = |sense| {
            let side = self.formula(predicate, sense)?;
            Ok(Formula::All(within.iter().cloned().chain([side]).collect()))
        };
        Ok((side(Sense::True)?, side(Sense::NotTrue)?))
    }

    /// A condition without NOT, over literals.
    fn formula(&mut self, scalar: &Scalar, sense: Sense) -> Result<Formula, Unknown> {
        match (scalar, sense) {
            (Scalar::And(all), Sense::True | Sense::NotFalse)
            | (Scalar::Or(all), Sense::False | Sense::NotTrue) => self.each(all, sense).map(Formula::All),
            (Scalar::Or(all), Sense::True | Sense::NotFalse)
            | (Scalar::And(all), Sense::False | Sense::NotTrue) => self.each(all, sense).map(Formula::Any),
            (Scalar::Not(arg), sense) => self.formula(arg, sense.of_not()),
            (Scalar::Truth { arg, is: TruthValue::True }, Sense::True | Sense::NotFalse) => {
                self.formula(arg, Sense::True)
            }
            (Scalar::Truth { arg, is: TruthValue::True }, Sense::False | Sense::NotTrue) => {
                self.formula(arg, Sense::NotTrue)
            }
            (Scalar::Truth { arg, is: TruthValue::False }, Sense::True | Sense::NotFalse) => {
                self.formula(arg, Sense::False)
            }
            (Scalar::Truth { arg, is: TruthValue::False }, Sense::False | Sense::NotTrue) => {
                self.formula(arg, Sense::NotFalse)
            }
            (Scalar::Literal(value), sense) => Ok(sense.of_constant(value)),
            (condition, sense) => self.literal(condition, sense),
        }
    }

    fn each(&mut self, all: &[Scalar], sense: Sense) -> Result<Vec<Formula>, Unknown> {
        all.iter().map(|one| self.formula(one, sense)).collect()
    }

    fn literal(&mut self, condition: &Scalar, sense: Sense) -> Result<Formula, Unknown> {
        let column = self.column(condition).ok_or(Unknown)?;
        let literal = sense.of(condition);
        if let Some(number) = self.found.iter().position(|(known, _)| *known == literal) {
            return Ok(Formula::Literal(number));
        }
        if self.found.len() >= MOST_LITERALS {
            return Err(Unknown);
        }
        self.found.push((literal, column));
        Ok(Formula::Literal(self.found.len().saturating_sub(1)))
    }

    /// The number of the only column that decides about an expression.
    fn column(&mut self, scalar: &Scalar) -> Option<usize> {
        let mut read = self.opened.reads(scalar).into_iter();
        let (Some(name), None) = (read.next(), read.next()) else { return None };
        let known = self.names.iter().position(|known| *known == name);
        known.or_else(|| {
            self.names.push(name);
            self.names.len().checked_sub(1)
        })
    }
}

impl Sense {
    fn of_not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::NotFalse => Self::NotTrue,
            Self::NotTrue => Self::NotFalse,
            Self::True => Self::False,
        }
    }

    fn of_constant(self, value: &ScalarValue) -> Formula {
        let value = if let ScalarValue::Boolean(value) = value { *value } else { None };
        let holds = match self {
            Self::False => value == Some(false),
            Self::NotFalse => value != Some(false),
            Self::NotTrue => value != Some(true),
            Self::True => value == Some(true),
        };
        if holds { Formula::All(Vec::new()) } else { Formula::Any(Vec::new()) }
    }

    /// The condition as one that is never NULL.
    fn of(self, condition: &Scalar) -> Scalar {
        let (is, negated) = match self {
            Self::False => (TruthValue::False, false),
            Self::NotFalse => (TruthValue::False, true),
            Self::NotTrue => (TruthValue::True, true),
            Self::True => (TruthValue::True, false),
        };
        let literal = Scalar::Truth { arg: Box::new(condition.clone()), is };
        if negated { Scalar::Not(Box::new(literal)) } else { literal }
    }
}

/// Whether a branch is one that no condition of the analyst made: an operation that has no value, or a sign.
fn is_silent(predicate: &Scalar) -> bool {
    let made_by_us = |one: &Scalar| match one {
        Scalar::IsNull(arg) => is_operation(arg),
        // Only what we compare is cast beside a constant that is.
        Scalar::Compare { right, .. } => {
            matches!(right.as_ref(), Scalar::Cast { arg, .. } if matches!(arg.as_ref(), Scalar::Literal(_)))
        }
        Scalar::And(_)
        | Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Column(_)
        | Scalar::Function { .. }
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Literal(_)
        | Scalar::Negative(_)
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => false,
    };
    conjuncts(predicate.clone()).iter().any(made_by_us)
}

/// Whether an expression computes, and chooses nothing.
fn is_operation(scalar: &Scalar) -> bool {
    let computes = |scalar: &Scalar| match scalar {
        Scalar::Arithmetic { .. } | Scalar::Cast { .. } | Scalar::Column(_) => true,
        Scalar::Literal(_) | Scalar::Negative(_) => true,
        Scalar::Function { function, .. } => !["greatest", "least", "nullif"].contains(&function.name()),
        Scalar::And(_)
        | Scalar::Bits { .. }
        | Scalar::Case { .. }
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => false,
    };
    !matches!(scalar, Scalar::Column(_))
        && computes(scalar)
        && scalar
            .children()
            .into_iter()
            .all(|child| matches!(child, Scalar::Column(_)) || is_operation(child))
}
