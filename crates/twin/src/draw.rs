//! How the values of one column are drawn: from what was released of it, or, where nothing was, from what the
//! catalogue says. No value depends on another column's.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use sekisho_client::v1;
use sekisho_disclosure::Profile;
use sekisho_model::{DateGrain, Step};

use crate::ask::Marginal;
use crate::catalogue::{Kind, grain, step};
use crate::random::Random;

/// Labels that are made up for a column of which none is known.
const MADE_UP: usize = 5;

/// Steps between the ends of a quantity of which nothing is known.
const STEPS: f64 = 100.0;

/// How a column is drawn.
#[derive(Debug)]
pub(crate) enum Draw {
    /// A day, or a moment of it, within one of these periods.
    Day { periods: Weighted<Option<NaiveDate>>, grain: DateGrain, time: bool },
    /// A value of its own for every record.
    Identifier(String),
    /// One of these values.
    Label(Weighted<Option<String>>),
    /// NULL.
    Null,
    /// A number between quantiles.
    Number { ends: Vec<(f64, f64)>, missing: f64, form: Form },
    /// The person.
    Subject,
}

/// Things, each as often as its weight says.
#[derive(Debug)]
pub(crate) struct Weighted<T>(Vec<(u64, T)>);

/// How a number is written.
#[derive(Debug)]
pub(crate) struct Form {
    /// Digits behind the point; `None` where it is binary.
    scale: Option<usize>,
    /// It is a multiple of this.
    step: Option<f64>,
    /// It is not larger than this, nor smaller than the same below zero.
    most: f64,
}

impl<T> Weighted<T> {
    /// `None` if nothing has any weight.
    fn new(weighted: impl IntoIterator<Item = (T, u64)>) -> Option<Self> {
        let mut upto = 0_u64;
        let sums = weighted.into_iter().filter(|(_, weight)| *weight > 0).map(|(thing, weight)| {
            upto = upto.saturating_add(weight);
            (upto, thing)
        });
        let sums: Vec<_> = sums.collect();
        (!sums.is_empty()).then_some(Self(sums))
    }

    fn pick(&self, random: &mut Random) -> Option<&T> {
        let at = random.below(self.0.last().map_or(0, |(upto, _)| *upto));
        self.0.get(self.0.partition_point(|(upto, _)| *upto <= at)).map(|(_, thing)| thing)
    }
}

impl Draw {
    /// How a column is drawn, of which `marginal` was released.
    pub(crate) fn of(column: &v1::Column, marginal: &Marginal, profile: &Profile) -> Self {
        match column.class.as_str() {
            "subject" => return Self::Subject,
            "identifier" => return Self::Identifier(column.name.clone()),
            _ => {}
        }
        let Some(kind) = Kind::of(column) else { return Self::Null };
        match marginal {
            Marginal::Labels(labels) => Self::labelled(column, kind, labels, profile),
            Marginal::Quantiles(ends, missing) => {
                let form = Form::of(column, kind);
                form.map(|form| Self::Number { ends: ends.clone(), missing: *missing, form })
            }
            Marginal::Nothing => None,
        }
        .unwrap_or_else(|| Self::unknown(column, kind))
    }

    fn labelled(
        column: &v1::Column,
        kind: Kind,
        labels: &[(Option<String>, u64)],
        profile: &Profile,
    ) -> Option<Self> {
        match kind {
            Kind::Date | Kind::Timestamp => {
                let period = |(label, records): &(Option<String>, u64)| match label {
                    None => Some((None, *records)),
                    Some(text) => Some((Some(day(text)?), *records)),
                };
                let periods = Weighted::new(labels.iter().filter_map(period))?;
                Some(Self::Day { periods, grain: grain(column, profile), time: kind == Kind::Timestamp })
            }
            Kind::Boolean | Kind::Decimal(..) | Kind::Double | Kind::Id | Kind::Integer | Kind::Text => {
                Weighted::new(labels.iter().cloned()).map(Self::Label)
            }
        }
    }

