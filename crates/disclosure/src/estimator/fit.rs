//! From the sums and rows of a cell to its estimates, and to how much of each stands on single people.

use sekisho_estimate::{
    Family, Fit, Fourfold, Moments as Products, Ratio, Samples, Term, Test, Unfitted, Weight, cox, glm,
    linear, log_rank,
};

use super::people::{deviations, quotient, rows, total};
use super::{Answer, Estimator, Method, column, curve};
use crate::evidence::Evidence;
use crate::moments::{Inexact, Moments};
use crate::statistic::N;

/// What was found of one cell.
pub(crate) struct Found {
    /// What it would say; `Err` where it has no estimate.
    pub(crate) answer: Result<Answer, Unfitted>,
    /// How the squared weights of its estimates are spread over people, in every way that is looked at.
    pub(crate) weights: Vec<Weight>,
}

impl Found {
    fn of(answer: Result<Answer, Unfitted>) -> Self {
        Self { answer, weights: Vec::new() }
    }
}

/// The estimates of one cell. Somebody is in it.
pub(crate) fn fit(estimator: Estimator, moments: Moments<'_>, minimum: u32) -> Result<Found, Inexact> {
    let ratio = |ratio: Result<Ratio, Unfitted>| Found::of(ratio.map(of_ratio));
    let test = |test: Result<Test, Unfitted>| Found::of(test.map(of_test));
    Ok(match estimator.method {
        Method::ChiSquare => test(fourfold(moments)?.and_then(Fourfold::chi_square)),
        Method::OddsRatio => ratio(fourfold(moments)?.and_then(Fourfold::odds_ratio)),
        Method::RiskRatio => ratio(fourfold(moments)?.and_then(Fourfold::risk_ratio)),
        Method::Rate => ratio(Ratio::rate(total(moments, 1)?, total(moments, 2)?)),
        Method::StandardisedDifference => ratio(samples(moments)?.and_then(Samples::standardised_difference)),
        Method::KaplanMeier { .. } => {
            let steps = curve::steps(moments.parts, (estimator, moments.row), minimum).ok_or(Unfitted);
            Found::of(steps.and_then(|steps| curve::curve(moments.parts, moments.row, steps)))
        }
        Method::Linear => least_squares(estimator, moments)?,
        Method::LogRank => {
            test(log_rank(&rows(estimator, 3, moments)?).and_then(sekisho_estimate::Comparison::test))
        }
        Method::Cox => regression(estimator, moments, cox(&rows(estimator, 2, moments)?))?,
        Method::Logistic => {
            regression(estimator, moments, glm(&rows(estimator, 1, moments)?, Family::Logistic))?
        }
        Method::Poisson => {
            regression(estimator, moments, glm(&rows(estimator, 1, moments)?, Family::Poisson))?
        }
    })
}

/// The four numbers of two truth values; `Err` where a column holds other numbers.
fn fourfold(moments: Moments<'_>) -> Result<Result<Fourfold, Unfitted>, Inexact> {
    let part = |part: usize| total(moments, part);
    let (n, events, exposed, both) = (part(N)?, part(column(0))?, part(column(1))?, part(4)?);
    let table = Fourfold {
        event_exposed: both,
        event_unexposed: events - both,
        none_exposed: exposed - both,
        none_unexposed: n - events - exposed + both,
    };
    Ok(if holds_truth(moments, 0)? && holds_truth(moments, 1)? { Ok(table) } else { Err(Unfitted) })
}

/// Whether each record has 0 or 1: those alone are their own squares.
fn holds_truth(moments: Moments<'_>, number: usize) -> Result<bool, Inexact> {
    let amounts = |part: usize| moments.evidence(part).map(Evidence::amounts).ok_or(Inexact);
    let own = column(number);
    let square = own.checked_add(number).and_then(|before| before.checked_add(1)).ok_or(Inexact)?;
    let one = moments.unit(own)?.to_i128().ok_or(Inexact)?;
    let mut both = amounts(own)?.iter().zip(amounts(square)?);
    Ok(both.all(|(own, square)| own.checked_mul(one) == Some(square)))
}

/// Size, mean and variance of a quantity in two groups. Columns: the quantity, the group, and the product of both.
fn samples(moments: Moments<'_>) -> Result<Result<Samples, Unfitted>, Inexact> {
    if !holds_truth(moments, 1)? {
        return Ok(Err(Unfitted));
    }
    let part = |part: usize| total(moments, part);
    let of = |n: f64, sum: f64, squares: f64| (n, sum / n, (squares - sum * sum / n) / (n - 1.0));
    let (n, ones) = (part(N)?, part(column(1))?);
    let (sum, squares) = (part(column(0))?, part(2)?);
    let (of_ones, squares_of_ones) = (part(column(2))?, part(9)?);
    Ok(Ok(Samples {
        ones: of(ones, of_ones, squares_of_ones),
        zeros: of(n - ones, sum - of_ones, squares - squares_of_ones),
    }))
}

