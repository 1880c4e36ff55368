//! One line of a fitted model: an estimate with its error, interval and test.

use nalgebra::{DMatrix, DVector};

use crate::Unfitted;
use crate::distribution::{finite, normal_reach, normal_tails, student_reach, student_tails};
use crate::rounded::shortened;
use crate::weight::Weight;

/// The estimate of one coefficient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The coefficient.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// The lower end of its 95 % interval.
    pub ci_low: f64,
    /// The upper end.
    pub ci_high: f64,
    /// How probable so large an estimate, or a larger one, is where the coefficient is zero.
    pub p_value: f64,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Its terms: the intercept first where it has one, then the covariates in their order.
    pub terms: Vec<Term>,
    /// How much single rows weigh in each covariate's term, in every way in which that can be looked at.
    pub weights: Vec<Weight>,
}

/// From which distribution intervals are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reference {
    Normal,
    Student { freedom: f64 },
}

impl Term {
    /// A coefficient and its variance.
    pub(crate) fn new(estimate: f64, variance: f64, reference: Reference) -> Result<Self, Unfitted> {
        if variance <= 0.0 {
            return Err(Unfitted);
        }
        let (estimate, std_error) = (finite(estimate)?, finite(variance.sqrt())?);
        // What reads rows says more than its sums do, and what follows from the two no more than their digits do.
        let (estimate, std_error) = match reference {
            Reference::Normal => (shortened(estimate), shortened(std_error)),
            Reference::Student { .. } => (estimate, std_error),
        };
        let deviation = estimate / std_error;
        let (reach, p_value) = match reference {
            Reference::Normal => (normal_reach(), normal_tails(deviation)),
            Reference::Student { freedom } => (student_reach(freedom)?, student_tails(deviation, freedom)?),
        };
        let (ci_low, ci_high) = (estimate - reach * std_error, estimate + reach * std_error);
        Ok(Self { estimate, std_error, ci_low, ci_high, p_value: finite(p_value)? })
    }

    /// The terms of some coefficients and their covariances.
    pub(crate) fn all(
        estimates: &DVector<f64>,
        covariance: &DMatrix<f64>,
        reference: Reference,
    ) -> Result<Vec<Self>, Unfitted> {
        let variances = covariance.diagonal();
        let both = estimates.iter().zip(variances.iter());
        both.map(|(estimate, variance)| Self::new(*estimate, *variance, reference)).collect()
    }
}
