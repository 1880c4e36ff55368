//! Where an expression has no value though everything that it reads has one: a condition in disguise.
//!
//! `count(1 / (x - 1216))` counts whoever has another x than 1216, and `count(CAST(x AS SMALLINT))` whoever has
//! less than 32,768. So each such operation is scrutinised like the comparison that it is, and inside a
//! statistic those without a value are judged as a branch.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::Scalar;
use crate::model::{Code, Refusal};

use super::exact::double;
use super::grain::{Grain, Ratio, number};
use super::{Columns, Lowering};

/// Most decimal digits that a whole number of the engine has room for.
const MOST_DIGITS: u32 = 18;

/// Digits that values of a column are taken to have at most.
const DIGITS_OF_VALUES: u32 = 7;

/// Digits of a number that is given as a double: more than any.
const DIGITS_OF_DOUBLES: u32 = 99;

/// Digits of which every number is a 32-bit integer.
const DIGITS_OF_INTEGERS: u32 = 9;

/// Functions without a value for some numbers.
const PARTIAL: [&str; 9] = ["exp", "ln", "log", "log10", "log2", "make_date", "pow", "power", "sqrt"];

impl Columns {
    /// Who has no value of an operation though they have its operands; `None` of one that always has a value.
    pub(super) fn without_value(&self, scalar: &Scalar) -> Option<Scalar> {
        let there = |arg: &Scalar| Scalar::is_present(arg.clone());
        match scalar {
            Scalar::Arithmetic { op: Operator::Divide, right, .. } if !right.columns().is_empty() => {
                Some(compare(Operator::Eq, &double(right), &double(&nought())))
            }
            Scalar::Cast { arg, to } if !arg.columns().is_empty() && self.may_not_fit(arg, to) => {
                Some(Scalar::And(vec![there(arg), Scalar::IsNull(Box::new(scalar.clone()))]))
            }
            Scalar::Function { function, args } if PARTIAL.contains(&function.name()) => {
                let read = args.iter().filter(|arg| !arg.columns().is_empty()).map(there);
                let mut all: Vec<Scalar> = read.collect();
                all.push(Scalar::IsNull(Box::new(scalar.clone())));
                (all.len() > 1).then_some(Scalar::And(all))
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
            | Scalar::Truth { .. } => None,
        }
    }

    /// Whether a value may have no form in another type.
    fn may_not_fit(&self, arg: &Scalar, to: &DataType) -> bool {
        let from = if let Scalar::Column(id) = arg {
            self.info(*id).map(|info| info.data_type.clone())
        } else if let Scalar::Cast { to, .. } = arg {
            Some(to.clone())
        } else if let Scalar::Literal(value) = arg {
            Some(value.data_type())
        } else if matches!(arg, Scalar::Function { function, .. } if function.name() == "date_part") {
            Some(DataType::Int32)
        } else {
            self.is_integer(arg).then_some(DataType::Int64)
        };
        let Some(from) = from else { return narrow(to) };
        if from == *to || to.is_string() || from.is_null() || from == DataType::Boolean {
            return false;
        }
        if from.is_string() {
            return true;
        }
        narrow(to) && !holds(to, &from)
    }

    /// How many digits the largest number of an expression may have.
    fn digits(&self, scalar: &Scalar) -> u32 {
        if let Some(constant) = number(scalar) {
            return constant.digits();
        }
        match scalar {
            Scalar::Literal(value) if value.data_type().is_numeric() && !value.is_null() => DIGITS_OF_DOUBLES,
            Scalar::Arithmetic { op: Operator::Multiply | Operator::Divide, left, right } => {
                self.digits(left).saturating_add(self.digits(right))
            }
            Scalar::Arithmetic { left, right, .. } => {
                self.digits(left).max(self.digits(right)).saturating_add(1)
            }
            Scalar::Column(_) => DIGITS_OF_VALUES,
            Scalar::Function { function, args } if matches!(function.name(), "pow" | "power") => {
                let power = args.get(1).and_then(number).map_or(DIGITS_OF_DOUBLES, Ratio::ceiling);
                args.first().map_or(0, |arg| self.digits(arg)).saturating_mul(power)
            }
            Scalar::And(_)
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
            | Scalar::Truth { .. } => {
                scalar.children().into_iter().map(|child| self.digits(child)).max().unwrap_or(0)
            }
        }
    }

    /// How many digits an exact number of the expression has behind its point.
    fn decimals(&self, scalar: &Scalar) -> u32 {
        let scale = |data_type: &DataType| {
            if let DataType::Decimal128(_, scale) = data_type {
                u32::try_from(*scale).unwrap_or(0)
            } else {
                0
            }
        };
        let inner = || scalar.children().into_iter().map(|child| self.decimals(child));
        match scalar {
            Scalar::Column(id) => self.info(*id).map_or(0, |info| scale(&info.data_type)),
            Scalar::Literal(value) => scale(&value.data_type()),
            Scalar::Cast { to, .. } if to.is_floating() || to.is_integer() => 0,
            Scalar::Cast { to, .. } => scale(to),
            Scalar::Arithmetic { op: Operator::Multiply | Operator::Divide, .. } => inner().sum(),
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => inner().max().unwrap_or(0),
        }
    }

    fn reads_isolating(&self, scalar: &Scalar) -> bool {
        scalar.columns().into_iter().any(|id| self.line(id).is_some())
            || matches!(self.grain(scalar), Grain::Fine(_))
    }
}

impl Lowering<'_> {
    /// Refuses an operation that has no value at single values of an isolating column.
    pub(super) fn partial(&self, scalar: &Scalar) -> Result<(), Refusal> {
        if !self.columns.reads_isolating(scalar) {
            return Ok(());
        }
        let fits = match scalar {
            Scalar::Arithmetic { op: Operator::Divide, right, .. } => {
                self.fits(scalar) && self.may_divide(right)
            }
            Scalar::Arithmetic { .. } => self.fits(scalar),
            Scalar::Cast { arg, to } => self.may_be_cast(arg, to),
            Scalar::Function { function, args } => match (function.name(), args.as_slice()) {
                ("ln" | "log10" | "log2" | "sqrt", [arg]) | ("log", [.., arg]) => {
                    self.is_cut(arg, Ratio::ZERO)
                }
                ("pow" | "power", [arg, power]) => {
                    let whole = number(power).is_some_and(Ratio::is_whole);
                    self.fits(scalar) && (whole || self.is_cut(arg, Ratio::ZERO))
                }
                ("exp" | "make_date", _) => false,
                _ => true,
            },
            Scalar::And(_)
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => true,
        };
        if fits { Ok(()) } else { Err(self.has_no_value(scalar)) }
    }

