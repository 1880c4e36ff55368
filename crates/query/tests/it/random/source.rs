//! What an analysis reads: records of people joined, united, computed per person, in every form that is
//! taken.

use super::genes::Genes;
use super::term::condition;

/// A FROM clause, and what may be said of its columns.
#[derive(Clone)]
pub(crate) struct Source {
    /// CTEs, as `name AS (...)`.
    pub(crate) with: Vec<String>,
    pub(crate) from: String,
    /// What joins its parts, where that is not said in `from`.
    pub(crate) given: Option<String>,
    pub(crate) subject: &'static str,
    pub(crate) texts: &'static [&'static str],
    pub(crate) integers: &'static [&'static str],
    pub(crate) numbers: &'static [&'static str],
    pub(crate) dates: &'static [&'static str],
    /// Whether each row of a code table is a group, whatever the records.
    pub(crate) coded: bool,
}

const VISITS: Source = Source {
    with: Vec::new(),
    from: String::new(),
    given: None,
    subject: "v.patient_id",
    texts: &["v.code"],
    integers: &["v.amount"],
    numbers: &["v.amount"],
    dates: &["v.day"],
    coded: false,
};

/// People with their visits.
const BOTH: Source = Source {
    texts: &["p.sex", "v.code"],
    integers: &["p.age", "v.amount"],
    numbers: &["p.age", "p.score", "v.amount"],
    with: Vec::new(),
    from: String::new(),
    given: None,
    subject: "v.patient_id",
    dates: &["v.day"],
    coded: false,
};

/// People alone.
const PEOPLE: Source = Source {
    subject: "p.patient_id",
    texts: &["p.sex"],
    integers: &["p.age"],
    numbers: &["p.age", "p.score"],
    dates: &[],
    with: Vec::new(),
    from: String::new(),
    given: None,
    coded: false,
};

/// How many kinds of sources there are.
pub(crate) const KINDS: usize = 30;

/// A random source; `tag` keeps the names of its CTEs apart from those of another one.
pub(crate) fn source(genes: &mut Genes<'_>, tag: usize) -> Source {
    let kind = genes.below(KINDS);
    match kind {
        0..=7 => joined(kind),
        8..=13 => about_the_same_person(genes, kind),
        14..=18 => coded(kind),
        19..=22 => united(kind),
        23..=27 => derived(genes, kind, tag),
        _ => graded(kind),
    }
}

/// A column with declared values: each is a group, whatever the records.
fn graded(kind: usize) -> Source {
    let source = Source {
        subject: "g.patient_id",
        texts: &["g.grade"],
        integers: &["g.points"],
        numbers: &["g.points"],
        dates: &[],
        ..read(VISITS, "grades g")
    };
    match kind {
        28 => Source { coded: true, ..read(source, "$grades g") },
        _ => Source {
            // Beside visits the plain engine has no group of a grade that nobody has.
            texts: &["v.code"],
            integers: &["v.amount", "g.points"],
            numbers: &["v.amount", "g.points"],
            dates: &["v.day"],
            ..read(source, "grades g JOIN visits v ON v.patient_id = g.patient_id")
        },
    }
}

fn read(source: Source, from: &str) -> Source {
    Source { from: from.to_owned(), ..source }
}

/// Tables of people in any form of inner join.
fn joined(kind: usize) -> Source {
    let given = |source: Source, from: &str, given: &str| Source {
        given: Some(given.to_owned()),
        ..read(source, from)
    };
    match kind {
        0 => read(PEOPLE, "people p"),
        1 => read(VISITS, "visits v"),
        2 => read(BOTH, "people p JOIN visits v ON p.patient_id = v.patient_id"),
        3 => given(BOTH, "visits v, people p", "p.patient_id = v.patient_id"),
        4 => Source {
            texts: &["v.code", "t.code"],
            numbers: &["v.amount", "t.result"],
            dates: &["v.day", "t.day"],
            ..read(VISITS, "visits v JOIN tests t USING (patient_id)")
        },
        5 => Source {
            texts: &["p.sex", "v.code", "t.code"],
            dates: &["v.day", "t.day"],
            ..given(
                BOTH,
                "people p, visits v, tests t",
                "t.patient_id = v.patient_id AND v.patient_id = p.patient_id",
            )
        },
        6 => {
            read(BOTH, "visits v CROSS JOIN people p").given("p.patient_id = v.patient_id AND v.amount < 400")
        }
        _ => Source {
            numbers: &["v.amount", "w.amount"],
            dates: &["v.day", "w.day"],
            ..read(
                VISITS,
                "visits v JOIN visits w ON w.patient_id = v.patient_id AND w.code = 'b' AND v.day <= w.day",
            )
        },
    }
}

