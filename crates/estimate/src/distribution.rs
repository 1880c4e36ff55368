//! Quantiles and tails of the distributions that intervals and tests need.

use statrs::distribution::{ChiSquared, ContinuousCDF as _, Normal, StudentsT};

use crate::Unfitted;

/// The share of intervals that cover the true value, in the long run: 95 %.
const COVERAGE: f64 = 0.95;

/// What lies below the upper end of an interval.
const UPPER: f64 = f64::midpoint(1.0, COVERAGE);

/// By how many standard errors an interval reaches to either side, from the normal distribution.
pub(crate) fn normal_reach() -> f64 {
    Normal::standard().inverse_cdf(UPPER)
}

/// The same from Student's distribution.
pub(crate) fn student_reach(freedom: f64) -> Result<f64, Unfitted> {
    finite(student(freedom)?.inverse_cdf(UPPER))
}

/// How probable a deviation of so many standard errors, or more to either side, is.
pub(crate) fn normal_tails(deviation: f64) -> f64 {
    2.0 * Normal::standard().sf(deviation.abs())
}

/// The same from Student's distribution.
pub(crate) fn student_tails(deviation: f64, freedom: f64) -> Result<f64, Unfitted> {
    Ok(2.0 * student(freedom)?.sf(deviation.abs()))
}

/// How probable so large a χ² is.
pub(crate) fn chi_squared_tail(statistic: f64, freedom: f64) -> Result<f64, Unfitted> {
    Ok(chi_squared(freedom)?.sf(statistic))
}

/// The exact interval of the mean of a Poisson distribution of which one number was seen (Garwood 1936).
pub(crate) fn poisson_interval(events: f64) -> Result<(f64, f64), Unfitted> {
    let quantile = |share: f64, events: f64| Ok(chi_squared(2.0 * events)?.inverse_cdf(share) / 2.0);
    let low = if events > 0.0 { quantile(1.0 - UPPER, events)? } else { 0.0 };
    Ok((finite(low)?, finite(quantile(UPPER, events + 1.0)?)?))
}

fn student(freedom: f64) -> Result<StudentsT, Unfitted> {
    StudentsT::new(0.0, 1.0, freedom).map_err(|_| Unfitted)
}

fn chi_squared(freedom: f64) -> Result<ChiSquared, Unfitted> {
    ChiSquared::new(freedom).map_err(|_| Unfitted)
}

/// A number that is none is no estimate.
pub(crate) fn finite(number: f64) -> Result<f64, Unfitted> {
    if number.is_finite() { Ok(number) } else { Err(Unfitted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_tails_are_those_of_scipy() {
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} {expected}");
        };
        close(normal_reach(), 1.959_963_984_540_054);
        close(student_reach(12.0).unwrap(), 2.178_812_829_667_228);
        close(normal_tails(-2.5), 0.012_419_330_651_552_265);
        close(student_tails(2.5, 12.0).unwrap(), 0.027_915_399_571_325_24);
        close(chi_squared_tail(7.3, 1.0).unwrap(), 0.006_895_461_063_618_973);
        let (low, high) = poisson_interval(17.0).unwrap();
        close(low, 9.903_126_469_607_294);
        close(high, 27.218_646_815_906_613);
        assert!(student_reach(0.0).is_err() && finite(f64::NAN).is_err());
    }
}
