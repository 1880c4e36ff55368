//! Of whom near sums say something that no far sum hides.
//!
//! What far sums say is the same for people with one far mark. So a combination says of somebody without a far
//! mark their near part alone. Where as many people as the minimum have one far mark and one near part, a small
//! combination is zero for each of them, and so says of others with that far mark by how much their near part
//! differs. Of any two with one far mark it says two numbers that differ by as much as their near parts: where
//! that is not zero, it concerns one of the two. Nobody is counted twice.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::at;

/// Most different forms that are looked at, those of most people.
const FORMS: usize = 1 << 16;

/// Somebody of whom a combination says their near part, or by how much it differs from another one's.
pub(super) struct Said {
    pub(super) of: u32,
    pub(super) beside: Option<u32>,
    /// Of how many people, or pairs, the same is said.
    pub(super) people: u64,
}

/// Somebody with a mark: half of the far one, the near one, and the dense id.
type Marked = (u64, u128, u32);

/// What is said of all people by their near and far marks; of those whose far mark one of the `new` people has.
pub(super) fn by_all(near: &[u128], far: &[u128], new: &[bool], minimum: u64) -> Vec<Said> {
    let wanted = wanted(far, new);
    let marked = |(subject, (near, far)): (u32, (&u128, &u128))| {
        let is_wanted = match (*near, *far) {
            (0, 0) => false,
            (_, 0) => true,
            (_, far) => wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&half(far)).is_ok()),
        };
        is_wanted.then_some((half(*far), *near, subject))
    };
    let mut people: Vec<Marked> = (0_u32..).zip(near.iter().zip(far)).filter_map(marked).collect();
    people.par_sort_unstable();
    let far_of = |(_, _, subject): &Marked| far.get(at(*subject)).copied().unwrap_or(0);
    let mut said: Vec<(u128, u32, Option<u32>)> = Vec::new();
    for alike in people.chunk_by(|left, right| far_of(left) == far_of(right)) {
        match alike.first().map(far_of) {
            None => {}
            Some(0) => said.extend(alike.iter().map(|(_, near, subject)| (*near, *subject, None))),
            Some(_) => of_one_far_mark(alike, minimum, &mut said),
        }
    }
    said.par_sort_unstable();
    let same = said.chunk_by(|(left, ..), (right, ..)| left == right);
    let all = same.filter_map(|same| {
        let (_, of, beside) = *same.first()?;
        Some(Said { of, beside, people: u64::try_from(same.len()).unwrap_or(u64::MAX) })
    });
    let mut all: Vec<Said> = all.collect();
    all.sort_unstable_by_key(|said| (Reverse(said.people), said.of, said.beside));
    all.truncate(FORMS);
    all
}

/// The far marks of new people, ascending; `None` where these are so many that looking for them is in vain.
fn wanted(far: &[u128], new: &[bool]) -> Option<Vec<u64>> {
    let people = new.iter().filter(|new| **new).count();
    if people >= far.len() >> 2 {
        return None;
    }
    let mut wanted: Vec<u64> =
        far.iter().zip(new).filter(|(far, new)| **new && **far != 0).map(|(far, _)| half(*far)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    Some(wanted)
}

/// What is said of people with one far mark, in the order of their near ones.
fn of_one_far_mark(alike: &[Marked], minimum: u64, said: &mut Vec<(u128, u32, Option<u32>)>) {
    let groups = || alike.chunk_by(|(_, left, _), (_, right, _)| left == right);
    let largest = groups().max_by_key(|group| group.len()).unwrap_or_default();
    let Some((_, near, example)) = largest.first().copied() else { return };
    if largest.len() == alike.len() {
        return;
    }
    // A small combination is zero for each of so many.
    if u64::try_from(largest.len()).is_ok_and(|people| people >= minimum) {
        let others = alike.iter().filter(|(_, other, _)| *other != near);
        said.extend(others.map(|(_, other, subject)| difference((*other, *subject), (near, example))));
        return;
    }
    // Each of the first half with one of the second: people of the same near part stand together.
    let half = alike.len().div_ceil(2);
    for ((_, one, of), (_, other, beside)) in alike.iter().zip(alike.iter().skip(half)) {
        if one != other {
            said.push(difference((*one, *of), (*other, *beside)));
        }
    }
}

/// By how much one person's near part differs from another one's; the sign means nothing.
fn difference((near, of): (u128, u32), (other, beside): (u128, u32)) -> (u128, u32, Option<u32>) {
    let (less, more) = (near.wrapping_sub(other), other.wrapping_sub(near));
    (less.min(more), of, Some(beside))
}

/// Enough of a mark to sort by.
fn half(mark: u128) -> u64 {
    u64::try_from(mark >> 64).unwrap_or(0)
}
