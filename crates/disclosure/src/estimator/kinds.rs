//! What the digits of a model say beyond the sums that it stands on: where few kinds of row are told apart, how many
//! people each is of, and what their outcome is together.
//!
//! Estimates and their errors solve equations in these numbers. With few of them the digits have one solution, and
//! who knows most of them from tables has the others: of those of whom a later table leaves out one. So each is a
//! sum that is published with the model, judged as any other ([`sparse`](crate::rules) looks at single rows).

use std::collections::BTreeMap;

use super::{Estimator, Method, column};
use crate::evidence::{Evidence, Scale, Tally};
use crate::unreleased::{Part, StatisticColumn};

/// Digits of each number that is shown: [`sekisho_estimate`] rounds to as many.
pub(crate) const DIGITS: u32 = 9;

/// People with the same covariates.
#[derive(Clone)]
struct Kind {
    /// What their outcome is together.
    outcome: Evidence,
    /// Each once.
    people: Evidence,
}

/// Adds to each model of an outcome the people of each kind of covariates, where they are no more than its digits
/// tell.
pub(crate) fn add_kinds(statistic: &mut StatisticColumn) {
    let crate::StatisticKind::Estimate(estimator) = statistic.kind else { return };
    if !matches!(estimator.method, Method::Logistic | Method::Poisson) {
        return;
    }
    let rows = statistic.parts.first().map_or(0, |part| part.evidence.len());
    let kinds: Vec<Vec<Kind>> =
        (0..rows).map(|row| kinds(estimator, &statistic.parts, row).unwrap_or_default()).collect();
    let scale = statistic.parts.get(column(0)).map_or(Scale::Integer, |part| part.scale);
    for number in 0..kinds.iter().map(Vec::len).max().unwrap_or_default() {
        let part = |scale, of: fn(&Kind) -> &Evidence| {
            // Of a row with fewer kinds one stands twice, which says nothing more.
            let of_row = |kinds: &Vec<Kind>| {
                kinds
                    .get(number)
                    .or_else(|| kinds.first())
                    .map_or_else(Evidence::nobody, |kind| of(kind).clone())
            };
            Part { scale, evidence: kinds.iter().map(of_row).collect() }
        };
        let both = [part(scale, |kind| &kind.outcome), part(Scale::Integer, |kind| &kind.people)];
        statistic.parts.extend(both);
    }
}

fn kinds(estimator: Estimator, parts: &[Part], row: usize) -> Option<Vec<Kind>> {
    let evidence = |number: usize| parts.get(column(number))?.evidence.get(row);
    let outcome = evidence(0)?;
    let covariates: Vec<&Evidence> =
        (1..usize::from(estimator.columns)).map(evidence).collect::<Option<_>>()?;
    let most = estimator.estimates().saturating_mul(u64::from(DIGITS));
    let mut kinds: BTreeMap<Vec<Option<i128>>, (Tally, Tally)> = BTreeMap::new();
    for (place, (subject, amount)) in outcome.contributions().iter().enumerate() {
        let of_person = covariates.iter().map(|covariate| covariate.amounts().get(place)).collect();
        let (outcome, people) = kinds.entry(of_person).or_default();
        outcome.add(subject, amount, []);
        people.add_one(subject);
        if u64::try_from(kinds.len()).is_ok_and(|kinds| kinds > most) {
            return None;
        }
    }
    let kind =
        |(outcome, people): (Tally, Tally)| Kind { outcome: outcome.freeze(), people: people.freeze() };
    Some(kinds.into_values().map(kind).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatisticKind;
    use crate::testing::evidence;

    /// A logistic model of one row: an outcome and one covariate of each person.
    fn model(people: &[(i128, i128)]) -> StatisticColumn {
        let estimator = Estimator { method: Method::Logistic, columns: 2 };
        let sum = |of: &dyn Fn(i128, i128) -> i128| {
            let amounts = (0_u32..).zip(people).map(|(person, (y, x))| (person, of(*y, *x)));
            Part { scale: Scale::Integer, evidence: vec![evidence(amounts)] }
        };
        StatisticColumn {
            name: "fit".to_owned(),
            kind: StatisticKind::Estimate(estimator),
            chosen: false,
            parts: vec![
                sum(&|_, _| 1),
                sum(&|y, _| y),
                sum(&|y, _| y * y),
                sum(&|_, x| x),
                sum(&|y, x| y * x),
                sum(&|_, x| x * x),
            ],
            values: None,
            branches: Vec::new(),
        }
    }

    #[test]
    fn each_kind_of_few_is_a_sum_that_the_model_publishes() {
        let people: Vec<(i128, i128)> =
            (0..90).map(|person| (i128::from(person % 2 == 0), person % 3)).collect();
        let mut few = model(&people);
        add_kinds(&mut few);
        let added = |model: &StatisticColumn| -> Vec<Option<i128>> {
            model.parts.iter().skip(6).filter_map(|part| part.evidence.first()).map(Evidence::total).collect()
        };
        assert_eq!(added(&few), [15, 30, 15, 30, 15, 30].map(Some));
        // An age in days is more than the digits tell.
        let people: Vec<(i128, i128)> = (0..90).map(|person| (i128::from(person % 2 == 0), person)).collect();
        let mut many = model(&people);
        add_kinds(&mut many);
        assert_eq!(added(&many), []);
    }
}
