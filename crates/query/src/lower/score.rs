//! Scores of a person: the sum of constants that their records are given, or the highest of them, as a
//! comorbidity index is.
//!
//! A sum of scores over people is one number in whose digits several could be read side by side: how many have
//! each constant. So the records of each constant are counted beside the score, and the sum is judged as the
//! sum of those terms.

use std::cmp::Ordering;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Scalar};
use crate::model::Refusal;

use super::person::{PersonAggregates, some};
use super::{Columns, Lowering, measure};

/// Most constants of one score.
const MOST_CONSTANTS: usize = 64;

/// Most values of an expression of constants that are labels like those of one column.
const MOST_VALUES: i64 = 100;

/// Constants, each with where it is taken.
type Choices = Vec<(ScalarValue, Vec<Scalar>)>;

impl Lowering<'_> {
    /// Says of a person's number what is added in it when it is summed over people, if it is a score.
    pub(super) fn score(
        &mut self,
        id: ColumnId,
        function: &str,
        arg: &Scalar,
        filter: Option<&Scalar>,
        aggregates: &mut PersonAggregates,
    ) -> Result<(), Refusal> {
        let Some(mut choices) = choices(arg).map(by_constant).filter(|_| !matches!(arg, Scalar::Literal(_)))
        else {
            return Ok(());
        };
        let highest_first = match function {
            "max" => true,
            "min" | "sum" => false,
            _ => return Ok(()),
        };
        let order =
            |one: &ScalarValue, other: &ScalarValue| one.partial_cmp(other).unwrap_or(Ordering::Equal);
        choices.sort_by(|(one, _), (other, _)| order(one, other));
        if function != "sum"
            && let (Some((ScalarValue::Int64(Some(least)), _)), Some((ScalarValue::Int64(Some(most)), _))) =
                (choices.first(), choices.last())
        {
            self.columns.is_between(id, *least, *most);
        }
        if choices.len() > MOST_CONSTANTS || choices.iter().filter(|(value, _)| !is_zero(value)).count() < 2 {
            return Ok(());
        }
        if highest_first {
            choices.reverse();
        }
        let (mut terms, mut better) = (Vec::new(), Vec::new());
        for (value, taken) in choices {
            let taken = Scalar::Or(taken);
            let taken = filter.map_or(taken.clone(), |filter| Scalar::And(vec![filter.clone(), taken]));
            let count = self.counted(taken, aggregates)?;
            let constant = Scalar::Literal(value.clone());
            let term = if function == "sum" {
                let count = Scalar::Cast { arg: Box::new(Scalar::Column(count)), to: value.data_type() };
                Scalar::Arithmetic {
                    op: Operator::Multiply,
                    left: Box::new(constant),
                    right: Box::new(count),
                }
            } else {
                measure::taken_here(&measure::first_of(&better, &some(count)), constant)
            };
            better.push(some(count));
            if !is_zero(&value) {
                terms.push(term);
            }
        }
        self.columns.has_terms(id, terms);
        Ok(())
    }
}

impl Columns {
    /// Says of a column what is added in it.
    pub(super) fn has_terms(&mut self, id: ColumnId, terms: Vec<Scalar>) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.terms = terms;
            info.encoded = false;
        }
    }

    fn is_between(&mut self, id: ColumnId, least: i64, most: i64) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.range = Some((least, most));
        }
    }

    /// Whether an expression can have so few values, whatever the record, that they are labels like those of one
    /// column.
    pub(super) fn has_few_values(&self, scalar: &Scalar) -> bool {
        self.range(scalar)
            .and_then(|(least, most)| most.checked_sub(least))
            .is_some_and(|more| more < MOST_VALUES)
    }

    /// The least and the most that a whole number can be, where constants alone say so.
    pub(super) fn range(&self, scalar: &Scalar) -> Option<(i64, i64)> {
        if let Scalar::Literal(ScalarValue::Int64(Some(value))) = scalar {
            return Some((*value, *value));
        } else if let Scalar::Column(id) = scalar {
            return self.info(*id)?.range;
        } else if let Scalar::Cast { arg, to: DataType::Int64 } = scalar {
            return self.range(arg);
        } else if let Scalar::Case { branches, otherwise } = scalar {
            let values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
            let ranges: Option<Vec<(i64, i64)>> = values.map(|value| self.range(value)).collect();
            return hull(ranges?.iter().flat_map(|(least, most)| [*least, *most]));
        }
        let Scalar::Arithmetic { op, left, right } = scalar else { return None };
        let ((a, b), (c, d)) = (self.range(left)?, self.range(right)?);
        let all = |op: fn(i64, i64) -> Option<i64>| -> Option<Vec<i64>> {
            [(a, c), (a, d), (b, c), (b, d)].into_iter().map(|(one, other)| op(one, other)).collect()
        };
        let ends = if *op == Operator::Plus {
            all(i64::checked_add)
        } else if *op == Operator::Minus {
            all(i64::checked_sub)
        } else if *op == Operator::Multiply {
            all(i64::checked_mul)
        } else {
            None
        };
        hull(ends?.into_iter())
    }
}

fn hull(values: impl Iterator<Item = i64> + Clone) -> Option<(i64, i64)> {
    values.clone().min().zip(values.max())
}

/// The constants that an amount chooses between, each with where it is chosen; `None` if it takes anything else.
fn choices(arg: &Scalar) -> Option<Vec<(ScalarValue, Scalar)>> {
    if let Scalar::Literal(value) = arg {
        return Some(vec![(value.clone(), Scalar::truth())]);
    } else if let Scalar::Cast { arg, to } = arg {
        let cast = |(value, here): (ScalarValue, Scalar)| Some((value.cast_to(to).ok()?, here));
        return choices(arg)?.into_iter().map(cast).collect();
    } else if let Scalar::Negative(arg) = arg {
        let negated = |(value, here): (ScalarValue, Scalar)| Some((value.arithmetic_negate().ok()?, here));
        return choices(arg)?.into_iter().map(negated).collect();
    }
    let Scalar::Case { branches, otherwise } = arg else { return None };
    let (mut taken, mut found) = (Vec::new(), Vec::new());
    for (when, then) in branches {
        let here = measure::first_of(&taken, when);
        taken.push(when.clone());
        found.extend(within(&here, then)?);
    }
    if let Some(otherwise) = otherwise {
        found.extend(within(&measure::first_of(&taken, &Scalar::truth()), otherwise)?);
    }
    Some(found)
}

/// The choices of a value that is only taken `here`.
fn within(here: &Scalar, value: &Scalar) -> Option<Vec<(ScalarValue, Scalar)>> {
    let both = |(value, inner): (ScalarValue, Scalar)| {
        let always = inner == Scalar::truth();
        (value, if always { here.clone() } else { Scalar::And(vec![here.clone(), inner]) })
    };
    Some(choices(value)?.into_iter().map(both).collect())
}

/// Each constant once; NULL is no value.
fn by_constant(choices: Vec<(ScalarValue, Scalar)>) -> Choices {
    let mut found = Choices::new();
    for (value, here) in choices.into_iter().filter(|(value, _)| !value.is_null()) {
        match found.iter_mut().find(|(known, _)| *known == value) {
            Some((_, taken)) => taken.push(here),
            None => found.push((value, vec![here])),
        }
    }
    found
}

fn is_zero(value: &ScalarValue) -> bool {
    ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value)
}
