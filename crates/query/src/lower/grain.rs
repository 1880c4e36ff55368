//! How finely the values of an expression tell people apart.
//!
//! Most people have a value of their own in an isolating column. It may be cut into classes at multiples
//! of its step, and an expression over several numeric columns is as fine as such a column.

mod ratio;

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Scalar};
use crate::model::{DateGrain, Step};

use super::Columns;

/// How fine values are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Grain {
    /// Shared by enough people, or cut into classes of at least a step.
    Coarse,
    /// Days, or parts of the calendar from this one on.
    Date(DateGrain),
    /// Those of an isolating column.
    Fine(Line),
    /// Those of an expression over several numeric columns.
    Mixed,
}

/// A number that is `factor` · x + `offset` for the value x of an isolating column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Of what x may be cut at multiples; at nothing where it is not known.
    step: Option<Step>,
    factor: Ratio,
    offset: Ratio,
}

/// An exact fraction.
///
/// INVARIANT: the denominator is above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Grain {
    /// The grain of an isolating column's values. Where every value is a multiple of the step, they are
    /// classes already.
    pub(crate) fn of_column(step: Option<Step>, data_type: &DataType) -> Self {
        let digits = digits(data_type);
        match step {
            Some(Step::Date(grain)) => Self::Date(grain),
            Some(step) if digits.is_some_and(|digits| step.divides(1, digits)) => Self::Coarse,
            Some(Step::Number { .. }) | None => {
                Self::Fine(Line { step, factor: Ratio::ONE, offset: Ratio::ZERO })
            }
        }
    }

    /// Of what a value of this type is shown as a multiple: of a column's step, or of one digit where values
    /// are shared by enough people.
    pub(super) fn step(&self, data_type: Option<&DataType>) -> Option<Step> {
        match self {
            Self::Coarse => Step::decimal(1, digits(data_type?)?),
            Self::Fine(line) if line.factor == Ratio::ONE && line.offset == Ratio::ZERO => line.step,
            Self::Date(_) | Self::Fine(_) | Self::Mixed => None,
        }
    }

    /// The coarsest that both are as fine as.
    pub(super) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Mixed, _) | (_, Self::Mixed) => Self::Mixed,
            (Self::Fine(line), Self::Fine(other)) if line == other => Self::Fine(line),
            (Self::Fine(_), Self::Fine(_)) => Self::Mixed,
            (Self::Fine(line), _) | (_, Self::Fine(line)) => Self::Fine(line),
            (Self::Date(one), Self::Date(other)) => Self::Date(one.min(other)),
            (Self::Date(grain), Self::Coarse) | (Self::Coarse, Self::Date(grain)) => Self::Date(grain),
            (Self::Coarse, Self::Coarse) => Self::Coarse,
        }
    }
}

impl Columns {
    /// How fine the values of an expression are.
    pub(super) fn grain(&self, scalar: &Scalar) -> Grain {
        match scalar {
            Scalar::Column(id) => self.info(*id).map_or(Grain::Coarse, |info| info.grain.clone()),
            Scalar::Arithmetic { .. } if self.has_few_values(scalar) => Grain::Coarse,
            Scalar::Arithmetic { op, left, right } => self.grain_of_arithmetic(*op, left, right),
            Scalar::Case { branches, otherwise } => {
                let values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
                values.map(|value| self.grain(value)).fold(Grain::Coarse, Grain::with)
            }
            Scalar::Cast { arg, to } => match self.grain(arg) {
                Grain::Fine(line) if to.is_integer() => line.classes(Ratio::ONE),
                grain @ (Grain::Coarse | Grain::Date(_) | Grain::Fine(_) | Grain::Mixed) => grain,
            },
            Scalar::Function { function, args } => self.grain_of_function(function.name(), args),
            Scalar::Negative(arg) => match self.grain(arg) {
                Grain::Fine(line) => line.times(Ratio::whole(-1)),
                grain @ (Grain::Coarse | Grain::Date(_) | Grain::Mixed) => grain,
            },
            Scalar::And(_)
            | Scalar::Bits { .. }
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => Grain::Coarse,
        }
    }

