//! Expressions that cannot fail: an arithmetic or cast error yields NULL, so that no error can depend
//! on a record.
//!
//! The engine's operators wrap around on overflow or raise an error that quotes the value; ours try the
//! whole batch and, where that fails, go row by row and leave NULL where a row has no answer.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Scalar as ArrowScalar, StringArray, new_null_array,
};
use datafusion::arrow::compute::kernels::{cmp, nullif::nullif, numeric};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// Functions whose texts may be longer than what they are made of.
const GROWING: [&str; 3] = ["concat", "concat_ws", "to_char"];

/// Longest text that such a function gives, in bytes. Labels are far shorter.
const LONGEST_TEXT: usize = 1_024;

/// `left op right`, NULL where it has no exact answer. `op` is one of + - * /.
pub(crate) fn arithmetic(op: Operator, left: Expr, right: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Arithmetic { op, signature }).call(vec![left, right])
}

/// A call of `function`, NULL in the rows where it fails.
pub(crate) fn function(function: &Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    ScalarUDF::new_from_impl(Guarded { inner: Arc::clone(function) }).call(args)
}

/// `left || right`, NULL where one of them is.
pub(crate) fn joined() -> ScalarUDF {
    ScalarUDF::new_from_impl(Joined { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, Eq, PartialEq, Hash)]
struct Arithmetic {
    op: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only made for the four operators")]
        match self.op {
            Operator::Plus => "total_add",
            Operator::Minus => "total_subtract",
            Operator::Multiply => "total_multiply",
            _ => "total_divide",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else {
            return exec_err!("an operator takes two operands");
        };
        let (left, right) = BinaryTypeCoercer::new(left, &self.op, right).get_input_types()?;
        Ok(vec![left, right])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = types else {
            return exec_err!("an operator takes two operands");
        };
        BinaryTypeCoercer::new(left, &self.op, right).get_result_type()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return exec_err!("an operator takes two operands");
        };
        let left = left.to_array(args.number_rows)?;
        let right = right.to_array(args.number_rows)?;
        let right = if self.op == Operator::Divide { without_zeros(&right)? } else { right };
        let (left, right) = days(left, right, args.return_field.data_type())?;
        let whole = self.kernel(&left, &right);
        let result = match whole {
            Ok(result) => result,
            Err(_) => by_row(args.number_rows, args.return_field.data_type(), |row| {
                Ok(self.kernel(&left.slice(row, 1), &right.slice(row, 1))?)
            })?,
        };
        Ok(ColumnarValue::Array(finite(result)?))
    }
}

impl Arithmetic {
    fn kernel(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only made for the four operators")]
        match self.op {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            Operator::Multiply => numeric::mul(left, right),
            _ => numeric::div(left, right),
        }
    }
}

/// A listed function of the engine, guarded.
#[derive(Debug)]
struct Guarded {
    inner: Arc<ScalarUDF>,
}

impl PartialEq for Guarded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Guarded {}

impl Hash for Guarded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = self.inner.return_field_from_args(args)?;
        Ok(Arc::new(field.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let data_type = args.return_field.data_type().clone();
        if let Ok(result) = self.inner.invoke_with_args(args.clone()) {
            let result = finite(self.short(result.into_array(rows)?))?;
            // Some functions answer another type once their arguments are folded into constants.
            let result = if *result.data_type() == data_type { result } else { cast(&result, &data_type)? };
            return Ok(ColumnarValue::Array(result));
        }
        let result = by_row(rows, &data_type, |row| {
            let one = |value: &ColumnarValue| match value {
                ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(row, 1)),
                ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(scalar.clone()),
            };
            let args = ScalarFunctionArgs {
                args: args.args.iter().map(one).collect(),
                number_rows: 1,
                ..args.clone()
            };
            self.inner.invoke_with_args(args)?.into_array(1)
        })?;
        Ok(ColumnarValue::Array(finite(result)?))
    }
}

impl Guarded {
    /// What grows is NULL where it is too long: a text that is joined with itself again and again would have
    /// no bound.
    fn short(&self, array: ArrayRef) -> ArrayRef {
        if !GROWING.contains(&self.inner.name()) {
            return array;
        }
        match array.as_string_opt::<i32>() {
            Some(texts) if texts.iter().flatten().any(|text| text.len() > LONGEST_TEXT) => {
                let texts = texts.iter().map(|text| text.filter(|text| text.len() <= LONGEST_TEXT));
                Arc::new(texts.collect::<StringArray>())
            }
            Some(_) | None => array,
        }
    }
}

#[derive(Debug, Eq, PartialEq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "concat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Utf8; types.len()])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return exec_err!("an operator takes two operands");
        };
        let text = |value: &ColumnarValue| cast(&value.to_array(args.number_rows)?, &DataType::Utf8);
        let (left, right) = (text(left)?, text(right)?);
        let pairs = left.as_string::<i32>().iter().zip(right.as_string::<i32>());
        let texts = pairs.map(|(left, right)| Some(format!("{}{}", left?, right?)));
        Ok(ColumnarValue::Array(Arc::new(texts.collect::<StringArray>())))
    }
}

/// A difference of dates is a number of days.
fn days(left: ArrayRef, right: ArrayRef, result: &DataType) -> Result<(ArrayRef, ArrayRef)> {
    if *left.data_type() != DataType::Date32 || *result != DataType::Int64 {
        return Ok((left, right));
    }
    let number = |dates: &ArrayRef| cast(&cast(dates, &DataType::Int32)?, &DataType::Int64);
    Ok((number(&left)?, number(&right)?))
}

fn by_row(
    rows: usize,
    data_type: &DataType,
    compute: impl Fn(usize) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    let null = new_null_array(data_type, 1);
    let answer = |row| match compute(row) {
        Ok(array) if array.len() == 1 && array.data_type() == data_type => array,
        Ok(_) | Err(_) => Arc::clone(&null),
    };
    let parts: Vec<ArrayRef> = (0..rows).map(answer).collect();
    if parts.is_empty() {
        return Ok(new_null_array(data_type, 0));
    }
    concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()).map_err(DataFusionError::from)
}

/// Zeros of a divisor become NULL.
fn without_zeros(divisor: &ArrayRef) -> Result<ArrayRef> {
    let Ok(zero) = ScalarValue::new_zero(divisor.data_type()) else {
        return Ok(Arc::clone(divisor));
    };
    let zero = ArrowScalar::new(zero.to_array()?);
    Ok(nullif(divisor, &cmp::eq(divisor, &zero)?)?)
}

/// NaN and the infinities are no answers.
fn finite(array: ArrayRef) -> Result<ArrayRef> {
    let Some(doubles) = array.as_primitive_opt::<Float64Type>() else {
        return Ok(array);
    };
    if doubles.values().iter().all(|value| value.is_finite()) {
        return Ok(array);
    }
    let answers = doubles.iter().map(|value| value.filter(|value| value.is_finite()));
    Ok(Arc::new(answers.collect::<Float64Array>()))
}

/// `-arg`, NULL where it has no answer.
pub(crate) fn negative(arg: Expr) -> Expr {
    arithmetic(Operator::Multiply, arg, datafusion::logical_expr::lit(-1_i64))
}
