//! How finely a column may be cut whose values could single people out.

use std::fmt;

/// Most digits behind the point of a step: what an `i128` holds.
const MAX_SCALE: u8 = 38;

/// What is known of an *isolating* column: one whose values are mostly held by few people each, so
/// that a condition on single values could pick one of them out of a large group.
///
/// Only ranges whose ends are multiples of the step may be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Isolating {
    /// The operator declared the step; it is the same in every snapshot.
    Declared(Step),
    /// The step was found at ingest; another snapshot may have another.
    Found(Step),
    /// It is not known what the values are like, or no step fits them: no end of a range is allowed.
    Unknown,
}

impl Isolating {
    /// The step; without one no condition on the values is allowed.
    #[must_use]
    pub fn step(self) -> Option<Step> {
        match self {
            Self::Declared(step) | Self::Found(step) => Some(step),
            Self::Unknown => None,
        }
    }
}

/// Of what the ends of a range are multiples.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// The first moment of a day, week, month …
    Date(DateGrain),
    /// The number `units` / 10^`scale`, made by [`Step::decimal`]: above zero, and without zeros at
    /// the end of its decimals. It may have fewer decimals than the column, and never has more.
    Number {
        /// The digits of the step, without its point.
        units: i128,
        /// How many of them stand behind the point, 0 to 38.
        scale: u8,
    },
}

/// A part of the calendar.
///
/// In ascending order of length.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DateGrain {
    /// From midnight.
    Day,
    /// From Monday, as ISO 8601 has it.
    Week,
    /// From the first day of a month.
    Month,
    /// From the first day of January, April, July or October.
    Quarter,
    /// From the first of January.
    Year,
}

impl Step {
    /// The step `units` / 10^`scale`; `None` unless it is above zero and `scale` at most 38.
    #[must_use]
    pub fn decimal(units: i128, scale: u8) -> Option<Self> {
        if units <= 0 || scale > MAX_SCALE {
            return None;
        }
        let (mut units, mut scale) = (units, scale);
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Some(Self::Number { units, scale })
    }

    /// The step that a text such as `500` or `0.5` names; `None` if it is no number above zero.
    #[must_use]
    pub fn number(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).ok()?;
        Self::decimal(format!("{whole}{fraction}").parse().ok()?, scale)
    }

    /// The step that a text such as `month` names.
    #[must_use]
    pub fn date(text: &str) -> Option<Self> {
        DateGrain::ALL.into_iter().find(|grain| grain.name() == text).map(Self::Date)
    }

    /// Whether the number `units` / 10^`scale` is a multiple; never for a step of dates.
    #[must_use]
    pub fn divides(self, units: i128, scale: u8) -> bool {
        let Self::Number { units: step, scale: step_scale } = self else { return false };
        let shifted = |number: i128, by: u8| 10_i128.checked_pow(u32::from(by))?.checked_mul(number);
        let (number, step) = match scale.checked_sub(step_scale) {
            Some(more) => (Some(units), shifted(step, more)),
            None => (shifted(units, step_scale.saturating_sub(scale)), Some(step)),
        };
        match (number, step) {
            (Some(number), Some(step)) => number.checked_rem(step) == Some(0),
            // The step is larger than any number that can be written here.
            (Some(number), None) => number == 0,
            (None, _) => false,
        }
    }
}

impl DateGrain {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// Its name, as `date_trunc` and the manifest spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// As people write it: `500`, `0.5` or `month`; [`Step::number`] and [`Step::date`] read it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(grain) => f.write_str(grain.name()),
            Self::Number { units, scale: 0 } => write!(f, "{units}"),
            Self::Number { units, scale } => {
                let places = usize::from(*scale);
                let digits = format!("{units:0>width$}", width = places + 1);
                let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
                write!(f, "{whole}.{fraction}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_and_written_in_one_form() {
        for (text, units, scale, shown) in [
            ("500", 500, 0, "500"),
            ("0.5", 5, 1, "0.5"),
            ("0.50", 5, 1, "0.5"),
            ("012.340", 1234, 2, "12.34"),
            ("20.0", 20, 0, "20"),
            ("0.005", 5, 3, "0.005"),
        ] {
            let step = Step::number(text).unwrap();
            assert_eq!(step, Step::Number { units, scale }, "{text}");
            assert_eq!(step.to_string(), shown);
            assert_eq!(Step::number(shown), Some(step));
        }
        let zeros = "0".repeat(37);
        let tiny = format!("0.{zeros}5");
        assert_eq!(Step::number(&tiny).unwrap().to_string(), tiny);
        for text in ["", "0", "0.00", "-1", "+1", "1e3", ".5", "5.", "1_000", "x", "month", &"9".repeat(40)] {
            assert_eq!(Step::number(text), None, "{text}");
        }
        assert_eq!(Step::number(&format!("0.{}1", "0".repeat(38))), None, "39 places");
        for grain in DateGrain::ALL {
            let step = Step::Date(grain);
            assert_eq!(Step::date(&step.to_string()), Some(step));
        }
        assert!(DateGrain::ALL.is_sorted());
        assert_eq!(Step::date("hour"), None);
    }

    #[test]
    fn only_multiples_are_divided() {
        let half = Step::number("0.5").unwrap();
        let divided = [(0, 0), (3, 0), (-15, 1), (1_050, 2), (5, 1), (i128::MAX - i128::MAX % 50, 2)];
        let not_divided = [(4, 1), (51, 2), (-1_001, 3), (i128::MAX, 1)];
        assert!(divided.iter().all(|(units, scale)| half.divides(*units, *scale)));
        assert!(not_divided.iter().all(|(units, scale)| !half.divides(*units, *scale)));
        let hundreds = Step::number("500").unwrap();
        assert!(hundreds.divides(-20_000, 0) && hundreds.divides(100_000, 2) && !hundreds.divides(501, 0));
        // What is too large to be compared is no multiple; zero always is one.
        assert!(hundreds.divides(0, 37) && !hundreds.divides(i128::MAX, 37));
        let tiny = Step::decimal(1, 38).unwrap();
        assert!(tiny.divides(1, 0) && !tiny.divides(10, 0));
        assert!(!Step::Date(DateGrain::Day).divides(0, 0));
    }
}
