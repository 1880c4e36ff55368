//! What fails for a statistic because of the form that it has: a moment, a quantile, a number of values.
//!
//! The sums behind it are judged by themselves, as those of any statistic.

use std::collections::BTreeSet;

use arrow::datatypes::i256;
use sekisho_model::Step;

use super::{
    Reason, Spread, degrees_of_freedom, distinct, extremes, failed, leverage, moments, quantile, sparse,
    spread,
};
use crate::estimator::{Answer, Estimator, Found, Method, column, fit};
use crate::evidence::{Evidence, Scale};
use crate::exact::{Quotient, Rounding, Snapped};
use crate::moments::{Inexact, Moments};
use crate::profile::{Extremes, Profile};
use crate::statistic::{Fraction, N, RegressionFunction, StatisticKind};
use crate::unreleased::StatisticColumn;
use crate::values::Values;

/// A grid becomes wider by these factors in turn, and by ten after the last.
const WIDER: [i128; 3] = [1, 2, 5];

/// What was found of the form of one cell.
#[derive(Default)]
pub(crate) struct Form {
    /// What fails.
    pub(crate) reasons: BTreeSet<Reason>,
    /// What would be shown, for a statistic of single values and for a model.
    pub(crate) shown: Option<Shown>,
}

/// What a statistic of single values, or a model, shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    /// What a model or table says.
    Answer(Answer),
    /// A number of values.
    Number(u64),
    /// One of the values, snapped.
    Value(Snapped),
}

/// What fails for the form of a statistic in one row. Over nobody there is nothing to hide.
pub(crate) fn judge_form(statistic: &StatisticColumn, row: usize, profile: &Profile) -> Form {
    let Some(count) = statistic.parts.get(N).and_then(|part| part.evidence.get(row)) else {
        return Form::failing(Reason::Inexact);
    };
    let column = statistic.values.as_ref();
    let values = column.and_then(|column| Some((column.rows.get(row)?, column.scale)));
    match (statistic.kind, values) {
        (StatisticKind::Count | StatisticKind::Mean | StatisticKind::People | StatisticKind::Sum, _) => {
            Form::default()
        }
        (StatisticKind::Distinct, Some((values, _))) => judge_distinct(values, profile),
        (
            StatisticKind::Correlation
            | StatisticKind::Covariance { .. }
            | StatisticKind::Regression(_)
            | StatisticKind::Variance { .. },
            _,
        ) => {
            if count.people() == 0 {
                return Form::default();
            }
            let moments = Moments { parts: &statistic.parts, row };
            let reasons = judge_moments(moments, statistic.kind, count.people(), profile);
            Form { reasons: reasons.unwrap_or_else(|Inexact| [Reason::Inexact].into()), shown: None }
        }
        (StatisticKind::Estimate(estimator), _) => {
            judge_estimate(Moments { parts: &statistic.parts, row }, estimator, count.people(), profile)
                .unwrap_or_else(|Inexact| Form::failing(Reason::Inexact))
        }
        (StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }, Some(_)) if count.people() == 0 => {
            Form::default()
        }
        (StatisticKind::Quantile { fraction, step }, Some((values, scale))) => {
            let value = quantile_value(values, count.records(), fraction);
            let snapped = value
                .and_then(|value| quantile_shown(&value, (values, count.people()), (scale, step), profile));
            let own = column.and_then(|column| column.own.as_ref()?.get(row));
            judge_quantile((values, own), snapped, (count, fraction), profile)
        }
        (StatisticKind::Extreme { largest, step }, Some((values, scale))) => match profile.extremes {
            Extremes::Off => Form::failing(Reason::Extremes),
            Extremes::Kth => {
                let own = values.of_each_person(if largest { i128::max } else { i128::min });
                let kth = extremes::kth(own, largest, profile.minimum_count);
                let Some(kth) = kth else { return Form::failing(Reason::Extremes) };
                let rounding = if largest { Rounding::Down } else { Rounding::Up };
                let value = Quotient { top: i256::from_i128(kth), bottom: i256::ONE };
                judge_order(values, value.snapped(scale, step, rounding), Reason::Extremes, profile)
            }
        },
        (StatisticKind::Distinct | StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }, None) => {
            Form::failing(Reason::Inexact)
        }
    }
}

impl Form {
    fn failing(reason: Reason) -> Self {
        Self { reasons: [reason].into(), shown: None }
    }
}

