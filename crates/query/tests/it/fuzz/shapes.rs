//! Statements of odd shapes: every node of a plan over every other, expressions in places where nobody
//! writes them, sub-queries within sub-queries. Names are those in scope, mostly.

use crate::random::genes::Genes;
use crate::random::text;

/// Deepest nesting of relations.
const DEEPEST: usize = 4;

/// A relation in a FROM clause.
struct Relation {
    sql: String,
    /// Its columns, with the name of the relation.
    columns: Vec<String>,
}

/// What writes a statement.
struct Writer<'a, 'b> {
    genes: &'a mut Genes<'b>,
    named: usize,
}

/// A statement.
pub(crate) fn statement(genes: &mut Genes<'_>) -> String {
    if genes.once_in(4) {
        return text(genes);
    }
    let mut writer = Writer { genes, named: 0 };
    let mut sql = writer.query(DEEPEST, false);
    if writer.genes.once_in(3) {
        let other = writer.query(1, false);
        sql = format!("{sql} {} {other}", writer.genes.of(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]));
    }
    if writer.genes.once_in(5) {
        let recursive = writer.genes.of(&["", "", "", "RECURSIVE "]);
        sql = format!(
            "WITH {recursive}w AS ({sql}) SELECT {} FROM w",
            writer.genes.of(&["*", "COUNT(*) AS n", "1"])
        );
    }
    sql
}

impl Writer<'_, '_> {
    fn name(&mut self) -> String {
        self.named += 1;
        format!("r{}", self.named)
    }

    /// A SELECT; with the subject among its columns where it can.
    fn query(&mut self, depth: usize, with_subject: bool) -> String {
        let relation = self.relation(depth.saturating_sub(1));
        let columns = &relation.columns;
        let wheres = if self.genes.once_in(2) {
            format!(" WHERE {}", self.truth(columns, depth.min(2)))
        } else {
            String::new()
        };
        let (items, groups) = self.items(columns, depth, with_subject);
        let having =
            if self.genes.once_in(8) { format!(" HAVING {}", self.truth(columns, 1)) } else { String::new() };
        let ends = [
            "",
            "",
            "",
            "",
            "",
            " ORDER BY 1",
            " LIMIT 3",
            " ORDER BY 1 LIMIT 2 OFFSET 1",
            " ORDER BY 2 DESC NULLS FIRST",
        ];
        let end = if with_subject && !self.genes.once_in(6) { "" } else { self.genes.of(&ends) };
        format!("SELECT {} FROM {}{wheres}{groups}{having}{end}", items.join(", "), relation.sql)
    }

    /// What is selected, and the GROUP BY that goes with it.
    fn items(&mut self, columns: &[String], depth: usize, with_subject: bool) -> (Vec<String>, String) {
        let subject = columns.iter().find(|column| column.ends_with("patient_id")).cloned();
        let subject = subject.filter(|_| with_subject);
        let grouped = self.genes.below(8);
        let named = |(index, item): (usize, String)| format!("{item} AS c{index}");
        let selected = |subject: &Option<String>, items: Vec<String>| {
            let subject = subject.iter().map(|subject| format!("{subject} AS patient_id"));
            subject.chain(items.into_iter().enumerate().map(named)).collect::<Vec<_>>()
        };
        if grouped == 0 || (with_subject && grouped < 5) {
            let distinct = if self.genes.once_in(6) { "DISTINCT " } else { "" };
            let items = (0..=self.genes.below(3)).map(|_| self.value(columns, depth.min(2))).collect();
            let mut items = selected(&subject, items);
            items[0] = format!("{distinct}{}", items[0]);
            return (items, String::new());
        }
        let keys: Vec<String> = (0..self.genes.below(3)).map(|_| self.value(columns, 1)).collect();
        let aggregates: Vec<String> = (0..=self.genes.below(2)).map(|_| self.aggregate(columns)).collect();
        let by: Vec<String> = subject.iter().cloned().chain(keys.iter().cloned()).collect();
        let items = selected(&subject, keys.into_iter().chain(aggregates).collect());
        let groups = match (by.is_empty(), self.genes.below(7)) {
            (true, _) => String::new(),
            (false, 0) => format!(" GROUP BY ROLLUP ({})", by.join(", ")),
            (false, 1) => format!(" GROUP BY GROUPING SETS (({}), ())", by.join(", ")),
            (false, _) => format!(" GROUP BY {}", by.join(", ")),
        };
        (items, groups)
    }

