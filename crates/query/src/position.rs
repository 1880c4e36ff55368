//! Where in the SQL text something stands, so that a refusal can point at it.

use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Join, LimitClause, ObjectName, Query, Select, SetExpr, Spanned, Statement,
    TableFactor, Value, ValueWithSpan, Visit, Visitor,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::model::{Code, Position};

/// A part of a text that a refusal may point at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// CAST, or `::` with a type.
    Cast,
    /// LIMIT, OFFSET or FETCH.
    Cut,
    /// EXISTS with its sub-query.
    Exists,
    /// GROUP BY.
    Group,
    /// IN with a sub-query.
    InSubquery,
    /// ORDER BY of a query.
    Order,
    /// A sub-query that stands for one value.
    ScalarSubquery,
    /// UNION, INTERSECT or EXCEPT.
    SetOperation,
    /// Any sub-query inside an expression.
    Subquery,
    /// VALUES.
    Values,
    /// A function with an OVER clause.
    Window,
}

/// The places of the parts that a refusal may name.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// The first item of the outermost select list.
    pub(crate) output: Option<Position>,
    /// Each JOIN's right side, in the order of the text: what it is called there, and its place.
    joins: Vec<(String, Position)>,
    /// Columns as written, in lower case.
    columns: Vec<(String, Position)>,
    /// Texts and numbers as written, without their quotes.
    constants: Vec<(String, Position)>,
    /// Names of functions, in lower case.
    functions: Vec<(String, Position)>,
    /// Operators as written, at their left operand.
    operators: Vec<(String, Position)>,
    /// Parts without a name, each kind in the order in which the text is walked.
    parts: Vec<(Part, Position)>,
    /// Names of tables as written, in lower case.
    tables: Vec<(String, Position)>,
    /// Words of the language, in upper case, in the order of the text.
    words: Vec<(String, Position)>,
}

/// Where the keywords stand whose clauses the syntax tree keeps no place of.
#[derive(Debug, Default)]
pub(crate) struct Keywords(Vec<(Keyword, Location)>);

impl Keywords {
    /// The keywords among the tokens of a text.
    pub(crate) fn of(tokens: &[TokenWithSpan]) -> Self {
        let keyword = |token: &TokenWithSpan| {
            let Token::Word(word) = &token.token else { return None };
            word.quote_style.is_none().then_some((word.keyword, token.span.start))
        };
        Self(
            tokens.iter().filter_map(keyword).filter(|(keyword, _)| *keyword != Keyword::NoKeyword).collect(),
        )
    }

    /// The last of these keywords that stands before `end`: the one that begins what ends there.
    fn before(&self, wanted: &[Keyword], end: Location) -> Option<Position> {
        let earlier = self.0.iter().take_while(|(_, start)| *start < end);
        let found = earlier.filter(|(keyword, _)| wanted.contains(keyword)).last();
        found.and_then(|(_, start)| position(*start))
    }
}

impl Positions {
    /// Walks a parsed statement.
    pub(crate) fn of(statement: &Statement, keywords: &Keywords) -> Self {
        let word = |(keyword, start): &(Keyword, Location)| Some((format!("{keyword:?}"), position(*start)?));
        let words = keywords.0.iter().filter_map(word).collect();
        let mut walk = Walk { found: Self { words, ..Self::default() }, keywords };
        if let Statement::Query(query) = statement {
            walk.found.output = first_output(query);
        }
        // The visitor never breaks, so there is nothing to look at in its answer.
        let _: ControlFlow<()> = statement.visit(&mut walk);
        walk.found
    }

    /// Where a column is first named in this way.
    pub(crate) fn column(&self, name: &str) -> Option<Position> {
        find(&self.columns, name)
    }

    /// Where a column of this name is first named, with its table or without.
    pub(crate) fn column_anywhere(&self, name: &str) -> Option<Position> {
        let last = |known: &str| known.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
        self.columns.iter().find(|(known, _)| last(known)).map(|(_, position)| *position)
    }

