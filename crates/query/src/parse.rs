//! Turns a text into one SELECT statement, or refuses it.
//!
//! Everything that is refused here is refused from the text alone. The engine's own switches are not
//! enough: with DDL, DML and statements forbidden it still answers EXPLAIN, SHOW and
//! information_schema, and it parses TABLESAMPLE and ignores it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor,
    visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::model::{Code, Limits, Position, Refusal};
use crate::position::{self, Positions};

/// Most tokens in a text for each node that a plan may have: a node needs a handful.
const TOKENS_PER_NODE: usize = 8;

/// Deepest that an expression may be, chains of AND and OR apart: the planner's time grows with the square.
const DEEPEST: usize = 256;

/// Longest chain of AND and OR.
const LONGEST: usize = 2_000;

/// One SELECT statement and the places in its text.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) statement: Statement,
    pub(crate) positions: Positions,
}

/// Parses `sql`.
///
/// # Errors
/// A [`Refusal`] with the place: too long or too deeply nested, not SQL, not one SELECT, or a SELECT
/// with a part that no rule covers.
pub(crate) fn parse(sql: &str, limits: &Limits) -> Result<Parsed, Refusal> {
    if sql.len() > limits.sql_bytes {
        return Err(too_large(format!("the SQL text is longer than {} bytes", limits.sql_bytes)));
    }
    let tokens = Tokenizer::new(&GenericDialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax(&error.message).at(position::position(error.location)))?;
    check_size(&tokens, limits)?;
    let (first, second) = statement_places(&tokens);
    let mut statements = Parser::new(&GenericDialect)
        .with_recursion_limit(limits.nesting.saturating_mul(4))
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| parse_refusal(error, limits))?;
    if statements.len() > 1 {
        let message = "more than one statement";
        return Err(Refusal::new(Code::StatementNotAllowed, message, "send one SELECT at a time").at(second));
    }
    let statement = statements.pop().ok_or_else(|| syntax("there is no statement"))?;
    check_statement(&statement).map_err(|refusal| refusal.at(first))?;
    check_expansion(&statement, limits)?;
    let positions = Positions::of(&statement);
    Ok(Parsed { statement, positions })
}

fn too_large(message: String) -> Refusal {
    Refusal::new(
        Code::TooLarge,
        message,
        "split the analysis, or move a long list of codes into a code table",
    )
}

fn syntax(message: &str) -> Refusal {
    Refusal::new(
        Code::SqlSyntax,
        format!("the SQL does not parse: {message}"),
        "send one SELECT in DataFusion's dialect",
    )
}

fn parse_refusal(error: ParserError, limits: &Limits) -> Refusal {
    match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            let (message, place) = split_location(&text);
            syntax(message).at(place)
        }
        ParserError::RecursionLimitExceeded => {
            too_large(format!("the SQL text is nested deeper than {} levels", limits.nesting))
        }
    }
}

/// The parser ends its texts with ` at Line: 1, Column: 8`.
fn split_location(text: &str) -> (&str, Option<Position>) {
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return (text, None);
    };
    let location = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    (message, location.and_then(position::position))
}

/// Bounds what the recursive parts of parser and planner can meet, before they meet it.
fn check_size(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Refusal> {
    let most = limits.plan_nodes.saturating_mul(TOKENS_PER_NODE);
    let mut words = 0_usize;
    let (mut depth, mut types, mut after_type) = (0_usize, 0_usize, false);
    for token in tokens {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only brackets change the depth")]
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth = depth.saturating_add(1),
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        words = words.saturating_add(1);
        // The parser descends into `ARRAY<ARRAY<` without counting.
        types = types.saturating_add(usize::from(after_type && token.token == Token::Lt));
        after_type = is_nesting_type(&token.token);
        let place = position::position(token.span.start);
        if depth.max(types) > limits.nesting {
            let message = format!("the SQL text is nested deeper than {} levels", limits.nesting);
            return Err(too_large(message).at(place));
        }
        if words > most {
            return Err(too_large(format!("the SQL text has more than {most} words and signs")).at(place));
        }
    }
    Ok(())
}

/// Where the first statement and the one after it begin.
fn statement_places(tokens: &[TokenWithSpan]) -> (Option<Position>, Option<Position>) {
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let of = |token: Option<&TokenWithSpan>| position::position(token?.span.start);
    let first = of(words.clone().find(|token| token.token != Token::SemiColon));
    let _: Option<_> = words.find(|token| token.token == Token::SemiColon);
    (first, of(words.find(|token| token.token != Token::SemiColon)))
}

fn is_nesting_type(token: &Token) -> bool {
    let names = ["ARRAY", "MAP", "STRUCT"];
    matches!(token, Token::Word(word) if names.iter().any(|name| word.value.eq_ignore_ascii_case(name)))
}

fn check_statement(statement: &Statement) -> Result<(), Refusal> {
    let Statement::Query(_) = statement else {
        let word = statement.to_string().split_whitespace().next().unwrap_or_default().to_uppercase();
        let message = format!("{word} is not allowed: the enclave takes one SELECT statement");
        let hint = "write a SELECT that counts or summarises; `sekisho catalog` shows tables and columns";
        return Err(Refusal::new(Code::StatementNotAllowed, message, hint));
    };
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
            let message = format!("an expression is nested deeper than {DEEPEST} levels");
            return ControlFlow::Break(too_large(message));
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
        check_select(select)
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

/// A CTE that is named twice is planned twice: bounds how many tables a text stands for.
fn check_expansion(statement: &Statement, limits: &Limits) -> Result<(), Refusal> {
    let mut expansion = Expansion { tables: BTreeMap::new(), most: limits.plan_nodes / 4 };
    // An inner CTE may name an outer one that is weighed after it.
    for _ in 0..=limits.nesting {
        let before = expansion.tables.clone();
        if statement.visit(&mut expansion).is_break() {
            return Err(too_large(format!("the analysis names more than {} tables", expansion.most)));
        }
        if expansion.tables == before {
            break;
        }
    }
    Ok(())
}

/// A name without its quotes; names that differ only in case count as one.
fn plain(name: &str) -> String {
    name.replace(['"', '`'], "").to_lowercase()
}

struct Expansion {
    /// How many tables stand behind each CTE.
    tables: BTreeMap<String, usize>,
    most: usize,
}

impl Visitor for Expansion {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let mut tables = 0_usize;
            let _: ControlFlow<()> = visit_relations(&cte.query, |name| {
                let known = self.tables.get(&plain(&name.to_string()));
                tables = tables.saturating_add(known.copied().unwrap_or(1));
                ControlFlow::Continue(())
            });
            if tables > self.most {
                return ControlFlow::Break(());
            }
            let known = self.tables.entry(plain(&cte.alias.name.to_string())).or_default();
            *known = tables.max(*known);
        }
        ControlFlow::Continue(())
    }
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
        qualify,
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
        (qualify.is_some(), "QUALIFY"),
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
    let hint = "leave it out; what the enclave takes is listed by `sekisho catalog`";
    ControlFlow::Break(Refusal::new(Code::NotSupported, message, hint).at(position::position(start)))
}