    fn relation(&mut self, depth: usize) -> Relation {
        if depth == 0 {
            return self.table();
        }
        match self.genes.below(8) {
            0..=2 => self.table(),
            3 | 4 => self.joined(depth),
            5 | 6 => self.derived(depth),
            _ => self.united(depth),
        }
    }

    fn table(&mut self) -> Relation {
        let tables: [(&str, &[&str]); 5] = [
            ("people", &["patient_id", "sex", "age", "score"]),
            ("visits", &["patient_id", "code", "amount", "day"]),
            ("tests", &["patient_id", "code", "result", "day"]),
            ("codes", &["code", "class"]),
            ("(VALUES ('a', 1), ('b', 2))", &["code", "number"]),
        ];
        let (table, columns) = tables[[0, 1, 2, 0, 1, 2, 3, 4][self.genes.below(8)]];
        let name = self.name();
        let own = columns.iter().map(|column| format!("{name}.{column}")).collect();
        let sql = if table.starts_with('(') {
            format!("{table} {name}(code, number)")
        } else {
            format!("{table} {name}")
        };
        Relation { sql, columns: own }
    }

    fn joined(&mut self, depth: usize) -> Relation {
        let (left, right) = (self.relation(depth - 1), self.relation(depth - 1));
        let kinds = [
            "JOIN",
            "JOIN",
            "LEFT JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
            "CROSS JOIN",
            ",",
            "LEFT SEMI JOIN",
            "LEFT ANTI JOIN",
            "NATURAL JOIN",
        ];
        let kind = self.genes.of(&kinds);
        let on = match kind {
            "CROSS JOIN" | "," | "NATURAL JOIN" => String::new(),
            _ => format!(" ON {}", self.tie(&left.columns, &right.columns)),
        };
        let columns = left.columns.into_iter().chain(right.columns).collect();
        Relation { sql: format!("{} {kind} {}{on}", left.sql, right.sql), columns }
    }

    /// What joins two relations: equality of the subject or of a code, mostly.
    fn tie(&mut self, left: &[String], right: &[String]) -> String {
        let of = |columns: &[String], name: &str| {
            columns
                .iter()
                .find(|column| column.ends_with(name))
                .cloned()
                .unwrap_or_else(|| columns[0].clone())
        };
        let name = if right.iter().chain(left).filter(|column| column.ends_with("patient_id")).count() > 1 {
            "patient_id"
        } else {
            "code"
        };
        let tie = format!("{} = {}", of(left, name), of(right, name));
        let both: Vec<String> = left.iter().chain(right).cloned().collect();
        match self.genes.below(6) {
            0 => format!("{tie} AND {}", self.truth(&both, 1)),
            1 => self.truth(&both, 1),
            _ => tie,
        }
    }

    fn derived(&mut self, depth: usize) -> Relation {
        let inner = self.query(depth, true);
        let name = self.name();
        let columns = ["patient_id", "c0", "c1"].iter().filter(|column| inner.contains(**column));
        let columns = columns.map(|column| format!("{name}.{column}")).collect();
        Relation { sql: format!("({inner}) {name}"), columns }
    }

