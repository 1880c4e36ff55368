//! Which statistics there are, what each is made of, and what its value gives away.
//!
//! A statistic stands on *parts*, sums over people, in an order that its kind fixes. Whoever has a mean
//! and knows the count has the sum; so each kind says which of its parts its value implies, and those are
//! judged, and stand in the suppression system, as if they were published themselves.

use sekisho_model::Step;

use crate::estimator::Estimator;

/// How a statistic follows from its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatisticKind {
    /// Pearson's coefficient of two quantities (`CORR`): `Float64`. Parts: the six sums of
    /// [`StatisticKind::Regression`].
    Correlation,
    /// Number of records: the records of part 0 (`Int64`).
    Count,
    /// Covariance of two quantities (`COVAR_SAMP`, `COVAR_POP`): `Float64`. Parts: the six sums of
    /// [`StatisticKind::Regression`].
    Covariance {
        /// Whether it is divided by one record less than there are.
        sample: bool,
    },
    /// Number of distinct values (`COUNT(DISTINCT x)`): `Int64`. Part: n, the records with a value.
    /// Single values: hashes of 128 bits, or the values themselves.
    Distinct,
    /// A model or a table of several columns: a `Struct`. Parts, over the records in which no column is null: n,
    /// and what [`Estimator::sums`] says.
    Estimate(Estimator),
    /// What `MIN` and `MAX` are where a profile allows them: the value of the person who is k-th from
    /// the end, snapped towards the middle. Type as for [`StatisticKind::Quantile`]. Part: n. Single
    /// values: all.
    Extreme {
        /// Whether it is the largest.
        largest: bool,
        /// Of what the shown value is a multiple; two significant digits where it is absent.
        step: Option<Step>,
    },
    /// Sum of part 0 divided by the records of part 1: `Float64`, or `Decimal128(38, s + 4)` of decimals.
    Mean,
    /// Number of people: the people of part 0 (`Int64`).
    People,
    /// A value that this share of the records does not exceed, interpolated between two records as
    /// `PERCENTILE_CONT` does and snapped: `Int64` of integers, `Decimal128(38, s)` of decimals,
    /// `Float64` of doubles. Part: n. Single values: all.
    Quantile {
        /// The share; a half is the median.
        fraction: Fraction,
        /// Of what the shown value is a multiple; two significant digits where it is absent. Never
        /// finer than one unit of the values' scale.
        step: Option<Step>,
    },
    /// One of SQL's `REGR_…(y, x)`: `Float64`, the count `Int64`. Parts, over the records in which both
    /// quantities are not null: n, Σx, Σx², Σy, Σy², Σxy. Note that SQL names y first.
    Regression(RegressionFunction),
    /// Sum of part 0: `Int64`, `Decimal128(38, s)` or `Float64`; over no record it is NULL.
    Sum,
    /// Variance or standard deviation (`VAR_SAMP`, `VAR_POP`, `STDDEV`, `STDDEV_POP`): `Float64`. Parts,
    /// over the records with a value: n, Σx, Σx².
    Variance {
        /// Whether it is divided by one record less than there are.
        sample: bool,
        /// Whether it is the standard deviation.
        root: bool,
    },
}

/// What a simple linear regression of y on x says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegressionFunction {
    /// `REGR_AVGX`: the mean of x.
    AverageX,
    /// `REGR_AVGY`: the mean of y.
    AverageY,
    /// `REGR_COUNT`: the records with both.
    Count,
    /// `REGR_INTERCEPT`.
    Intercept,
    /// `REGR_R2`.
    R2,
    /// `REGR_SLOPE`.
    Slope,
    /// `REGR_SXX`: the sum of squared deviations of x.
    Sxx,
    /// `REGR_SXY`: the sum of products of deviations.
    Sxy,
    /// `REGR_SYY`: the sum of squared deviations of y.
    Syy,
}

/// A share of records between nothing and all of them, exact in billionths.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fraction(u32);

impl Fraction {
    /// The share whose value is the median.
    pub const HALF: Self = Self(Self::WHOLE / 2);

    /// How many billionths are everything.
    pub(crate) const WHOLE: u32 = 1_000_000_000;

