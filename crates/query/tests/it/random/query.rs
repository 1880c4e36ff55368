//! One frontier: keys and statistics over a source, with the queries that give what stands behind it.

use sekisho_model::Parameter;

use super::genes::Genes;
use super::model;
use super::source::{Source, source};
use super::statistic::{Stat, statistic};
use super::term::{about_others, condition, key};

/// How rows are grouped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Grouping {
    ByAll,
    Cube,
    Rollup,
    /// Each key by itself, and everybody.
    Single,
}

/// The SELECT of one frontier.
#[derive(Clone)]
pub(crate) struct Query {
    pub(crate) source: Source,
    conditions: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) grouping: Grouping,
    pub(crate) stats: Vec<Stat>,
}

impl Query {
    pub(crate) fn new(genes: &mut Genes<'_>, tag: usize) -> Self {
        let source = source(genes, tag);
        let mut conditions: Vec<String> = source.given.iter().cloned().collect();
        if !source.coded {
            conditions.extend(chosen_conditions(genes, &source));
        }
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..genes.below(3) {
            let key = if source.coded { genes.of(source.texts).to_owned() } else { key(genes, &source) };
            // A constant would be a position.
            if !keys.contains(&key) && key.parse::<i64>().is_err() {
                keys.push(key);
            }
        }
        if source.coded && keys.is_empty() {
            keys.push(source.texts[0].to_owned());
        }
        let mut grouping = Grouping::ByAll;
        if !source.coded && genes.once_in(4) {
            grouping = [Grouping::Rollup, Grouping::Cube, Grouping::Single][genes.below(3)];
            keys = plain_keys(genes, &source);
        }
        let mut query = Self { source, conditions, keys, grouping, stats: Vec::new() };
        query.ask(genes);
        query
    }

    /// How many there are in the whole source of a query.
    pub(crate) fn everybody(query: &Self) -> Self {
        let stats = vec![Stat::records_of(&query.source)];
        let conditions = query.source.given.iter().cloned().collect();
        Self { conditions, keys: Vec::new(), grouping: Grouping::ByAll, stats, source: query.source.clone() }
    }

    /// Asks for other statistics.
    pub(crate) fn ask(&mut self, genes: &mut Genes<'_>) {
        self.stats.clear();
        for _ in 0..=genes.below(3) {
            let stat = statistic(genes, &self.source);
            if self.stats.iter().all(|known| known.sql != stat.sql) {
                self.stats.push(stat);
            }
        }
    }

    /// The same under another condition.
    pub(crate) fn restricted(&self, genes: &mut Genes<'_>) -> Self {
        let mut other = self.clone();
        if !self.source.coded {
            other.conditions.push(condition(genes, &self.source, 0));
        }
        other
    }

    /// How many columns stand before the statistics: keys, and for each whether it is one in a row.
    pub(crate) fn labels(&self) -> usize {
        self.keys.len() * if self.grouping == Grouping::ByAll { 1 } else { 2 }
    }

    /// `SELECT` … `GROUP BY` with columns `k0`, …, `g0`, …, `s0`, ….
    pub(crate) fn select(&self) -> String {
        let stats = self.stats.iter().enumerate().map(|(index, stat)| format!("{} AS s{index}", stat.sql));
        self.selected(stats.collect(), None)
    }

    /// For each group and person, what they add to each statistic.
    pub(crate) fn contributions(&self) -> String {
        let columns = self.stats.iter().flat_map(Stat::contributions).enumerate();
        let columns = columns.map(|(index, column)| format!("{column} AS c{index}"));
        let sql = self.selected(columns.collect(), Some(self.source.subject));
        self.in_full(&sql)
    }

    /// For each group and value that is counted, how many people have it.
    pub(crate) fn people_by_value(&self, value: &str) -> String {
        let people = format!("COUNT(DISTINCT {})", self.source.subject);
        self.in_full(&self.selected(vec![people], Some(value)))
    }

    /// With its CTEs.
    fn in_full(&self, sql: &str) -> String {
        match self.source.with.as_slice() {
            [] => sql.to_owned(),
            with => format!("WITH {} {sql}", with.join(", ")),
        }
    }

