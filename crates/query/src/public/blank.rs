//! Blanks: which expressions read a withheld cell, and what they show then.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, Operator, SortExpr, binary_expr, lit};

use crate::algebra::{ColumnId, Scalar, SortKey};
use crate::generate::{column, expression, named};
use crate::lower::Columns;

impl Columns {
    /// Whether an expression reads a withheld cell. A row that a join made up reads none.
    pub(super) fn shadow(&self, scalar: &Scalar) -> Expr {
        self.shadow_of(std::iter::once(scalar)).unwrap_or_else(|| lit(false))
    }

    /// Whether one of several expressions reads a withheld cell; `None` where they read no statistic.
    pub(super) fn shadow_of<'a>(&self, scalars: impl Iterator<Item = &'a Scalar>) -> Option<Expr> {
        let read = scalars.flat_map(Scalar::columns).filter(|id| self.is_released(*id));
        let blank = |id| binary_expr(named(&shadow_name(id)), Operator::IsNotDistinctFrom, lit(true));
        read.map(blank).reduce(Expr::or)
    }

    /// The value of an expression, NULL where it reads a withheld cell.
    pub(super) fn blanked(&self, scalar: &Scalar) -> Expr {
        if let Scalar::Column(id) = scalar {
            return column(*id);
        }
        match self.shadow_of(std::iter::once(scalar)) {
            None => expression(scalar),
            Some(shadow) => blank_where(shadow, expression(scalar)),
        }
    }

    /// Blanks last, whatever the direction.
    pub(super) fn sort_key(&self, key: &SortKey) -> Vec<SortExpr> {
        let shadow = self.shadow_of(std::iter::once(&key.arg)).map(|shadow| shadow.sort(true, false));
        shadow.into_iter().chain([self.blanked(&key.arg).sort(key.ascending, key.nulls_first)]).collect()
    }

    /// A condition that holds, which it does not where it reads a withheld cell.
    pub(super) fn holds(&self, predicate: &Scalar) -> Expr {
        match self.shadow_of(std::iter::once(predicate)) {
            None => expression(predicate),
            Some(shadow) => Expr::Not(Box::new(shadow)).and(expression(predicate)),
        }
    }

    /// Whether a column shows released statistics.
    pub(super) fn is_released(&self, id: ColumnId) -> bool {
        self.info(id).is_some_and(|info| info.statistic)
    }
}

/// NULL where `shadow` holds.
pub(super) fn blank_where(shadow: Expr, value: Expr) -> Expr {
    let blank = Expr::Literal(ScalarValue::Null, None);
    Expr::Case(Case::new(None, vec![(Box::new(shadow), Box::new(blank))], Some(Box::new(value))))
}

/// The column that says where another is blank.
pub(super) fn shadow_name(id: ColumnId) -> String {
    format!("w{}", id.0)
}

/// Whether a column says where another is blank.
pub(super) fn is_shadow(name: &str) -> bool {
    name.starts_with('w')
}
