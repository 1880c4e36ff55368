//! Conditions and group keys over the columns of a source.

use super::genes::Genes;
use super::source::Source;

/// A condition that may stand anywhere.
pub(crate) fn condition(genes: &mut Genes<'_>, source: &Source, depth: usize) -> String {
    if depth > 0 && genes.once_in(2) {
        let left = condition(genes, source, depth - 1);
        let right = condition(genes, source, depth - 1);
        return match genes.below(4) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            2 => format!("({left}) IS NOT TRUE"),
            _ => format!("NOT ({left})"),
        };
    }
    let number = genes.of(source.numbers);
    let low = i64::try_from(genes.below(9)).unwrap() - 3;
    match genes.below(4) {
        0 => of_text(genes, source.texts),
        1 if !source.dates.is_empty() => of_date(genes, source),
        _ => of_number(genes, number, low),
    }
}

fn of_number(genes: &mut Genes<'_>, number: &str, low: i64) -> String {
    match genes.below(9) {
        0 => format!("{number} > {low}"),
        1 => format!("{number} IS NULL"),
        2 => format!("{number} BETWEEN {low} AND {}", low + 4),
        3 => format!("{number} * 2 - 1 <= {low}"),
        4 => format!("{number} >= $integer"),
        5 => format!("{number} IN ({low}, {}, 5)", low + 1),
        6 => format!("COALESCE({number}, 0) < {}", low + 2),
        7 => format!("CASE WHEN {number} > {low} THEN 2 ELSE 1 END = 2"),
        _ => format!("{number} IS NOT NULL"),
    }
}

fn of_text(genes: &mut Genes<'_>, texts: &[&str]) -> String {
    let text = genes.of(texts);
    match genes.below(8) {
        0 => format!("{text} IN ('F', 'a', 'b', 'first', 'low', 'x')"),
        1 => format!("{text} LIKE '%a%'"),
        2 => format!("COALESCE({text}, 'a') <> 'M'"),
        3 => format!("{text} = $text"),
        4 => format!("{text} NOT IN ('c', 'X')"),
        5 => format!("left({text}, 1) < 'c'"),
        6 => format!("starts_with({text}, 'a')"),
        _ => format!("upper({text}) LIKE '_' AND {text} IS NOT NULL"),
    }
}

fn of_date(genes: &mut Genes<'_>, source: &Source) -> String {
    let day = genes.of(source.dates);
    match genes.below(8) {
        0 => format!("{day} >= DATE '2021-09-15'"),
        1 => format!("{day} < $day"),
        2 => format!("{day} BETWEEN DATE '2021-03-01' AND DATE '2021-03-01' + INTERVAL '10 months'"),
        3 => format!("DATE '2023-04-01' - {day} > 300"),
        4 => format!("date_part('year', {day}) = 2021"),
        5 => format!("{day} + INTERVAL '90 days' > DATE '2022-01-31'"),
        6 => format!("date_trunc('year', {day}) = DATE '2022-01-01'"),
        _ => format!("{day} IS NOT NULL"),
    }
}

/// A condition on other records of the same person, or on codes: it stands in WHERE alone.
pub(crate) fn about_others(genes: &mut Genes<'_>, source: &Source) -> String {
    let subject = source.subject;
    let text = genes.of(source.texts);
    let code = genes.of(&["a", "b", "c", "e"]);
    let not = genes.of(&["", "NOT "]);
    match genes.below(8) {
        0 => format!(
            "{not}EXISTS (SELECT 1 FROM tests z WHERE z.patient_id = {subject} AND z.code = '{code}')"
        ),
        1 => format!("{subject} {not}IN (SELECT z.patient_id FROM visits z WHERE z.code = '{code}')"),
        2 => format!("(SELECT COUNT(*) FROM visits z WHERE z.patient_id = {subject}) >= 3"),
        3 => format!("(SELECT MIN(z.day) FROM tests z WHERE z.patient_id = {subject}) < DATE '2021-08-01'"),
        4 => format!(
            "{subject} IN (SELECT z.patient_id FROM visits z GROUP BY z.patient_id HAVING COUNT(*) > 2)"
        ),
        5 => format!("{text} IN (SELECT c9.code FROM codes c9 WHERE c9.class = 'first')"),
        6 => format!("NOT EXISTS (SELECT 1 FROM bands b9 WHERE b9.code = {text} AND b9.band = 'low')"),
        _ => {
            let other = condition(genes, source, 0);
            format!("({other} OR {subject} IN (SELECT z.patient_id FROM tests z WHERE z.result > 3))")
        }
    }
}

/// A group key, as it may be written.
pub(crate) fn key(genes: &mut Genes<'_>, source: &Source) -> String {
    let text = genes.of(source.texts).to_owned();
    let integer = genes.of(source.integers);
    let date = source.dates.get(genes.below(source.dates.len().max(1)));
    match (genes.below(14), date) {
        (0, _) => integer.to_owned(),
        (1, _) => format!("{integer} / 3"),
        (2, _) => format!("CASE WHEN {} THEN 'yes' ELSE 'no' END", condition(genes, source, 0)),
        (3, _) => format!("upper({text})"),
        (4, _) => {
            format!("CASE WHEN {integer} < 2 THEN 'few' WHEN {integer} < 5 THEN 'some' ELSE 'many' END")
        }
        (5, _) => format!("COALESCE({text}, 'none')"),
        (6, Some(day)) => format!("date_part('year', {day})"),
        (7, Some(day)) => format!("date_trunc('year', {day})"),
        (8, Some(day)) => format!("to_char({day}, '%Y')"),
        (9, Some(day)) => format!("date_trunc('quarter', {day})"),
        (10, _) => format!("floor({integer} / 4.0) * 4"),
        (11, _) => format!("least({integer}, 3)"),
        _ => text,
    }
}
