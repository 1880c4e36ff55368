//! Parameters: the values for `$1`, `$2` and so on, put into the syntax tree as the constants that they are.
//!
//! Nothing is put into the text, so no value can become anything but a value; and whoever judges the plan
//! sees what would have been written.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Statement, TypedString, UnaryOperator, Value, ValueWithSpan, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::model::{Code, Limits, Parameter, Refusal};
use crate::parse::shortened;
use crate::position;

/// Puts the values where the text of a statement names them, and says which it names.
///
/// # Errors
/// `PARAMETER_MISMATCH` where the text names a parameter that was not given, by another form than `$1` or
/// where no value may stand; `TOO_LARGE` where the text together with its values is longer than a text may be.
pub(crate) fn fill(
    statement: &mut Statement,
    parameters: &[Parameter],
    limits: &Limits,
) -> Result<Vec<bool>, Refusal> {
    let mut fill = Fill { parameters, used: vec![false; parameters.len()], bytes: 0, limits };
    if let ControlFlow::Break(refusal) = statement.visit(&mut fill) {
        return Err(*refusal);
    }
    if let ControlFlow::Break(refusal) = statement.visit(&mut Left) {
        return Err(*refusal);
    }
    Ok(fill.used)
}

/// Whether each parameter is named by a statement, of `number` parameters and what [`fill`] said of each statement.
///
/// # Errors
/// `PARAMETER_MISMATCH` for one that none names.
pub(crate) fn all_named(number: usize, named: &[Vec<bool>]) -> Result<(), Refusal> {
    let is_named = |index: &usize| named.iter().any(|named| named.get(*index).is_some_and(|named| *named));
    match (0..number).find(|index| !is_named(index)) {
        None => Ok(()),
        Some(index) => {
            let number = index.saturating_add(1);
            let message = format!("parameter {number} is given, and the SQL text does not name `${number}`");
            Err(mismatch(message, "leave the value out, or name it in the SQL text"))
        }
    }
}

struct Fill<'a> {
    parameters: &'a [Parameter],
    used: Vec<bool>,
    /// Bytes of the texts that were put in: one that is named often is copied often.
    bytes: usize,
    limits: &'a Limits,
}

impl Fill<'_> {
    fn value(&mut self, name: &str, span: Span) -> Result<Expr, Refusal> {
        let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let Some(index) = number.and_then(|number| number.checked_sub(1)) else {
            let message = format!("`{}` is not a parameter", shortened(name));
            return Err(mismatch(
                message,
                "parameters are numbered in the order of their values: $1, $2, ...",
            ));
        };
        let (Some(parameter), Some(used)) = (self.parameters.get(index), self.used.get_mut(index)) else {
            let given = match self.parameters.len() {
                0 => "none was given".to_owned(),
                1 => "one was given".to_owned(),
                several => format!("{several} were given"),
            };
            let message = format!("the SQL text names the parameter `{}`, and {given}", shortened(name));
            return Err(mismatch(
                message,
                "give a value for each: `--param VALUE`, in the order of the numbers",
            ));
        };
        *used = true;
        if let Parameter::Text(text) = parameter {
            self.bytes = self.bytes.saturating_add(text.len());
            if self.bytes > self.limits.sql_bytes {
                let message = format!(
                    "the SQL text is longer than {} bytes with its parameters in their places",
                    self.limits.sql_bytes
                );
                return Err(Refusal::new(Code::TooLarge, message, "name a long text once, in a CTE"));
            }
        }
        Ok(constant(parameter, span))
    }
}

/// The literal that stands for a value.
fn constant(parameter: &Parameter, span: Span) -> Expr {
    let value = match parameter {
        Parameter::Boolean(value) => Value::Boolean(*value),
        Parameter::Date(date) => {
            let value = ValueWithSpan { value: Value::SingleQuotedString(date.to_string()), span };
            return Expr::TypedString(TypedString {
                data_type: DataType::Date,
                value,
                uses_odbc_syntax: false,
            });
        }
        Parameter::Double(_) | Parameter::Integer(_) => return number(&parameter.text(), span),
        Parameter::Null => Value::Null,
        Parameter::Text(text) => Value::SingleQuotedString(text.clone()),
    };
    Expr::Value(ValueWithSpan { value, span })
}

/// A number as SQL writes it: a negative one is a sign and a number.
fn number(text: &str, span: Span) -> Expr {
    let unsigned = text.strip_prefix('-');
    let digits = Value::Number(unsigned.unwrap_or(text).to_owned(), false);
    let value = Expr::Value(ValueWithSpan { value: digits, span });
    if unsigned.is_none() {
        return value;
    }
    Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(value) }
}

impl VisitorMut for Fill<'_> {
    // Boxed, because the visitor is recursive.
    type Break = Box<Refusal>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Box<Refusal>> {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), span }) = expr {
            match self.value(name, *span) {
                Ok(value) => *expr = value,
                Err(refusal) => {
                    return ControlFlow::Break(Box::new(refusal.at(position::position(span.start))));
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Finds what is left: a parameter where the grammar has a bare value and no expression.
struct Left;

impl VisitorMut for Left {
    type Break = Box<Refusal>;

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Box<Refusal>> {
        if let Value::Placeholder(name) = &value.value {
            let message = format!("the parameter `{}` stands where no value may stand", shortened(name));
            let refusal = mismatch(message, "write the value into the SQL text");
            return ControlFlow::Break(Box::new(refusal.at(position::position(value.span.start))));
        }
        ControlFlow::Continue(())
    }
}

fn mismatch(message: String, hint: &str) -> Refusal {
    Refusal::new(Code::ParameterMismatch, message, hint)
}
