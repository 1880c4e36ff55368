//! Turns a text into one SELECT statement, or refuses it.
//!
//! Everything that is refused here is refused from the text alone. The engine's own switches are not
//! enough: with DDL, DML and statements forbidden it still answers EXPLAIN, SHOW and
//! information_schema, and it parses TABLESAMPLE and ignores it.

mod grammar;
mod idioms;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Statement, Visit as _, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::model::{Code, Digest, Limits, Position, Refusal};
use crate::position::{self, Keywords, Positions};

/// Most tokens in a text for each node that a plan may have: a node needs a handful.
const TOKENS_PER_NODE: usize = 8;

/// Longest part of the analyst's own text that a refusal repeats, in characters.
const LONGEST_QUOTE: usize = 40;

/// One SELECT statement and the places in its text.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) statement: Statement,
    pub(crate) positions: Positions,
    /// Of the text without blanks and remarks.
    pub(crate) words: Digest,
}

/// Parses `sql`, whose length [`crate::model::Analysis::check`] has bounded.
///
/// # Errors
/// A [`Refusal`] with the place: too deeply nested, not SQL, not one SELECT, or a SELECT with a part that
/// no rule covers.
pub(crate) fn parse(sql: &str, limits: &Limits) -> Result<Parsed, Refusal> {
    let tokens = Tokenizer::new(&GenericDialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax(&error.message).at(position::position(error.location)))?;
    check_size(&tokens, limits)?;
    let (first, second) = statement_places(&tokens);
    let keywords = Keywords::of(&tokens);
    let words = words(&tokens);
    let mut statements = Parser::new(&GenericDialect)
        .with_recursion_limit(limits.nesting.saturating_mul(4))
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| parse_refusal(error, limits))?;
    if statements.len() > 1 {
        let message = "more than one statement";
        return Err(Refusal::new(Code::StatementNotAllowed, message, "send one SELECT at a time").at(second));
    }
    let mut statement = statements.pop().ok_or_else(|| syntax("there is no statement"))?;
    check_statement(&statement).map_err(|refusal| refusal.at(first))?;
    idioms::rewrite(&mut statement);
    check_expansion(&statement, limits)?;
    let positions = Positions::of(&statement, &keywords);
    Ok(Parsed { statement, positions, words })
}

/// What the text says, whatever blanks and remarks are in it.
fn words(tokens: &[TokenWithSpan]) -> Digest {
    let words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    // Lengths first, so that no two texts give the same bytes.
    let of_token = |token: &TokenWithSpan| {
        let text = token.token.to_string();
        format!("{}:{text}", text.len())
    };
    Digest::of(words.map(of_token).collect::<String>().as_bytes())
}

fn too_large(message: String) -> Refusal {
    let hint = "split the analysis, or give a long list of codes as a code list (`--with`)";
    Refusal::new(Code::TooLarge, message, hint)
}

fn too_deep(levels: usize) -> Refusal {
    let message = format!("the SQL text is nested deeper than {levels} levels");
    let hint = "leave out brackets that change nothing, and write parts of it as CTEs";
    Refusal::new(Code::TooLarge, message, hint)
}

fn syntax(message: &str) -> Refusal {
    // The parser repeats the token that it found, however long that is.
    let message = match message.split_once("found: ") {
        Some((expected, found)) => format!("{expected}found: {}", shortened(found)),
        None => message.to_owned(),
    };
    Refusal::new(
        Code::SqlSyntax,
        format!("the SQL does not parse: {message}"),
        "send one SELECT in DataFusion's dialect",
    )
}

/// The text, or its beginning if it is long.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

fn parse_refusal(error: ParserError, limits: &Limits) -> Refusal {
    match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            let (message, place) = split_location(&text);
            syntax(message).at(place)
        }
        ParserError::RecursionLimitExceeded => too_deep(limits.nesting),
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
            return Err(too_deep(limits.nesting).at(place));
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
    grammar::check(statement)
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
