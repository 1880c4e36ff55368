//! Which clauses of a SELECT have a rule, from the syntax tree alone.
//!
//! The planner would ignore some of them (TABLESAMPLE), and answer others with the engine's own words.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Spanned, Statement,
    TableFactor, Value, ValueWithSpan, Visit as _, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::model::{Code, Refusal};
use crate::position;

use super::{shortened, too_deep, too_large};

/// Deepest that an expression may be, chains of AND and OR apart: the planner's time grows with the square.
const DEEPEST: usize = 256;

/// Longest chain of AND and OR.
const LONGEST: usize = 2_000;

/// Refuses what no rule covers.
pub(super) fn check(statement: &Statement) -> Result<(), Refusal> {
    match statement.visit(&mut Grammar::default()) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Refuses the parts of a SELECT that the planner would ignore, or that no rule covers.
#[derive(Default)]
struct Grammar {
    /// How many expressions stand around the one that is visited: all, and those that are not AND or OR.
    depth: usize,
    steps: usize,
}

impl Visitor for Grammar {
    type Break = Refusal;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_add(1);
        self.steps = self.steps.saturating_add(usize::from(!is_chain(expr)));
        if self.depth > LONGEST || self.steps > DEEPEST {
            return ControlFlow::Break(too_deep(DEEPEST).at(position::position(expr.span().start)));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_sub(1);
        self.steps = self.steps.saturating_sub(usize::from(!is_chain(expr)));
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refusal> {
        if matches!(statement, Statement::Query(_)) {
            return ControlFlow::Continue(());
        }
        refuse("a statement inside a query", statement.span().start)
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        // No `..`: an upgrade that adds a clause does not compile until someone decides about it.
        let Query {
            with,
            body,
            order_by: _,
            limit_clause: _,
            fetch: _,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let start = query.span().start;
        if with.as_ref().is_some_and(|with| with.recursive) {
            return refuse("WITH RECURSIVE", start);
        }
        let clauses = [
            (!locks.is_empty(), "a locking clause (FOR UPDATE, FOR SHARE)"),
            (for_clause.is_some(), "a FOR clause"),
            (settings.is_some(), "SETTINGS"),
            (format_clause.is_some(), "FORMAT"),
            (!pipe_operators.is_empty(), "a pipe operator (|>)"),
        ];
        refuse_first(&clauses, start)?;
        check_body(body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        check_select(select)?;
        check_sets(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        let start = factor.span().start;
        match factor {
            TableFactor::Table {
                name,
                alias: _,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if args.is_some() {
                    let message = format!("the table function `{name}` is not allowed");
                    let hint = "read granted tables; `sekisho catalog` lists them";
                    let place = position::position(start);
                    return ControlFlow::Break(
                        Refusal::new(Code::FunctionNotAllowed, message, hint).at(place),
                    );
                }
                let clauses = [
                    (!with_hints.is_empty(), "a table hint"),
                    (version.is_some(), "a table version"),
                    (*with_ordinality, "WITH ORDINALITY"),
                    (!partitions.is_empty(), "PARTITION"),
                    (json_path.is_some(), "a JSON path"),
                    (sample.is_some(), "TABLESAMPLE"),
                    (!index_hints.is_empty(), "an index hint"),
                ];
                refuse_first(&clauses, start)
            }
            TableFactor::Derived { lateral, subquery: _, alias: _, sample } => {
                refuse_first(&[(*lateral, "LATERAL"), (sample.is_some(), "TABLESAMPLE")], start)
            }
            TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            TableFactor::Function { .. } | TableFactor::TableFunction { .. } => {
                refuse("a table function", start)
            }
            TableFactor::UNNEST { .. } => refuse("UNNEST", start),
            TableFactor::JsonTable { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::SemanticView { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::XmlTable { .. } => refuse("this form of table", start),
        }
    }
}

fn is_chain(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
}

/// Walks the branches of set operations; SELECTs and sub-queries are visited by themselves.
fn check_body(body: &SetExpr) -> ControlFlow<Refusal> {
    let (mut waiting, mut branches) = (vec![body], 0_usize);
    while let Some(body) = waiting.pop() {
        branches = branches.saturating_add(1);
        if branches > DEEPEST {
            return ControlFlow::Break(too_large(format!("a set operation has more than {DEEPEST} parts")));
        }
        match body {
            SetExpr::SetOperation { left, op: _, set_quantifier: _, right } => {
                waiting.extend([left.as_ref(), right]);
            }
            SetExpr::Query(_) | SetExpr::Select(_) | SetExpr::Values(_) => {}
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                return refuse("a statement inside a query", body.span().start);
            }
            SetExpr::Table(_) => return refuse("TABLE", body.span().start),
        }
    }
    ControlFlow::Continue(())
}

fn check_select(select: &Select) -> ControlFlow<Refusal> {
    // No `..`, as above.
    let Select {
        select_token: _,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor: _,
    } = select;
    let clauses = [
        (!optimizer_hints.is_empty(), "an optimiser hint"),
        (matches!(distinct, Some(Distinct::On(_))), "DISTINCT ON"),
        (select_modifiers.is_some(), "a SELECT modifier"),
        (top.is_some(), "TOP"),
        (exclude.is_some(), "EXCLUDE"),
        (into.is_some(), "SELECT INTO"),
        (!lateral_views.is_empty(), "LATERAL VIEW"),
        (prewhere.is_some(), "PREWHERE"),
        (!connect_by.is_empty(), "CONNECT BY"),
        (!cluster_by.is_empty(), "CLUSTER BY"),
        (!distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!sort_by.is_empty(), "SORT BY"),
        (value_table_mode.is_some(), "SELECT AS"),
    ];
    refuse_first(&clauses, select.span().start)
}

fn refuse_first(clauses: &[(bool, &str)], start: Location) -> ControlFlow<Refusal> {
    clauses
        .iter()
        .find(|(present, _)| *present)
        .map_or(ControlFlow::Continue(()), |(_, what)| refuse(what, start))
}

fn refuse(what: &str, start: Location) -> ControlFlow<Refusal> {
    let message = format!("{what} is not allowed");
    let hint = match what {
        "LATERAL" | "WITH RECURSIVE" => {
            "compute it per person in a CTE (GROUP BY the subject column, or a window over it) and join that"
        }
        _ => "leave it out; what the enclave takes is listed by `sekisho catalog`",
    };
    ControlFlow::Break(Refusal::new(Code::NotSupported, message, hint).at(position::position(start)))
}

/// The planner reads a number in ROLLUP, CUBE or GROUPING SETS as that number, not as the item of the select
/// list that it stands for in a plain GROUP BY.
fn check_sets(select: &Select) -> ControlFlow<Refusal> {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else {
        return ControlFlow::Continue(());
    };
    for key in keys {
        let (word, sets) = if let Expr::Cube(sets) = key {
            ("CUBE", sets)
        } else if let Expr::GroupingSets(sets) = key {
            ("GROUPING SETS", sets)
        } else if let Expr::Rollup(sets) = key {
            ("ROLLUP", sets)
        } else {
            continue;
        };
        let Some(number) = sets.iter().flatten().find(|key| number_of(key).is_some()) else {
            continue;
        };
        let sets: Vec<String> = sets.iter().map(|set| set_in_words(set, select)).collect();
        let message = format!("{word} over positions is not allowed");
        let hint = format!("name the columns: {word} ({})", shortened(&sets.join(", ")));
        let refusal = Refusal::new(Code::NotSupported, message, hint);
        return ControlFlow::Break(refusal.at(position::position(number.span().start)));
    }
    ControlFlow::Continue(())
}

/// A number that stands alone.
fn number_of(expr: &Expr) -> Option<usize> {
    let Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) = expr else {
        return None;
    };
    number.parse().ok()
}

/// One set of ROLLUP, CUBE or GROUPING SETS, with the select list's items for its positions.
fn set_in_words(set: &[Expr], select: &Select) -> String {
    let item = |key: &Expr| {
        let item = number_of(key).and_then(|number| select.projection.get(number.checked_sub(1)?));
        match item {
            Some(SelectItem::ExprWithAlias { alias, .. }) => alias.to_string(),
            Some(SelectItem::UnnamedExpr(expr)) => expr.to_string(),
            Some(
                SelectItem::ExprWithAliases { .. }
                | SelectItem::QualifiedWildcard(..)
                | SelectItem::Wildcard(_),
            )
            | None => key.to_string(),
        }
    };
    let items: Vec<String> = set.iter().map(item).collect();
    match items.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}