    /// A share in billionths; `None` above one.
    #[must_use]
    pub fn of_billionths(billionths: u32) -> Option<Self> {
        (billionths <= Self::WHOLE).then_some(Self(billionths))
    }

    /// The nearest share to a number; `None` unless it is between 0 and 1.
    #[must_use]
    pub fn nearest(share: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 10⁹"
        )]
        let billionths = (share * f64::from(Self::WHOLE)).round() as u32;
        Self::of_billionths(billionths)
    }

    /// The share in billionths.
    #[must_use]
    pub fn billionths(self) -> u32 {
        self.0
    }

    /// The smaller of the share and the rest, in billionths: how far it is from the nearer end.
    pub(crate) fn to_the_nearer_end(self) -> u32 {
        self.0.min(Self::WHOLE.saturating_sub(self.0))
    }
}

/// The number of records, in the statistics of one or two quantities.
pub(crate) const N: usize = 0;
/// Σx.
pub(crate) const X: usize = 1;
/// Σx².
pub(crate) const XX: usize = 2;
/// Σy.
pub(crate) const Y: usize = 3;
/// Σy².
pub(crate) const YY: usize = 4;
/// Σxy.
pub(crate) const XY: usize = 5;

/// A sum of products, by the parts that it and the sums of its two factors are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Product {
    /// The sum of products.
    pub(crate) sum: usize,
    /// The sum of one factor.
    pub(crate) left: usize,
    /// The sum of the other.
    pub(crate) right: usize,
}

impl Product {
    /// Squares of x.
    pub(crate) const XX: Self = Self { sum: XX, left: X, right: X };
    /// Products of x and y.
    pub(crate) const XY: Self = Self { sum: XY, left: X, right: Y };
    /// Squares of y.
    pub(crate) const YY: Self = Self { sum: YY, left: Y, right: Y };
}

impl StatisticKind {
    /// How many parts it is made of. A statistic may have more: sums that it implies for reasons of
    /// its own.
    pub(crate) fn parts(self) -> usize {
        match self {
            Self::Count
            | Self::Distinct
            | Self::Extreme { .. }
            | Self::People
            | Self::Quantile { .. }
            | Self::Sum => 1,
            Self::Mean => 2,
            Self::Variance { .. } => 3,
            Self::Correlation | Self::Covariance { .. } | Self::Regression(_) => 6,
            Self::Estimate(estimator) => estimator.parts(),
        }
    }

    /// The part whose amounts are numbers of records.
    pub(crate) fn count(self) -> Option<usize> {
        match self {
            Self::People | Self::Sum => None,
            Self::Mean => Some(1),
            Self::Correlation
            | Self::Count
            | Self::Covariance { .. }
            | Self::Distinct
            | Self::Estimate(_)
            | Self::Extreme { .. }
            | Self::Quantile { .. }
            | Self::Regression(_)
            | Self::Variance { .. } => Some(N),
        }
    }

