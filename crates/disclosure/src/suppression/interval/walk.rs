//! Walks through worlds that cannot be told from the one that there is.
//!
//! A world is a vector: how many times as many people there are of each kind, never fewer than none. All published
//! sums are the same in the worlds of an affine space, and the walk stays in it: it goes where a sum grows fastest
//! in the measure that makes each kind's distance to nobody 1 (affine scaling, Dikin 1967), most of the way to where
//! somebody would be fewer than nobody, and again from there. That comes as near to the largest sum as one likes.
//!
//! The direction is a projection, which conjugate gradients find. Doubles are not exact; so a world counts only if
//! all published sums are in it what they are, but for a part in ten millions.

use std::collections::BTreeSet;

use super::super::algebra::{Algebra, Exhausted};
use super::SHARED_WALKS;
use super::regions::{Region, Row};

/// Most moves of one walk.
const MOVES: usize = 24;

/// How much of the way to where a kind would vanish is gone at once.
const MOST_OF_THE_WAY: f64 = 0.96;

/// No kind becomes more than so many times as many in one move.
const GROWTH: f64 = 1000.0;

/// So much may a published sum be off, as a part of it.
const ACCURACY: f64 = 1e-7;

/// Where a move adds less than this part of all that was gained, the walk ends.
const LITTLE: f64 = 1e-4;

/// A published sum holds a secret if its price is no less than this part of the highest one.
const NOTICEABLE: f64 = 1e-4;

/// Most rounds of conjugate gradients for one direction.
const ROUNDS: usize = 400;

/// Walks until all secrets of a region are shown to be open, or as far as it goes.
pub(super) fn explore(region: &mut Region, algebra: &Algebra) -> Result<(), Exhausted> {
    for round in 0..SHARED_WALKS {
        if region.narrow().next().is_none() {
            return Ok(());
        }
        let goal = drawn(region, round, algebra);
        for sign in [1.0, -1.0] {
            let goal: Vec<f64> = goal.iter().map(|value| sign * value).collect();
            climb(region, &goal, &mut |region| region.narrow().next().is_none(), algebra)?;
        }
    }
    for place in 0..region.secrets.len() {
        for sign in [1.0, -1.0] {
            let open = move |region: &Region| {
                let ends = region.secrets.get(place).map(|(secret, _)| secret.open_ends());
                ends.is_some_and(|(less, more)| if sign > 0.0 { more } else { less })
            };
            let Some((secret, kinds)) = region.secrets.get(place).filter(|_| open(region)) else { continue };
            let number = secret.number;
            let mut goal = vec![0.0; region.kinds];
            for (kind, amount) in kinds {
                goal.get_mut(*kind).into_iter().for_each(|goal| *goal = sign * amount / secret.size);
            }
            let prices = climb(region, &goal, &mut |region| !open(region), algebra)?;
            if open(region) {
                let held_by = noticeable(&region.rows, &prices);
                region.held_by.entry(number).or_default().extend(held_by);
            }
        }
    }
    Ok(())
}

/// A direction for all secrets together: each up or down, as the field draws.
fn drawn(region: &Region, round: u32, algebra: &Algebra) -> Vec<f64> {
    let mut goal = vec![0.0; region.kinds];
    for (secret, kinds) in region.secrets.iter().filter(|(secret, _)| secret.is_narrow()) {
        let coins = algebra.drawn(secret.number.wrapping_mul(SHARED_WALKS).wrapping_add(round));
        let sign = if coins & 1 == 0 { 1.0 } else { -1.0 };
        // Half as strong to as strong again.
        let eighths = u32::try_from(coins >> 1 & 7).unwrap_or(0);
        let strength = sign * (0.5 + f64::from(eighths) / 8.0) / secret.size;
        for (kind, amount) in kinds {
            goal.get_mut(*kind).into_iter().for_each(|goal| *goal += strength * amount);
        }
    }
    goal
}

/// The published sums with a price that is noticeable beside the others.
fn noticeable(rows: &[Row], prices: &[f64]) -> BTreeSet<u32> {
    let highest = prices.iter().fold(0.0_f64, |highest, price| highest.max(price.abs()));
    let with_prices = rows.iter().zip(prices);
    let held_by = with_prices.filter(|(_, price)| price.abs() > NOTICEABLE * highest);
    held_by.map(|(row, _)| row.number).collect()
}

