//! Statistics of one or two quantities, from the sums that they are made of.
//!
//! Everything is exact up to one division, which is rounded to the nearest double; a root, and what is
//! computed from several quotients, is rounded once more for each. The same people give the same bits.

use arrow::datatypes::i256;

use crate::evidence::Evidence;
use crate::exact::{Quotient, unit};
use crate::rules::Spread;
use crate::statistic::{N, Product, RegressionFunction, StatisticKind, X, Y};
use crate::unreleased::Part;

/// A number has no exact form: whoever asked must withhold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Inexact;

/// The sums behind one cell of such a statistic.
#[derive(Clone, Copy)]
pub(crate) struct Moments<'a> {
    pub(crate) parts: &'a [Part],
    pub(crate) row: usize,
}

impl<'a> Moments<'a> {
    /// The value of the statistic; `None` is NULL.
    ///
    /// The rules withhold whatever divides by a deviation of zero, so that NULL is left for no record.
    pub(crate) fn value(self, kind: StatisticKind) -> Result<Option<f64>, Inexact> {
        let n = self.total(N)?;
        match kind {
            _ if n == i256::ZERO => Ok(None),
            StatisticKind::Variance { sample, root } => {
                let variance = self.deviation(Product::XX, sample)?;
                Ok(variance.map(|variance| if root { variance.sqrt() } else { variance }))
            }
            StatisticKind::Covariance { sample } => self.deviation(Product::XY, sample),
            StatisticKind::Correlation => self.correlation(),
            StatisticKind::Regression(function) => self.regression(function),
            StatisticKind::Count
            | StatisticKind::Distinct
            | StatisticKind::Estimate(_)
            | StatisticKind::Extreme { .. }
            | StatisticKind::Mean
            | StatisticKind::People
            | StatisticKind::Quantile { .. }
            | StatisticKind::Sum => Err(Inexact),
        }
    }

    /// n times the sum of products of deviations from the means: n Σlr − Σl Σr, in units of the product.
    pub(crate) fn centred(self, product: Product) -> Result<i256, Inexact> {
        let (n, sum) = (self.total(N)?, self.total(product.sum)?);
        let means = times(self.total(product.left)?, self.total(product.right)?)?;
        times(n, sum)?.checked_sub(means).ok_or(Inexact)
    }

    /// The squared coefficient of correlation, as a double; `None` where a quantity is constant.
    pub(crate) fn r_squared(self) -> Result<Option<f64>, Inexact> {
        let (xx, yy) = (self.centred(Product::XX)?, self.centred(Product::YY)?);
        if xx == i256::ZERO || yy == i256::ZERO {
            return Ok(None);
        }
        let xy = self.centred(Product::XY)?;
        Ok(Some(quotient(xy, xx)? * quotient(xy, yy)?))
    }

    /// How the products of deviations are spread over people.
    pub(crate) fn deviations_by_person(self, product: Product) -> Result<Spread, Inexact> {
        let own = self.own_deviations(product)?.into_iter();
        Ok(own.fold(Spread::NOBODY, |spread, deviation| spread.with(deviation.unsigned_abs())))
    }

    /// Each person's sum of products of deviations, with the means rounded to a unit of their scale:
    /// Σ (l − m)(r − m') = Σlr − m' Σl − m Σr + n m m' of the person's own sums.
    pub(crate) fn own_deviations(self, product: Product) -> Result<Vec<i128>, Inexact> {
        let (left_mean, right_mean) = (self.rounded_mean(product.left)?, self.rounded_mean(product.right)?);
        let amounts = |part| self.evidence(part).map(Evidence::amounts).ok_or(Inexact);
        let own = amounts(N)?.iter().zip(amounts(product.sum)?);
        let own = own.zip(amounts(product.left)?.iter().zip(amounts(product.right)?));
        let deviation = |((n, sum), (left, right)): ((i128, i128), (i128, i128))| {
            let of_means = n.checked_mul(left_mean).and_then(|means| means.checked_mul(right_mean));
            sum.checked_sub(right_mean.checked_mul(left)?)?
                .checked_sub(left_mean.checked_mul(right)?)?
                .checked_add(of_means?)
        };
        own.map(|own| deviation(own).ok_or(Inexact)).collect()
    }