    /// Of what nothing is known but the catalogue: declared values, steps, and made-up labels.
    fn unknown(column: &v1::Column, kind: Kind) -> Self {
        let evenly = |labels: Vec<String>| {
            let labels = Weighted::new(labels.into_iter().map(|label| (Some(label), 1)));
            labels.map_or(Self::Null, Self::Label)
        };
        if !column.values.is_empty() {
            return evenly(column.values.clone());
        }
        match (kind, step(column)) {
            // A step would be found in values, and there is none.
            (_, Some(None)) => Self::Null,
            (Kind::Boolean, _) => evenly(vec!["false".to_owned(), "true".to_owned()]),
            (Kind::Text, _) => {
                evenly((1..=MADE_UP).map(|number| format!("{}-{number}", column.name)).collect())
            }
            (Kind::Date | Kind::Timestamp, _) => {
                let years = [(NaiveDate::from_ymd_opt(2000, 1, 1), 1)];
                let time = kind == Kind::Timestamp;
                Weighted::new(years).map_or(Self::Null, |periods| Self::Day {
                    periods,
                    grain: DateGrain::Year,
                    time,
                })
            }
            (Kind::Decimal(..) | Kind::Double | Kind::Integer, _) => match Form::of(column, kind) {
                Some(form) => {
                    let most = (STEPS * form.step.unwrap_or(1.0)).min(form.most);
                    Self::Number { ends: vec![(0.0, 0.0), (1.0, most)], missing: 0.0, form }
                }
                None => Self::Null,
            },
            (Kind::Id, _) => Self::Null,
        }
    }

    /// A value as CSV writes it; empty is NULL.
    pub(crate) fn value(&self, person: &str, random: &mut Random) -> String {
        match self {
            Self::Day { periods, grain, time } => {
                let period = periods.pick(random).copied().flatten();
                period.map(|first| moment(first, *grain, *time, random)).unwrap_or_default()
            }
            Self::Identifier(column) => format!("{column}-{:016x}", random.next()),
            Self::Label(labels) => labels.pick(random).cloned().flatten().unwrap_or_default(),
            Self::Null => String::new(),
            Self::Number { ends, missing, form } => {
                let (is_missing, share) = (random.unit() < *missing, random.unit());
                if is_missing { String::new() } else { form.written(between(ends, share)) }
            }
            Self::Subject => person.to_owned(),
        }
    }
}

impl Form {
    fn of(column: &v1::Column, kind: Kind) -> Option<Self> {
        let ten = |digits: u8| 10_f64.powi(i32::from(digits));
        let (scale, most) = match kind {
            Kind::Decimal(precision, scale) => {
                let last = 1.0 / ten(scale);
                (Some(scale), ten(precision.saturating_sub(scale)) - last)
            }
            Kind::Double => (None, f64::MAX),
            // What a double holds exactly.
            Kind::Integer => (Some(0), ten(15)),
            Kind::Boolean | Kind::Date | Kind::Id | Kind::Text | Kind::Timestamp => return None,
        };
        let step = match step(column).flatten() {
            Some(step @ Step::Number { .. }) => step.to_string().parse().ok(),
            Some(Step::Date(_)) | None => None,
        };
        Some(Self { scale: scale.map(usize::from), step, most })
    }

    fn written(&self, value: f64) -> String {
        let value = match self.step {
            Some(step) => (value / step).round() * step,
            None => value,
        };
        let value = value.clamp(-self.most, self.most);
        match self.scale {
            Some(scale) => {
                let text = format!("{value:.scale$}");
                // Rounded to zero from below.
                let zero = text.starts_with('-') && !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
                if zero { text.trim_start_matches('-').to_owned() } else { text }
            }
            None => value.to_string(),
        }
    }
}

/// The value below which this share of those between the first and the last end lie.
fn between(ends: &[(f64, f64)], share: f64) -> f64 {
    let (Some((first, lowest)), Some((last, _))) = (ends.first(), ends.last()) else { return 0.0 };
    let at = first + share * (last - first);
    let segment = ends.windows(2).find_map(|pair| match pair {
        [(from, low), (to, high)] if at < *to => Some(low + (high - low) * (at - from) / (to - from)),
        _ => None,
    });
    segment.unwrap_or(*lowest)
}

/// The first day of a period, from a date or a time as ISO 8601 writes it.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}

