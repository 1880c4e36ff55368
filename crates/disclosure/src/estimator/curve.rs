//! The steps of a curve of survival: wide enough that each has people enough with the event.
//!
//! Time is cut into intervals of one width. A step ends with an interval, and has the minimum of people with the
//! event since the step before; of people who left without it, the minimum or nobody; and as many, or nobody, stay
//! behind the last step. What the curve says follows from these numbers of people and from nothing else, and each is
//! a sum that is judged and that stands in the ledger. Source: ACRO, OpenSAFELY (curves of survival).

use arrow::datatypes::i256;
use sekisho_estimate::{Step, Unfitted, kaplan_meier};

use super::{Answer, Estimator, Method};
use crate::evidence::{Evidence, Scale, Tally};
use crate::exact::unit;
use crate::statistic::N;
use crate::unreleased::{Part, StatisticColumn};

/// The parts that say each person's time and event.
const TIME: usize = 1;
const EVENT: usize = 2;

/// One step.
struct Interval {
    /// Where it ends.
    end: i128,
    /// Who had the event in it.
    events: Vec<u32>,
    /// Who left without it.
    left: Vec<u32>,
}

/// Adds to each curve the people with the event, and those who left without it, in each of its steps.
pub(crate) fn add_steps(statistic: &mut StatisticColumn, minimum: u32) {
    let rows = statistic.parts.first().map_or(0, |part| part.evidence.len());
    let of_rows: Vec<Vec<Interval>> =
        (0..rows).map(|row| intervals(statistic, row, minimum).unwrap_or_default()).collect();
    let most = of_rows.iter().map(Vec::len).max().unwrap_or_default();
    for step in 0..most {
        let part = |people: fn(&Interval) -> &[u32]| {
            let of_row = |intervals: &Vec<Interval>| once(intervals.get(step).map_or(&[], people));
            let evidence = of_rows.iter().map(of_row).collect();
            Part { scale: Scale::Integer, evidence }
        };
        let both = [part(|interval| &interval.events), part(|interval| &interval.left)];
        statistic.parts.extend(both);
    }
}

/// The curve of one row: for each step its end, the share that is left, its interval, how many were there at its
/// beginning, had the event, and left without it.
pub(super) fn curve(
    statistic: &[Part],
    row: usize,
    intervals: Vec<(i128, u64, u64)>,
) -> Result<Answer, Unfitted> {
    let everybody = statistic.get(N).and_then(|part| part.evidence.get(row)).ok_or(Unfitted)?;
    let mut there = everybody.people();
    let (mut steps, mut numbers) = (Vec::new(), Vec::new());
    for (end, events, left) in intervals {
        let number = |people: u64| u32::try_from(people).map(f64::from).map_err(|_| Unfitted);
        steps.push(Step { events: number(events)?, at_risk: number(there)? });
        numbers.push([end, i128::from(there), i128::from(events), i128::from(left)]);
        there = there.checked_sub(events).and_then(|there| there.checked_sub(left)).ok_or(Unfitted)?;
    }
    if steps.is_empty() {
        return Err(Unfitted);
    }
    let shares = kaplan_meier(&steps)?;
    let lines =
        numbers.into_iter().zip(shares).map(|(numbers, (share, interval))| line(numbers, share, interval));
    lines.collect::<Result<_, _>>().map(Answer::List)
}

/// One step: its end, the share that is left with the ends of its interval, and the numbers of people.
fn line(
    [end, there, events, left]: [i128; 4],
    share: f64,
    interval: Option<(f64, f64)>,
) -> Result<Answer, Unfitted> {
    let integer = |number: i128| i64::try_from(number).map_err(|_| Unfitted);
    let (low, high) = interval
        .map_or((Answer::Null, Answer::Null), |(low, high)| (Answer::Double(low), Answer::Double(high)));
    Ok(Answer::Struct(vec![
        Answer::Label(integer(end)?),
        Answer::Double(share),
        low,
        high,
        Answer::Integer(integer(there)?),
        Answer::Integer(integer(events)?),
        Answer::Integer(integer(left)?),
    ]))
}

/// The ends of a row's steps with their numbers of people, from the parts that stand for them.
pub(super) fn steps(
    parts: &[Part],
    (estimator, row): (Estimator, usize),
    minimum: u32,
) -> Option<Vec<(i128, u64, u64)>> {
    let found = of_parts(estimator, parts, row, minimum)?;
    let mut of_steps = parts.get(estimator.parts()..)?.chunks_exact(2);
    let mut steps = Vec::new();
    for interval in found {
        let [events, left] = of_steps.next()? else { return None };
        steps.push((interval.end, events.evidence.get(row)?.people(), left.evidence.get(row)?.people()));
    }
    Some(steps)
}

fn intervals(statistic: &StatisticColumn, row: usize, minimum: u32) -> Option<Vec<Interval>> {
    let crate::StatisticKind::Estimate(estimator) = statistic.kind else { return None };
    of_parts(estimator, &statistic.parts, row, minimum)
}