    /// A variance or covariance; NULL for the only record of a sample.
    fn deviation(self, product: Product, sample: bool) -> Result<Option<f64>, Inexact> {
        let n = self.total(N)?;
        let divisor = if sample { n.checked_sub(i256::ONE).ok_or(Inexact)? } else { n };
        if divisor == i256::ZERO {
            return Ok(None);
        }
        let bottom = times(times(n, divisor)?, self.unit(product.sum)?)?;
        quotient(self.centred(product)?, bottom).map(Some)
    }

    fn correlation(self) -> Result<Option<f64>, Inexact> {
        let (xx, yy) = (self.centred(Product::XX)?, self.centred(Product::YY)?);
        if xx == i256::ZERO || yy == i256::ZERO {
            return Ok(None);
        }
        let whole = |number| quotient(number, i256::ONE);
        // The units of numerator and denominator are the same.
        let xy = whole(self.centred(Product::XY)?)?;
        Ok(Some((xy / (whole(xx)?.sqrt() * whole(yy)?.sqrt())).clamp(-1.0, 1.0)))
    }

    fn regression(self, function: RegressionFunction) -> Result<Option<f64>, Inexact> {
        let n = self.total(N)?;
        let mean = |part| quotient(self.total(part)?, times(n, self.unit(part)?)?).map(Some);
        let sum =
            |product: Product| quotient(self.centred(product)?, times(n, self.unit(product.sum)?)?).map(Some);
        match function {
            RegressionFunction::AverageX => mean(X),
            RegressionFunction::AverageY => mean(Y),
            RegressionFunction::Count => quotient(n, i256::ONE).map(Some),
            RegressionFunction::Intercept => self.intercept(),
            RegressionFunction::R2 => self.r_squared(),
            RegressionFunction::Slope => {
                let (xy, xx) = (self.centred(Product::XY)?, self.centred(Product::XX)?);
                if xx == i256::ZERO {
                    return Ok(None);
                }
                quotient(times(xy, self.unit(X)?)?, times(xx, self.unit(Y)?)?).map(Some)
            }
            RegressionFunction::Sxx => sum(Product::XX),
            RegressionFunction::Sxy => sum(Product::XY),
            RegressionFunction::Syy => sum(Product::YY),
        }
    }

    /// (Σy − slope · Σx) / n, over one denominator.
    fn intercept(self) -> Result<Option<f64>, Inexact> {
        let (xy, xx) = (self.centred(Product::XY)?, self.centred(Product::XX)?);
        if xx == i256::ZERO {
            return Ok(None);
        }
        let explained = times(xy, self.total(X)?)?;
        let top = times(xx, self.total(Y)?)?.checked_sub(explained).ok_or(Inexact)?;
        quotient(top, times(times(self.total(N)?, xx)?, self.unit(Y)?)?).map(Some)
    }

    /// The mean of a part, rounded to a unit of its scale.
    pub(crate) fn rounded_mean(self, part: usize) -> Result<i128, Inexact> {
        let (n, total) = (self.evidence(N), self.evidence(part));
        let (n, total) = n.and_then(Evidence::total).zip(total.and_then(Evidence::total)).ok_or(Inexact)?;
        let (whole, rest) = total.checked_div_euclid(n).zip(total.checked_rem_euclid(n)).ok_or(Inexact)?;
        let up = n.checked_sub(rest).is_some_and(|other| other <= rest);
        whole.checked_add(i128::from(up)).ok_or(Inexact)
    }

    pub(crate) fn evidence(self, part: usize) -> Option<&'a Evidence> {
        self.parts.get(part)?.evidence.get(self.row)
    }

    pub(crate) fn total(self, part: usize) -> Result<i256, Inexact> {
        self.evidence(part).and_then(Evidence::total).map(i256::from_i128).ok_or(Inexact)
    }

    pub(crate) fn unit(self, part: usize) -> Result<i256, Inexact> {
        self.parts.get(part).and_then(|part| unit(part.scale)).ok_or(Inexact)
    }
}

fn times(left: i256, right: i256) -> Result<i256, Inexact> {
    left.checked_mul(right).ok_or(Inexact)
}

fn quotient(top: i256, bottom: i256) -> Result<f64, Inexact> {
    Quotient { top, bottom }.nearest_double().ok_or(Inexact)
}
