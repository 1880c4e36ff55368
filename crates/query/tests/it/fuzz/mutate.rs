//! Changes a text: its words, or its bytes.

use crate::random::genes::Genes;

/// Words that are put where they do not belong.
pub(crate) const OTHERS: &[&str] = &[
    "(",
    ")",
    ",",
    "patient_id",
    "NULL",
    "'",
    "CAST(",
    "AS INT)",
    "99999999999999999999",
    "*",
    "SELECT",
    "code",
    "/ 0",
    "COUNT(",
    "amount",
    "DATE",
    "-",
    "OVER ()",
    "x.",
    ";",
    "LIMIT 1",
    "UNION",
    "é",
    "\"",
    "score",
    "= ANY",
    "::INT",
    "DISTINCT",
    "GROUP BY 1",
    "ALL",
    "WITH RECURSIVE",
    "LATERAL",
    "OR",
    "NOT",
    "/*",
    "--",
    "$1",
    "IN (SELECT",
    "EXISTS",
    "1e400",
    "{",
    "[1]",
    "ROLLUP(",
    "p.*",
    "HAVING",
    "age",
];

/// Words that may often stand for each other.
const ALIKE: &[&[&str]] = &[
    &["people", "visits", "tests", "codes", "bands"],
    &["sex", "age", "score", "code", "amount", "day", "result", "class", "patient_id"],
    &["AND", "OR", "AND NOT", "IS DISTINCT FROM"],
    &["=", "<", ">=", "<>", "+", "-", "*", "/", "LIKE"],
    &["COUNT(*)", "COUNT(DISTINCT code)", "SUM(amount)", "AVG(result)", "MEDIAN(amount)", "MAX(day)", "1"],
    &["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "LEFT SEMI JOIN"],
    &["UNION ALL", "UNION", "INTERSECT", "EXCEPT"],
    &["'a'", "'b'", "3", "2.5", "NULL", "0", "-1", "DATE '2021-02-10'", "TRUE", "9223372036854775807"],
    &["sex,", "code,", "age,", "class,", "amount / 2,", "upper(code),", "DISTINCT"],
];

/// A changed text.
pub(crate) fn mutated(text: &[u8], genes: &mut Genes<'_>) -> Vec<u8> {
    match genes.below(5) {
        0 => bytes(text, genes),
        1 => words(&String::from_utf8_lossy(text), genes).into_bytes(),
        _ => exchanged(&String::from_utf8_lossy(text), genes).into_bytes(),
    }
}

/// Puts other words of the same kind in the place of some.
fn exchanged(sql: &str, genes: &mut Genes<'_>) -> String {
    let mut words: Vec<&str> = sql.split(' ').collect();
    for _ in 0..=genes.below(2) {
        let known = |word: &str| ALIKE.iter().find(|alike| alike.contains(&word));
        let places: Vec<usize> = (0..words.len()).filter(|place| known(words[*place]).is_some()).collect();
        if places.is_empty() {
            break;
        }
        let place = places[genes.below(places.len())];
        if let Some(alike) = known(words[place]) {
            words[place] = alike[genes.below(alike.len())];
        }
    }
    words.join(" ")
}

/// Changes some words of a text.
pub(crate) fn words(sql: &str, genes: &mut Genes<'_>) -> String {
    let mut words: Vec<&str> = sql.split(' ').collect();
    for _ in 0..=genes.below(3) {
        let place = genes.below(words.len());
        let other = OTHERS[genes.below(OTHERS.len())];
        match genes.below(5) {
            0 => drop(words.remove(place)),
            1 => words.insert(place, other),
            2 => words[place] = other,
            3 => words.insert(place, words[place]),
            _ => {
                let swapped = genes.below(words.len());
                words.swap(place, swapped);
            }
        }
        if words.is_empty() {
            words.push(other);
        }
    }
    words.join(" ")
}

/// Changes, drops or repeats some bytes.
fn bytes(text: &[u8], genes: &mut Genes<'_>) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=genes.below(4) {
        let place = genes.below(text.len().max(1)).min(text.len());
        let end = (place + genes.below(12)).min(text.len());
        match genes.below(4) {
            0 => drop(text.drain(place..end)),
            1 => {
                let part = text[place..end].to_vec();
                text.splice(place..place, part);
            }
            _ => {
                let byte = u8::try_from(genes.below(256)).unwrap();
                text.splice(place..(place + 1).min(end), [byte]);
            }
        }
    }
    text
}