/// A day of the period that begins with this one, or a moment of it.
fn moment(first: NaiveDate, grain: DateGrain, time: bool, random: &mut Random) -> String {
    let months = |months| first.checked_add_months(Months::new(months));
    let next = match grain {
        DateGrain::Day => first.checked_add_days(Days::new(1)),
        DateGrain::Week => first.checked_add_days(Days::new(7)),
        DateGrain::Month => months(1),
        DateGrain::Quarter => months(3),
        DateGrain::Year => months(12),
    };
    let days = next.map_or(1, |next| next.num_days_from_ce().abs_diff(first.num_days_from_ce()));
    let day = first.checked_add_days(Days::new(random.below(days.into()))).unwrap_or(first);
    if !time {
        return day.to_string();
    }
    let minute = random.below(24 * 60);
    format!("{day} {:02}:{:02}:00", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use sekisho_disclosure::Profiles;

    use super::*;

    fn column(kind: &str, class: &str) -> v1::Column {
        let (r#type, class) = (kind.to_owned(), class.to_owned());
        v1::Column { name: "x".to_owned(), r#type, class, ..v1::Column::default() }
    }

    fn values(column: &v1::Column, marginal: &Marginal) -> Vec<String> {
        let profiles = Profiles::built_in().unwrap();
        let draw = Draw::of(column, marginal, profiles.get("japan-rwd").unwrap());
        (0..2_000).map(|person| draw.value("P", &mut Random::of(1, 2, person))).collect()
    }

    fn numbers(values: &[String]) -> Vec<f64> {
        values.iter().map(|value| value.parse().unwrap()).collect()
    }

    #[test]
    fn labels_are_those_that_were_released_as_often_as_they_were() {
        let labels = [(Some("F"), 600), (Some("M"), 300), (None, 100), (Some("X"), 0)];
        let labels = labels.map(|(label, records)| (label.map(str::to_owned), records));
        let values = values(&column("text", "dimension"), &Marginal::Labels(labels.to_vec()));
        let share = |label: &str| values.iter().filter(|value| *value == label).count();
        assert_eq!(share("F") + share("M") + share(""), 2_000);
        assert!((1_120..1_280).contains(&share("F")) && (140..260).contains(&share("")), "{}", share("F"));
    }

    #[test]
    fn numbers_lie_between_the_quantiles_in_the_form_of_their_column() {
        let ends = vec![(0.02, 10.0), (0.5, 20.0), (0.98, 100.0)];
        let plain = values(&column("decimal(4,1)", "measure"), &Marginal::Quantiles(ends.clone(), 0.0));
        let drawn = numbers(&plain);
        assert!(drawn.iter().all(|value| (10.0..=100.0).contains(value)));
        let below = drawn.iter().filter(|value| **value < 20.0).count();
        assert!((920..1_080).contains(&below), "{below}");
        assert!(plain.iter().all(|text| text.split_once('.').is_some_and(|(_, digits)| digits.len() == 1)));

        let isolating = Some(v1::Isolating { step: "5".to_owned(), declared: true });
        let stepped = v1::Column { isolating, ..column("integer", "measure") };
        let stepped = values(&stepped, &Marginal::Quantiles(ends, 0.5));
        let missing = stepped.iter().filter(|value| value.is_empty()).count();
        assert!((900..1_100).contains(&missing), "{missing}");
        assert!(stepped.iter().all(|value| value.is_empty() || value.ends_with(['0', '5'])));
        // The largest number of a decimal is not passed, and zero has no sign.
        let form = Form::of(&column("decimal(3,1)", "measure"), Kind::Decimal(3, 1)).unwrap();
        assert_eq!((form.written(1e9), form.written(-0.04)), ("99.9".to_owned(), "0.0".to_owned()));
    }

    #[test]
    fn days_are_of_the_months_that_were_released() {
        let months = ["2020-02-01", "2021-12-01T00:00:00"].map(|month| (Some(month.to_owned()), 5));
        let days = values(&column("date", "date"), &Marginal::Labels(months.to_vec()));
        assert!(days.iter().all(|day| day.starts_with("2020-02-") || day.starts_with("2021-12-")));
        assert!(days.contains(&"2020-02-29".to_owned()) && days.contains(&"2021-12-31".to_owned()));
        let moments = values(&column("timestamp", "date"), &Marginal::Labels(months.to_vec()));
        assert!(moments.iter().all(|moment| moment.len() == "2020-02-01 00:00:00".len()));
    }

    #[test]
    fn of_what_nothing_is_known_the_catalogue_alone_decides() {
        let made_up = values(&column("text", "unit"), &Marginal::Nothing);
        assert!(made_up.iter().all(|label| label.starts_with("x-")));
        let declared = v1::Column { values: vec!["0".to_owned()], ..column("integer", "dimension") };
        assert!(values(&declared, &Marginal::Nothing).iter().all(|value| value == "0"));
        let unknown = Some(v1::Isolating { step: String::new(), declared: false });
        let unknown = v1::Column { isolating: unknown, ..column("double", "measure") };
        assert!(values(&unknown, &Marginal::Nothing).iter().all(String::is_empty));
        assert!(
            values(&column("date", "date"), &Marginal::Nothing).iter().all(|day| day.starts_with("2000-"))
        );
    }
}
