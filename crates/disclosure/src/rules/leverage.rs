//! Leverage: a model is withheld where one or two people are too much of an estimate, by (n,k) dominance or p%.
//!
//! An estimate is a weighted sum of people's outcomes, Σ wᵣ yᵣ. With the covariates less what the others say of
//! them, wᵣ is what is left of person r's covariate, over the sum of the squares of all; so Σ wᵣ² is spread over
//! people as the squared deviations of what is left. A covariate that only one person has gives that person's
//! outcome; one that is the same as another but for one person gives it as well, though no sum of it is small.
//! Source: Handbook on Statistical Disclosure Control, 4.2.2, applied to the partial leverages of Belsley, Kuh and
//! Welsch (Regression Diagnostics, 1980).

use sekisho_estimate::Weight;

use super::{Spread, concentrated};
use crate::profile::Profile;

/// Into how many parts all weights together are divided.
const PARTS: f64 = 1_099_511_627_776.0;

/// Whether the weights of an estimate hide the people who have the largest ones too little.
pub(super) fn fails(weight: Weight, profile: &Profile) -> bool {
    let part = |size: f64| {
        let share = size / weight.all * PARTS;
        (share.is_finite() && share >= 0.0).then(|| whole(share))
    };
    let (Some(largest), Some(second), Some(absolute)) =
        (part(weight.largest), part(weight.second), part(weight.all))
    else {
        return true;
    };
    concentrated(Spread { largest, second, absolute: Some(absolute) }, profile)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nought to 2⁴⁰, and a cast of anything else is the nearest number"
)]
fn whole(parts: f64) -> u128 {
    parts.round() as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::japan;

    fn withheld(weights: &[f64]) -> bool {
        fails(weights.iter().fold(Weight::default(), |weight, own| weight.with(*own)), &japan())
    }

    #[test]
    fn two_people_may_have_nine_tenths_of_the_weights() {
        assert!(!withheld(&[4.5, 4.5, 0.5, 0.5]));
        assert!(withheld(&[4.6, 4.5, 0.5, 0.4]));
    }

    #[test]
    fn what_is_no_number_hides_nobody() {
        assert!(withheld(&[f64::NAN, 1.0, 1.0, 1.0]));
        assert!(withheld(&[f64::INFINITY, 1.0, 1.0]));
        assert!(withheld(&[]) && withheld(&[0.0, 0.0, 0.0]));
    }
}