    /// Where a text or number stands first.
    pub(crate) fn constant(&self, written: &str) -> Option<Position> {
        find(&self.constants, written)
    }

    /// Where an operator stands first.
    pub(crate) fn operator(&self, sign: &str) -> Option<Position> {
        find(&self.operators, sign)
    }

    /// The first part of this kind.
    pub(crate) fn first(&self, part: Part) -> Option<Position> {
        self.parts.iter().filter(|(kind, _)| *kind == part).map(|(_, position)| *position).min_by_key(in_text)
    }

    /// The first sub-query inside an expression.
    pub(crate) fn subquery(&self) -> Option<Position> {
        self.first(Part::Subquery)
    }

    /// The first window function.
    pub(crate) fn window(&self) -> Option<Position> {
        self.first(Part::Window)
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
        self.joins.first().map(|(_, position)| *position)
    }

    /// The JOIN whose right side is called so (its alias, or the table's name).
    pub(crate) fn join_of(&self, name: &str) -> Option<Position> {
        find(&self.joins, name)
    }

    /// Where a refusal with this code points that knows no place of its own.
    pub(crate) fn of_code(&self, code: Code) -> Option<Position> {
        // A subject that is no expression stands in USING or is taken by NATURAL.
        if code == Code::JoinWithoutSubject || code == Code::SubjectAsValue {
            self.join()
        } else if code == Code::PicksPeople {
            self.first(Part::Cut).or_else(|| self.first(Part::Order))
        } else if code == Code::RecordsInOutput {
            self.output
        } else {
            None
        }
    }

    /// Where a refusal points that knows no place of its own: at the first word of the language that it names and
    /// the text has, or at what the analysis asks for.
    pub(crate) fn of_words(&self, message: &str) -> Option<Position> {
        let words = message.split(|letter: char| !letter.is_ascii_alphanumeric());
        let named =
            words.filter(|word| word.len() > 1 && word.chars().all(|letter| letter.is_ascii_uppercase()));
        named.into_iter().find_map(|word| self.word(word)).or(self.output)
    }

    /// Where a word of the language stands first, given in upper case.
    pub(crate) fn word(&self, word: &str) -> Option<Position> {
        self.words.iter().find(|(known, _)| known == word).map(|(_, place)| *place)
    }

    /// Where a function stands that the engine's text quotes, or the only operator of the sign in it.
    pub(crate) fn quoted(&self, text: &str) -> Option<Position> {
        let named = |(sign, _): &&(String, Position)| text.contains(&format!(" {sign} "));
        let mut operators = self.operators.iter().filter(named);
        let only = operators.next().filter(|_| operators.next().is_none());
        self.quoted_function(text).or_else(|| only.map(|(_, position)| *position))
    }

