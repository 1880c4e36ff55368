//! The exact contributions behind an amount: what it is made of, without constant factors and roundings.
//!
//! `sum(x)` of everybody and `sum(x / 3.0)` of everybody but one person are nearly proportional, and exact
//! arithmetic would take them for unrelated numbers: each record's third is rounded. So wherever an amount is
//! a multiple, a quotient, a mean or another form of a column, the sum of the column itself is judged beside
//! it, as one that was published too.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Operator, ScalarUDF};

use crate::algebra::{ColumnId, Scalar, TruthValue};

use super::Columns;
use super::measure::{arithmetic, is_constant, taken_here};

/// The parts of a product.
#[derive(Default)]
struct Factors {
    /// Where the product is not nothing.
    conditions: Vec<Scalar>,
    /// What is multiplied, constants apart.
    values: Vec<Scalar>,
    /// What it is divided by, constants apart.
    divisors: Vec<Scalar>,
}

impl Factors {
    fn place(&mut self, value: Scalar, divides: bool) {
        let list = if divides { &mut self.divisors } else { &mut self.values };
        list.push(value);
    }
}

/// That an aggregate of a person hides what it was made of.
pub(super) struct Encoded;

impl Columns {
    /// The sums that whoever has the sum of a term also has, but for a rounding: that of the product of its
    /// columns, and those of the columns that are multiplied.
    ///
    /// The term itself is not among them, and nothing is of a term without columns.
    pub(super) fn behind(&self, term: &Scalar) -> Vec<Scalar> {
        let mut factors = Factors::default();
        self.collect_factors(term, false, &mut factors);
        self.without_made(&mut factors);
        let Factors { mut conditions, values, divisors } = factors;
        let several = values.len().saturating_add(divisors.len()) > 1 || !divisors.is_empty();
        if several {
            conditions.push(Scalar::is_present(term.clone()));
        }
        let mut found: Vec<Scalar> = self.quotient(&values, &divisors).into_iter().collect();
        if several {
            found.extend(values);
        }
        let here = match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Scalar::And(conditions)),
        };
        let placed = |value: Scalar| match &here {
            Some(here) => taken_here(here, value),
            None => value,
        };
        let mut behind: Vec<Scalar> = Vec::new();
        for value in found.into_iter().map(placed) {
            if value != *term && !behind.contains(&value) {
                behind.push(value);
            }
        }
        behind
    }

    /// The exact form of a value with a single term, if it is another than the value.
    pub(super) fn exact(&self, value: &Scalar) -> Option<Scalar> {
        self.behind(value).into_iter().next()
    }

    /// What is added up, or chosen, exactly behind one of a person's aggregates, with the function that does it;
    /// `Err` where it cannot be told.
    pub(super) fn behind_aggregate(&self, name: &str, arg: &Scalar) -> Result<Option<Scalar>, Encoded> {
        let exact = self.exact(arg);
        if is_constant(arg) {
            return Ok(None);
        }
        match name {
            "avg" => Ok(Some(exact.unwrap_or_else(|| arg.clone()))),
            "sum" => Ok(exact),
            "count" => Ok(None),
            "max" | "median" | "min" if exact.is_some() && is_negated(arg) => Err(Encoded),
            "max" | "median" | "min" => Ok(exact),
            _ if self.is_inexact(arg) => Err(Encoded),
            _ => Ok(None),
        }
    }

    /// The type of a sum of exact values.
    pub(super) fn type_of_sum(&self, exact: &Scalar) -> DataType {
        if self.is_integer(exact) {
            return DataType::Int64;
        }
        match exact {
            Scalar::Column(id) => match self.info(*id).map(|info| &info.data_type) {
                Some(DataType::Decimal128(_, scale)) => DataType::Decimal128(38, *scale),
                Some(_) | None => DataType::Float64,
            },
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => DataType::Float64,
        }
    }

    /// The tables whose records of a person an expression counts.
    pub(super) fn counted(&self, scalar: &Scalar) -> BTreeSet<String> {
        let of = |id| self.info(id).map(|info| info.counted.clone()).unwrap_or_default();
        scalar.columns().into_iter().flat_map(of).collect()
    }

    /// Whether an amount is a mean of a person's records, and stands beside as many of them: added up, it is
    /// their sum.
    pub(super) fn adds_up(&self, arg: &Scalar, repeating: &BTreeSet<&str>) -> bool {
        let repeats =
            |scalar: &Scalar| self.counted(scalar).iter().any(|table| repeating.contains(table.as_str()));
        let here = match arg {
            Scalar::Arithmetic { op: Operator::Divide, right, .. } => repeats(right),
            Scalar::Column(id) => self.info(*id).is_some_and(|info| info.behind.is_some()) && repeats(arg),
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => false,
        };
        here || (!is_predicate(arg) && arg.children().into_iter().any(|child| self.adds_up(child, repeating)))
    }

    /// Whether a value is a multiple, quotient or mean of columns that the engine rounds.
    pub(super) fn is_inexact(&self, value: &Scalar) -> bool {
        !self.is_integer(value) && self.exact(value).is_some()
    }

    fn collect_factors(&self, scalar: &Scalar, divides: bool, found: &mut Factors) {
        if is_constant(scalar) {
            return;
        }
        match scalar {
            Scalar::Negative(inner) => self.collect_factors(inner, divides, found),
            Scalar::Cast { arg, to } if to.is_numeric() && self.is_number(arg) => {
                self.collect_factors(arg, divides, found);
            }
            Scalar::Arithmetic { op: Operator::Multiply, left, right } => {
                self.collect_factors(left, divides, found);
                self.collect_factors(right, divides, found);
            }
            // Integers are divided without a rest: of what divides, that is another value.
            Scalar::Arithmetic { op: Operator::Divide, left, right }
                if !divides || !self.is_integer(left) || !self.is_integer(right) =>
            {
                self.collect_factors(left, divides, found);
                self.collect_factors(right, !divides, found);
            }
            Scalar::Case { branches, otherwise: None } if branches.len() == 1 => {
                for (when, then) in branches {
                    found.conditions.push(when.clone());
                    self.collect_factors(then, divides, found);
                }
            }
            Scalar::And(_)
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => found.conditions.push(scalar.clone()),
            Scalar::Cast { arg, to } if to.is_numeric() && is_predicate(arg) => {
                found.conditions.push(arg.as_ref().clone());
            }
            Scalar::Function { function, args } => self.collect_changed(function, args, divides, found),
            Scalar::Column(id) => {
                let behind = self.info(*id).and_then(|info| info.behind.clone());
                found.place(behind.unwrap_or_else(|| scalar.clone()), divides);
            }
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Literal(_) => found.place(scalar.clone(), divides),
        }
    }

    /// Of a function that changes a value, the exact value changed in the same way.
    fn collect_changed(
        &self,
        function: &Arc<ScalarUDF>,
        args: &[Scalar],
        divides: bool,
        found: &mut Factors,
    ) {
        if let ("nullif", [value, other]) = (function.name(), args) {
            let same = Scalar::equal(value.clone(), other.clone());
            let same = Scalar::Truth { arg: Box::new(same), is: TruthValue::True };
            found.conditions.push(Scalar::Not(Box::new(same)));
            return self.collect_factors(value, divides, found);
        }
        let exact = |arg: &Scalar| self.exact(arg).unwrap_or_else(|| arg.clone());
        let changes = function.name() == "abs" && !divides;
        let args = if changes { args.iter().map(exact).collect() } else { args.to_vec() };
        found.place(Scalar::Function { function: Arc::clone(function), args }, divides);
    }

    /// A column among whose values are constants of the analyst may be a constant in other words: beside a
    /// value of records it says where there is a product.
    fn without_made(&self, factors: &mut Factors) {
        let made = |value: &Scalar| matches!(value, Scalar::Column(id) if self.info(*id).is_some_and(|info| info.made));
        if factors.values.iter().all(made) {
            return;
        }
        let Factors { conditions, values, divisors } = factors;
        for list in [values, divisors] {
            let (constants, kept): (Vec<Scalar>, Vec<Scalar>) =
                std::mem::take(list).into_iter().partition(made);
            *list = kept;
            conditions.extend(constants.into_iter().map(is_not_nought));
        }
    }

    /// The product of some values over that of others.
    fn quotient(&self, values: &[Scalar], divisors: &[Scalar]) -> Option<Scalar> {
        if divisors.is_empty() && values.len() == 1 {
            return values.first().cloned();
        }
        let whole = divisors.is_empty() && values.iter().all(|value| self.is_integer(value));
        let typed = |value: &Scalar| if whole { value.clone() } else { double(value) };
        let product = |factors: &[Scalar]| {
            let joined = |left, right| arithmetic(Operator::Multiply, left, right);
            factors.iter().map(typed).reduce(joined)
        };
        match (product(values), product(divisors)) {
            (top, None) => top,
            (None, Some(bottom)) => {
                let one = double(&super::measure::one());
                Some(arithmetic(Operator::Divide, one, bottom))
            }
            (Some(top), Some(bottom)) => Some(arithmetic(Operator::Divide, top, bottom)),
        }
    }

    /// Whether an expression is a number, or the days between two dates, before any cast.
    pub(super) fn is_number(&self, scalar: &Scalar) -> bool {
        match scalar {
            Scalar::Column(id) => self.info(*id).is_some_and(|info| info.data_type.is_numeric()),
            Scalar::Cast { to, .. } => to.is_numeric(),
            Scalar::Literal(value) => value.data_type().is_numeric(),
            Scalar::Negative(arg) => self.is_number(arg),
            Scalar::Arithmetic { op, left, right } => {
                let days = *op == Operator::Minus && self.is_date(left) && self.is_date(right);
                days || (self.is_number(left) && self.is_number(right))
            }
            Scalar::Case { branches, otherwise } => {
                let mut values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
                values.all(|value| self.is_number(value))
            }
            Scalar::Function { function, args } => match function.name() {
                "abs" | "date_part" | "signum" => true,
                "greatest" | "least" | "nullif" => args.iter().all(|arg| self.is_number(arg)),
                _ => false,
            },
            Scalar::And(_)
            | Scalar::Bits { .. }
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => false,
        }
    }

    /// Whether the engine rounds each record's value by itself: integers that are divided by a constant, and
    /// fractions that become integers.
    pub(super) fn rounds(&self, arg: &Scalar) -> bool {
        let here = match arg {
            Scalar::Arithmetic { op: Operator::Divide, left, right } => {
                self.is_integer(left)
                    && self.is_integer(right)
                    && is_constant(right)
                    && !left.columns().is_empty()
            }
            Scalar::Cast { arg, to } => to.is_integer() && self.is_fraction(arg),
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
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
            | Scalar::Truth { .. } => false,
        };
        // What a condition computes is no amount.
        if let Scalar::Case { branches, otherwise } = arg {
            let mut values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
            return values.any(|value| self.rounds(value));
        }
        here || (!is_predicate(arg) && arg.children().into_iter().any(|child| self.rounds(child)))
    }

    fn is_fraction(&self, scalar: &Scalar) -> bool {
        let broken = |data_type: &DataType| {
            data_type.is_floating() || matches!(data_type, DataType::Decimal128(_, scale) if *scale > 0)
        };
        if let Scalar::Column(id) = scalar {
            self.info(*id).is_some_and(|info| broken(&info.data_type))
        } else if let Scalar::Cast { to, .. } = scalar {
            broken(to)
        } else if let Scalar::Literal(value) = scalar {
            broken(&value.data_type())
        } else {
            !is_predicate(scalar) && scalar.children().into_iter().any(|child| self.is_fraction(child))
        }
    }

    /// Whether a quotient could cancel what was multiplied, so that one column is left in other words.
    pub(super) fn cancels(&self, arg: &Scalar) -> bool {
        let own = |scalar: &Scalar| -> BTreeSet<String> {
            let of = |id: ColumnId| self.info(id).map(|info| info.origins.clone()).unwrap_or_default();
            scalar.columns().into_iter().flat_map(of).collect()
        };
        let here = match arg {
            Scalar::Arithmetic { op: Operator::Divide, left, right } => {
                let terms = super::measure::terms(left, self).unwrap_or_default();
                let product = |term: &Scalar| {
                    let mut factors = Factors::default();
                    self.collect_factors(term, false, &mut factors);
                    factors.values.len() > 1 && !own(term).is_disjoint(&own(right))
                };
                terms.iter().any(product)
                    || right.children().into_iter().any(|part| self.divides_itself(part))
            }
            Scalar::Arithmetic { op: Operator::Multiply, left, right } => {
                [left, right].into_iter().any(|side| self.divides_itself(side))
                    && !is_constant(left)
                    && !is_constant(right)
            }
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
            | Scalar::Truth { .. } => false,
        };
        here || (!is_predicate(arg) && arg.children().into_iter().any(|child| self.cancels(child)))
    }

    /// Whether a value is divided by itself somewhere in an expression.
    fn divides_itself(&self, scalar: &Scalar) -> bool {
        let origins = |scalar: &Scalar| -> BTreeSet<String> {
            let of = |id: ColumnId| self.info(id).map(|info| info.origins.clone()).unwrap_or_default();
            scalar.columns().into_iter().flat_map(of).collect()
        };
        let here = matches!(scalar, Scalar::Arithmetic { op: Operator::Divide, left, right }
            if !origins(left).is_disjoint(&origins(right)));
        here || scalar.children().into_iter().any(|child| self.divides_itself(child))
    }
}

/// Whether a constant may turn the order of values round.
fn is_negated(scalar: &Scalar) -> bool {
    let negative = matches!(scalar, Scalar::Literal(value) if value.to_string().starts_with('-'));
    negative
        || matches!(scalar, Scalar::Negative(_) | Scalar::Arithmetic { op: Operator::Minus, .. })
        || scalar.children().into_iter().any(is_negated)
}

/// Whether an expression is true or false.
pub(super) fn is_predicate(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => true,
        Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Column(_)
        | Scalar::Function { .. }
        | Scalar::Literal(_)
        | Scalar::Negative(_) => false,
    }
}

fn is_not_nought(value: Scalar) -> Scalar {
    let nought = double(&Scalar::Literal(datafusion::common::ScalarValue::Int64(Some(0))));
    Scalar::Compare { op: Operator::NotEq, left: Box::new(double(&value)), right: Box::new(nought) }
}

/// A number as a double.
pub(super) fn double(value: &Scalar) -> Scalar {
    Scalar::Cast { arg: Box::new(value.clone()), to: DataType::Float64 }
}