    /// Whether a number of the expression has room whatever the record.
    fn fits(&self, scalar: &Scalar) -> bool {
        self.columns.digits(scalar) <= MOST_DIGITS && self.columns.decimals(scalar) <= MOST_DIGITS
    }

    /// Whether an expression over an isolating column may divide: the column itself is nought for a reason that
    /// is not the analyst's; a difference is nought where the analyst wants it.
    fn may_divide(&self, divisor: &Scalar) -> bool {
        let isolating = |part: &Scalar| self.columns.reads_isolating(part);
        let shifts = matches!(divisor, Scalar::Arithmetic { op: Operator::Minus | Operator::Plus, .. });
        let shifted = matches!(self.columns.grain(divisor), Grain::Fine(line) if line.is_shifted());
        !(isolating(divisor) && (shifts || shifted))
            && divisor.children().into_iter().all(|part| self.may_divide(part))
    }

    /// Whether a cast of an expression over an isolating column has a value for all, or up to a step.
    fn may_be_cast(&self, arg: &Scalar, to: &DataType) -> bool {
        if let DataType::Decimal128(_, scale) = to {
            let whole = room(to).unwrap_or(0);
            let short = u32::try_from(*scale).unwrap_or(0) <= MOST_DIGITS;
            let grid = || Ratio::of_digits(whole).is_some_and(|end| self.is_cut(arg, end));
            return short && (whole >= MOST_DIGITS || grid());
        }
        if *to == DataType::Int32 {
            return self.columns.digits(arg) <= DIGITS_OF_INTEGERS;
        }
        if matches!(to, DataType::UInt32 | DataType::UInt64) {
            return self.is_cut(arg, Ratio::ZERO);
        }
        matches!(to, DataType::Int64)
            || to.is_floating()
            || to.is_string()
            || (is_of_time(to) && !self.is_numeric(arg))
    }

    fn is_numeric(&self, scalar: &Scalar) -> bool {
        self.columns.grain(scalar) != Grain::Coarse
            && scalar
                .columns()
                .into_iter()
                .any(|id| self.columns.info(id).is_some_and(|info| info.data_type.is_numeric()))
    }

    /// Whether an expression may be cut there.
    fn is_cut(&self, arg: &Scalar, end: Ratio) -> bool {
        match self.columns.grain(arg) {
            Grain::Fine(line) => line.may_be_cut_at(end),
            Grain::Coarse | Grain::Date(_) => true,
            Grain::Mixed => false,
        }
    }

    fn has_no_value(&self, scalar: &Scalar) -> Refusal {
        let name = self.name_of(scalar);
        let message = format!(
            "an expression over `{name}` would have no value (NULL) for chosen values of it, which is a condition that could single one out"
        );
        let hint = "divide by a column itself, or NULLIF(x, 0); cast to BIGINT or DOUBLE, multiply by smaller numbers, and ask for ranges of the column in WHERE";
        Refusal::new(Code::ExpressionNotAllowed, message, hint).at(self.place_of(scalar))
    }
}

/// Whether a type has no room for every number.
fn narrow(to: &DataType) -> bool {
    if matches!(to, DataType::Decimal128(..)) {
        return room(to).is_some_and(|room| room < MOST_DIGITS);
    }
    let wide = matches!(to, DataType::Int64 | DataType::Boolean | DataType::Null) || to.is_string();
    !wide && !matches!(to, DataType::Float32 | DataType::Float64)
}

/// Digits before the point for which an exact number has room.
fn room(data_type: &DataType) -> Option<u32> {
    if let DataType::Decimal128(digits, scale) = data_type {
        return u32::try_from(i64::from(*digits).saturating_sub(i64::from(*scale))).ok();
    }
    let of = |known: DataType, digits: u32| (*data_type == known).then_some(digits);
    of(DataType::Int8, 3)
        .or_else(|| of(DataType::Int16, 5))
        .or_else(|| of(DataType::Int32, 10))
        .or_else(|| of(DataType::Int64, 19))
}

/// Whether every value of a type has a form in another.
fn holds(to: &DataType, from: &DataType) -> bool {
    let days = *from == DataType::Date32 && matches!(to, DataType::Int32 | DataType::Int64);
    let of_time = is_of_time(to) && is_of_time(from);
    days || of_time || room(to).zip(room(from)).is_some_and(|(to, from)| to >= from)
}

fn is_of_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..))
}

fn nought() -> Scalar {
    Scalar::Literal(ScalarValue::Int64(Some(0)))
}

fn compare(op: Operator, left: &Scalar, right: &Scalar) -> Scalar {
    Scalar::Compare { op, left: Box::new(left.clone()), right: Box::new(right.clone()) }
}