    fn united(&mut self, depth: usize) -> Relation {
        let (one, other) = (self.query(depth - 1, true), self.query(depth - 1, true));
        let name = self.name();
        let kind = self.genes.of(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
        let columns = vec![format!("{name}.patient_id"), format!("{name}.c0")];
        Relation { sql: format!("({one} {kind} {other}) {name}"), columns }
    }

    fn column(&mut self, columns: &[String]) -> String {
        let plain: Vec<&String> = columns.iter().filter(|column| !column.ends_with("patient_id")).collect();
        if plain.is_empty() || self.genes.once_in(12) {
            return columns[self.genes.below(columns.len())].clone();
        }
        plain[self.genes.below(plain.len())].clone()
    }

    fn value(&mut self, columns: &[String], depth: usize) -> String {
        let column = self.column(columns);
        if depth == 0 {
            return column;
        }
        let mut inner = || self.value(columns, depth - 1);
        let (one, other) = (inner(), inner());
        match self.genes.below(18) {
            0 => format!("CASE WHEN {} THEN {one} ELSE {other} END", self.truth(columns, depth - 1)),
            1 => format!("{one} {} {other}", self.genes.of(&["+", "-", "*", "/", "||"])),
            2 => format!("COALESCE({one}, {other})"),
            3 => format!(
                "CAST({one} AS {})",
                self.genes.of(&["INT", "DOUBLE", "TEXT", "DATE", "DECIMAL(9,2)"])
            ),
            4 => {
                let function = self.genes.of(&["floor", "abs", "upper", "length", "ln", "sqrt"]);
                format!("{function}({one})")
            }
            5 => format!("date_trunc('{}', {one})", self.genes.of(&["year", "month", "day"])),
            6 => {
                let function =
                    self.genes.of(&["ROW_NUMBER()", "LAG(1)", "SUM(1)", "COUNT(*)", "FIRST_VALUE(2)"]);
                let subject = columns.iter().find(|column| column.ends_with("patient_id"));
                let by = subject.map(|subject| format!("PARTITION BY {subject} ")).unwrap_or_default();
                format!("{function} OVER ({by}ORDER BY {one})")
            }
            7 => format!(
                "(SELECT {} FROM visits z WHERE z.patient_id = {})",
                self.genes.of(&["MAX(z.amount)", "COUNT(*)", "z.amount"]),
                self.subject(columns)
            ),
            8 => format!("(SELECT COUNT(*) FROM {})", self.genes.of(&["people", "codes", "visits"])),
            9 => self.genes.of(&["1", "NULL", "'a'", "DATE '2021-03-01'", "2.5", "TRUE", "-0.0"]).to_owned(),
            10 => format!("least({one}, {other}, 3)"),
            _ => column,
        }
    }

    fn subject(&mut self, columns: &[String]) -> String {
        let subject = columns.iter().find(|column| column.ends_with("patient_id"));
        subject.cloned().unwrap_or_else(|| columns[0].clone())
    }

    fn truth(&mut self, columns: &[String], depth: usize) -> String {
        let column = self.column(columns);
        let below = depth.saturating_sub(1);
        match self.genes.below(12) {
            0 if depth > 0 => format!("({} AND {})", self.truth(columns, below), self.truth(columns, below)),
            1 if depth > 0 => format!("({} OR {})", self.truth(columns, below), self.truth(columns, below)),
            2 if depth > 0 => format!("NOT {}", self.truth(columns, below)),
            3 => format!("{column} IS {}NULL", self.genes.of(&["", "NOT "])),
            4 => format!("{column} IN ('a', 'b', 'F')"),
            5 => {
                format!("{} IN (SELECT y.patient_id FROM tests y WHERE y.code = 'a')", self.subject(columns))
            }
            6 => format!(
                "EXISTS (SELECT 1 FROM visits y WHERE y.patient_id = {} AND y.amount > 1)",
                self.subject(columns)
            ),
            7 => format!("{column} LIKE 'a%'"),
            8 => format!("{column} > {}", self.value(columns, below)),
            9 => format!("{column} BETWEEN 1 AND 90000000"),
            10 => format!("{column} = {}", self.genes.of(&["'a'", "1", "NULL", "TRUE", "DATE '2021-02-03'"])),
            _ => format!("{column} IS DISTINCT FROM {}", self.value(columns, below)),
        }
    }

    fn aggregate(&mut self, columns: &[String]) -> String {
        let value = self.value(columns, 1);
        let call = match self.genes.below(11) {
            0..=2 => "COUNT(*)".to_owned(),
            3 => format!("COUNT(DISTINCT {value})"),
            4 => format!("COUNT(DISTINCT {})", self.subject(columns)),
            5 => format!("COUNT({value})"),
            6 => format!("AVG({value})"),
            7 => format!(
                "{}({value})",
                self.genes.of(&["MIN", "MAX", "STDDEV", "MEDIAN", "bool_or", "array_agg"])
            ),
            8 => format!("CORR({value}, {})", self.column(columns)),
            _ => format!("SUM({value})"),
        };
        if self.genes.once_in(6) { format!("{call} FILTER (WHERE {})", self.truth(columns, 1)) } else { call }
    }
}
