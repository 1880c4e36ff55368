//! Where in the SQL text something stands, so that a refusal can point at it.

use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    Expr, Join, ObjectName, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::model::Position;

/// The places of the parts that a refusal may name.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// The first item of the outermost select list.
    pub(crate) output: Option<Position>,
    /// Each JOIN's right side, in the order of the text.
    joins: Vec<Position>,
    /// Columns as written, in lower case.
    columns: Vec<(String, Position)>,
    /// Names of functions, in lower case.
    functions: Vec<(String, Position)>,
    /// Operators as written, at their left operand.
    operators: Vec<(String, Position)>,
    /// Sub-queries inside expressions.
    subqueries: Vec<Position>,
    /// Functions with an OVER clause.
    windows: Vec<Position>,
    /// Names of tables as written, in lower case.
    tables: Vec<(String, Position)>,
}

impl Positions {
    /// Walks a parsed statement.
    pub(crate) fn of(statement: &Statement) -> Self {
        let mut positions = Self::default();
        if let Statement::Query(query) = statement {
            positions.output = first_output(query);
        }
        // The visitor never breaks, so there is nothing to look at in its answer.
        let _: ControlFlow<()> = statement.visit(&mut positions);
        positions
    }

    /// Where a column is first named in this way.
    pub(crate) fn column(&self, name: &str) -> Option<Position> {
        find(&self.columns, name)
    }

    /// Where an operator stands first.
    pub(crate) fn operator(&self, sign: &str) -> Option<Position> {
        find(&self.operators, sign)
    }

    /// The first sub-query inside an expression.
    pub(crate) fn subquery(&self) -> Option<Position> {
        self.subqueries.first().copied()
    }

    /// The first window function.
    pub(crate) fn window(&self) -> Option<Position> {
        self.windows.first().copied()
    }

    /// Where a function of this name is called first.
    pub(crate) fn function(&self, name: &str) -> Option<Position> {
        find(&self.functions, name)
    }

    /// Every function that is called, in lower case.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (&str, Position)> {
        self.functions.iter().map(|(name, position)| (name.as_str(), *position))
    }

    /// Where a table of this name is first named.
    pub(crate) fn table(&self, name: &str) -> Option<Position> {
        find(&self.tables, name)
    }

    /// The first JOIN of the text.
    pub(crate) fn join(&self) -> Option<Position> {
        self.joins.first().copied()
    }
}

/// A place from the parser's.
pub(crate) fn position(location: Location) -> Option<Position> {
    let line = u32::try_from(location.line).ok().filter(|line| *line > 0)?;
    Some(Position { line, column: u32::try_from(location.column).ok()? })
}

/// A place from the planner's.
pub(crate) fn of_span(span: Option<Span>) -> Option<Position> {
    let start = span?.start;
    position(Location { line: start.line, column: start.column })
}

fn find(places: &[(String, Position)], name: &str) -> Option<Position> {
    places.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, position)| *position)
}

fn first_output(query: &Query) -> Option<Position> {
    let mut body = query.body.as_ref();
    loop {
        if let SetExpr::Select(select) = body {
            return output_of(select);
        } else if let SetExpr::Query(inner) = body {
            body = inner.body.as_ref();
        } else if let SetExpr::SetOperation { left, .. } = body {
            body = left;
        } else {
            return position(body.span().start);
        }
    }
}

fn output_of(select: &Select) -> Option<Position> {
    let item = select.projection.first().and_then(|item| position(item.span().start));
    item.or_else(|| position(select.span().start))
}

impl Visitor for Positions {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only what a refusal may point at is kept")]
        match expr {
            Expr::BinaryOp { op, .. } => {
                let place = position(expr.span().start);
                self.operators.extend(place.map(|place| (op.to_string(), place)));
            }
            Expr::CompoundIdentifier(_) | Expr::Identifier(_) => {
                let name = expr.to_string().replace('"', "").to_lowercase();
                self.columns.extend(position(expr.span().start).map(|place| (name, place)));
            }
            Expr::Exists { .. } | Expr::InSubquery { .. } | Expr::Subquery(_) => {
                self.subqueries.extend(position(expr.span().start));
            }
            Expr::Function(function) => {
                let place = position(function.name.span().start);
                self.functions.extend(place.map(|place| (last_part(&function.name), place)));
                self.windows.extend(place.filter(|_| function.over.is_some()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        if let Some(position) = position(name.span().start) {
            self.tables.push((name.to_string().replace('"', "").to_lowercase(), position));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let joins = select.from.iter().flat_map(|table| &table.joins).filter_map(join_position);
        self.joins.extend(joins);
        self.joins.extend(select.from.iter().skip(1).filter_map(|table| factor_position(&table.relation)));
        ControlFlow::Continue(())
    }
}

fn join_position(join: &Join) -> Option<Position> {
    factor_position(&join.relation)
}

fn factor_position(factor: &TableFactor) -> Option<Position> {
    position(factor.span().start)
}

fn last_part(name: &ObjectName) -> String {
    name.0.last().map(|part| part.to_string().to_lowercase()).unwrap_or_default()
}
