//! Random queries: sensible ones, ones that compute what must not fail, and broken ones.

use crate::support::Random;

const COLUMNS: &[&str] = &[
    "p.patient_id",
    "p.hospital",
    "p.physician",
    "p.sex",
    "p.flag",
    "p.code",
    "p.number",
    "p.amount",
    "p.level",
    "p.age",
    "p.day",
    "p.seen",
    "p.notes",
    "p.referred_by",
    "p.nothing",
];

const AGGREGATES: &[&str] = &[
    "COUNT(*)",
    "COUNT(DISTINCT p.patient_id)",
    "COUNT(p.code)",
    "SUM(p.amount)",
    "AVG(p.amount)",
    "SUM(p.number)",
    "AVG(p.age)",
    "SUM(p.number * p.number)",
    "SUM(p.number * 1000000000000)",
    "SUM(p.age / (p.age - p.age))",
    "SUM(CAST(p.code AS BIGINT))",
    "SUM(CAST(p.number AS SMALLINT))",
    "COUNT(*) FILTER (WHERE p.age > 40)",
    "SUM(CASE WHEN p.sex = 'F' THEN p.amount ELSE 0 END)",
    "COUNT(CAST(p.code AS DATE))",
    "AVG(p.level)",
    "SUM(CAST(p.amount * p.amount * p.amount AS DECIMAL(38, 2)))",
];

const DUBIOUS: &[&str] = &[
    "MIN(p.code)",
    "MAX(p.number)",
    "MEDIAN(p.amount)",
    "array_agg(p.code)",
    "string_agg(p.code, ',')",
    "first_value(p.code)",
    "MIN(p.day)",
    "approx_distinct(p.code)",
    "SUM(p.code)",
    "VAR_POP(p.number)",
    "COUNT(DISTINCT p.code)",
    "SUM(abs(p.number))",
    "md5(p.code)",
    "p.code",
    "SUM(ascii(p.code))",
    "CAST(p.code AS INT)",
    "COUNT(*) / 0",
    "power(SUM(p.number), 400)",
    "arrow_cast(p.code, 'Int8')",
];

const KEYS: &[&str] = &[
    "p.sex",
    "p.flag",
    "p.sex, p.flag",
    "p.hospital",
    "p.code",
    "p.number",
    "p.day",
    "p.age",
    "p.patient_id",
    "substr(p.code, 1, 4)",
    "upper(p.sex)",
    "extract(year FROM p.day)",
    "date_trunc('month', p.seen)",
    "p.age / 10",
    "CAST(p.code AS INT)",
    "p.physician",
    "p.number % 7",
    "CASE WHEN p.age > 50 THEN 'old' ELSE 'young' END",
];

const PREDICATES: &[&str] = &[
    "p.age > 40",
    "p.sex = 'F'",
    "p.sex IN ('F', 'M')",
    "p.amount / (p.number - p.number) > 1",
    "CAST(p.code AS INT) > 1",
    "p.day < DATE '1750-01-01'",
    "p.seen > TIMESTAMP '1720-01-01 00:00:00'",
    "p.code LIKE 'KNR%'",
    "p.number BETWEEN 1 AND 999999999999",
    "p.flag",
    "NOT p.flag",
    "p.number + p.code > 1",
    "p.age > 'forty'",
    "CAST(p.code AS TIMESTAMP) IS NULL",
    "p.patient_id = p.code",
    "p.level > 1e300 * 1e300",
    "substr(p.code, p.number, p.number) = 'x'",
    "p.code > p.number",
    "p.day = p.number",
    "p.code ~ '('",
    "p.age = (SELECT MAX(q.age) FROM people q)",
    "EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.patient_id)",
];

const TAILS: &[&str] = &[
    "",
    "",
    "",
    " ORDER BY 1",
    " LIMIT 3",
    " ORDER BY 2 DESC LIMIT 1",
    " HAVING COUNT(*) > 10",
    " HAVING SUM(p.number) / 0 > 1",
    " HAVING MIN(p.code) > 'K'",
    " ORDER BY p.code",
];

