//! What a record adds to a tally, in an exact type.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr::TryCast;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, lit};

use crate::algebra::Scalar;
use crate::disclosure::Scale;
use crate::total;

use super::expression;
use super::layout::Amount;

/// Steps of a double of which moments are taken, in one: see `disclosure::Scale::Binary30`.
const STEPS: f64 = (1_u64 << 30) as f64;

/// The largest amount of a decimal.
const LARGEST: i128 = 10_i128.pow(38) - 1;

/// Most digits of a decimal whose square is exact.
const SQUARED_DIGITS: u8 = 18;

/// The amount of each record and its unit.
pub(super) fn amount(amount: &Amount, input: &LogicalPlan) -> Result<(Expr, Scale)> {
    match amount {
        Amount::One => Ok((lit(1_i64), Scale::Integer)),
        Amount::Of(scalar) => value(scalar, input),
        Amount::Product { args, factors } => product(args, factors, input),
    }
}

pub(super) fn value(scalar: &Scalar, input: &LogicalPlan) -> Result<(Expr, Scale)> {
    let value = expression(scalar);
    let data_type = value.get_type(input.schema())?;
    if data_type.is_integer() {
        return Ok((cast(value, DataType::Int64), Scale::Integer));
    }
    if let Some(scale) = decimals(&data_type) {
        let to = DataType::Decimal128(38, signed(scale));
        return Ok((cast(value, to), Scale::Decimal(scale)));
    }
    if !data_type.is_numeric() && !data_type.is_null() {
        return plan_err!("a sum, mean or the like of {data_type} is not supported");
    }
    Ok((cast(value, DataType::Float64), Scale::Binary60))
}

/// A product of arguments. If one of them is a double, all are taken as doubles, in steps of 2⁻³⁰.
fn product(args: &[Scalar], factors: &[usize], input: &LogicalPlan) -> Result<(Expr, Scale)> {
    let mut exact = true;
    let mut types = Vec::new();
    for arg in args {
        let data_type = expression(arg).get_type(input.schema())?;
        if !data_type.is_numeric() && !data_type.is_null() {
            return plan_err!("a deviation or correlation of {data_type} is not supported");
        }
        exact &= data_type.is_integer() || is_short(&data_type);
        types.push(data_type);
    }
    let mut product: Option<(Expr, u8)> = None;
    for factor in factors {
        let (Some(arg), Some(data_type)) = (args.get(*factor), types.get(*factor)) else {
            return plan_err!("an argument is missing");
        };
        let (value, scale) = if exact {
            let scale = decimals(data_type).unwrap_or(0);
            let digits = if data_type.is_integer() { 19 } else { SQUARED_DIGITS };
            (cast(expression(arg), DataType::Decimal128(digits, signed(scale))), scale)
        } else {
            let steps =
                total::arithmetic(Operator::Multiply, cast(expression(arg), DataType::Float64), lit(STEPS));
            (cast(round(vec![steps]), DataType::Decimal128(38, 0)), 0)
        };
        product = Some(match product {
            None => (value, scale),
            Some((known, known_scale)) => {
                (total::arithmetic(Operator::Multiply, known, value), known_scale.saturating_add(scale))
            }
        });
    }
    let Some((value, scale)) = product else {
        return plan_err!("a product of nothing");
    };
    let unit = match (exact, factors.len()) {
        (true, _) => Scale::Decimal(scale),
        (false, 1) => Scale::Binary30,
        (false, _) => Scale::Binary60,
    };
    // What has no room is more than any sum has room for: the statistic is withheld.
    let too_large = Expr::Literal(ScalarValue::Decimal128(Some(LARGEST), 38, signed(scale)), None);
    let value = cast(value, DataType::Decimal128(38, signed(scale)));
    Ok((coalesce(vec![value, too_large]), unit))
}

fn signed(scale: u8) -> i8 {
    i8::try_from(scale).unwrap_or(0)
}

fn cast(value: Expr, to: DataType) -> Expr {
    Expr::TryCast(TryCast::new(Box::new(value), to))
}

fn decimals(data_type: &DataType) -> Option<u8> {
    if let DataType::Decimal128(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal32(_, scale) =
        data_type
    {
        u8::try_from(*scale).ok()
    } else {
        None
    }
}

/// Whether a decimal is short enough for its square to be exact.
fn is_short(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(digits, scale) if *digits <= SQUARED_DIGITS && *scale >= 0)
}