    fn grain_of_arithmetic(&self, op: Operator, left: &Scalar, right: &Scalar) -> Grain {
        if self.is_age(op, left, right) {
            return Grain::Coarse;
        }
        match (self.grain(left), self.grain(right)) {
            // Days between two events of a person.
            (Grain::Date(_), Grain::Date(_)) if op == Operator::Minus => return Grain::Coarse,
            (Grain::Date(_), _)
                if op == Operator::Divide && self.is_integer(left) && self.is_integer(right) =>
            {
                return months(right);
            }
            _ => {}
        }
        let columns: BTreeSet<ColumnId> = left.columns().into_iter().chain(right.columns()).collect();
        let numeric = |id: &&ColumnId| self.info(**id).is_some_and(|info| info.data_type.is_numeric());
        if columns.iter().filter(numeric).count() > 1 {
            return Grain::Mixed;
        }
        let fine = |side: &Scalar| matches!(self.grain(side), Grain::Fine(_));
        if !left.columns().is_empty() && !right.columns().is_empty() && (fine(left) || fine(right)) {
            return Grain::Mixed;
        }
        let divided = op == Operator::Divide;
        let whole = self.is_integer(left) && self.is_integer(right);
        match (self.grain(left), number(right), number(left), self.grain(right)) {
            // Integers are divided without a rest, which makes classes.
            (Grain::Fine(line), Some(by), _, _) if divided && whole => {
                line.over(by).map_or(Grain::Mixed, |line| line.classes(Ratio::ONE))
            }
            (Grain::Fine(line), Some(by), _, _) if divided => line.over(by).map_or(Grain::Mixed, Grain::Fine),
            (_, _, Some(_), Grain::Fine(_)) if divided => Grain::Mixed,
            (Grain::Fine(line), Some(by), _, _) if op == Operator::Minus => line.plus(by.negative()),
            (_, _, Some(by), Grain::Fine(line)) if op == Operator::Minus => {
                line.minus().map_or(Grain::Mixed, |line| line.plus(by))
            }
            (Grain::Fine(line), Some(by), _, _) | (_, _, Some(by), Grain::Fine(line)) => {
                if op == Operator::Plus { line.plus(by) } else { line.times(by) }
            }
            (left, _, _, right) => left.with(right),
        }
    }

    fn grain_of_function(&self, name: &str, args: &[Scalar]) -> Grain {
        let whole = |args: &[Scalar]| args.iter().map(|arg| self.grain(arg)).fold(Grain::Coarse, Grain::with);
        match (name, args) {
            (
                "ceil" | "floor" | "round" | "trunc",
                [Scalar::Arithmetic { op: Operator::Divide, left, right }],
            ) if matches!(self.grain(left), Grain::Date(_)) => months(right),
            ("ceil" | "floor" | "round" | "trunc", [arg, digits @ ..]) => match self.grain(arg) {
                Grain::Fine(line) => match digits.first().map_or(Some(Ratio::ZERO), number) {
                    Some(digits) => {
                        Ratio::power_of_ten(digits.negative()).map_or(Grain::Mixed, |w| line.classes(w))
                    }
                    None => Grain::Mixed,
                },
                grain @ (Grain::Coarse | Grain::Date(_) | Grain::Mixed) => grain,
            },
            ("date_trunc", [Scalar::Literal(part), arg]) => match (self.grain(arg), calendar_part(part)) {
                (Grain::Date(grain), Some(part)) => Grain::Date(grain.max(part)),
                (grain, _) => grain,
            },
            ("date_part", [Scalar::Literal(part), arg]) => match (self.grain(arg), calendar_part(part)) {
                (Grain::Date(_), Some(part)) => Grain::Date(part),
                (Grain::Date(_), None) if is_weekday(part) => Grain::Coarse,
                (grain, _) => grain,
            },
            ("to_char", [arg, Scalar::Literal(pattern)]) => match self.grain(arg) {
                Grain::Date(grain) => Grain::Date(grain.max(written_part(pattern))),
                grain @ (Grain::Coarse | Grain::Fine(_) | Grain::Mixed) => grain,
            },
            _ => match whole(args) {
                // Logarithms, roots and powers of a value are other names of it.
                Grain::Fine(_) if !matches!(name, "greatest" | "least" | "nullif") => Grain::Mixed,
                grain @ (Grain::Coarse | Grain::Date(_) | Grain::Fine(_) | Grain::Mixed) => grain,
            },
        }
    }

