//! Least squares, from sums of squares and products alone.

use nalgebra::{DMatrix, DVector};

use crate::Unfitted;
use crate::rows::inverse_of_correlations;
use crate::term::{Reference, Term};

/// The share of an outcome's variance that a model may not leave: then it says everybody's outcome.
const LEAST_LEFT: f64 = 1e-9;

/// What least squares read: the outcome is the first column.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// How many rows there are.
    pub rows: f64,
    /// The mean of each column.
    pub means: Vec<f64>,
    /// For each pair of columns with the first not behind the second, in the order of the second and then of the
    /// first: the sum of the products of their deviations.
    pub products: Vec<f64>,
}

impl Moments {
    /// Where the products of two columns stand.
    #[must_use]
    pub fn place(left: usize, right: usize) -> usize {
        let (first, second) = (left.min(right), left.max(right));
        second.saturating_mul(second.saturating_add(1)) / 2 + first
    }

    fn product(&self, left: usize, right: usize) -> Result<f64, Unfitted> {
        self.products.get(Self::place(left, right)).copied().ok_or(Unfitted)
    }
}

/// The linear model of the first column on the others, with an intercept; and the inverse of the covariates'
/// products, from which follows how much single rows weigh.
///
/// # Errors
/// [`Unfitted`] where covariates cannot be told apart, or leave nothing of the outcome.
pub fn linear(moments: &Moments) -> Result<(Vec<Term>, Vec<Vec<f64>>), Unfitted> {
    let width = moments.means.len().checked_sub(1).filter(|width| *width > 0).ok_or(Unfitted)?;
    let mut spreads = DVector::zeros(width);
    let mut products = DMatrix::zeros(width, width);
    let mut with_outcome = DVector::zeros(width);
    for column in 0..width {
        for other in 0..width {
            *products.get_mut((other, column)).ok_or(Unfitted)? = moments.product(other + 1, column + 1)?;
        }
        *with_outcome.get_mut(column).ok_or(Unfitted)? = moments.product(0, column + 1)?;
        let spread = moments.product(column + 1, column + 1)?.sqrt();
        *spreads.get_mut(column).ok_or(Unfitted)? =
            if spread > 0.0 && spread.is_finite() { 1.0 / spread } else { return Err(Unfitted) };
    }
    let scale = DMatrix::from_diagonal(&spreads);
    let inverse = &scale * inverse_of_correlations(&scale * products * &scale)? * &scale;
    let slopes = &inverse * &with_outcome;
    let outcome = moments.product(0, 0)?;
    let left = outcome - slopes.dot(&with_outcome);
    let parameters = f64::from(u32::try_from(width).map_err(|_| Unfitted)?) + 1.0;
    let freedom = moments.rows - parameters;
    if freedom < 1.0 || left <= outcome * LEAST_LEFT {
        return Err(Unfitted);
    }
    let variance = left / freedom;
    let mean = DVector::from_iterator(width, moments.means.iter().skip(1).copied());
    let intercept = moments.means.first().ok_or(Unfitted)? - slopes.dot(&mean);
    let of_intercept = variance * (1.0 / moments.rows + mean.dot(&(&inverse * &mean)));
    let reference = Reference::Student { freedom };
    let mut terms = vec![Term::new(intercept, of_intercept, reference)?];
    terms.extend(Term::all(&slopes, &(&inverse * variance), reference)?);
    Ok((terms, inverse.row_iter().map(|row| row.iter().copied().collect()).collect()))
}