/// What fails for a quantile as it would be shown, with the values that it has without the analyst's constants.
fn judge_quantile(
    (values, own): (&Values, Option<&Values>),
    snapped: Option<Snapped>,
    (count, fraction): (&Evidence, Fraction),
    profile: &Profile,
) -> Form {
    let mut form = judge_order(values, snapped, Reason::Quantile, profile);
    let tipped =
        own.is_some_and(|own| !judge_order(own, snapped, Reason::Quantile, profile).reasons.is_empty());
    form.reasons.extend(failed([
        (Reason::Quantile, tipped),
        (Reason::Quantile, quantile::too_far_out(count.people(), fraction, profile.minimum_count)),
        (Reason::Quantile, quantile::outweighed(Spread::of(count), fraction, profile)),
    ]));
    form
}

fn judge_distinct(values: &Values, profile: &Profile) -> Form {
    let people = values.people_by_value();
    let number = u64::try_from(people.len()).ok().filter(|_| values.are_exact());
    let reasons = failed([
        (Reason::Distinct, distinct::fails(&people, profile.minimum_count)),
        (Reason::Inexact, number.is_none()),
    ]);
    Form { reasons, shown: number.map(Shown::Number) }
}

/// What fails for a value that stands at a place in the order of all, as it would be shown.
fn judge_order(values: &Values, snapped: Option<Snapped>, reason: Reason, profile: &Profile) -> Form {
    let Some(snapped) = snapped.filter(|_| values.are_exact()) else {
        return Form::failing(Reason::Inexact);
    };
    let enough = u64::from(profile.minimum_count);
    let at_most = values.people_within(..=snapped.units, enough);
    let at_least = values.people_within(snapped.units.., enough);
    let reasons = failed([(reason, quantile::one_sided(at_most, at_least, profile.minimum_count))]);
    Form { reasons, shown: Some(Shown::Value(snapped)) }
}

/// A quantile as it is shown: on the grid of the column's step. Where that is single values, or the digits of a
/// value, the grid is made wider until people enough share what is shown: a constant that is added to all values
/// or multiplies them changes their digits, and not who is near whom.
fn quantile_shown(
    value: &Quotient,
    (values, people): (&Values, u64),
    (scale, step): (Scale, Option<Step>),
    profile: &Profile,
) -> Option<Snapped> {
    let on_grid = |times: i128| value.snapped_to(scale, step, Rounding::Nearest, times);
    let exact = matches!(step, Some(Step::Number { units: 1, .. }));
    if !exact && step.is_some() {
        return on_grid(1);
    }
    let minimum = u64::from(profile.minimum_count);
    let some = people.div_ceil(quantile::SHARING).min(minimum);
    let first = on_grid(1)?;
    if exact && values.people_within(first.units..=first.units, minimum) >= minimum {
        return Some(first);
    }
    let wider = WIDER.into_iter().cycle().scan(1_i128, |power, wider| {
        let times = power.checked_mul(wider)?;
        *power = if wider == 5 { power.checked_mul(10)? } else { *power };
        on_grid(times)
    });
    wider.skip(usize::from(exact)).find(|shown| values.people_within(shown.stands_for(), some) >= some)
}

/// The value at (records − 1) · q in ascending order, between two of them in proportion.
fn quantile_value(values: &Values, records: u64, fraction: Fraction) -> Option<Quotient> {
    let whole = u128::from(Fraction::WHOLE);
    let place = u128::from(records.checked_sub(1)?).checked_mul(u128::from(fraction.billionths()))?;
    let (place, rest) = (place.checked_div(whole)?, place.checked_rem(whole)?);
    let (lower, upper) = values.neighbours(usize::try_from(place).ok()?)?;
    let weighted =
        |value: i128, weight: u128| i256::from_i128(value).checked_mul(i256::from_parts(weight, 0));
    let top = weighted(lower, whole.checked_sub(rest)?)?.checked_add(weighted(upper, rest)?)?;
    Some(Quotient { top, bottom: i256::from_parts(whole, 0) })
}

