//! Whole analyses: one frontier, or several that are joined, united, divided, ranked or summed above it.

use super::genes::Genes;
use super::query::{Grouping, Query};

/// How the frontiers stand together.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Shape {
    Alone,
    /// Side by side where their keys are equal.
    Joined {
        /// Rows without a partner stay.
        outer: bool,
    },
    /// With a rank, a running sum and a share of the whole.
    Ranked,
    /// Beside one number of everybody.
    Ratio,
    /// The groups themselves are counted and summed.
    Summed,
    /// One below the other.
    United,
}

/// What a column of the result is, its labels apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Column {
    /// Computed from released cells of its row.
    Derived,
    /// Computed from the released cells of all rows.
    OfAll(OfAll),
    /// A statistic of a frontier, both by index; of a union, the frontier is the one of the row.
    Stat(usize, usize),
}

/// What is computed from all rows of the only statistic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OfAll {
    Largest,
    Place,
    Rows,
    Share,
    Total,
}

/// A random analysis.
pub(crate) struct Whole {
    pub(crate) shape: Shape,
    /// As it is asked.
    pub(crate) sql: String,
    /// As the plain engine is asked for every row that there may be.
    pub(crate) truth: String,
    pub(crate) labels: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) queries: Vec<Query>,
    /// Ordered by the first statistic, upwards.
    pub(crate) ordered: bool,
}

impl Whole {
    pub(crate) fn new(genes: &mut Genes<'_>) -> Self {
        let query = Query::new(genes, 0);
        match genes.below(12) {
            0 => joined(genes, query),
            1 => united(genes, query),
            2 => ratio(query),
            3 => ranked(query),
            4 => summed(query),
            _ => alone(genes, query),
        }
    }

    /// The labels of a row's group in a frontier; nothing if the row has no part in it.
    pub(crate) fn group<'a>(&self, labels: &'a [String], query: usize) -> Option<&'a [String]> {
        match self.shape {
            Shape::Alone | Shape::Joined { .. } | Shape::Ranked => Some(labels),
            Shape::Ratio => Some(if query == 0 { labels } else { &[] }),
            Shape::United => {
                let (first, rest) = labels.split_first()?;
                (first == ["one", "two"][query]).then_some(rest)
            }
            Shape::Summed => None,
        }
    }

    /// The frontier behind a statistic of a row.
    pub(crate) fn query_of(&self, labels: &[String], query: usize) -> usize {
        if self.shape == Shape::United { usize::from(labels[0] == "two") } else { query }
    }

    /// Whether some columns are computed from all rows.
    pub(crate) fn is_of_all(&self) -> bool {
        matches!(self.shape, Shape::Ranked | Shape::Summed)
    }

    /// The first frontier alone.
    pub(crate) fn first(&self) -> String {
        full(&[&self.queries[0]], &[], &self.queries[0].select())
    }
}

/// A text with all CTEs: those of sources, then others.
fn full(queries: &[&Query], ctes: &[(&str, &Query)], sql: &str) -> String {
    let mut with: Vec<String> = Vec::new();
    for cte in queries.iter().flat_map(|query| &query.source.with) {
        if !with.contains(cte) {
            with.push(cte.clone());
        }
    }
    with.extend(ctes.iter().map(|(name, query)| format!("{name} AS ({})", query.select())));
    if with.is_empty() { sql.to_owned() } else { format!("WITH {} {sql}", with.join(", ")) }
}

/// `a.k0, a.k1, …`
fn labels(query: &Query, table: &str) -> String {
    let keys = (0..query.keys.len()).map(|index| format!("{table}.k{index}"));
    let sets = (0..query.keys.len()).map(|index| format!("{table}.g{index}"));
    let sets = sets.take(query.labels() - query.keys.len());
    keys.chain(sets).map(|label| format!("{label}, ")).collect()
}