impl Source {
    fn given(self, given: &str) -> Self {
        Self { given: Some(given.to_owned()), ..self }
    }
}

/// Outer joins, semi and anti joins, cohorts.
fn about_the_same_person(genes: &mut Genes<'_>, kind: usize) -> Source {
    let code = genes.of(&["a", "b", "d"]);
    match kind {
        8 => Source {
            subject: "p.patient_id",
            ..read(
                BOTH,
                &format!("people p LEFT JOIN visits v ON v.patient_id = p.patient_id AND v.code = '{code}'"),
            )
        },
        9 => Source {
            subject: "p.patient_id",
            ..read(BOTH, "visits v RIGHT JOIN people p ON v.patient_id = p.patient_id AND v.amount > 2")
        },
        10 => Source {
            integers: &["p.age", "COALESCE(f.flag, 0)"],
            numbers: &["p.age", "p.score", "f.flag", "COALESCE(f.flag, 0)"],
            ..read(
                PEOPLE,
                &format!(
                    "people p LEFT JOIN (SELECT DISTINCT patient_id, 1 AS flag FROM visits WHERE code = '{code}') f \
                     ON f.patient_id = p.patient_id"
                ),
            )
        },
        11 => read(
            PEOPLE,
            &format!(
                "people p JOIN (SELECT patient_id FROM visits WHERE code = '{code}' {} \
                 SELECT patient_id FROM tests WHERE result > 1) c ON c.patient_id = p.patient_id",
                genes.of(&["INTERSECT", "EXCEPT", "UNION"])
            ),
        ),
        12 => read(PEOPLE, "people p LEFT JOIN visits v ON v.patient_id = p.patient_id AND v.code = 'c'")
            .given("v.patient_id IS NULL"),
        _ => read(
            BOTH,
            &format!(
                "people p {} JOIN tests t ON t.patient_id = p.patient_id AND t.code = '{code}' \
                 JOIN visits v ON v.patient_id = p.patient_id",
                genes.of(&["LEFT SEMI", "LEFT ANTI"])
            ),
        ),
    }
}

/// Records with code tables, lists and constants.
fn coded(kind: usize) -> Source {
    match kind {
        14 => Source {
            texts: &["v.code", "c.class"],
            ..read(VISITS, "visits v JOIN codes c ON v.code = c.code")
        },
        15 => Source {
            texts: &["c.class"],
            ..read(VISITS, "visits v LEFT JOIN codes c ON c.code = v.code AND c.code <> 'b'")
        },
        16 => Source { texts: &["b.band"], ..read(VISITS, "bands b JOIN visits v ON v.code = b.code") },
        17 => Source {
            texts: &["w.label", "v.code"],
            ..read(
                VISITS,
                "visits v JOIN (VALUES ('a', 'x'), ('b', 'y'), ('c', 'x')) w(code, label) ON w.code = v.code",
            )
        },
        _ => Source {
            texts: &["c.code", "c.class"],
            coded: true,
            ..read(VISITS, "codes c LEFT JOIN visits v ON v.code = c.code")
        },
    }
}

/// Records of several tables one below the other, and distinct ones.
fn united(kind: usize) -> Source {
    let read = |from: &str, texts| Source { texts, subject: "u.patient_id", ..read(VISITS, from) };
    match kind {
        19 => Source {
            integers: &["u.amount"],
            numbers: &["u.amount"],
            dates: &["u.day"],
            ..read(
                "(SELECT patient_id, code, amount, day, 'visit' AS kind FROM visits \
                 UNION ALL SELECT patient_id, code, 1, day, 'test' FROM tests) u",
                &["u.code", "u.kind"],
            )
        },
        20 => Source {
            integers: &["u.amount"],
            numbers: &["u.amount"],
            dates: &[],
            ..read("(SELECT DISTINCT patient_id, code, amount FROM visits) u", &["u.code"])
        },
        21 => Source {
            integers: &["2"],
            numbers: &["2"],
            dates: &["u.day"],
            ..read(
                "(SELECT patient_id, code, day FROM visits UNION SELECT patient_id, code, day FROM tests) u",
                &["u.code"],
            )
        },
        _ => Source {
            integers: &["u.amount", "p.age"],
            numbers: &["u.amount", "p.score"],
            dates: &["u.day"],
            ..read(
                "(SELECT * FROM visits WHERE code IN ('a', 'b') UNION ALL SELECT * FROM visits WHERE amount > 3) u \
                 JOIN people p ON p.patient_id = u.patient_id",
                &["u.code", "p.sex"],
            )
        },
    }
}

