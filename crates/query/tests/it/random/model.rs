//! Models and histograms, which the plain engine does not have: how each engine is asked for the same number.

/// Marks a rate in a text.
const RATE: &str = "$rate";
/// Marks the size of a linear model in a text.
const SIZE: &str = "$size";

/// Marks the only bin of a histogram in a text.
const BIN: &str = "$bin";

/// How many values are between two edges, which are inside.
pub(crate) fn bin(of: &str, edges: &str) -> String {
    format!("{BIN}{{{of}}}{{{edges}}}")
}

/// Σ events / Σ time.
pub(crate) fn rate(events: &str, time: &str) -> String {
    format!("{RATE}{{{events}}}{{{time}}}")
}

/// Of how many records a linear model of two columns is.
pub(crate) fn size(of: &str, by: &str) -> String {
    format!("{SIZE}{{{of}}}{{{by}}}")
}

/// A text as the enclave and as the plain engine are asked.
pub(crate) fn written(sql: &str) -> (String, String) {
    let (mut sent, mut plain, mut rest) = (String::new(), String::new(), sql);
    while let Some(start) = rest.find('$') {
        let (before, from) = rest.split_at(start);
        sent.push_str(before);
        plain.push_str(before);
        let Some((ours, theirs, after)) = model(from) else {
            sent.push('$');
            plain.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
            continue;
        };
        sent.push_str(&ours);
        plain.push_str(&theirs);
        rest = after;
    }
    (sent + rest, plain + rest)
}

/// The model that a text begins with, as both engines are asked, and what follows.
fn model(text: &str) -> Option<(String, String, &str)> {
    let (mark, rest) = text.split_once('{')?;
    let (one, rest) = rest.split_once('}')?;
    let (other, rest) = rest.strip_prefix('{')?.split_once('}')?;
    let both = format!("FILTER (WHERE {one} IS NOT NULL AND {other} IS NOT NULL)");
    match mark {
        RATE => {
            let sum = |of: &str| format!("CAST(SUM({of}) {both} AS DOUBLE)");
            let plain = format!("{} / {}", sum(one), sum(other));
            Some((format!("rate({one}, {other})['estimate']"), plain, rest))
        }
        BIN => {
            let (lower, upper) = other.split_once(", ")?;
            let plain = format!("COUNT(*) FILTER (WHERE {one} >= {lower} AND {one} <= {upper})");
            Some((format!("histogram({one}, [{other}])[1]['n']"), plain, rest))
        }
        // No record has no model.
        SIZE => Some((format!("ols({one}, {other})['n']"), format!("NULLIF(COUNT(*) {both}, 0)"), rest)),
        _ => None,
    }
}