fn least_squares(estimator: Estimator, moments: Moments<'_>) -> Result<Found, Inexact> {
    let n = moments.total(N)?;
    let mean = |number: usize| {
        let part = column(number);
        quotient(moments.total(part)?, n.checked_mul(moments.unit(part)?).ok_or(Inexact)?)
    };
    let means = (0..usize::from(estimator.columns)).map(mean).collect::<Result<_, _>>()?;
    let products = estimator.products().iter().map(|product| {
        quotient(moments.centred(*product)?, n.checked_mul(moments.unit(product.sum)?).ok_or(Inexact)?)
    });
    let products =
        Products { rows: total(moments, N)?, means, products: products.collect::<Result<_, _>>()? };
    let Ok((terms, inverse)) = linear(&products) else { return Ok(Found::of(Err(Unfitted))) };
    let mut weights = vec![Weight::default(); inverse.len()];
    for of_person in deviations(estimator.products(), moments)? {
        for (weight, row) in weights.iter_mut().zip(&inverse) {
            *weight = weight.with(squared(row, &of_person));
        }
    }
    Ok(Found { answer: Ok(of_terms(estimator, moments, &terms)?), weights })
}

/// What a person's deviations weigh in a covariate's term: Σ sₖ sₗ Dₖₗ with s the term's row of the inverse.
fn squared(row: &[f64], deviations: &[f64]) -> f64 {
    let product = |left: usize, right: usize| {
        // The outcome is the first column.
        let place = Products::place(left.saturating_add(1), right.saturating_add(1));
        deviations.get(place).copied().unwrap_or(f64::NAN)
    };
    let pairs = row.iter().enumerate().flat_map(|(left, one)| {
        row.iter().enumerate().map(move |(right, other)| one * other * product(left, right))
    });
    pairs.sum::<f64>().max(0.0)
}

fn regression(
    estimator: Estimator,
    moments: Moments<'_>,
    fit: Result<Fit, Unfitted>,
) -> Result<Found, Inexact> {
    let Ok(Fit { terms, weights }) = fit else { return Ok(Found::of(Err(Unfitted))) };
    Ok(Found { answer: Ok(of_terms(estimator, moments, &terms)?), weights })
}

/// n, events, degrees of freedom and terms: the intercept is term 0, the covariates are counted from 1.
fn of_terms(estimator: Estimator, moments: Moments<'_>, terms: &[Term]) -> Result<Answer, Inexact> {
    let records = moments.evidence(N).map(Evidence::records).ok_or(Inexact)?;
    let integer = |number: u64| i64::try_from(number).map(Answer::Integer).map_err(|_| Inexact);
    let events = match estimator.method.event() {
        Some(event) => {
            let events = moments.evidence(column(event)).and_then(Evidence::total).ok_or(Inexact)?;
            let whole = moments.unit(column(event))? == arrow::datatypes::i256::ONE;
            if whole {
                i64::try_from(events).map(Answer::Integer).map_err(|_| Inexact)?
            } else {
                Answer::Null
            }
        }
        None => Answer::Null,
    };
    let first = if estimator.method == Method::Cox { 1 } else { 0 };
    let term = |(number, term): (i64, &Term)| {
        let Term { estimate, std_error, ci_low, ci_high, p_value } = *term;
        let numbers = [estimate, std_error, ci_low, ci_high, p_value].map(Answer::Double);
        Answer::Struct([Answer::Label(number)].into_iter().chain(numbers).collect())
    };
    let freedom = records.checked_sub(estimator.parameters()).ok_or(Inexact)?;
    let terms = Answer::List((first..).zip(terms).map(term).collect());
    Ok(Answer::Struct(vec![integer(records)?, events, integer(freedom)?, terms]))
}

fn of_ratio(Ratio { estimate, ci_low, ci_high }: Ratio) -> Answer {
    Answer::Struct([estimate, ci_low, ci_high].map(Answer::Double).to_vec())
}

fn of_test(Test { statistic, dof, p_value }: Test) -> Answer {
    Answer::Struct(vec![Answer::Double(statistic), Answer::Label(i64::from(dof)), Answer::Double(p_value)])
}