    /// A part of the date less a year of birth, as the age is written.
    fn is_age(&self, op: Operator, left: &Scalar, right: &Scalar) -> bool {
        let year = |scalar: &Scalar| {
            matches!(scalar, Scalar::Function { function, .. } if function.name() == "date_part")
                || matches!(scalar, Scalar::Cast { arg, .. } if matches!(arg.as_ref(), Scalar::Function { function, .. } if function.name() == "date_part"))
        };
        let coarse = |scalar: &Scalar| self.grain(scalar) == Grain::Coarse;
        op == Operator::Minus && (year(left) && (year(right) || coarse(right)))
    }

    /// The values of a column, if it is an isolating one.
    pub(super) fn line(&self, id: ColumnId) -> Option<Line> {
        match self.grain(&Scalar::Column(id)) {
            Grain::Fine(line) => Some(line),
            Grain::Coarse | Grain::Date(_) | Grain::Mixed => None,
        }
    }

    pub(super) fn is_date(&self, scalar: &Scalar) -> bool {
        if let Scalar::Case { branches, otherwise } = scalar {
            let mut values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
            return values.all(|value| self.is_date(value));
        }
        let data_type = if let Scalar::Column(id) = scalar {
            self.info(*id).map(|info| info.data_type.clone())
        } else if let Scalar::Literal(value) = scalar {
            Some(value.data_type())
        } else if let Scalar::Cast { to, .. } = scalar {
            Some(to.clone())
        } else {
            None
        };
        data_type == Some(DataType::Date32)
    }

    pub(super) fn is_integer(&self, scalar: &Scalar) -> bool {
        match scalar {
            Scalar::Column(id) => self.info(*id).is_some_and(|info| info.data_type.is_integer()),
            Scalar::Literal(value) => value.data_type().is_integer(),
            Scalar::Cast { to, .. } => to.is_integer(),
            Scalar::Arithmetic { op, left, right } => {
                let days = *op == Operator::Minus && self.is_date(left) && self.is_date(right);
                days || (self.is_integer(left) && self.is_integer(right))
            }
            Scalar::Negative(arg) => self.is_integer(arg),
            Scalar::And(_)
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => false,
        }
    }
}

impl Line {
    /// The step, as it is told to analysts.
    pub(crate) fn step(&self) -> Option<Step> {
        self.step
    }

    /// The multiple of the step that is nearest to a width, as it is told to analysts.
    pub(super) fn nearest(&self, width: Ratio) -> Option<Step> {
        let Some(Step::Number { units, scale }) = self.step else { return None };
        let one = 10_i128.checked_pow(u32::from(scale))?;
        // width · one / units, to the nearest whole number and at least one.
        let of = units.checked_mul(width.denominator)?;
        let halves = width.numerator.checked_mul(one)?.checked_mul(2)?.checked_add(of)?;
        let times = halves.checked_div_euclid(of.checked_mul(2)?)?.max(1);
        Step::decimal(times.checked_mul(units)?, scale)
    }

    /// Whether it is the column itself.
    pub(super) fn is_plain(&self) -> bool {
        self.factor == Ratio::ONE && self.offset == Ratio::ZERO
    }

    /// Whether something is added to the column.
    pub(super) fn is_shifted(&self) -> bool {
        self.offset != Ratio::ZERO
    }

    /// Whether the values may be cut at `end`.
    pub(crate) fn may_be_cut_at(&self, end: Ratio) -> bool {
        let x = end.plus(self.offset.negative()).and_then(|end| end.over(self.factor));
        x.is_some_and(|x| self.is_multiple(x))
    }