    /// The products among the parts it is made of.
    pub(crate) fn products(self) -> &'static [Product] {
        match self {
            Self::Variance { .. } => &[Product::XX],
            Self::Correlation | Self::Covariance { .. } | Self::Regression(_) => {
                &[Product::XX, Product::YY, Product::XY]
            }
            Self::Estimate(estimator) => estimator.products(),
            Self::Count
            | Self::Distinct
            | Self::Extreme { .. }
            | Self::Mean
            | Self::People
            | Self::Quantile { .. }
            | Self::Sum => &[],
        }
    }

    /// The products that its value depends on.
    pub(crate) fn implied_products(self) -> &'static [Product] {
        match self {
            Self::Correlation | Self::Regression(RegressionFunction::R2) => {
                &[Product::XX, Product::YY, Product::XY]
            }
            Self::Covariance { .. } | Self::Regression(RegressionFunction::Sxy) => &[Product::XY],
            Self::Estimate(estimator) => estimator.products(),
            Self::Regression(RegressionFunction::Intercept | RegressionFunction::Slope) => {
                &[Product::XX, Product::XY]
            }
            Self::Regression(RegressionFunction::Sxx) | Self::Variance { .. } => &[Product::XX],
            Self::Regression(RegressionFunction::Syy) => &[Product::YY],
            Self::Count
            | Self::Distinct
            | Self::Extreme { .. }
            | Self::Mean
            | Self::People
            | Self::Quantile { .. }
            | Self::Regression(
                RegressionFunction::AverageX | RegressionFunction::AverageY | RegressionFunction::Count,
            )
            | Self::Sum => &[],
        }
    }

    /// Whether the value of the statistic gives the sum of this part away, to whoever has the others.
    /// What a statistic has beyond the parts that it is made of, it has because it implies it.
    pub(crate) fn implies(self, part: usize) -> bool {
        if let Self::Estimate(estimator) = self {
            return part == N || part >= estimator.parts() || estimator.implies_columns();
        }
        if self.products().is_empty() || part == N || part >= self.parts() {
            return true;
        }
        let averaged = match self {
            Self::Regression(RegressionFunction::AverageX) => Some(X),
            Self::Regression(RegressionFunction::AverageY) => Some(Y),
            Self::Correlation
            | Self::Count
            | Self::Covariance { .. }
            | Self::Distinct
            | Self::Estimate(_)
            | Self::Extreme { .. }
            | Self::Mean
            | Self::People
            | Self::Quantile { .. }
            | Self::Regression(_)
            | Self::Sum
            | Self::Variance { .. } => None,
        };
        let products = self.implied_products().iter();
        let mut read =
            products.flat_map(|product| [product.sum, product.left, product.right]).chain(averaged);
        read.any(|implied| implied == part)
    }

    /// How many numbers it estimates from the records: what degrees of freedom are less by.
    pub(crate) fn parameters(self) -> u64 {
        if let Self::Estimate(estimator) = self {
            return estimator.parameters();
        }
        match self.implied_products() {
            [] => 0,
            [Product { left, right, .. }] if left == right => 1,
            _ => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_implies_the_sums_that_it_is_computed_from() {
        let implied = |kind: StatisticKind| (0..7).filter(|part| kind.implies(*part)).collect::<Vec<_>>();
        let regression = |function| implied(StatisticKind::Regression(function));
        assert_eq!(implied(StatisticKind::Mean), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(implied(StatisticKind::Variance { sample: true, root: false }), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(implied(StatisticKind::Covariance { sample: false }), [0, 1, 3, 5, 6]);
        assert_eq!(implied(StatisticKind::Correlation), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(regression(RegressionFunction::Count), [0, 6]);
        assert_eq!(regression(RegressionFunction::AverageY), [0, 3, 6]);
        assert_eq!(regression(RegressionFunction::Syy), [0, 3, 4, 6]);
        assert_eq!(regression(RegressionFunction::Slope), [0, 1, 2, 3, 5, 6]);
    }

    #[test]
    fn parameters_are_the_means_and_coefficients() {
        let parameters = [
            (StatisticKind::Sum, 0),
            (StatisticKind::Variance { sample: true, root: true }, 1),
            (StatisticKind::Covariance { sample: true }, 2),
            (StatisticKind::Correlation, 2),
            (StatisticKind::Regression(RegressionFunction::AverageX), 0),
            (StatisticKind::Regression(RegressionFunction::Sxx), 1),
            (StatisticKind::Regression(RegressionFunction::Intercept), 2),
        ];
        for (kind, expected) in parameters {
            assert_eq!(kind.parameters(), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_fraction_is_between_nothing_and_everything() {
        assert_eq!(Fraction::nearest(0.5), Some(Fraction::HALF));
        assert_eq!(Fraction::nearest(0.999_999_9).map(Fraction::billionths), Some(999_999_900));
        assert_eq!(Fraction::nearest(1.0).map(Fraction::billionths), Some(1_000_000_000));
        for share in [-0.1, 1.000_000_1, f64::NAN, f64::INFINITY] {
            assert_eq!(Fraction::nearest(share), None);
        }
        assert_eq!(Fraction::of_billionths(1_000_000_001), None);
        assert_eq!(Fraction::nearest(0.9).map(Fraction::to_the_nearer_end), Some(100_000_000));
    }
}
