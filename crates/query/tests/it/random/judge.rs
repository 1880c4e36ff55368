//! One analysis judged: its numbers are those of the plain engine, and each of them may be shown.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;

use super::naive::{Group, Rules, Share, Vector, broken, difference, vectors};
use super::quantile;
use super::query::{Grouping, Query, bound};
use super::statistic::Kind;
use super::whole::{Column, OfAll, Shape, Whole};
use crate::fixture::text_rows;

/// The column whose values may harm a person.
const SENSITIVE: &str = "t.code";

/// A row of text.
type Row = Vec<String>;

/// Most published sums of one analysis that are compared in pairs.
const MOST_VECTORS: usize = 80;

/// What the plain engine says of an analysis.
pub(super) struct Truth {
    /// The values of rows by their labels, of which some may be the same.
    rows: BTreeMap<Row, Vec<Row>>,
    pub(super) frontiers: Vec<Behind>,
}

/// What stands behind the cells of one frontier.
pub(super) struct Behind {
    pub(super) groups: BTreeMap<Row, Group>,
    /// For each statistic that counts values: by group, how many people have each.
    by_value: BTreeMap<usize, BTreeMap<Row, Vec<usize>>>,
}

/// How many cells of an analysis were seen.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) released: usize,
    pub(super) withheld: usize,
    /// Of the released ones, the numbers of models.
    pub(super) models: usize,
    pub(super) derived: usize,
}