    fn quoted_function(&self, text: &str) -> Option<Position> {
        let quoted = |(name, _): &&(String, Position)| {
            text.contains(&format!("'{name}'")) || text.starts_with(&format!("{name} "))
        };
        self.functions.iter().find(quoted).map(|(_, position)| *position)
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

fn in_text(position: &Position) -> (u32, u32) {
    (position.line, position.column)
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

/// Gathers the places of one statement.
struct Walk<'a> {
    found: Positions,
    keywords: &'a Keywords,
}

impl Walk<'_> {
    fn add(&mut self, part: Part, place: Option<Position>) {
        self.found.parts.extend(place.map(|place| (part, place)));
    }

    /// The last of these keywords before `end`, or `end` itself.
    fn keyword(&self, wanted: &[Keyword], end: Location) -> Option<Position> {
        self.keywords.before(wanted, end).or_else(|| position(end))
    }

    fn cuts(&mut self, query: &Query) {
        if let Some(order) = &query.order_by {
            self.add(Part::Order, self.keyword(&[Keyword::ORDER], order.span().start));
        }
        if let Some(fetch) = &query.fetch {
            self.add(Part::Cut, self.keyword(&[Keyword::FETCH], fetch.span().start));
        }
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by: _ }) => {
                if let Some(limit) = limit {
                    self.add(Part::Cut, self.keyword(&[Keyword::LIMIT], limit.span().start));
                }
                if let Some(offset) = offset {
                    self.add(Part::Cut, self.keyword(&[Keyword::OFFSET], offset.span().start));
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit: _ }) => {
                self.add(Part::Cut, self.keyword(&[Keyword::LIMIT], offset.span().start));
            }
        }
    }

    fn set_operations(&mut self, body: &SetExpr) {
        let mut waiting = vec![body];
        while let Some(body) = waiting.pop() {
            if let SetExpr::SetOperation { left, right, .. } = body {
                let words = [Keyword::EXCEPT, Keyword::INTERSECT, Keyword::MINUS, Keyword::UNION];
                self.add(Part::SetOperation, self.keyword(&words, right.span().start));
                waiting.extend([left.as_ref(), right]);
            } else if let SetExpr::Values(values) = body {
                self.add(Part::Values, self.keyword(&[Keyword::VALUES], values.span().start));
            }
        }
    }
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.cuts(query);
        self.set_operations(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let place = position(expr.span().start);
        #[expect(clippy::wildcard_enum_match_arm, reason = "only what a refusal may point at is kept")]
        match expr {
            Expr::BinaryOp { op, .. } => {
                self.found.operators.extend(place.map(|place| (op.to_string(), place)));
            }
            Expr::CompoundIdentifier(_) | Expr::Identifier(_) => {
                let name = expr.to_string().replace('"', "").to_lowercase();
                self.found.columns.extend(place.map(|place| (name, place)));
            }
            Expr::Cast { expr: inner, .. } => {
                self.add(Part::Cast, self.keyword(&[Keyword::CAST, Keyword::TRY_CAST], inner.span().start));
            }
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
                self.found.constants.extend(place.map(|place| (text.clone(), place)));
            }
            Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) => {
                self.found.constants.extend(place.map(|place| (number.clone(), place)));
            }
            Expr::Exists { subquery, .. } => {
                self.add(Part::Subquery, place);
                self.add(Part::Exists, self.keyword(&[Keyword::EXISTS], subquery.span().start));
            }
            Expr::InSubquery { subquery, .. } => {
                self.add(Part::Subquery, place);
                self.add(Part::InSubquery, self.keyword(&[Keyword::IN], subquery.span().start));
            }
            Expr::Subquery(_) => {
                self.add(Part::Subquery, place);
                self.add(Part::ScalarSubquery, place);
            }
            Expr::Function(function) => {
                let place = position(function.name.span().start);
                self.found.functions.extend(place.map(|place| (last_part(&function.name), place)));
                self.add(Part::Window, place.filter(|_| function.over.is_some()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        if let Some(position) = position(name.span().start) {
            self.found.tables.push((name.to_string().replace(['"', '\''], "").to_lowercase(), position));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let joins = select.from.iter().flat_map(|table| &table.joins).filter_map(join_place);
        self.found.joins.extend(joins);
        let listed = select.from.iter().skip(1).filter_map(|table| factor_place(&table.relation));
        self.found.joins.extend(listed);
        if let GroupByExpr::Expressions(keys, _) = &select.group_by
            && let Some(first) = keys.first()
        {
            self.add(Part::Group, self.keyword(&[Keyword::GROUP], first.span().start));
        }
        ControlFlow::Continue(())
    }
}

fn join_place(join: &Join) -> Option<(String, Position)> {
    factor_place(&join.relation)
}

/// What a table is called where it stands, and its place.
fn factor_place(factor: &TableFactor) -> Option<(String, Position)> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other forms of table have no name to be found by")]
    let name = match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } => alias.name.value.to_lowercase(),
        TableFactor::Table { name, .. } => last_part(name),
        _ => String::new(),
    };
    Some((name, position(factor.span().start)?))
}

