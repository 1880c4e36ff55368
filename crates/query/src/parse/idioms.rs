//! Other words for the same thing: `year(x)` is a part of a date, `width_bucket(x, 0, 100, 10)` a CASE; and sub-queries
//! in a select list are told apart.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, DateTimeField, Expr, ExtractSyntax, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Query, SelectItem, SetExpr, Statement, UnaryOperator, Value, ValueWithSpan,
    VisitMut as _, VisitorMut, visit_expressions_mut,
};

/// Puts the form that has a rule in the place of another.
pub(super) fn rewrite(statement: &mut Statement) {
    // The visitor never breaks, so there is nothing to look at in its answer.
    let _: ControlFlow<()> = statement.visit(&mut Idioms);
}

struct Idioms;

impl VisitorMut for Idioms {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        number_subqueries(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some((field, arg)) = part_of_date(function)
        {
            *expr = Expr::Extract { field, syntax: ExtractSyntax::From, expr: Box::new(arg) };
        } else if let Expr::Function(function) = expr
            && let Some(bands) = bands(function)
        {
            *expr = bands;
        }
        ControlFlow::Continue(())
    }
}

/// Tells the EXISTS and IN of a select list apart: the planner names an aggregate by its text, in which every
/// sub-query reads the same. The second becomes `EXISTS (...) AND 2 = 2`, which is read as if it did not say so.
fn number_subqueries(body: &mut SetExpr) {
    let SetExpr::Select(select) = body else { return };
    let mut known: Vec<Expr> = Vec::new();
    let mut number = |expr: &mut Expr| {
        if !matches!(expr, Expr::Exists { .. } | Expr::InSubquery { .. }) {
            return ControlFlow::<()>::Continue(());
        }
        let place = known.iter().position(|one| one == expr).unwrap_or_else(|| {
            known.push(expr.clone());
            known.len().saturating_sub(1)
        });
        if place > 0 {
            let same = || Box::new(Expr::value(Value::Number(place.saturating_add(1).to_string(), false)));
            let always = Expr::BinaryOp { left: same(), op: BinaryOperator::Eq, right: same() };
            let (left, right) = (Box::new(expr.clone()), Box::new(always));
            let told = Expr::BinaryOp { left, op: BinaryOperator::And, right };
            *expr = Expr::Nested(Box::new(told));
        }
        ControlFlow::Continue(())
    };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            // The visitor never breaks.
            let _: ControlFlow<()> = visit_expressions_mut(expr, &mut number);
        }
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
    let plain = is_plain(function);
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

/// Whether a call has nothing but arguments.
fn is_plain(function: &Function) -> bool {
    function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None)
}

/// Most bands of one call.
const MOST_BANDS: i128 = 60;

/// Most digits behind the point of an edge.
const MOST_DIGITS: u32 = 9;

/// `width_bucket(x, low, high, count)` with constants, as the CASE of its bands.
fn bands(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let named = function.name.to_string().eq_ignore_ascii_case("width_bucket");
    if !named || !is_plain(function) || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let args: Option<Vec<&Expr>> = list.args.iter().map(plain_argument).collect();
    let [value, low, high, count] = args?.try_into().ok()?;
    let (low, low_digits) = decimal(low)?;
    let (high, high_digits) = decimal(high)?;
    let (count, count_digits) = decimal(count)?;
    if count_digits > 0 || !(1..=MOST_BANDS).contains(&count) {
        return None;
    }
    let digits = (low_digits.max(high_digits)..=MOST_DIGITS).find(|digits| {
        let width = scaled(high, high_digits, *digits).zip(scaled(low, low_digits, *digits));
        width.and_then(|(high, low)| high.checked_sub(low)?.checked_rem(count)) == Some(0)
    })?;
    let (low, high) = (scaled(low, low_digits, digits)?, scaled(high, high_digits, digits)?);
    let width = high.checked_sub(low)?.checked_div(count).filter(|width| *width > 0)?;
    let mut conditions = Vec::new();
    for band in 0..=count {
        let edge = number(low.checked_add(width.checked_mul(band)?)?, digits);
        conditions.push(when(value, BinaryOperator::Lt, edge, number(band, 0)));
    }
    let last = number(count.checked_add(1)?, 0);
    conditions.push(when(value, BinaryOperator::GtEq, number(high, digits), last));
    let (case_token, end_token) = (AttachedToken::empty(), AttachedToken::empty());
    Some(Expr::Case { case_token, end_token, operand: None, conditions, else_result: None })
}

fn plain_argument(arg: &FunctionArg) -> Option<&Expr> {
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg { Some(arg) } else { None }
}

/// A decimal constant as a whole number, and how many of its digits stand behind the point.
fn decimal(expr: &Expr) -> Option<(i128, u32)> {
    if let Expr::UnaryOp { op: UnaryOperator::Minus, expr } = expr {
        let (number, digits) = decimal(expr)?;
        return Some((number.checked_neg()?, digits));
    }
    let Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) = expr else { return None };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= MOST_DIGITS)?;
    Some((format!("{whole}{fraction}").parse().ok()?, digits))
}

fn scaled(number: i128, digits: u32, to: u32) -> Option<i128> {
    number.checked_mul(10_i128.checked_pow(to.checked_sub(digits)?)?)
}

/// A decimal constant.
fn number(number: i128, digits: u32) -> Expr {
    let (sign, size) = (if number < 0 { "-" } else { "" }, number.unsigned_abs().to_string());
    let places = usize::try_from(digits).unwrap_or(0);
    let text = format!("{size:0>width$}", width = places.saturating_add(1));
    let text = match text.split_at_checked(text.len().saturating_sub(places)) {
        Some((whole, fraction)) if places > 0 => format!("{sign}{whole}.{fraction}"),
        Some(_) | None => format!("{sign}{text}"),
    };
    Expr::Value(Value::Number(text, false).into())
}

fn when(value: &Expr, op: BinaryOperator, edge: Expr, result: Expr) -> CaseWhen {
    let condition = Expr::BinaryOp { left: Box::new(value.clone()), op, right: Box::new(edge) };
    CaseWhen { condition, result }
}
