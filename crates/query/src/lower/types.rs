//! Which types a value may have, and which conversions the engine knows.

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::algebra::Scalar;
use crate::model::{Code, Position, Refusal};
use crate::position::Part;

use super::scalar::span;
use super::{Lowering, Scope};

impl Lowering<'_> {
    /// Where the first column of an expression stands.
    pub(super) fn place(&self, expr: &Expr) -> Option<Position> {
        let found = expr.column_refs().into_iter();
        found
            .filter_map(|column| span(column).or_else(|| self.positions.column_anywhere(&column.name)))
            .min_by_key(|at| (at.line, at.column))
    }

    /// A value in another type, NULL where it has none there.
    pub(super) fn cast(
        &self,
        value: Scalar,
        from: &Expr,
        to: &DataType,
        scope: Scope<'_>,
    ) -> Result<Scalar, Refusal> {
        self.castable(from, to, scope)?;
        Ok(Scalar::Cast { arg: Box::new(value), to: to.clone() })
    }

    /// A constant in the type that it is used with: what does not convert is seen in the text.
    pub(super) fn constant(
        &self,
        value: &ScalarValue,
        from: &Expr,
        to: &DataType,
        scope: Scope<'_>,
    ) -> Result<Scalar, Refusal> {
        self.castable(from, to, scope)?;
        value.cast_to(to).map(Scalar::Literal).map_err(|_| {
            let message = format!("the constant `{value}` cannot be read as {to}");
            let hint = "write a constant of the column's type; the catalogue shows types";
            Refusal::new(Code::InvalidQuery, message, hint).at(self.positions.constant(&value.to_string()))
        })
    }

    /// Refuses a conversion that the engine does not know.
    pub(super) fn castable(&self, from: &Expr, to: &DataType, scope: Scope<'_>) -> Result<(), Refusal> {
        let Ok(known) = from.get_type(scope.schema) else {
            return Ok(());
        };
        if known == *to || (is_stored(to) && can_cast_types(&known, to)) {
            return Ok(());
        }
        let message = format!("{} cannot be converted to {}", type_name(&known), type_name(to));
        let hint = "CAST converts to INT, BIGINT, DECIMAL, DOUBLE, TEXT, BOOLEAN, DATE and TIMESTAMP; a date becomes a number by date_part";
        let hint = if matches!(to, DataType::Duration(_)) {
            "add days to a date as an interval: date + INTERVAL '90 days'"
        } else {
            hint
        };
        let place = self.place(from).or_else(|| self.positions.first(Part::Cast));
        Err(Refusal::new(Code::InvalidQuery, message, hint).at(place))
    }

    /// The negative of a number.
    pub(super) fn negative(
        &mut self,
        expr: &Expr,
        scope: Scope<'_>,
        depth: usize,
    ) -> Result<Scalar, Refusal> {
        let arg = self.value(expr, scope, depth)?;
        if matches!(&arg, Scalar::Literal(value) if value.is_null()) {
            return Ok(arg);
        }
        match expr.get_type(scope.schema) {
            Ok(data_type) if !data_type.is_numeric() => {
                let message = format!("the negative of {} is no value", type_name(&data_type));
                let hint = "write the minus before a number; of a date subtract INTERVAL '90 days'";
                Err(Refusal::new(Code::InvalidQuery, message, hint).at(self.place(expr)))
            }
            Ok(_) | Err(_) => Ok(Scalar::Negative(Box::new(arg))),
        }
    }
}

/// Whether a value of this type may be a key, an argument or a result.
pub(super) fn is_stored(data_type: &DataType) -> bool {
    let number = data_type.is_numeric() && !matches!(data_type, DataType::Decimal256(..));
    let time = matches!(
        data_type,
        DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(_, None)
    );
    number || time || data_type.is_string() || matches!(data_type, DataType::Boolean | DataType::Null)
}

/// A type as SQL names it, if it does.
pub(super) fn type_name(data_type: &DataType) -> String {
    let name = if data_type.is_string() {
        "TEXT"
    } else if matches!(
        data_type,
        DataType::Interval(IntervalUnit::DayTime | IntervalUnit::MonthDayNano | IntervalUnit::YearMonth)
    ) {
        "INTERVAL"
    } else if matches!(data_type, DataType::Date32) {
        "DATE"
    } else if matches!(data_type, DataType::Time64(_)) {
        "TIME"
    } else if matches!(data_type, DataType::Timestamp(_, None)) {
        "TIMESTAMP"
    } else if matches!(data_type, DataType::Timestamp(_, Some(_))) {
        "TIMESTAMP WITH TIME ZONE"
    } else if matches!(data_type, DataType::Boolean) {
        "BOOLEAN"
    } else if matches!(data_type, DataType::Int64) {
        "BIGINT"
    } else if matches!(data_type, DataType::Float64) {
        "DOUBLE"
    } else if data_type.is_nested() {
        "a list or structure"
    } else if data_type.is_binary() {
        "bytes"
    } else {
        return data_type.to_string().to_uppercase();
    };
    name.to_owned()
}