const BROKEN_HEADS: &[&str] = &[
    "EXPLAIN ANALYZE ",
    "EXPLAIN VERBOSE ",
    "COPY (",
    "CREATE TABLE t AS ",
    "INSERT INTO people ",
    "PREPARE q AS ",
    "SELECT 1; ",
    "DESCRIBE ",
    "SELECT * FROM (",
    "WITH RECURSIVE q AS (",
    "SET x = ",
    "/*",
];

const TOKENS: &[&str] = &[
    "(",
    ")",
    ",",
    "'",
    "\"",
    ";",
    "SELECT",
    "FROM",
    "WHERE",
    "people",
    "NULL",
    "::INT",
    "/ 0",
    "NOT",
    "AND",
    "*",
    "$1",
    "\u{0}",
    "\u{1F512}",
    "--",
    "CAST(p.code AS BLOB)",
    "p.code",
    "1e999",
    "99999999999999999999999",
    "[1]",
    "{",
    "0x1",
];

/// A query; of five one is broken, and one is likely to be refused.
pub(super) fn random(random: &mut Random, named: &[String]) -> String {
    match random.below(5) {
        0 => broken(random, named),
        1 => {
            let (column, predicate) = (random.choose(COLUMNS), predicate(random, named));
            let dubious = random.choose(DUBIOUS);
            match random.below(3) {
                0 => format!("SELECT {column} FROM people p WHERE {predicate}"),
                1 => format!("SELECT {dubious} AS x FROM people p WHERE {predicate}"),
                _ => format!("SELECT {column}, {dubious} AS x FROM people p GROUP BY {column}"),
            }
        }
        _ => sensible(random, named),
    }
}

fn predicate(random: &mut Random, named: &[String]) -> String {
    let text = random.choose(named);
    match random.below(6) {
        0 => format!("p.code = '{text}'"),
        1 => format!("p.code IN ('{text}', 'nothing') OR p.age > 35"),
        2 => format!("p.patient_id = '{text}'"),
        _ => (*random.choose(PREDICATES)).to_owned(),
    }
}

fn sensible(random: &mut Random, named: &[String]) -> String {
    let (first, second) = (random.choose(AGGREGATES), random.choose(AGGREGATES));
    let condition =
        if random.below(2) == 0 { String::new() } else { format!(" WHERE {}", predicate(random, named)) };
    let (key, tail) = (random.choose(KEYS), random.choose(TAILS));
    match random.below(5) {
        0 => format!("SELECT {first} AS a, {second} AS b FROM people p{condition}"),
        1 => format!(
            "SELECT v.ward, {first} AS a, SUM(v.cost) AS b FROM people p JOIN visits v \
             ON p.patient_id = v.patient_id{condition} GROUP BY v.ward"
        ),
        2 => format!(
            "WITH g AS (SELECT p.sex, {first} AS a, {second} AS b FROM people p{condition} GROUP BY p.sex) \
             SELECT sex, a / b AS c, CAST(a AS TEXT) AS d FROM g"
        ),
        3 => format!("SELECT p.sex, {first} AS a FROM people p{condition} GROUP BY p.sex{tail}"),
        _ => format!("SELECT {key} AS k, {first} AS a FROM people p{condition} GROUP BY {key}{tail}"),
    }
}

fn broken(random: &mut Random, named: &[String]) -> String {
    let sql = sensible(random, named);
    let mut words: Vec<&str> = sql.split(' ').collect();
    let place = |random: &mut Random, words: &Vec<&str>| {
        usize::try_from(random.below(words.len().try_into().unwrap())).unwrap()
    };
    for _ in 0..=random.below(3) {
        let at = place(random, &words);
        match random.below(4) {
            0 if words.len() > 1 => drop(words.remove(at)),
            1 => words.insert(at, *random.choose(TOKENS)),
            2 => {
                let other = place(random, &words);
                words.swap(at, other);
            }
            _ => words[at] = *random.choose(COLUMNS),
        }
    }
    let head = if random.below(3) == 0 { random.choose(BROKEN_HEADS) } else { "" };
    format!("{head}{}", words.join(" "))
}
