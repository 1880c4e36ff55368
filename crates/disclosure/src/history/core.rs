//! Which released sums read what everybody has: sex, age or place, as against a diagnosis.
//!
//! Some people are in few sums: they have no diagnosis that anybody asked for. The sums that they are in are the
//! core. A new sum can mostly be judged by its people together with the core alone; which sums those are is a
//! guess that saves work, and no verdict is less strict for it.

use super::Entry;
use super::marks::Marks;
use crate::evidence::Evidence;

/// People in few sums who are looked for in others.
const DELEGATES: usize = 4096;
/// The delegates are chosen anew when there are an eighth more sums than then, and so many.
const MORE: usize = 16;

/// The core of a ledger.
#[derive(Default)]
pub(super) struct Core {
    /// By dense id.
    delegates: Vec<bool>,
    /// By the place of the sum.
    sums: Vec<bool>,
    /// With so many sums the delegates are chosen anew.
    next: usize,
}

impl Core {
    /// Takes in the latest entry.
    pub(super) fn note(&mut self, entries: &[Entry], marks: &Marks) {
        if entries.len() < self.next {
            self.sums.extend(entries.last().map(|entry| self.has(&entry.evidence)));
            return;
        }
        self.delegates = delegates(marks.sums_of_people());
        self.sums = entries.iter().map(|entry| self.has(&entry.evidence)).collect();
        self.next = entries.len().saturating_add(entries.len() >> 3).saturating_add(MORE);
    }

    /// Whether the sum at a place is of the core.
    pub(super) fn contains(&self, place: usize) -> bool {
        self.sums.get(place).is_some_and(|core| *core)
    }

    fn has(&self, sum: &Evidence) -> bool {
        let is_delegate = |subject: &u32| {
            usize::try_from(*subject).is_ok_and(|at| self.delegates.get(at).is_some_and(|yes| *yes))
        };
        sum.subjects().iter().any(is_delegate)
    }

    pub(super) fn heap_size(&self) -> usize {
        self.delegates.capacity().saturating_add(self.sums.capacity())
    }
}

/// Those in the fewest sums, evenly spread.
fn delegates(sums_of_people: &[u32]) -> Vec<bool> {
    let mut numbers: Vec<u32> = sums_of_people.iter().copied().filter(|sums| *sums > 0).collect();
    let place = DELEGATES.min(numbers.len()).saturating_sub(1);
    if numbers.is_empty() {
        return Vec::new();
    }
    let (_, most, _) = numbers.select_nth_unstable(place);
    let most = *most;
    let few = |sums: &u32| *sums > 0 && *sums <= most;
    let all = sums_of_people.iter().filter(|sums| few(sums)).count();
    let step = all.checked_div(DELEGATES).unwrap_or(1).max(1);
    let mut number = 0_usize;
    let chosen = sums_of_people.iter().map(|sums| {
        number = number.saturating_add(usize::from(few(sums)));
        few(sums) && number.is_multiple_of(step)
    });
    chosen.collect()
}