    fn is_multiple(&self, x: Ratio) -> bool {
        let Some(Step::Number { units, scale }) = self.step else {
            return false;
        };
        let Some(one) = 10_i128.checked_pow(u32::from(scale)) else {
            return false;
        };
        // x = n / d is a multiple of units / one if n · one is a multiple of units · d.
        let multiple = x.numerator.checked_mul(one).zip(units.checked_mul(x.denominator));
        multiple.and_then(|(number, of)| number.checked_rem(of)) == Some(0)
    }

    /// Classes of this width, which begin at its multiples.
    fn classes(self, width: Ratio) -> Grain {
        let of_x = width.over(self.factor);
        if of_x.is_some_and(|width| self.is_multiple(width)) && self.may_be_cut_at(Ratio::ZERO) {
            Grain::Coarse
        } else {
            Grain::Fine(self)
        }
    }

    fn plus(self, by: Ratio) -> Grain {
        self.offset.plus(by).map_or(Grain::Mixed, |offset| Grain::Fine(Self { offset, ..self }))
    }

    fn times(self, by: Ratio) -> Grain {
        match (self.factor.times(by), self.offset.times(by)) {
            (Some(factor), Some(offset)) if factor != Ratio::ZERO => {
                Grain::Fine(Self { factor, offset, ..self })
            }
            (Some(_), Some(_)) => Grain::Coarse,
            _ => Grain::Mixed,
        }
    }

    fn minus(self) -> Option<Self> {
        let minus = Ratio::whole(-1);
        Some(Self { factor: self.factor.times(minus)?, offset: self.offset.times(minus)?, ..self })
    }

    fn over(self, by: Ratio) -> Option<Self> {
        Some(Self { factor: self.factor.over(by)?, offset: self.offset.over(by)?, ..self })
    }
}

/// Days that are divided by so many are months, or coarser.
fn months(days: &Scalar) -> Grain {
    let long = number(days).and_then(|days| days.plus(Ratio::whole(-28)));
    if long.is_some_and(|more| more.numerator >= 0) { Grain::Coarse } else { Grain::Date(DateGrain::Day) }
}

/// How many digits a number of this type has behind its point, if that is known.
fn digits(data_type: &DataType) -> Option<u8> {
    if let DataType::Decimal128(_, scale) = data_type {
        return u8::try_from(*scale).ok();
    }
    data_type.is_integer().then_some(0)
}

/// The number that an expression is, whatever the record.
pub(super) fn number(scalar: &Scalar) -> Option<Ratio> {
    if let Scalar::Negative(arg) = scalar {
        return number(arg).map(Ratio::negative);
    } else if let Scalar::Cast { arg, .. } = scalar {
        return number(arg);
    }
    let Scalar::Literal(value) = scalar else {
        return None;
    };
    if let ScalarValue::Decimal128(Some(units), _, scale) = value {
        let one = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
        return Ratio::reduced(*units, one);
    }
    if !value.data_type().is_numeric() || value.is_null() {
        return None;
    }
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let one = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Ratio::reduced(format!("{whole}{fraction}").parse().ok()?, one)
}

/// The part of the calendar that a literal names.
fn calendar_part(part: &ScalarValue) -> Option<DateGrain> {
    let text = text(part)?;
    DateGrain::ALL.into_iter().find(|grain| grain.name() == text)
}

/// The part of the calendar that a pattern of `to_char` writes down.
fn written_part(pattern: &ScalarValue) -> DateGrain {
    let Some(pattern) = text(pattern) else {
        return DateGrain::Day;
    };
    let written: Vec<char> = pattern.split('%').skip(1).filter_map(|part| part.chars().next()).collect();
    if written.iter().all(|part| *part == 'y') {
        DateGrain::Year
    } else if written.iter().all(|part| matches!(part, 'b' | 'm' | 'q' | 'y')) {
        DateGrain::Month
    } else {
        DateGrain::Day
    }
}

fn is_weekday(part: &ScalarValue) -> bool {
    text(part).is_some_and(|part| part == "dow" || part == "isodow")
}

fn text(value: &ScalarValue) -> Option<String> {
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => Some(text.to_lowercase()),
        _ => None,
    }
}