fn of_parts(estimator: Estimator, parts: &[Part], row: usize, minimum: u32) -> Option<Vec<Interval>> {
    let Method::KaplanMeier { width } = estimator.method else { return None };
    let width = i128::from(width.max(1));
    let whole = |part: usize| parts.get(part).and_then(|part| unit(part.scale)) == Some(i256::ONE);
    if !whole(TIME) || !whole(EVENT) {
        return None;
    }
    let evidence = |part: usize| parts.get(part)?.evidence.get(row);
    let (time, event) = (evidence(TIME)?, evidence(EVENT)?);
    // Each person's interval, whether it ended with the event, and who it is.
    let mut people: Vec<(i128, bool, u32)> = Vec::new();
    for ((subject, time), event) in time.contributions().iter().zip(event.amounts()) {
        if !(0..=1).contains(&event) {
            return None;
        }
        // An interval reaches from above its beginning to its end; what is at nought is one by itself.
        let end = time.checked_add(width.checked_sub(1)?)?.checked_div_euclid(width)?.checked_mul(width)?;
        people.push((end, event == 1, subject));
    }
    people.sort_unstable();
    Some(grouped(&people, usize::try_from(minimum).ok()?))
}

fn grouped(people: &[(i128, bool, u32)], minimum: usize) -> Vec<Interval> {
    let mut steps: Vec<Interval> = Vec::new();
    let (mut events, mut left) = (Vec::new(), Vec::new());
    for (place, (end, event, subject)) in people.iter().enumerate() {
        if *event {
            events.push(*subject);
        } else {
            left.push(*subject);
        };
        let next = place.checked_add(1).and_then(|place| people.get(place));
        let is_end = next.is_none_or(|(next, _, _)| next > end);
        if is_end && events.len() >= minimum && (left.is_empty() || left.len() >= minimum) {
            let (events, left) = (std::mem::take(&mut events), std::mem::take(&mut left));
            steps.push(Interval { end: *end, events, left });
        }
    }
    let behind = (events.len(), left.len());
    let fits = |people: usize| people == 0 || people >= minimum;
    let each = kept(&steps, behind, |events, left| fits(events) && fits(left));
    let together = kept(&steps, behind, |events, left| fits(events.saturating_add(left)));
    steps.truncate(if each > 0 { each } else { together });
    steps
}

/// How many steps there may be so that those who stay behind are enough; those with the event and without it are
/// told apart by whoever knows how many have it in all.
fn kept(steps: &[Interval], behind: (usize, usize), fits: impl Fn(usize, usize) -> bool) -> usize {
    let (mut events, mut left) = behind;
    let mut number = steps.len();
    for last in steps.iter().rev() {
        if fits(events, left) {
            return number;
        }
        events = events.saturating_add(last.events.len());
        left = left.saturating_add(last.left.len());
        number = number.saturating_sub(1);
    }
    number
}

fn once(people: &[u32]) -> Evidence {
    let mut people = people.to_vec();
    people.sort_unstable();
    let mut tally = Tally::new();
    people.into_iter().for_each(|subject| tally.add_one(subject));
    tally.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the steps, with their numbers: people as their interval, and whether it ended with the event.
    fn steps(people: &[(i128, bool, usize)]) -> Vec<(i128, usize, usize)> {
        let repeated = people.iter().flat_map(|(end, event, number)| vec![(*end, *event); *number]);
        let people: Vec<(i128, bool, u32)> =
            (0..).zip(repeated).map(|(subject, (end, event))| (end, event, subject)).collect();
        let steps = grouped(&people, 10).into_iter();
        steps.map(|step| (step.end, step.events.len(), step.left.len())).collect()
    }

    #[test]
    fn a_step_has_the_minimum_of_events_and_of_those_who_left() {
        let ten = |events: usize, left: usize| {
            steps(&[(30, false, left), (30, true, events), (60, true, 30), (90, false, 40)])
        };
        assert_eq!(ten(10, 0), [(30, 10, 0), (60, 30, 0)]);
        assert_eq!(ten(10, 10), [(30, 10, 10), (60, 30, 0)]);
        // Fewer wait for the next step.
        assert_eq!(ten(9, 0), [(60, 39, 0)]);
        assert_eq!(ten(20, 9), [(90, 50, 49)]);
    }

    #[test]
    fn the_minimum_or_nobody_stays_behind_the_last_step() {
        let behind = |left: usize| steps(&[(30, true, 10), (60, true, 12), (90, false, left)]).len();
        assert_eq!([0, 1, 9, 10].map(behind), [2, 1, 1, 2]);
        // Of those a few with the event would follow from the number of all who have it.
        let few = [(30, true, 10), (60, true, 12), (90, true, 9), (90, false, 20)];
        assert_eq!(steps(&few), [(30, 10, 0)]);
    }
}