fn last_part(name: &ObjectName) -> String {
    let last = name.0.last().map(|part| part.to_string().to_lowercase());
    last.unwrap_or_default().replace(['"', '`'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Limits;
    use crate::parse::parse;

    fn places(sql: &str) -> Positions {
        parse(sql, &Limits::default()).unwrap().positions
    }

    /// Where the text holds this word for the first time, from 1.
    fn word(sql: &str, word: &str) -> Option<Position> {
        let column = u32::try_from(sql.find(word)?).ok()? + 1;
        Some(Position { line: 1, column })
    }

    #[test]
    fn a_part_is_found_at_its_keyword() {
        let cases = [
            (Part::Cut, "LIMIT 5", "SELECT 1 AS a FROM t ORDER BY a LIMIT 5"),
            (Part::Cut, "OFFSET 2", "SELECT (SELECT 1 FROM t) FROM t OFFSET 2 ROWS"),
            (Part::Cut, "FETCH FIRST", "SELECT a FROM t FETCH FIRST 3 ROWS ONLY"),
            (Part::Cut, "LIMIT 1", "SELECT a FROM (SELECT a FROM t LIMIT 1) x LIMIT 9"),
            (Part::Cut, "LIMIT 2, 3", "SELECT \"LIMIT\" FROM t LIMIT 2, 3"),
            (Part::Group, "GROUP BY a", "SELECT a, COUNT(*) FROM t GROUP BY a, b ORDER BY a"),
            (Part::Order, "ORDER BY a", "SELECT SUM(a) OVER (PARTITION BY b) FROM t ORDER BY a"),
            (Part::SetOperation, "UNION ALL", "SELECT a FROM t UNION ALL SELECT a FROM u EXCEPT SELECT 1"),
            (
                Part::SetOperation,
                "INTERSECT",
                "SELECT * FROM (SELECT a FROM t INTERSECT (SELECT a FROM u)) x",
            ),
            (Part::Values, "VALUES", "SELECT * FROM (VALUES (1), (2)) AS v (a)"),
            (Part::Exists, "EXISTS", "SELECT 1 FROM t WHERE a IN (1, 2) AND NOT EXISTS (SELECT 1 FROM u)"),
            (Part::InSubquery, "IN (SELECT", "SELECT 1 FROM t WHERE a NOT IN (1) AND a IN (SELECT b FROM u)"),
            (
                Part::ScalarSubquery,
                "SELECT MAX",
                "SELECT 1 FROM t WHERE EXISTS (SELECT 1) AND a = (SELECT MAX(b) FROM u)",
            ),
            (Part::Window, "rank", "SELECT sum(a), rank() OVER (ORDER BY a) FROM t"),
        ];
        for (part, at, sql) in cases {
            assert_eq!(places(sql).first(part), word(sql, at), "{sql}");
        }
        let none = places("SELECT a FROM t WHERE a IN (1)");
        assert_eq!((none.first(Part::Cut), none.first(Part::InSubquery)), (None, None));
    }

    #[test]
    fn a_join_is_found_by_what_its_right_side_is_called() {
        let sql = "SELECT 1 FROM a JOIN ward.b ON true JOIN \"C\" ON true JOIN (SELECT 1 FROM e) AS D ON true, f AS g";
        let found = places(sql);
        for (name, at) in [("b", "ward.b"), ("c", "\"C\""), ("d", "(SELECT"), ("g", "f AS g")] {
            assert!(found.join_of(name).is_some(), "{name}");
            let near = |place: Option<Position>| place.map(|place| place.column);
            let (join, word) = (near(found.join_of(name)), near(word(sql, at)));
            assert!(join >= word && join <= word.map(|column| column + 1), "{name}: {join:?} {word:?}");
        }
        assert_eq!((found.join(), found.join_of("a")), (found.join_of("b"), None));
    }
}