/// Walks from the world that there is to where `goal` is largest, and says what it would be worth, at the end, that
/// a published sum were another.
fn climb(
    region: &mut Region,
    goal: &[f64],
    is_enough: &mut dyn FnMut(&Region) -> bool,
    algebra: &Algebra,
) -> Result<Vec<f64>, Exhausted> {
    let mut world = vec![1.0; region.kinds];
    let (mut gained, mut prices) = (0.0, vec![0.0; region.rows.len()]);
    for _ in 0..MOVES {
        let rows = Rows { rows: &region.rows, weights: squares(&world), algebra };
        let weighted = times(&rows.weights, goal);
        prices = rows.solved(&rows.sums(&weighted)?)?;
        let back = times(&rows.weights, &rows.people(&prices, region.kinds)?);
        let course: Vec<f64> = weighted.iter().zip(&back).map(|(ahead, back)| ahead - back).collect();
        let slope: f64 = course.iter().zip(goal).map(|(course, goal)| course * goal).sum();
        if slope.is_nan() || slope <= 0.0 {
            break;
        }
        let length = length(&world, &course);
        let next: Vec<f64> = world.iter().zip(&course).map(|(at, course)| at + length * course).collect();
        if !rows.hold_in(&next)? {
            break;
        }
        world = next;
        region.note(&world);
        gained += length * slope;
        if is_enough(region) || length * slope < LITTLE * gained {
            break;
        }
    }
    Ok(prices)
}

/// How far to go: most of the way to where the first kind vanishes, if one does.
fn length(world: &[f64], course: &[f64]) -> f64 {
    let rates = world.iter().zip(course).map(|(at, course)| course / at);
    let (down, up) = rates.fold((0.0_f64, 0.0_f64), |(down, up), rate| (down.min(rate), up.max(rate)));
    let to_nobody = if down < 0.0 { MOST_OF_THE_WAY / -down } else { f64::INFINITY };
    let to_many = if up > 0.0 { GROWTH / up } else { f64::INFINITY };
    to_nobody.min(to_many)
}

fn squares(world: &[f64]) -> Vec<f64> {
    world.iter().map(|value| value * value).collect()
}

fn times(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left * right).collect()
}

fn product(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The published sums, and a weight for each kind.
struct Rows<'r> {
    rows: &'r [Row],
    weights: Vec<f64>,
    algebra: &'r Algebra,
}

impl Rows<'_> {
    /// What each sum is for some people of each kind.
    fn sums(&self, people: &[f64]) -> Result<Vec<f64>, Exhausted> {
        let sum = |row: &Row| {
            self.algebra.spend(row.kinds.len())?;
            let terms =
                row.kinds.iter().map(|(kind, part)| people.get(*kind).map_or(0.0, |people| part * people));
            Ok(terms.sum())
        };
        self.rows.iter().map(sum).collect()
    }

    /// What somebody of each kind has of the prices of all sums.
    fn people(&self, prices: &[f64], kinds: usize) -> Result<Vec<f64>, Exhausted> {
        let mut people = vec![0.0; kinds];
        for (row, price) in self.rows.iter().zip(prices) {
            self.algebra.spend(row.kinds.len())?;
            for (kind, part) in &row.kinds {
                people.get_mut(*kind).into_iter().for_each(|people| *people += part * price);
            }
        }
        Ok(people)
    }

    /// The prices whose weighted people have these sums: conjugate gradients, with the diagonal as preconditioner.
    fn solved(&self, wanted: &[f64]) -> Result<Vec<f64>, Exhausted> {
        let weighted =
            |(kind, part): &(usize, f64)| self.weights.get(*kind).map_or(0.0, |weight| part * part * weight);
        let diagonal = self.rows.iter().map(|row| row.kinds.iter().map(weighted).sum::<f64>());
        let inverse: Vec<f64> = diagonal.map(|value| if value > 0.0 { value.recip() } else { 0.0 }).collect();
        let mut prices = vec![0.0; wanted.len()];
        let mut rest = wanted.to_vec();
        let mut scaled = times(&inverse, &rest);
        let mut course = scaled.clone();
        let mut size = product(&rest, &scaled);
        let enough = size * 1e-26;
        for _ in 0..ROUNDS.min(rest.len().saturating_mul(2).saturating_add(20)) {
            if size.is_nan() || size <= enough {
                break;
            }
            let people = self.people(&course, self.weights.len())?;
            let image = self.sums(&times(&self.weights, &people))?;
            let curvature = product(&course, &image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let step = size / curvature;
            prices.iter_mut().zip(&course).for_each(|(price, course)| *price += step * course);
            rest.iter_mut().zip(&image).for_each(|(rest, image)| *rest -= step * image);
            scaled = times(&inverse, &rest);
            let before = std::mem::replace(&mut size, product(&rest, &scaled));
            course
                .iter_mut()
                .zip(&scaled)
                .for_each(|(course, scaled)| *course = scaled + *course * size / before);
        }
        Ok(prices)
    }

    /// Whether all sums are in a world what they are.
    fn hold_in(&self, world: &[f64]) -> Result<bool, Exhausted> {
        let change: Vec<f64> = world.iter().map(|times| times - 1.0).collect();
        let holds = self.sums(&change)?.iter().all(|off| off.abs() <= ACCURACY);
        Ok(holds && world.iter().all(|times| *times > 0.0))
    }
}
