//! Random well-typed analyses of the supported core, each with the query that gives its contributions.

use std::fmt::Write as _;

/// Numbers that decide how an analysis looks.
pub(crate) struct Genes<'a> {
    genes: &'a [u32],
    next: usize,
}

impl<'a> Genes<'a> {
    pub(crate) fn new(genes: &'a [u32]) -> Self {
        Self { genes, next: 0 }
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        let gene = self.genes[self.next % self.genes.len()] as usize + self.next / self.genes.len();
        self.next += 1;
        gene % most
    }

    fn of<'b>(&mut self, choices: &[&'b str]) -> &'b str {
        choices[self.below(choices.len())]
    }
}

/// What an analysis reads.
struct Source {
    with: String,
    from: String,
    subject: &'static str,
    texts: &'static [&'static str],
    integers: &'static [&'static str],
    numbers: &'static [&'static str],
}

/// One statistic, and what a naive reader needs to judge it.
pub(crate) struct Stat {
    pub(crate) sql: String,
    /// Which records count.
    counted: String,
    /// What a record adds; 1 where it is absent.
    amount: Option<String>,
    branch: Option<String>,
    /// Whether a person counts once, however many their records are.
    pub(crate) people: bool,
    /// Whether the number of records is released with the sum.
    pub(crate) mean: bool,
}

/// A random analysis.
pub(crate) struct Query {
    source: Source,
    predicate: Option<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) stats: Vec<Stat>,
    having: Option<String>,
    /// Ordered by the first statistic, upwards.
    pub(crate) ordered: bool,
}

impl Query {
    pub(crate) fn new(genes: &mut Genes<'_>) -> Self {
        let source = source(genes);
        let predicate = (genes.below(3) == 0).then(|| predicate(genes, &source, 2));
        let wanted = genes.below(3);
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..wanted {
            let key = key(genes, &source);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let count = 1 + genes.below(3);
        let mut stats: Vec<Stat> = Vec::new();
        for _ in 0..count {
            let stat = stat(genes, &source);
            if stats.iter().all(|known| known.sql != stat.sql) {
                stats.push(stat);
            }
        }
        let having = (genes.below(5) == 0).then(|| format!("{} >= {}", stats[0].sql, genes.below(20)));
        let ordered = genes.below(2) == 0;
        Self { source, predicate, keys, stats, having, ordered }
    }

    pub(crate) fn sql(&self) -> String {
        let stats = self.stats.iter().enumerate().map(|(index, stat)| format!("{} AS s{index}", stat.sql));
        let mut sql = self.select(&self.keys, stats);
        if let Some(having) = &self.having {
            write!(sql, " HAVING {having}").unwrap();
        }
        if self.ordered {
            sql.push_str(" ORDER BY s0");
        }
        sql
    }

    /// For each group and person: how many records count, what they add, and on which side of the branch they are.
    pub(crate) fn contributions(&self) -> String {
        let keys: Vec<String> = self.keys.iter().cloned().chain([self.source.subject.to_owned()]).collect();
        let columns = self.stats.iter().enumerate().flat_map(|(index, stat)| {
            let Stat { counted, amount, branch, .. } = stat;
            let amount = amount.as_deref().unwrap_or("1");
            let branch = branch.as_deref().unwrap_or("1 = 1");
            [
                format!("COUNT(*) FILTER (WHERE {counted}) AS a{index}"),
                format!("CAST(SUM({amount}) FILTER (WHERE {counted}) AS DOUBLE) AS b{index}"),
                format!("COUNT(*) FILTER (WHERE ({branch}) IS TRUE) AS c{index}"),
                format!("COUNT(*) FILTER (WHERE ({branch}) IS NOT TRUE) AS d{index}"),
            ]
        });
        self.select(&keys, columns)
    }

    fn select(&self, keys: &[String], columns: impl Iterator<Item = String>) -> String {
        let named = keys.iter().enumerate().map(|(index, key)| format!("{key} AS k{index}"));
        let items: Vec<String> = named.chain(columns).collect();
        let Source { with, from, .. } = &self.source;
        let mut sql = format!("{with}SELECT {} FROM {from}", items.join(", "));
        if let Some(predicate) = &self.predicate {
            write!(sql, " WHERE {predicate}").unwrap();
        }
        if !keys.is_empty() {
            let numbers: Vec<String> = (1..=keys.len()).map(|number| number.to_string()).collect();
            write!(sql, " GROUP BY {}", numbers.join(", ")).unwrap();
        }
        sql
    }
}

const VISITS: Source = Source {
    with: String::new(),
    from: String::new(),
    subject: "v.patient_id",
    texts: &["v.code"],
    integers: &["v.amount"],
    numbers: &["v.amount"],
};

fn source(genes: &mut Genes<'_>) -> Source {
    let plain = |from: &str| Source { from: from.to_owned(), ..VISITS };
    match genes.below(9) {
        0 => {
            let (integers, numbers): (&[_], &[_]) = (&["p.age"], &["p.age", "p.score"]);
            Source { subject: "p.patient_id", texts: &["p.sex"], integers, numbers, ..plain("people p") }
        }
        1 => plain("visits v"),
        2 => Source {
            texts: &["p.sex", "v.code"],
            integers: &["p.age", "v.amount"],
            numbers: &["p.age", "p.score", "v.amount"],
            ..plain("people p JOIN visits v ON p.patient_id = v.patient_id")
        },
        3 => Source {
            texts: &["v.code", "t.code"],
            numbers: &["v.amount", "t.result"],
            ..plain("visits v JOIN tests t USING (patient_id)")
        },
        4 => Source { texts: &["v.code", "c.class"], ..plain("visits v JOIN codes c ON v.code = c.code") },
        5 => Source {
            texts: &["c.class"],
            ..plain("visits v LEFT JOIN codes c ON c.code = v.code AND c.code <> 'b'")
        },
        6 => Source {
            with: per_person(genes, ""),
            subject: "x.patient_id",
            texts: &["p.sex", "x.last"],
            integers: &["x.times", "x.low"],
            numbers: &["x.times", "x.total", "x.low", "p.score"],
            ..plain("people p JOIN x ON x.patient_id = p.patient_id")
        },
        7 => Source {
            with: per_person(genes, ", code"),
            subject: "x.patient_id",
            texts: &["x.last"],
            integers: &["x.times", "x.low"],
            numbers: &["x.times", "x.total", "x.low"],
            ..plain("x")
        },
        _ => Source {
            subject: "x.patient_id",
            texts: &["x.code"],
            integers: &["x.amount"],
            numbers: &["x.amount"],
            ..plain("(SELECT DISTINCT patient_id, code, amount FROM visits) x")
        },
    }
}

/// A CTE with one row a person (and key).
fn per_person(genes: &mut Genes<'_>, key: &str) -> String {
    let predicate = predicate(genes, &VISITS, 1);
    format!(
        "WITH x AS (SELECT patient_id, COUNT(*) AS times, SUM(amount) AS total, MIN(amount) AS low, MAX(code) AS last \
         FROM visits v WHERE {predicate} GROUP BY patient_id{key}) "
    )
}

fn key(genes: &mut Genes<'_>, source: &Source) -> String {
    let text = genes.of(source.texts).to_owned();
    let integer = genes.of(source.integers);
    match genes.below(5) {
        0 => integer.to_owned(),
        1 => format!("{integer} / 3"),
        2 => format!("CASE WHEN {} THEN 'yes' ELSE 'no' END", predicate(genes, source, 0)),
        3 => format!("upper({text})"),
        _ => text,
    }
}

fn predicate(genes: &mut Genes<'_>, source: &Source, depth: usize) -> String {
    let text = genes.of(source.texts);
    let number = genes.of(source.numbers);
    let constant = genes.below(9) as i64 - 3;
    let simple = genes.below(8);
    if depth > 0 && genes.below(2) == 0 {
        let left = predicate(genes, source, depth - 1);
        let right = predicate(genes, source, depth - 1);
        return match genes.below(3) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            _ => format!("NOT ({left})"),
        };
    }
    match simple {
        0 => format!("{number} > {constant}"),
        1 => format!("{number} IS NULL"),
        2 => format!("{text} IN ('F', 'a', 'b', 'first')"),
        3 => format!("{number} BETWEEN {constant} AND {}", constant + 4),
        4 => format!("{text} LIKE '%a%'"),
        5 => format!("{number} * 2 - 1 <= {constant}"),
        6 => format!("COALESCE({text}, 'a') <> 'M'"),
        _ => format!("{number} IS NOT NULL"),
    }
}

