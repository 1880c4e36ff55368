//! Proportional hazards (Cox 1972), with the ties of Efron (1977) as in R's `survival`.

use nalgebra::{DMatrix, DVector};

use crate::ascent::{Likelihood, maximum};
use crate::rows::{Intercept, Scaled, count};
use crate::term::{Reference, Term};
use crate::weight::Weight;
use crate::{Fit, Rows, Unfitted};

/// Sums over some people: of their risks, and of their covariates and products weighted with these.
#[derive(Clone)]
struct Sums {
    risk: f64,
    first: DVector<f64>,
    second: DMatrix<f64>,
}

impl Sums {
    fn none(width: usize) -> Self {
        Self { risk: 0.0, first: DVector::zeros(width), second: DMatrix::zeros(width, width) }
    }

    fn add(&mut self, row: &DVector<f64>, risk: f64) {
        self.risk += risk;
        self.first.axpy(risk, row, 1.0);
        self.second.ger(risk, row, row, 1.0);
    }

    /// Those sums without a share of others.
    fn without(&self, others: &Self, share: f64) -> Self {
        Self {
            risk: self.risk - share * others.risk,
            first: &self.first - &others.first * share,
            second: &self.second - &others.second * share,
        }
    }
}

/// The hazard by the columns behind the first two, which are the time and whether it ended with the event (1) or
/// not (0). It has no intercept.
///
/// # Errors
/// [`Unfitted`] where an event is neither, where covariates cannot be told apart, and where there is no maximum.
pub fn cox(rows: &Rows) -> Result<Fit, Unfitted> {
    let outcomes = rows.iter().map(|row| match row {
        [time, event, ..] if time.is_finite() && (*event == 0.0 || *event == 1.0) => {
            Ok((*time, *event > 0.0))
        }
        _ => Err(Unfitted),
    });
    let outcomes: Vec<(f64, bool)> = outcomes.collect::<Result<_, _>>()?;
    let scaled = rows.scaled(2)?;
    let width = scaled.means.len();
    let (place, inverse) = maximum(DVector::zeros(width), |place| likelihood(&scaled, &outcomes, place))?;
    let with_event = scaled.rows.iter().zip(&outcomes).filter(|(_, (_, event))| *event);
    let mut weights = Weight::of_rows(with_event.map(|(row, _)| (row.clone(), 1.0)), &inverse);
    weights.extend(scaled.weights());
    let back = scaled.back(Intercept::Absent);
    let covariance = &back * inverse * back.transpose();
    Ok(Fit { terms: Term::all(&(back * place), &covariance, Reference::Normal)?, weights })
}

/// The partial likelihood; the rows come in ascending order of their time.
fn likelihood(scaled: &Scaled, outcomes: &[(f64, bool)], place: &DVector<f64>) -> Likelihood {
    let width = place.len();
    let mut here =
        Likelihood { log: 0.0, score: DVector::zeros(width), information: DMatrix::zeros(width, width) };
    let mut at_risk = Sums::none(width);
    let mut later = outcomes.iter().zip(&scaled.rows).rev().peekable();
    while let Some(((now, _), _)) = later.peek().copied() {
        let (mut dying, mut deaths) = (Sums::none(width), 0);
        while let Some(((_, event), row)) = later.next_if(|((time, _), _)| time == now) {
            let predictor = row.dot(place);
            at_risk.add(row, predictor.exp());
            if *event {
                dying.add(row, predictor.exp());
                here.log += predictor;
                here.score += row;
                deaths += 1;
            }
        }
        for death in 0..deaths {
            let left = at_risk.without(&dying, count(death) / count(deaths));
            let mean = left.first / left.risk;
            here.log -= left.risk.ln();
            here.score -= &mean;
            here.information += left.second / left.risk;
            here.information.ger(-1.0, &mean, &mean, 1.0);
        }
    }
    here
}
