//! How much of an estimate stands on single rows.
//!
//! An estimate is a weighted sum of outcomes. A row's share of the squared weights is its partial leverage: where it
//! is all of them, the estimate is that row's outcome in other words.

use nalgebra::{DMatrix, DVector};

/// How the squared weights of an estimate are spread over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weight {
    /// The largest of one row.
    pub largest: f64,
    /// The second largest.
    pub second: f64,
    /// All together.
    pub all: f64,
}

impl Weight {
    /// The spread with one more row.
    #[must_use]
    pub fn with(self, size: f64) -> Self {
        let second = self.second.max(size.min(self.largest));
        Self { largest: self.largest.max(size), second, all: self.all + size }
    }

    /// The spread of each covariate's term: rows with a factor, and the inverse of the matrix of their products.
    pub(crate) fn of_rows<'a>(
        rows: impl Iterator<Item = (DVector<f64>, f64)> + 'a,
        inverse: &DMatrix<f64>,
    ) -> Vec<Self> {
        let mut weights = vec![Self::default(); inverse.nrows()];
        for (row, factor) in rows {
            let own = inverse * row;
            for (weight, own) in weights.iter_mut().zip(own.iter()) {
                *weight = weight.with(factor * own * own);
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_largest_and_all_are_kept() {
        let weight = [2.0, 5.0, 1.0, 4.0].into_iter().fold(Weight::default(), Weight::with);
        assert_eq!(weight, Weight { largest: 5.0, second: 4.0, all: 12.0 });
    }
}
