//! Statistics over the columns of a source, and what a naive reader needs to judge each.

use super::genes::Genes;
use super::model;
use super::source::Source;
use super::term::condition;

/// What a statistic describes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Mean,
    /// How many records a linear model of two columns reads.
    Model,
    /// A variance or deviation.
    Moment,
    /// Of two columns.
    Pair {
        /// Whether it also tells the spread of each.
        scaled: bool,
    },
    /// Each person once.
    People,
    Quantile(f64),
    /// A sum for each unit of another one.
    Rate,
    Records,
    Sum,
    /// How many different ones.
    Values,
}

/// One statistic.
#[derive(Clone)]
pub(crate) struct Stat {
    pub(crate) sql: String,
    pub(crate) kind: Kind,
    /// Which records count.
    counted: String,
    /// What a record adds; 1 where it is absent.
    amount: Option<String>,
    /// The second column of a pair.
    second: Option<String>,
    /// What tells apart who counts.
    pub(crate) branches: Vec<String>,
    /// What is counted once.
    pub(crate) value: Option<String>,
}

/// How many columns say what one person adds to a statistic, its branches apart.
pub(crate) const COLUMNS: usize = 8;

impl Stat {
    /// For each person: records, sums of both columns, squares, products, smallest and largest; and for each
    /// branch the records on both sides of it.
    pub(crate) fn contributions(&self) -> Vec<String> {
        let counted = &self.counted;
        let added = |function: &str, what: String| {
            format!("CAST({function}({what}) FILTER (WHERE {counted}) AS DOUBLE)")
        };
        let mut columns = vec![format!("COUNT(*) FILTER (WHERE {counted})")];
        let double = |text: &Option<String>| text.as_ref().map(|text| format!("CAST({text} AS DOUBLE)"));
        let (one, other) = (double(&self.amount), double(&self.second));
        let product = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => added("SUM", format!("{one} * {other}")),
            _ => "0.0".to_owned(),
        };
        let of = |function: &str, text: &Option<String>| {
            text.as_ref().map_or("0.0".to_owned(), |text| added(function, text.clone()))
        };
        columns.extend([of("SUM", &self.amount), of("SUM", &self.second)]);
        columns.extend([product(&one, &one), product(&other, &other), product(&one, &other)]);
        columns.extend([of("MIN", &self.amount), of("MAX", &self.amount)]);
        columns.extend(self.branches.iter().flat_map(|branch| {
            [
                format!("COUNT(*) FILTER (WHERE ({branch}) IS TRUE)"),
                format!("COUNT(*) FILTER (WHERE ({branch}) IS NOT TRUE)"),
            ]
        }));
        columns
    }

    /// The number of records that are somebody's.
    pub(crate) fn records_of(source: &Source) -> Self {
        let subject = source.subject;
        Self::new(format!("COUNT({subject})"), Kind::Records, format!("{subject} IS NOT NULL"), None)
    }

    /// Whether only the enclave has a function for it.
    pub(crate) fn is_model(&self) -> bool {
        matches!(self.kind, Kind::Model | Kind::Rate)
    }

    /// What its sum is a sum of.
    pub(crate) fn measure(&self) -> &str {
        self.amount.as_deref().unwrap_or("1")
    }

    fn new(sql: String, kind: Kind, counted: String, amount: Option<String>) -> Self {
        Self { sql, kind, counted, amount, second: None, branches: Vec::new(), value: None }
    }

    fn with_branches(self, branches: Vec<String>) -> Self {
        Self { branches, ..self }
    }
}

/// A random statistic.
pub(crate) fn statistic(genes: &mut Genes<'_>, source: &Source) -> Stat {
    if source.coded {
        return of_codes(genes, source);
    }
    match genes.below(21) {
        20 => of_model(genes, source),
        0 | 1 => Stat::new("COUNT(*)".to_owned(), Kind::Records, "1 = 1".to_owned(), None),
        2 => Stat::new(
            format!("COUNT(DISTINCT {})", source.subject),
            Kind::People,
            format!("{} IS NOT NULL", source.subject),
            None,
        ),
        3..=5 => of_spread(genes, source),
        6 | 7 => counts(genes, source),
        8..=12 => chosen(genes, source),
        _ => added(genes, source),
    }
}

fn of_codes(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let subject = source.subject;
    let (number, there) = (genes.of(source.numbers), format!("{subject} IS NOT NULL"));
    match genes.below(3) {
        0 => Stat::new(format!("COUNT({subject})"), Kind::Records, there, None),
        1 => Stat::new(format!("COUNT(DISTINCT {subject})"), Kind::People, there, None),
        _ => Stat::new(
            format!("SUM({number})"),
            Kind::Sum,
            format!("{number} IS NOT NULL"),
            Some(number.to_owned()),
        ),
    }
}

fn present(text: &str) -> String {
    format!("{text} IS NOT NULL")
}

/// Events for each unit of time, or the size of a linear model.
fn of_model(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let (one, other) = (genes.of(source.numbers), genes.of(source.numbers));
    let both = |one: &str, other: &str| format!("{one} IS NOT NULL AND {other} IS NOT NULL");
    let counts = ["p.age", "x.times", "h.times", "h.tests"];
    let events = source.numbers.iter().find(|number| counts.contains(number));
    let (sql, kind, one, other) = match (events, source.dates) {
        (Some(events), [day, ..]) if !genes.once_in(4) => {
            let time = format!("DATE '2023-06-01' - {day}");
            (model::rate(events, &time), Kind::Rate, (*events).to_owned(), time)
        }
        _ => (model::size(one, other), Kind::Model, one.to_owned(), other.to_owned()),
    };
    let counted = both(&one, &other);
    Stat { second: Some(other), ..Stat::new(sql, kind, counted, Some(one)) }
}

