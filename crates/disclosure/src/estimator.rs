//! Models and tables of several quantities of a person: which there are, what they stand on, and what they say.
//!
//! Each stands on the number of records and, for each of its columns, the sum; most also on the sums of all squares
//! and products of two columns. Those are what a linear model is computed from, and what a logistic or Poisson
//! model says of its outcome; so all of them are judged, and stand in the suppression system and the ledger, as if
//! they were published themselves: two models whose people differ by one are two sums that do.

mod answer;
mod curve;
mod fit;
mod kinds;
mod people;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields};

pub(crate) use answer::{Answer, array};
pub(crate) use curve::add_steps;
pub(crate) use fit::{Found, fit};
pub(crate) use kinds::{DIGITS, add_kinds};

use crate::statistic::{N, Product};

/// A method, with the number of columns that it is used on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimator {
    /// What is computed.
    pub method: Method,
    /// How many columns it reads, outcomes included.
    pub columns: u8,
}

/// What is computed from several columns of each record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Method {
    /// Pearson's χ² of two truth values.
    ChiSquare,
    /// Proportional hazards: time, event, covariates. One record of each person.
    Cox,
    /// The curve of survival: time, event. One record of each person.
    KaplanMeier {
        /// How wide the intervals are into which time is cut, in units of the time.
        width: u32,
    },
    /// The linear model by least squares: outcome, covariates.
    Linear,
    /// The test whether two groups survive alike: time, event, group. One record of each person.
    LogRank,
    /// Logistic regression: outcome, covariates. One record of each person.
    Logistic,
    /// The odds of an event among the exposed over those among the others: event, exposure.
    OddsRatio,
    /// Poisson regression: outcome, covariates. One record of each person.
    Poisson,
    /// Events per unit of time: events, time.
    Rate,
    /// The risk of an event among the exposed over that among the others: event, exposure.
    RiskRatio,
    /// The standardised difference of a quantity's means: quantity, group, and the quantity within the group that
    /// is 1 (zero in the other).
    StandardisedDifference,
}

/// Most columns of one: with an outcome and eight covariates there are 55 sums.
pub const MOST_COLUMNS: u8 = 9;

/// The products of two columns, in the order in which they are parts.
static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| {
    let columns = 0..usize::from(MOST_COLUMNS);
    let of = |right: usize| (0..=right).map(move |left| (left, right));
    let product = |(left, right): (usize, usize)| Product {
        sum: column(right).saturating_add(1).saturating_add(left),
        left: column(left),
        right: column(right),
    };
    columns.flat_map(of).map(product).collect()
});

/// Where the sum of a column is, where there are products: behind each column stand its products with those before
/// it, and with itself.
pub(crate) fn column(number: usize) -> usize {
    let before = number.saturating_mul(number.saturating_add(3)).checked_div(2).unwrap_or_default();
    before.saturating_add(N).saturating_add(1)
}

impl Estimator {
    /// What each part after the number of records is the sum of, by the numbers of the columns that are multiplied.
    #[must_use]
    pub fn sums(self) -> Vec<Vec<usize>> {
        let products = |right: usize| (0..=right).map(move |left| vec![left, right]);
        let of = |column: usize| {
            let products = products(column).filter(|_| self.method.multiplies());
            std::iter::once(vec![column]).chain(products)
        };
        (0..usize::from(self.columns)).flat_map(of).collect()
    }

    /// How many parts it is made of.
    pub(crate) fn parts(self) -> usize {
        self.sums().len().saturating_add(1)
    }

