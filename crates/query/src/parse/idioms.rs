//! Other words for the same thing: `year(x)` is a part of a date.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DateTimeField, Expr, ExtractSyntax, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement,
    VisitMut as _, VisitorMut,
};

/// Puts the form that has a rule in the place of another.
pub(super) fn rewrite(statement: &mut Statement) {
    // The visitor never breaks, so there is nothing to look at in its answer.
    let _: ControlFlow<()> = statement.visit(&mut Idioms);
}

struct Idioms;

impl VisitorMut for Idioms {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some((field, arg)) = part_of_date(function)
        {
            *expr = Expr::Extract { field, syntax: ExtractSyntax::From, expr: Box::new(arg) };
        }
        ControlFlow::Continue(())
    }
}

/// The part of a date that a call such as `year(x)` takes, and the date.
fn part_of_date(function: &mut Function) -> Option<(DateTimeField, Expr)> {
    let [name] = function.name.0.as_slice() else {
        return None;
    };
    let field = match name.to_string().to_ascii_lowercase().as_str() {
        "day" => DateTimeField::Day,
        "month" => DateTimeField::Month,
        "quarter" => DateTimeField::Quarter,
        "year" => DateTimeField::Year,
        _ => return None,
    };
    let plain = function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &mut function.args else {
        return None;
    };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() || list.args.len() != 1 {
        return None;
    }
    match list.args.pop() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))) => Some((field, arg)),
        other => {
            list.args.extend(other);
            None
        }
    }
}
