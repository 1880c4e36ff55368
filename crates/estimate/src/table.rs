//! Statistics of two truth values, of events in a time, and of two samples.

use crate::Unfitted;
use crate::distribution::{chi_squared_tail, finite, normal_reach, poisson_interval};

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The number.
    pub estimate: f64,
    /// The lower end of the interval.
    pub ci_low: f64,
    /// The upper end.
    pub ci_high: f64,
}

/// A test of whether something is nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// What is compared with a χ² distribution.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub dof: u32,
    /// How probable so large a statistic is where it is nothing.
    pub p_value: f64,
}

impl Ratio {
    /// The number whose logarithm has this standard error.
    fn of_logarithm(estimate: f64, std_error: f64) -> Result<Self, Unfitted> {
        let reach = (normal_reach() * std_error).exp();
        let (ci_low, ci_high) = (estimate / reach, estimate * reach);
        if estimate <= 0.0 || ci_low <= 0.0 {
            return Err(Unfitted);
        }
        Ok(Self { estimate: finite(estimate)?, ci_low, ci_high: finite(ci_high)? })
    }

    /// Events per unit of time, with the exact interval of Garwood.
    ///
    /// # Errors
    /// [`Unfitted`] for a number of events that is none, and for no time.
    pub fn rate(events: f64, time: f64) -> Result<Self, Unfitted> {
        if events < 0.0 || events.fract() != 0.0 || time <= 0.0 {
            return Err(Unfitted);
        }
        let (low, high) = poisson_interval(events)?;
        Ok(Self { estimate: finite(events / time)?, ci_low: low / time, ci_high: finite(high / time)? })
    }
}

/// How many have two, one and none of two properties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fourfold {
    /// The event, and exposed.
    pub event_exposed: f64,
    /// The event, and not exposed.
    pub event_unexposed: f64,
    /// No event, and exposed.
    pub none_exposed: f64,
    /// Neither.
    pub none_unexposed: f64,
}

impl Fourfold {
    /// The risk of the exposed over that of the others, with the interval of Katz.
    ///
    /// # Errors
    /// [`Unfitted`] where a group has no event.
    pub fn risk_ratio(self) -> Result<Ratio, Unfitted> {
        let (exposed, unexposed) = self.groups();
        let estimate = (self.event_exposed / exposed) / (self.event_unexposed / unexposed);
        let variance =
            1.0 / self.event_exposed - 1.0 / exposed + 1.0 / self.event_unexposed - 1.0 / unexposed;
        Ratio::of_logarithm(estimate, variance.sqrt())
    }

    /// The odds of the exposed over those of the others, with the interval of Woolf.
    ///
    /// # Errors
    /// [`Unfitted`] where one of the four is nobody.
    pub fn odds_ratio(self) -> Result<Ratio, Unfitted> {
        let estimate =
            (self.event_exposed * self.none_unexposed) / (self.event_unexposed * self.none_exposed);
        let all = [self.event_exposed, self.event_unexposed, self.none_exposed, self.none_unexposed];
        Ratio::of_logarithm(estimate, all.iter().map(|number| 1.0 / number).sum::<f64>().sqrt())
    }

    /// Pearson's χ², without a correction for continuity.
    ///
    /// # Errors
    /// [`Unfitted`] where everybody, or nobody, has one of the properties.
    pub fn chi_square(self) -> Result<Test, Unfitted> {
        let (exposed, unexposed) = self.groups();
        let (events, none) =
            (self.event_exposed + self.event_unexposed, self.none_exposed + self.none_unexposed);
        let margins = exposed * unexposed * events * none;
        if margins <= 0.0 {
            return Err(Unfitted);
        }
        let product = self.event_exposed * self.none_unexposed - self.event_unexposed * self.none_exposed;
        let statistic = finite((exposed + unexposed) * product * product / margins)?;
        Ok(Test { statistic, dof: 1, p_value: chi_squared_tail(statistic, 1.0)? })
    }

    fn groups(self) -> (f64, f64) {
        (self.event_exposed + self.none_exposed, self.event_unexposed + self.none_unexposed)
    }
}

/// Two samples of a quantity: how many, their mean, and their variance (divided by one less).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Samples {
    /// Of the group that is 1.
    pub ones: (f64, f64, f64),
    /// Of the group that is 0.
    pub zeros: (f64, f64, f64),
}

impl Samples {
    /// The standardised difference of the two means (Cohen's d over the mean of the two variances, as in R's
    /// `tableone`), with the interval of Hedges and Olkin.
    ///
    /// # Errors
    /// [`Unfitted`] where a sample has less than two, or both have no variance.
    pub fn standardised_difference(self) -> Result<Ratio, Unfitted> {
        let ((n1, mean1, variance1), (n0, mean0, variance0)) = (self.ones, self.zeros);
        if n1 < 2.0 || n0 < 2.0 {
            return Err(Unfitted);
        }
        let estimate = finite((mean1 - mean0) / f64::midpoint(variance1, variance0).sqrt())?;
        let std_error = ((n1 + n0) / (n1 * n0) + estimate * estimate / (2.0 * (n1 + n0))).sqrt();
        let reach = normal_reach() * std_error;
        Ok(Ratio { estimate, ci_low: estimate - reach, ci_high: estimate + reach })
    }
}