/// Sums and means.
fn added(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let (number, other) = (genes.of(source.numbers), genes.of(source.numbers));
    let amount = match genes.below(10) {
        7 => format!("{number} * 0.5"),
        8 => format!("CAST({number} AS DOUBLE) / 3"),
        9 => format!("-CAST({number} AS DECIMAL(12, 4))"),
        0 => format!("{number} * 2 + 1"),
        1 if other != number => format!("{number} - {other}"),
        2 => format!("{number} / 2.0"),
        3 if !source.dates.is_empty() => format!("DATE '2023-06-01' - {}", genes.of(source.dates)),
        _ => number.to_owned(),
    };
    let (function, kind) = if genes.once_in(2) { ("AVG", Kind::Mean) } else { ("SUM", Kind::Sum) };
    Stat::new(format!("{function}({amount})"), kind, present(&amount), Some(amount))
}

/// Counts of values.
fn counts(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let (text, number) = (genes.of(source.texts), genes.of(source.numbers));
    match genes.below(4) {
        0 => Stat::new(format!("COUNT({number})"), Kind::Records, present(number), None),
        3 => {
            let low = i64::try_from(genes.below(9)).unwrap() - 3;
            let inside = format!("{number} >= {low} AND {number} <= {}", low + 4);
            let bin = model::bin(number, &format!("{low}, {}", low + 4));
            Stat::new(bin, Kind::Records, inside.clone(), None).with_branches(vec![inside])
        }
        1 => Stat::new(format!("COUNT({text})"), Kind::Records, present(text), None),
        _ => Stat {
            value: Some(text.to_owned()),
            ..Stat::new(format!("COUNT(DISTINCT {text})"), Kind::Values, present(text), None)
        },
    }
}

/// FILTER, CASE and what is a CASE in disguise.
fn chosen(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let number = genes.of(source.numbers).to_owned();
    let branch = condition(genes, source, 1);
    let second = condition(genes, source, 0);
    let sum = |amount: String, branches: Vec<String>| {
        Stat::new(format!("SUM({amount})"), Kind::Sum, present(&amount), Some(amount)).with_branches(branches)
    };
    let one = vec![branch.clone()];
    match genes.below(10) {
        9 => sum(format!("greatest({number}, 2)"), vec![format!("{number} < 2")]),
        0 => Stat::new(format!("COUNT(*) FILTER (WHERE {branch})"), Kind::Records, branch, None)
            .with_branches(one),
        1 => sum(format!("CASE WHEN {branch} THEN {number} ELSE 0 END"), one),
        2 => Stat::new(
            format!("SUM({number}) FILTER (WHERE {branch})"),
            Kind::Sum,
            format!("({branch}) AND {}", present(&number)),
            Some(number),
        )
        .with_branches(one),
        3 => Stat::new(
            format!("COUNT(DISTINCT CASE WHEN {branch} THEN {} END)", source.subject),
            Kind::People,
            branch,
            None,
        )
        .with_branches(one),
        4 => sum(
            format!("CASE WHEN {branch} THEN 2 WHEN {second} THEN 1 ELSE 0 END"),
            vec![branch.clone(), format!("({branch}) IS NOT TRUE AND ({second})")],
        ),
        5 => sum(format!("least({number}, 3)"), vec![format!("{number} > 3")]),
        6 => sum(format!("COALESCE({number}, 0)"), vec![present(&number)]),
        7 => sum(format!("CAST({branch} AS INT)"), one),
        _ => Stat::new(
            format!("AVG(CASE WHEN {branch} THEN 1.0 ELSE 0.0 END)"),
            Kind::Mean,
            "1 = 1".to_owned(),
            Some(format!("CASE WHEN {branch} THEN 1.0 ELSE 0.0 END")),
        )
        .with_branches(one),
    }
}

/// Moments and quantiles.
fn of_spread(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let (x, y) = (genes.of(source.numbers), genes.of(source.numbers));
    let pair = |name: &str, scaled: bool| Stat {
        second: Some(y.to_owned()),
        ..Stat::new(
            format!("{name}({x}, {y})"),
            Kind::Pair { scaled },
            format!("{x} IS NOT NULL AND {y} IS NOT NULL"),
            Some(x.to_owned()),
        )
    };
    let single = |sql: String, kind| Stat::new(sql, kind, present(x), Some(x.to_owned()));
    match genes.below(9) {
        0 => pair("COVAR_SAMP", false),
        1 => pair("CORR", true),
        2 => pair(genes.of(&["REGR_SLOPE", "REGR_INTERCEPT", "REGR_R2"]), false),
        3 => pair("COVAR_POP", false),
        4 | 5 => single(
            format!("{}({x})", genes.of(&["VAR_SAMP", "VAR_POP", "STDDEV", "STDDEV_POP"])),
            Kind::Moment,
        ),
        6 => single(format!("MEDIAN({x})"), Kind::Quantile(0.5)),
        7 => single(format!("PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY {x})"), Kind::Quantile(0.25)),
        _ => single(format!("PERCENTILE_CONT(0.3) WITHIN GROUP (ORDER BY {x} DESC)"), Kind::Quantile(0.7)),
    }
}
