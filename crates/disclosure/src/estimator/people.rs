//! What each person brings to a model: their row, or the products of their deviations.

use arrow::datatypes::i256;
use sekisho_estimate::Rows;

use super::{Estimator, column};
use crate::evidence::{Evidence, double};
use crate::exact::{Quotient, unit};
use crate::moments::{Inexact, Moments};
use crate::statistic::{N, Product};

/// The rows of people, those columns that are no outcomes less their mean (rounded to a unit of their scale): what
/// is close to its mean then has all of its digits. Canonical, because the order of people means nothing.
pub(super) fn rows(estimator: Estimator, outcomes: usize, moments: Moments<'_>) -> Result<Rows, Inexact> {
    let amounts = |part: usize| moments.evidence(part).map(Evidence::amounts).ok_or(Inexact);
    if amounts(N)?.iter().any(|records| records != 1) {
        return Err(Inexact);
    }
    let (mut columns, mut shifts) = (Vec::new(), Vec::new());
    for number in 0..usize::from(estimator.columns) {
        let part = column(number);
        let one = quotient(moments.unit(part)?, i256::ONE)?;
        let shift = if number < outcomes { 0 } else { moments.rounded_mean(part)? };
        let less = |amount: i128| amount.checked_sub(shift).map(|rest| double(rest) / one).ok_or(Inexact);
        columns.push(amounts(part)?.iter().map(less).collect::<Result<Vec<f64>, _>>()?);
        if number >= outcomes {
            shifts.push(double(shift) / one);
        }
    }
    let people = columns.first().map_or(0, Vec::len);
    let row = |person: usize| columns.iter().filter_map(|column| column.get(person).copied()).collect();
    Ok(Rows::new((0..people).map(row).collect()).shifted(shifts))
}

/// For each person the sums of the products of their deviations, in the order of `products`, as doubles.
pub(super) fn deviations(products: &[Product], moments: Moments<'_>) -> Result<Vec<Vec<f64>>, Inexact> {
    let mut of_people: Vec<Vec<f64>> = Vec::new();
    for product in products {
        let one = quotient(moments.unit(product.sum)?, i256::ONE)?;
        let own = moments.own_deviations(*product)?;
        of_people.resize(own.len(), Vec::new());
        let pairs = of_people.iter_mut().zip(own);
        pairs.for_each(|(of_person, deviation)| of_person.push(double(deviation) / one));
    }
    Ok(of_people)
}

pub(super) fn quotient(top: i256, bottom: i256) -> Result<f64, Inexact> {
    Quotient { top, bottom }.nearest_double().ok_or(Inexact)
}

/// The sum of a part in ones.
pub(super) fn total(moments: Moments<'_>, part: usize) -> Result<f64, Inexact> {
    let scale = moments.parts.get(part).map(|part| part.scale).ok_or(Inexact)?;
    quotient(moments.total(part)?, unit(scale).ok_or(Inexact)?)
}