/// What was computed for each person before: aggregates, windows, and several of them.
fn derived(genes: &mut Genes<'_>, kind: usize, tag: usize) -> Source {
    match kind {
        23 => Source {
            with: per_person(genes, "", tag),
            subject: "x.patient_id",
            texts: &["p.sex", "x.last"],
            integers: &["x.times", "x.low"],
            numbers: &["x.times", "x.total", "x.low", "p.score"],
            dates: &["x.since"],
            ..read(VISITS, &format!("people p JOIN x{tag} x ON x.patient_id = p.patient_id"))
        },
        24 => Source {
            with: per_person(genes, ", code", tag),
            subject: "x.patient_id",
            texts: &["x.last"],
            integers: &["x.times", "x.low"],
            numbers: &["x.times", "x.total", "x.low"],
            dates: &["x.since"],
            ..read(VISITS, &format!("x{tag} x"))
        },
        25 => Source {
            subject: "w.patient_id",
            texts: &["w.code"],
            integers: &["w.nth", "w.before"],
            numbers: &["w.amount", "w.running", "w.before"],
            dates: &["w.day"],
            ..read(VISITS, WINDOWS).given(genes.of(&[
                "w.nth = 1",
                "w.nth <= 2",
                "w.amount >= w.before",
                "w.events > 1",
            ]))
        },
        26 => Source {
            with: three_levels(tag),
            subject: "h.patient_id",
            texts: &["p.sex"],
            integers: &["h.times", "h.tests"],
            numbers: &["h.times", "h.tests", "h.gap"],
            dates: &["h.first"],
            ..read(VISITS, &format!("h{tag} h JOIN people p ON p.patient_id = h.patient_id"))
        },
        _ => Source {
            with: per_person(genes, "", tag),
            subject: "p.patient_id",
            texts: &["p.sex", "x.last"],
            integers: &["p.age", "COALESCE(x.times, 0)"],
            numbers: &["x.total", "COALESCE(x.times, 0)", "p.score"],
            dates: &["x.since"],
            ..read(VISITS, &format!("people p LEFT JOIN x{tag} x ON x.patient_id = p.patient_id"))
        },
    }
}

const WINDOWS: &str = "(SELECT patient_id, code, amount, day, \
    ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY day, code, amount) AS nth, \
    COUNT(*) OVER (PARTITION BY patient_id) AS events, \
    LAG(amount) OVER (PARTITION BY patient_id ORDER BY day, code, amount) AS before, \
    SUM(amount) OVER (PARTITION BY patient_id ORDER BY day, code, amount \
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM visits) w";

/// A CTE with one row a person (and key).
fn per_person(genes: &mut Genes<'_>, key: &str, tag: usize) -> Vec<String> {
    let condition = condition(genes, &VISITS, 1);
    vec![format!(
        "x{tag} AS (SELECT patient_id, COUNT(*) AS times, SUM(amount) AS total, MIN(amount) AS low, \
         MAX(code) AS last, MIN(day) AS since FROM visits v WHERE {condition} GROUP BY patient_id{key})"
    )]
}

/// CTEs of one row a person, each over the one before.
fn three_levels(tag: usize) -> Vec<String> {
    vec![
        format!(
            "f{tag} AS (SELECT patient_id, MIN(day) AS first, COUNT(*) AS times FROM visits GROUP BY patient_id)"
        ),
        format!(
            "g{tag} AS (SELECT f.patient_id, f.first, f.times, COUNT(t.code) AS tests, MIN(t.day) AS tested \
             FROM f{tag} f JOIN tests t ON t.patient_id = f.patient_id AND t.day >= f.first \
             GROUP BY f.patient_id, f.first, f.times)"
        ),
        format!(
            "h{tag} AS (SELECT patient_id, first, times, tests, tested - first AS gap FROM g{tag} WHERE tests >= 1)"
        ),
    ]
}