async fn rows(plain: &SessionContext, sql: &str) -> Result<Vec<Row>, String> {
    let (_, _, sql) = bound(sql);
    let failed = |error| format!("the plain engine says {error} to {sql}");
    let batches = plain.sql(&sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    Ok(batches.iter().flat_map(text_rows).collect())
}

impl Truth {
    pub(super) async fn of(plain: &SessionContext, whole: &Whole) -> Result<Self, String> {
        let mut known: BTreeMap<Row, Vec<Row>> = BTreeMap::new();
        for row in rows(plain, &whole.truth).await? {
            let (labels, values) = row.split_at(whole.labels);
            known.entry(labels.to_vec()).or_default().push(values.to_vec());
        }
        let mut frontiers = Vec::new();
        for query in &whole.queries {
            frontiers.push(Behind::of(plain, query).await?);
        }
        Ok(Self { rows: known, frontiers })
    }

    /// What is wrong with released rows, or how many cells they have. `inner` is what the only frontier
    /// gives by itself, where columns are computed from all of its rows.
    pub(super) fn judge(
        &self,
        whole: &Whole,
        rows: &[Row],
        inner: Option<&[Row]>,
        rules: &Rules,
    ) -> Result<Counted, String> {
        if whole.ordered && !in_order(rows, whole.labels) {
            return Err(format!("out of order {rows:?}"));
        }
        let mut counted = Counted::default();
        let mut public = Vec::new();
        for row in rows {
            let (labels, values) = row.split_at(whole.labels);
            let outer = matches!(whole.shape, Shape::Joined { outer: true });
            let truths = self.rows.get(labels).ok_or_else(|| format!("no such row {labels:?}"))?;
            let fits = |truth: &Row| self.fits(whole, labels, (values, truth), outer, rules.minimum);
            if whole.shape != Shape::Summed && !truths.iter().any(fits) {
                return Err(format!("{labels:?} has {values:?} and not {truths:?}"));
            }
            for (place, column) in whole.columns.iter().enumerate() {
                match (column, values[place].as_str()) {
                    (_, "#") => counted.withheld += 1,
                    (Column::Derived, _) => counted.derived += 1,
                    (Column::OfAll(of_all), value) => {
                        counted.derived += 1;
                        is_of_all(*of_all, value, &values[0], inner.unwrap_or_default(), whole)?;
                    }
                    (Column::Stat(query, stat), value) => {
                        counted.released += 1;
                        let query = whole.query_of(labels, *query);
                        let is_model = whole.queries[query].stats[*stat].is_model() && value != "-";
                        counted.models += usize::from(is_model);
                        let Some(group) = whole.group(labels, query) else { continue };
                        // The other side of an outer join.
                        if outer && value == "-" {
                            continue;
                        }
                        self.may_be_shown(whole, query, *stat, group, value, rules)?;
                        public.push((query, *stat, group.to_vec()));
                    }
                }
            }
        }
        self.together(whole, &public, rules)?;
        Ok(counted)
    }

    fn fits(
        &self,
        whole: &Whole,
        labels: &[String],
        (values, truth): (&[String], &Row),
        outer: bool,
        minimum: usize,
    ) -> bool {
        let columns = whole.columns.iter().zip(values).zip(truth);
        columns.into_iter().all(|((column, value), truth)| match column {
            _ if value == "#" || (outer && value == "-") => true,
            Column::OfAll(_) => true,
            Column::Derived => is_snapped(whole) || same(Kind::Mean, value, truth),
            Column::Stat(query, stat) => {
                let query = whole.query_of(labels, *query);
                let kind = whole.queries[query].stats[*stat].kind;
                same(kind, value, truth)
                    || (matches!(kind, Kind::Quantile(_))
                        && whole.group(labels, query).is_some_and(|group| {
                            self.may_be_snapped(value, truth, (query, *stat, group), minimum)
                        }))
            }
        })
    }

    /// Whether a quantile may be shown as it is, where few people are near it.
    fn may_be_snapped(
        &self,
        value: &str,
        truth: &str,
        (query, stat, group): (usize, usize, &[String]),
        minimum: usize,
    ) -> bool {
        let Some(people) = self.frontiers[query].groups.get(group) else { return false };
        let (Ok(value), Ok(truth)) = (value.parse(), truth.parse()) else { return false };
        let people: Vec<&Share> = people.values().map(|shares| &shares[stat]).collect();
        quantile::may_be_shown_as(value, truth, &people, minimum)
    }

    fn may_be_shown(
        &self,
        whole: &Whole,
        query: usize,
        stat: usize,
        group: &[String],
        value: &str,
        rules: &Rules,
    ) -> Result<(), String> {
        let known = &whole.queries[query].stats[stat];
        let behind = &self.frontiers[query];
        let nobody = Group::new();
        let people = behind.groups.get(group).unwrap_or(&nobody);
        let by_value = behind.by_value.get(&stat).and_then(|groups| groups.get(group));
        let by_value = by_value.map(Vec::as_slice).unwrap_or_default();
        let broken = broken(known, stat, people, by_value, value, rules);
        let tells = behind.tells(&whole.queries[query], group, rules.minimum).then_some("class");
        match broken.or(tells) {
            Some(rule) => Err(format!("{} of {group:?} is {value} and breaks {rule}", known.sql)),
            None => Ok(()),
        }
    }

    /// What two published numbers give away together, or a total and its parts.
    fn together(&self, whole: &Whole, public: &[(usize, usize, Row)], rules: &Rules) -> Result<(), String> {
        let mut known: Vec<Vector<'_>> = Vec::new();
        for (query, stat, group) in public {
            let statistic = &whole.queries[*query].stats[*stat];
            let what = format!("{} of {group:?}", statistic.sql);
            if let Some(people) = self.frontiers[*query].groups.get(group) {
                known.extend(vectors(statistic, *stat, people, &what));
            }
        }
        known.extend(self.sums_of_parts(whole, public));
        known.truncate(MOST_VECTORS);
        for (place, one) in known.iter().enumerate() {
            for other in &known[..place] {
                if let Some(rule) = difference(one, other, rules) {
                    return Err(rule);
                }
            }
        }
        Ok(())
    }

    /// Of each released total: the sum of its released parts.
    fn sums_of_parts<'a>(&'a self, whole: &'a Whole, public: &[(usize, usize, Row)]) -> Vec<Vector<'a>> {
        let mut sums = Vec::new();
        for (query, stat, total) in public {
            let asked = &whole.queries[*query];
            if asked.grouping == Grouping::ByAll || total[asked.keys.len()..].iter().all(|told| told == "0") {
                continue;
            }
            let parts = public.iter().filter(|(other, of, part)| {
                (other, of) == (query, stat)
                    && part[asked.keys.len()..].iter().filter(|told| *told == "1").count() + 1
                        == total[asked.keys.len()..].iter().filter(|told| *told == "1").count()
                    && (0..asked.keys.len())
                        .all(|key| total[asked.keys.len() + key] == "1" || part[key] == total[key])
            });
            // Of a cube, the parts by each key are a sum of their own.
            let mut by_set: BTreeMap<&[String], Vector<'a>> = BTreeMap::new();
            for (_, _, part) in parts {
                let statistic = &asked.stats[*stat];
                let Some(people) = self.frontiers[*query].groups.get(part) else { continue };
                for vector in vectors(statistic, *stat, people, "").into_iter().take(1) {
                    let whole = format!("{} of {total:?}", statistic.sql);
                    let nothing = Vector {
                        what: format!("the parts of {whole}"),
                        parts_of: Some(whole),
                        measure: vector.measure,
                        amounts: BTreeMap::new(),
                    };
                    let sum = by_set.entry(&part[asked.keys.len()..]).or_insert(nothing);
                    // What is more than the total of a person is not seen as a part of it.
                    if vector.amounts.values().any(|amount| *amount < 0.0) {
                        sum.parts_of = Some(String::new());
                    }
                    for (who, amount) in vector.amounts {
                        *sum.amounts.entry(who).or_default() += amount;
                    }
                }
            }
            sums.extend(by_set.into_values());
        }
        sums
    }
}

impl Behind {
    async fn of(plain: &SessionContext, query: &Query) -> Result<Self, String> {
        let labels = query.labels();
        let mut groups: BTreeMap<Row, Group> = BTreeMap::new();
        for row in rows(plain, &query.contributions()).await? {
            // A code without records is nobody's.
            if row[labels] == "-" {
                continue;
            }
            let mut numbers = row[labels + 1..].iter().map(|text| text.parse().unwrap_or(0.0));
            let shares = query.stats.iter().map(|stat| Share::read(stat, &mut numbers)).collect();
            groups.entry(row[..labels].to_vec()).or_default().insert(row[labels].clone(), shares);
        }
        let mut by_value: BTreeMap<usize, BTreeMap<Row, Vec<usize>>> = BTreeMap::new();
        for (index, stat) in query.stats.iter().enumerate() {
            let Some(value) = &stat.value else { continue };
            for row in rows(plain, &query.people_by_value(value)).await? {
                if row[labels] != "-" {
                    let people = by_value.entry(index).or_default().entry(row[..labels].to_vec());
                    people.or_default().push(row[labels + 1].parse().unwrap());
                }
            }
        }
        Ok(Self { groups, by_value })
    }

    /// Whether a group has a sensitive value that too few others of its parent do not have.
    fn tells(&self, query: &Query, group: &[String], minimum: usize) -> bool {
        let is_sensitive = |key: &String| key.contains(SENSITIVE);
        let [place] =
            query.keys.iter().enumerate().filter(|(_, key)| is_sensitive(key)).collect::<Vec<_>>()[..]
        else {
            return false;
        };
        let (Some(cell), (place, key)) = (self.groups.get(group), place) else { return false };
        if query.grouping != Grouping::ByAll || key != SENSITIVE || group[place] == "-" {
            return false;
        }
        let is_sibling = |other: &Row| (0..group.len()).all(|at| at == place || other[at] == group[at]);
        let parent =
            self.groups.iter().filter(|(other, _)| is_sibling(other)).flat_map(|(_, people)| people.keys());
        let others: BTreeSet<&String> = parent.filter(|person| !cell.contains_key(*person)).collect();
        others.len() < minimum
    }
}

/// Whether what is computed is computed from a quantile, and so from a number that is snapped.
fn is_snapped(whole: &Whole) -> bool {
    whole.queries.iter().any(|query| matches!(query.stats[0].kind, Kind::Quantile(_)))
}

/// Whether a value that is computed from all rows of the frontier is what its released rows say.
fn is_of_all(what: OfAll, value: &str, own: &str, inner: &[Row], whole: &Whole) -> Result<(), String> {
    let cells: Vec<&str> = inner.iter().map(|row| row[whole.queries[0].labels()].as_str()).collect();
    let wrong = || format!("{what:?} is {value} beside {own} of {cells:?}");
    if cells.contains(&"#") && what != OfAll::Rows {
        return Err(wrong());
    }
    let numbers: Vec<f64> =
        cells.iter().filter_map(|cell| cell.parse().ok()).filter(|n: &f64| n.is_finite()).collect();
    let own: Option<f64> = own.parse().ok();
    #[expect(clippy::cast_precision_loss, reason = "a few dozen rows")]
    let expected = match (what, own) {
        (OfAll::Rows, _) => cells.len() as f64,
        // NULL is the largest.
        (OfAll::Place, None) => 1.0,
        (OfAll::Place, Some(own)) => {
            let nulls = cells.len() - numbers.len();
            (1 + nulls + numbers.iter().filter(|number| **number > own).count()) as f64
        }
        _ if numbers.is_empty() => return if value == "-" { Ok(()) } else { Err(wrong()) },
        (OfAll::Largest, _) => numbers.iter().copied().fold(f64::MIN, f64::max),
        (OfAll::Total, _) => numbers.iter().sum(),
        (OfAll::Share, own) => own.unwrap_or(f64::NAN) / numbers.iter().sum::<f64>(),
    };
    if same(Kind::Mean, value, &expected.to_string()) { Ok(()) } else { Err(wrong()) }
}

/// Released values upwards, then NULLs, then blanks.
fn in_order(rows: &[Row], column: usize) -> bool {
    let rank = |row: &Row| match row[column].as_str() {
        "#" => (2, 0.0),
        "-" => (1, 0.0),
        value => (0, value.parse::<f64>().unwrap()),
    };
    rows.is_sorted_by(|one, other| rank(one) <= rank(other))
}

/// Whether two values are the same, as far as the plain engine is exact: means of decimals are cut after four
/// more digits, moments are doubles, quantiles are snapped to two digits or a step.
fn same(kind: Kind, one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let slack = |size: f64| match kind {
        Kind::Model | Kind::People | Kind::Records | Kind::Values => 0.0,
        Kind::Sum => 1e-9 * size,
        Kind::Mean => 1e-4_f64.max(1e-9 * size),
        Kind::Moment | Kind::Pair { .. } | Kind::Rate => 1e-6_f64.max(1e-6 * size),
        Kind::Quantile(_) => 1.0_f64.max(0.05 * size),
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => (one - other).abs() <= slack(other.abs()),
        // What is no number, such as 0 / 0, is NULL here.
        (None, None) => one == other || other.parse::<f64>().is_ok(),
        _ => false,
    }
}