fn alone(genes: &mut Genes<'_>, query: Query) -> Whole {
    let (mut sql, mut truth) = (query.select(), query.select());
    if query.grouping == Grouping::ByAll && !query.source.coded && genes.once_in(6) {
        let (stat, least) = (&query.stats[0].sql, genes.below(20));
        sql.push_str(&format!(" HAVING {stat} >= {least}"));
        // The plain engine may not compare two decimals of unlike width.
        truth.push_str(&format!(" HAVING CAST({stat} AS DOUBLE) >= {least}"));
    }
    let ordered = genes.once_in(2);
    if ordered {
        sql.push_str(" ORDER BY s0");
        if genes.once_in(4) {
            sql.push_str(&format!(" LIMIT {} OFFSET {}", 1 + genes.below(5), genes.below(2)));
        }
    }
    Whole {
        shape: Shape::Alone,
        sql: full(&[&query], &[], &sql),
        truth: full(&[&query], &[], &truth),
        labels: query.labels(),
        columns: (0..query.stats.len()).map(|stat| Column::Stat(0, stat)).collect(),
        queries: vec![query],
        ordered,
    }
}

/// One text for both engines.
fn both(shape: Shape, sql: String, labels: usize, columns: Vec<Column>, queries: Vec<Query>) -> Whole {
    Whole { shape, truth: sql.clone(), sql, labels, columns, queries, ordered: false }
}

fn joined(genes: &mut Genes<'_>, query: Query) -> Whole {
    let mut other = query.restricted(genes);
    other.ask(genes);
    if query.labels() != 1 {
        return alone(genes, query);
    }
    let kind = genes.of(&["JOIN", "LEFT JOIN", "FULL JOIN"]);
    let sql = format!(
        "SELECT COALESCE(a.k0, b.k0) AS k0, a.s0 AS s0, b.s0 AS s1, 100.0 * b.s0 / a.s0 AS d \
         FROM a {kind} b ON a.k0 = b.k0"
    );
    let sql = full(&[&query, &other], &[("a", &query), ("b", &other)], &sql);
    let columns = vec![Column::Stat(0, 0), Column::Stat(1, 0), Column::Derived];
    both(Shape::Joined { outer: kind != "JOIN" }, sql, 1, columns, vec![query, other])
}

fn united(genes: &mut Genes<'_>, query: Query) -> Whole {
    let other = query.restricted(genes);
    let part = |name: &str, query: &Query| {
        let stats: Vec<String> = (0..query.stats.len()).map(|stat| format!("s{stat}")).collect();
        let table = if name == "one" { "a" } else { "b" };
        format!("SELECT '{name}' AS part, {}{} FROM {table}", labels(query, table), stats.join(", "))
    };
    let sql = format!("{} UNION ALL {}", part("one", &query), part("two", &other));
    let sql = full(&[&query, &other], &[("a", &query), ("b", &other)], &sql);
    let columns = (0..query.stats.len()).map(|stat| Column::Stat(0, stat)).collect();
    both(Shape::United, sql, query.labels() + 1, columns, vec![query, other])
}

fn ratio(query: Query) -> Whole {
    let total = Query::everybody(&query);
    let sql =
        format!("SELECT {}a.s0 AS s0, 100.0 * a.s0 / ({}) AS d FROM a", labels(&query, "a"), total.select());
    let sql = full(&[&query], &[("a", &query)], &sql);
    let (labels, columns) = (query.labels(), vec![Column::Stat(0, 0), Column::Derived]);
    both(Shape::Ratio, sql, labels, columns, vec![query, total])
}

fn ranked(mut query: Query) -> Whole {
    query.stats.truncate(1);
    let sql = format!(
        "SELECT {}s0, rank() OVER (ORDER BY s0 DESC) AS p, SUM(s0) OVER () AS t, \
         1.0 * s0 / SUM(s0) OVER () AS h FROM a",
        labels(&query, "a")
    );
    let sql = full(&[&query], &[("a", &query)], &sql);
    let of_all = [OfAll::Place, OfAll::Total, OfAll::Share].map(Column::OfAll);
    let columns = [Column::Stat(0, 0)].into_iter().chain(of_all).collect();
    both(Shape::Ranked, sql, query.labels(), columns, vec![query])
}

fn summed(mut query: Query) -> Whole {
    query.stats.truncate(1);
    let sql = "SELECT COUNT(*) AS n, MAX(s0) AS m, SUM(s0) AS t FROM a";
    let sql = full(&[&query], &[("a", &query)], sql);
    let columns = [OfAll::Rows, OfAll::Largest, OfAll::Total].map(Column::OfAll).to_vec();
    both(Shape::Summed, sql, 0, columns, vec![query])
}
