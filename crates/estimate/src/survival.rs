//! Curves of survival, and whether two of them differ.

use crate::distribution::chi_squared_tail;
use crate::rounded::shortened;
use crate::table::Test;
use crate::{Rows, Unfitted};

/// What happened in one interval of time, and who was there at its beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// People with the event.
    pub events: f64,
    /// People who were there at the beginning.
    pub at_risk: f64,
}

/// A share, and the ends of its 95 % interval.
pub type Share = (f64, Option<(f64, f64)>);

/// The share that is left after each step, and the ends of its 95 % interval (log-log, as in R with
/// `conf.type = "log-log"`); the interval is `None` where nobody, or everybody, had the event.
///
/// # Errors
/// [`Unfitted`] where more people have the event than are there.
pub fn kaplan_meier(steps: &[Step]) -> Result<Vec<Share>, Unfitted> {
    let (mut share, mut variance) = (1.0, 0.0);
    let mut curve = Vec::new();
    for Step { events, at_risk } in steps {
        let left = at_risk - events;
        if *at_risk <= 0.0 || left < 0.0 {
            return Err(Unfitted);
        }
        share *= left / at_risk;
        variance += events / (at_risk * left);
        curve.push((share, interval(share, variance)));
    }
    Ok(curve)
}

fn interval(share: f64, variance: f64) -> Option<(f64, f64)> {
    let inner = share > 0.0 && share < 1.0;
    let reach = crate::distribution::normal_reach() * variance.sqrt() / share.ln();
    let end = |reach: f64| share.powf(reach.exp());
    inner.then(|| (end(-reach), end(reach)))
}

/// Two groups whose times are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Events in the group that is 1.
    pub observed: f64,
    /// How many there would be if both groups were alike.
    pub expected: f64,
    /// The variance of the number.
    pub variance: f64,
}

impl Comparison {
    /// The test of Mantel and Haenszel.
    ///
    /// # Errors
    /// [`Unfitted`] where nothing could differ.
    pub fn test(self) -> Result<Test, Unfitted> {
        if self.variance <= 0.0 {
            return Err(Unfitted);
        }
        let statistic = shortened((self.observed - self.expected).powi(2) / self.variance);
        Ok(Test { statistic, dof: 1, p_value: chi_squared_tail(statistic, 1.0)? })
    }
}

/// Compares the times of two groups: rows of a time, whether it ended with the event (1) or not (0), and the group
/// (0 or 1).
///
/// # Errors
/// [`Unfitted`] where a row is none of that kind.
pub fn log_rank(rows: &Rows) -> Result<Comparison, Unfitted> {
    let truth = |number: f64| number == 0.0 || number == 1.0;
    if !rows.iter().all(|row| matches!(row, [_, event, group] if truth(*event) && truth(*group))) {
        return Err(Unfitted);
    }
    let mut found = Comparison::default();
    let (mut all, mut ones) = (0.0, 0.0);
    let mut later = rows.iter().rev().peekable();
    while let Some(now) = later.peek().and_then(|row| row.first().copied()) {
        let (mut events, mut of_ones) = (0.0, 0.0);
        while let Some([_, event, group]) = later.next_if(|row| row.first() == Some(&now)) {
            all += 1.0;
            ones += group;
            events += event;
            of_ones += event * group;
        }
        let share = ones / all;
        found.observed += of_ones;
        found.expected += events * share;
        if all > 1.0 {
            found.variance += events * share * (1.0 - share) * (all - events) / (all - 1.0);
        }
    }
    Ok(found)
}