fn stat(genes: &mut Genes<'_>, source: &Source) -> Stat {
    let number = genes.of(source.numbers);
    let amount = if genes.below(4) == 0 { format!("{number} * 2 + 1") } else { number.to_owned() };
    let branch = predicate(genes, source, 1);
    let present = format!("{amount} IS NOT NULL");
    let stat = |sql: String, counted: &str, amount: Option<String>, branch: Option<String>| Stat {
        sql,
        counted: counted.to_owned(),
        amount,
        branch,
        people: false,
        mean: false,
    };
    match genes.below(9) {
        0 | 1 => stat("COUNT(*)".to_owned(), "1 = 1", None, None),
        2 => stat(format!("COUNT({number})"), &format!("{number} IS NOT NULL"), None, None),
        3 => {
            Stat { people: true, ..stat(format!("COUNT(DISTINCT {})", source.subject), "1 = 1", None, None) }
        }
        4 => stat(format!("SUM({amount})"), &present, Some(amount.clone()), None),
        5 => Stat { mean: true, ..stat(format!("AVG({amount})"), &present, Some(amount.clone()), None) },
        6 => stat(format!("COUNT(*) FILTER (WHERE {branch})"), &branch, None, Some(branch.clone())),
        7 => {
            let case = format!("CASE WHEN {branch} THEN {amount} ELSE 0 END");
            stat(
                format!("SUM({case})"),
                &format!("{case} IS NOT NULL"),
                Some(case.clone()),
                Some(branch.clone()),
            )
        }
        _ => {
            let counted = format!("({branch}) AND {present}");
            stat(
                format!("SUM({amount}) FILTER (WHERE {branch})"),
                &counted,
                Some(amount.clone()),
                Some(branch.clone()),
            )
        }
    }
}
