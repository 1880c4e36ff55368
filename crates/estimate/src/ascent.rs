//! The maximum of a likelihood that has one hill: Newton's steps, each no longer than helps.

use nalgebra::{DMatrix, DVector};

use crate::Unfitted;
use crate::rows::positive;

/// Most steps; a likelihood with a maximum needs fewer than ten.
const MOST_STEPS: usize = 30;

/// Most halvings of one step.
const MOST_HALVINGS: usize = 30;

/// The maximum is reached where the next step would be shorter, in standard deviations of the covariates.
const SHORT: f64 = 1e-9;

/// A likelihood at one place.
#[derive(Clone, Debug)]
pub(crate) struct Likelihood {
    /// Its logarithm.
    pub(crate) log: f64,
    /// Its slope.
    pub(crate) score: DVector<f64>,
    /// How it bends: minus its second derivative.
    pub(crate) information: DMatrix<f64>,
}

/// Where the likelihood is largest, and the inverse of the information there.
///
/// Where an outcome is separated there is no maximum: every step is as long as the one before.
pub(crate) fn maximum(
    start: DVector<f64>,
    likelihood: impl Fn(&DVector<f64>) -> Likelihood,
) -> Result<(DVector<f64>, DMatrix<f64>), Unfitted> {
    let mut place = start;
    let mut here = likelihood(&place);
    for _ in 0..MOST_STEPS {
        if !here.log.is_finite() {
            return Err(Unfitted);
        }
        let information = positive(here.information.clone())?;
        let mut step = information.solve(&here.score);
        if step.amax() < SHORT {
            return Ok((place + step, information.inverse()));
        }
        let mut halvings = 0;
        let mut there = likelihood(&(&place + &step));
        // The logarithm itself is only known to so many digits.
        while there
            .log
            .partial_cmp(&(here.log - here.log.abs() * 1e-12))
            .is_none_or(std::cmp::Ordering::is_lt)
        {
            halvings += 1;
            if halvings > MOST_HALVINGS {
                return Err(Unfitted);
            }
            step /= 2.0;
            there = likelihood(&(&place + &step));
        }
        place += step;
        here = there;
    }
    Err(Unfitted)
}