fn judge_moments(
    moments: Moments<'_>,
    kind: StatisticKind,
    people: u64,
    profile: &Profile,
) -> Result<BTreeSet<Reason>, Inexact> {
    if kind.implied_products().is_empty() {
        return Ok(BTreeSet::new());
    }
    let (mut concentrated, mut constant, mut inexact) = (false, false, false);
    for product in kind.implied_products() {
        // A deviation without an exact form may be anybody's.
        let terms = moments.deviations_by_person(*product);
        inexact |= terms.is_err();
        concentrated |= terms.map_or(true, |terms| moments::fails(terms, profile));
    }
    for product in kind.products().iter().filter(|product| product.left == product.right) {
        let squares = moments.centred(*product)?;
        inexact |= squares.is_negative();
        constant |= spread::is_constant(squares);
    }
    let line = match kind {
        StatisticKind::Correlation
        | StatisticKind::Regression(
            RegressionFunction::Intercept | RegressionFunction::R2 | RegressionFunction::Slope,
        ) => moments.r_squared()?.is_some_and(spread::is_a_line),
        StatisticKind::Count
        | StatisticKind::Covariance { .. }
        | StatisticKind::Distinct
        | StatisticKind::Estimate(_)
        | StatisticKind::Extreme { .. }
        | StatisticKind::Mean
        | StatisticKind::People
        | StatisticKind::Quantile { .. }
        | StatisticKind::Regression(_)
        | StatisticKind::Sum
        | StatisticKind::Variance { .. } => false,
    };
    let minimum = profile.degrees_of_freedom;
    Ok(failed([
        (Reason::DegreesOfFreedom, degrees_of_freedom::fails(people, kind.parameters(), minimum)),
        (Reason::Inexact, inexact),
        (Reason::Moments, concentrated),
        (Reason::Spread, constant || line),
    ]))
}

/// What fails for a model or a table of several columns. Of a model that has no estimate nobody learns why.
fn judge_estimate(
    moments: Moments<'_>,
    estimator: Estimator,
    people: u64,
    profile: &Profile,
) -> Result<Form, Inexact> {
    if people == 0 {
        return Ok(Form::default());
    }
    let mut reasons = judge_moments(moments, StatisticKind::Estimate(estimator), people, profile)?;
    let events = people_with_events(moments, estimator, people)?;
    let (parameters, minimum) = (estimator.parameters(), profile.degrees_of_freedom);
    let saturated = degrees_of_freedom::fails(events, parameters, minimum);
    reasons.extend(failed([(Reason::DegreesOfFreedom, saturated)]));
    let Found { answer, weights } = fit(estimator, moments, profile.minimum_count)?;
    let heavy = weights.into_iter().any(|weight| leverage::fails(weight, profile));
    let answer = answer.ok().filter(Answer::is_finite);
    let sparse = estimator.estimates() > 0
        && sparse::fails(people_by_row(moments, estimator)?, estimator.estimates(), profile.minimum_count);
    reasons.extend(failed([
        (Reason::Leverage, heavy),
        (Reason::Sparse, sparse),
        (Reason::Spread, answer.is_none()),
    ]));
    Ok(Form { reasons, shown: answer.map(Shown::Answer) })
}

/// How many people have each row of outcome and covariates.
fn people_by_row(moments: Moments<'_>, estimator: Estimator) -> Result<impl Iterator<Item = u64>, Inexact> {
    let columns = (0..usize::from(estimator.columns)).map(|number| moments.evidence(column(number)));
    let columns: Vec<&Evidence> = columns.collect::<Option<_>>().ok_or(Inexact)?;
    let people = columns.first().map_or(0, |column| column.subjects().len());
    let row = |person| columns.iter().map(|column| column.amounts().get(person)).collect::<Vec<_>>();
    let mut rows: Vec<_> = (0..people).map(row).collect();
    rows.sort_unstable();
    let alike: Vec<usize> = rows.chunk_by(|left, right| left == right).map(<[_]>::len).collect();
    Ok(alike.into_iter().map(|people| u64::try_from(people).unwrap_or(u64::MAX)))
}

/// The people from whom the coefficients are estimated: those with the event, and where the others have none of it,
/// the fewer of both.
fn people_with_events(moments: Moments<'_>, estimator: Estimator, people: u64) -> Result<u64, Inexact> {
    let Some(event) = estimator.method.event() else { return Ok(people) };
    let events = moments.evidence(column(event)).ok_or(Inexact)?.contributors();
    Ok(match estimator.method {
        Method::Logistic => events.min(people.saturating_sub(events)),
        Method::ChiSquare
        | Method::Cox
        | Method::KaplanMeier { .. }
        | Method::Linear
        | Method::LogRank
        | Method::OddsRatio
        | Method::Poisson
        | Method::Rate
        | Method::RiskRatio
        | Method::StandardisedDifference => events,
    })
}
