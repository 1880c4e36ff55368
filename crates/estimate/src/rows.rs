//! Rows of numbers in one canonical order, and their covariates brought to a common scale.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::Unfitted;
use crate::weight::Weight;

/// The smallest share of a covariate's variance that the covariates before it may leave: below it the two cannot
/// be told apart. Doubles lose half of their digits there.
const LEAST_LEFT: f64 = 1e-7;

/// Rows of equally many numbers.
#[derive(Clone, Debug)]
pub struct Rows {
    rows: Vec<Vec<f64>>,
    shifts: Vec<f64>,
}

impl Rows {
    /// The rows in the order of their values, so that no other order can decide about a bit.
    #[must_use]
    pub fn new(mut rows: Vec<Vec<f64>>) -> Self {
        let order = |left: &Vec<f64>, right: &Vec<f64>| {
            let pairs = left.iter().zip(right);
            pairs
                .map(|(left, right)| left.total_cmp(right))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| left.len().cmp(&right.len()))
        };
        rows.sort_by(order);
        Self { rows, shifts: Vec::new() }
    }

    /// The same rows, from whose covariates these numbers had been taken off: the last columns.
    #[must_use]
    pub fn shifted(self, shifts: Vec<f64>) -> Self {
        Self { shifts, ..self }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, in their order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &[f64]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// The first number of each row, and the rest as covariates on a common scale.
    pub(crate) fn scaled(&self, outcomes: usize) -> Result<Scaled, Unfitted> {
        let width = self.rows.first().map_or(0, Vec::len).saturating_sub(outcomes);
        let n = count(self.rows.len());
        let covariates = |row: &[f64]| row.get(outcomes..).map(DVector::from_row_slice).ok_or(Unfitted);
        let mut means = DVector::zeros(width);
        for row in self.iter() {
            means += covariates(row)?;
        }
        means /= n;
        let mut spreads: DVector<f64> = DVector::zeros(width);
        for row in self.iter() {
            spreads += (covariates(row)? - &means).map(|deviation| deviation * deviation);
        }
        let spreads = spreads.map(|sum| (sum / n).sqrt());
        if spreads.iter().any(|spread| *spread <= 0.0 || !spread.is_finite()) {
            return Err(Unfitted);
        }
        let rows = self.iter().map(|row| Ok((covariates(row)? - &means).component_div(&spreads)));
        let rows = rows.collect::<Result<Vec<_>, Unfitted>>()?;
        let mut correlations = DMatrix::zeros(width, width);
        rows.iter().for_each(|row| correlations.ger(1.0 / n, row, row, 1.0));
        let inverse = inverse_of_correlations(correlations)?;
        means.iter_mut().zip(&self.shifts).for_each(|(mean, shift)| *mean += shift);
        Ok(Scaled { rows, means, spreads, inverse })
    }
}

/// Covariates less their mean, in units of their standard deviation.
#[derive(Debug)]
pub(crate) struct Scaled {
    pub(crate) rows: Vec<DVector<f64>>,
    pub(crate) means: DVector<f64>,
    pub(crate) spreads: DVector<f64>,
    /// The inverse of their correlations.
    inverse: DMatrix<f64>,
}

impl Scaled {
    /// The rows with a one before them: the intercept's.
    pub(crate) fn with_intercept(&self) -> impl Iterator<Item = DVector<f64>> + '_ {
        self.rows.iter().map(|row| row.clone().insert_row(0, 1.0))
    }

    /// How much single rows weigh by their covariates alone, whatever the outcomes.
    pub(crate) fn weights(&self) -> Vec<Weight> {
        Weight::of_rows(self.rows.iter().map(|row| (row.clone(), 1.0)), &self.inverse)
    }

    /// What brings coefficients back to the scale of the covariates.
    pub(crate) fn back(&self, intercept: Intercept) -> DMatrix<f64> {
        let slopes = DMatrix::from_diagonal(&self.spreads.map(|spread| 1.0 / spread));
        match intercept {
            Intercept::Absent => slopes,
            Intercept::First => {
                let mut back = slopes.insert_row(0, 0.0).insert_column(0, 0.0);
                let shifts = self.means.component_div(&self.spreads);
                let first = [1.0].into_iter().chain(shifts.iter().map(|shift| -shift));
                back.row_mut(0).iter_mut().zip(first).for_each(|(place, number)| *place = number);
                back
            }
        }
    }
}

/// Whether a model has an intercept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Intercept {
    /// It has none.
    Absent,
    /// It is the first of the coefficients.
    First,
}

/// The inverse of a matrix of correlations, where each covariate varies beside the others.
pub(crate) fn inverse_of_correlations(correlations: DMatrix<f64>) -> Result<DMatrix<f64>, Unfitted> {
    let factor = positive(correlations)?;
    let left = factor.l_dirty().diagonal();
    if left.iter().any(|pivot| pivot * pivot < LEAST_LEFT) {
        return Err(Unfitted);
    }
    Ok(factor.inverse())
}

/// A positive definite matrix, taken apart.
pub(crate) fn positive(matrix: DMatrix<f64>) -> Result<Cholesky<f64, Dyn>, Unfitted> {
    if matrix.iter().any(|number| !number.is_finite()) {
        return Err(Unfitted);
    }
    matrix.cholesky().ok_or(Unfitted)
}

/// A number of rows as a double; no more than 2⁵³ of them fit any memory.
pub(crate) fn count(rows: usize) -> f64 {
    u32::try_from(rows).map_or(f64::INFINITY, f64::from)
}