    fn selected(&self, columns: Vec<String>, further: Option<&str>) -> String {
        let mut items: Vec<String> =
            self.keys.iter().enumerate().map(|(index, key)| format!("{key} AS k{index}")).collect();
        if self.grouping != Grouping::ByAll {
            let told = self.keys.iter().enumerate();
            items.extend(told.map(|(index, key)| format!("GROUPING({key}) AS g{index}")));
        }
        items.extend(further.map(|further| format!("{further} AS who")));
        items.extend(columns);
        let from = &self.source.from;
        let wheres = if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        };
        let groups = self.group_by(further);
        format!("SELECT {} FROM {from}{wheres}{groups}", items.join(", "))
    }

    fn group_by(&self, further: Option<&str>) -> String {
        let further: Vec<&str> = further.into_iter().collect();
        let all: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let set = |keys: &[&str]| {
            let keys: Vec<&str> = keys.iter().chain(&further).copied().collect();
            format!("({})", keys.join(", "))
        };
        let sets = match (self.grouping, all.as_slice()) {
            (Grouping::ByAll, _) => {
                let keys: Vec<&str> = all.iter().chain(&further).copied().collect();
                return if keys.is_empty() {
                    String::new()
                } else {
                    format!(" GROUP BY {}", keys.join(", "))
                };
            }
            (Grouping::Rollup, _) if further.is_empty() => {
                return format!(" GROUP BY ROLLUP ({})", all.join(", "));
            }
            (Grouping::Cube, _) if further.is_empty() => {
                return format!(" GROUP BY CUBE ({})", all.join(", "));
            }
            (Grouping::Rollup, [one, other]) => vec![set(&[one, other]), set(&[one]), set(&[])],
            (Grouping::Cube, [one, other]) => {
                vec![set(&[one, other]), set(&[one]), set(&[other]), set(&[])]
            }
            (Grouping::Single, [one, other]) => vec![set(&[one]), set(&[other]), set(&[])],
            (_, keys) => vec![set(keys), set(&[])],
        };
        format!(" GROUP BY GROUPING SETS ({})", sets.join(", "))
    }
}

fn chosen_conditions(genes: &mut Genes<'_>, source: &Source) -> Vec<String> {
    match genes.below(6) {
        0 | 1 => vec![condition(genes, source, 2)],
        2 => vec![about_others(genes, source)],
        3 => vec![condition(genes, source, 1), about_others(genes, source)],
        _ => Vec::new(),
    }
}

/// One or two columns as they are.
fn plain_keys(genes: &mut Genes<'_>, source: &Source) -> Vec<String> {
    let plain: Vec<&str> = source.texts.iter().chain(source.integers).copied().collect();
    let plain: Vec<&str> = plain.into_iter().filter(|column| !column.contains(['(', '2'])).collect();
    let first = genes.below(plain.len());
    let mut keys = vec![plain[first].to_owned()];
    if plain.len() > 1 && genes.once_in(2) {
        keys.push(plain[(first + 1 + genes.below(plain.len() - 1)) % plain.len()].to_owned());
    }
    keys
}

/// Every declared grade beside those who have it, for the plain engine, which knows nothing of declarations.
const GRADES: &str = "(SELECT COALESCE(d.grade, h.grade) AS grade, h.patient_id, h.points \
    FROM (VALUES ('I'), ('II'), ('III'), ('IV')) d(grade) FULL JOIN grades h ON h.grade = d.grade)";

/// A text with its parameters: as `$1`, … with their values, and as constants. What only one of the engines knows
/// is written as each needs it.
pub(crate) fn bound(sql: &str) -> (String, Vec<Parameter>, String) {
    let known = [
        ("$integer", Parameter::Integer(2), "2"),
        ("$text", Parameter::Text("a".to_owned()), "'a'"),
        ("$day", Parameter::Date("2022-02-10".parse().unwrap()), "DATE '2022-02-10'"),
    ];
    let (sent, plain) = model::written(sql);
    let (mut sent, mut plain) = (sent.replace("$grades", "grades"), plain.replace("$grades", GRADES));
    let mut values = Vec::new();
    for (name, value, constant) in known {
        if sent.contains(name) {
            values.push(value);
            sent = sent.replace(name, &format!("${}", values.len()));
            plain = plain.replace(name, constant);
        }
    }
    (sent, values, plain)
}