    /// The products among them.
    pub(crate) fn products(self) -> &'static [Product] {
        let columns = usize::from(self.columns.min(MOST_COLUMNS));
        let number = columns.saturating_mul(columns.saturating_add(1)).checked_div(2).unwrap_or_default();
        PRODUCTS.get(..number).filter(|_| self.method.multiplies()).unwrap_or_default()
    }

    /// Whether its value gives the sums of its columns away. A curve says no more than the people of its steps.
    pub(crate) fn implies_columns(self) -> bool {
        !matches!(self.method, Method::KaplanMeier { .. })
    }

    /// How many coefficients it estimates.
    pub(crate) fn parameters(self) -> u64 {
        let columns = u64::from(self.columns);
        match self.method {
            Method::Linear | Method::Logistic | Method::Poisson => columns,
            Method::Cox => columns.saturating_sub(2),
            Method::ChiSquare
            | Method::KaplanMeier { .. }
            | Method::LogRank
            | Method::OddsRatio
            | Method::Rate
            | Method::RiskRatio
            | Method::StandardisedDifference => 0,
        }
    }

    /// How many numbers it says that stand on single rows, and not on sums that are judged.
    pub(crate) fn estimates(self) -> u64 {
        match self.method {
            // An estimate and an error for each coefficient; their intervals follow.
            Method::Cox | Method::Logistic | Method::Poisson => self.parameters().saturating_mul(2),
            Method::LogRank => 1,
            Method::ChiSquare
            | Method::KaplanMeier { .. }
            | Method::Linear
            | Method::OddsRatio
            | Method::Rate
            | Method::RiskRatio
            | Method::StandardisedDifference => 0,
        }
    }

    /// The type of what it says.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self.method {
            Method::ChiSquare | Method::LogRank => structure([
                ("statistic", DataType::Float64),
                ("dof", DataType::Int64),
                ("p_value", DataType::Float64),
            ]),
            Method::KaplanMeier { .. } => {
                let shares = ["survival", "ci_low", "ci_high"].map(|name| (name, DataType::Float64));
                let people = ["at_risk", "events", "left"].map(|name| (name, DataType::Int64));
                let step = [("time", DataType::Int64)].into_iter().chain(shares).chain(people);
                DataType::List(Arc::new(Field::new_list_field(structure(step), true)))
            }
            Method::OddsRatio | Method::Rate | Method::RiskRatio | Method::StandardisedDifference => {
                structure(["estimate", "ci_low", "ci_high"].map(|name| (name, DataType::Float64)))
            }
            Method::Cox | Method::Linear | Method::Logistic | Method::Poisson => {
                let numbers = ["estimate", "std_error", "ci_low", "ci_high", "p_value"];
                let numbers = numbers.map(|name| (name, DataType::Float64));
                let term = structure([("term", DataType::Int64)].into_iter().chain(numbers));
                let list = DataType::List(Arc::new(Field::new_list_field(term, true)));
                let counts = ["n", "events", "dof"].map(|name| (name, DataType::Int64));
                structure(counts.into_iter().chain([("terms", list)]))
            }
        }
    }
}

impl Method {
    /// Whether it reads products of its columns.
    fn multiplies(self) -> bool {
        match self {
            Self::KaplanMeier { .. } | Self::Rate => false,
            Self::ChiSquare
            | Self::Cox
            | Self::Linear
            | Self::LogRank
            | Self::Logistic
            | Self::OddsRatio
            | Self::Poisson
            | Self::RiskRatio
            | Self::StandardisedDifference => true,
        }
    }

    /// Whether it is computed from rows, and not from sums: then each person has one.
    #[must_use]
    pub fn reads_rows(self) -> bool {
        match self {
            Self::Cox | Self::KaplanMeier { .. } | Self::LogRank | Self::Logistic | Self::Poisson => true,
            Self::ChiSquare
            | Self::Linear
            | Self::OddsRatio
            | Self::Rate
            | Self::RiskRatio
            | Self::StandardisedDifference => false,
        }
    }

    /// The column that says who had the event, or how often.
    pub(crate) fn event(self) -> Option<usize> {
        match self {
            Self::Cox | Self::LogRank => Some(1),
            // Its steps are judged one by one.
            Self::KaplanMeier { .. } => None,
            Self::Logistic | Self::Poisson => Some(0),
            Self::ChiSquare
            | Self::Linear
            | Self::OddsRatio
            | Self::Rate
            | Self::RiskRatio
            | Self::StandardisedDifference => None,
        }
    }
}

fn structure(fields: impl IntoIterator<Item = (&'static str, DataType)>) -> DataType {
    DataType::Struct(fields.into_iter().map(|(name, of)| Field::new(name, of, true)).collect::<Fields>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_stands_before_its_products() {
        let estimator = Estimator { method: Method::Linear, columns: 3 };
        let expected: [&[usize]; 9] =
            [&[0], &[0, 0], &[1], &[0, 1], &[1, 1], &[2], &[0, 2], &[1, 2], &[2, 2]];
        assert_eq!(estimator.sums(), expected);
        assert_eq!([0, 1, 2].map(column), [1, 3, 6]);
        let products: Vec<_> =
            estimator.products().iter().map(|product| (product.sum, product.left, product.right)).collect();
        assert_eq!(products, [(2, 1, 1), (4, 1, 3), (5, 3, 3), (7, 1, 6), (8, 3, 6), (9, 6, 6)]);
        assert_eq!(estimator.parts(), 10);
        let rate = Estimator { method: Method::Rate, columns: 2 };
        assert_eq!((rate.sums(), rate.products().len()), (vec![vec![0], vec![1]], 0));
    }
}
