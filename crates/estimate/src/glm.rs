//! Logistic and Poisson regression, by maximum likelihood.

use nalgebra::{DMatrix, DVector};

use crate::ascent::{Likelihood, maximum};
use crate::rows::{Intercept, count};
use crate::term::{Reference, Term};
use crate::weight::Weight;
use crate::{Fit, Rows, Unfitted};

/// How an outcome is distributed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// 0 or 1, with the logit link.
    Logistic,
    /// 0, 1, 2, …, with the logarithm as the link. Other outcomes count as they are (a quasi-likelihood): whether
    /// anybody has one must not show.
    Poisson,
}

impl Family {
    /// The link of a mean.
    fn link(self, mean: f64) -> f64 {
        match self {
            Self::Logistic => (mean / (1.0 - mean)).ln(),
            Self::Poisson => mean.ln(),
        }
    }

    /// Expected value and variance where the linear predictor is this, and the logarithm of the likelihood of an
    /// outcome there, constants left out.
    fn at(self, predictor: f64, outcome: f64) -> (f64, f64, f64) {
        match self {
            Self::Logistic => {
                let mean = 1.0 / (1.0 + (-predictor).exp());
                let normaliser = predictor.max(0.0) + (-predictor.abs()).exp().ln_1p();
                (mean, mean * (1.0 - mean), outcome * predictor - normaliser)
            }
            Self::Poisson => {
                let mean = predictor.exp();
                (mean, mean, outcome * predictor - mean)
            }
        }
    }
}

/// The model of the first column on the others, with an intercept.
///
/// # Errors
/// [`Unfitted`] where there is no event or nothing else, where covariates cannot be told apart, and where they separate
/// the outcomes.
pub fn glm(rows: &Rows, family: Family) -> Result<Fit, Unfitted> {
    let outcomes: Vec<f64> = rows.iter().filter_map(|row| row.first().copied()).collect();
    let mean = outcomes.iter().sum::<f64>() / count(outcomes.len());
    let scaled = rows.scaled(1)?;
    let mut start = DVector::zeros(scaled.means.len() + 1);
    *start.get_mut(0).ok_or(Unfitted)? = family.link(mean);
    let design: Vec<DVector<f64>> = scaled.with_intercept().collect();
    let both = || design.iter().zip(&outcomes);
    let likelihood = |place: &DVector<f64>| {
        let width = place.len();
        let mut here =
            Likelihood { log: 0.0, score: DVector::zeros(width), information: DMatrix::zeros(width, width) };
        for (row, outcome) in both() {
            let (mean, variance, log) = family.at(row.dot(place), *outcome);
            here.log += log;
            here.score.axpy(outcome - mean, row, 1.0);
            here.information.ger(variance, row, row, 1.0);
        }
        here
    };
    let (place, inverse) = maximum(start, likelihood)?;
    let weighted = both().map(|(row, outcome)| (row.clone(), family.at(row.dot(&place), *outcome).1));
    let mut weights = Weight::of_rows(weighted, &inverse);
    weights.remove(0);
    weights.extend(scaled.weights());
    let back = scaled.back(Intercept::First);
    let covariance = &back * inverse * back.transpose();
    Ok(Fit { terms: Term::all(&(back * place), &covariance, Reference::Normal)?, weights })
}
