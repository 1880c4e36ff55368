//! Puts together what the divisions gathered of each cell, in as many threads as a job has.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use datafusion::common::{DataFusionError, Result};

use crate::disclosure::{Evidence, Tally, UnitKind, ValueTally, Values};
use crate::gather::Gathered;

/// Less than this, in bytes, is done before a thread has begun.
const WORTH_A_THREAD: usize = 1 << 20;

/// Something gathered that becomes evidence.
pub(crate) trait Freeze: Gathered + Sync {
    /// What the checkpoint reads.
    type Frozen: Send;

    /// The evidence, whose further units are of these kinds; of nobody where there was no record at all.
    fn frozen(gathered: Option<Self>, units: &[UnitKind]) -> Self::Frozen;
}

impl Freeze for Tally {
    type Frozen = Evidence;

    fn frozen(gathered: Option<Self>, units: &[UnitKind]) -> Evidence {
        gathered.map_or_else(Evidence::nobody, |tally| tally.freeze_as(units))
    }
}

impl Freeze for ValueTally {
    type Frozen = Values;

    fn frozen(gathered: Option<Self>, _units: &[UnitKind]) -> Values {
        gathered.map_or_else(Values::nobody, Self::freeze)
    }
}

/// The evidence of each cell, from what each division gathered of it, in the order of the divisions.
pub(crate) fn frozen<T: Freeze>(
    cells: Vec<Vec<T>>,
    units: &[UnitKind],
    threads: NonZeroUsize,
) -> Result<Vec<T::Frozen>> {
    let weight: usize = cells.iter().flatten().map(Gathered::heap_size).sum();
    let threads = threads.get().min(cells.len());
    if threads < 2 || weight < WORTH_A_THREAD {
        return Ok(cells.into_iter().map(|cell| put_together(cell, units)).collect());
    }
    let length = cells.len();
    let waiting = Mutex::new(cells.into_iter().enumerate());
    let work = || {
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let done = std::iter::from_fn(next).map(|(place, cell)| (place, put_together(cell, units)));
        done.collect::<Vec<_>>()
    };
    let mut done = Vec::with_capacity(length);
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in working {
            done.extend(thread.join().map_err(|_| DataFusionError::Execution("a thread stopped".into()))?);
        }
        Ok::<_, DataFusionError>(())
    })?;
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, frozen)| frozen).collect())
}

fn put_together<T: Freeze>(divisions: Vec<T>, units: &[UnitKind]) -> T::Frozen {
    let mut divisions = divisions.into_iter();
    let mut gathered = divisions.next();
    if let Some(cell) = &mut gathered {
        cell.make_room_for(divisions.as_slice());
        divisions.for_each(|division| cell.merge(division));
    }
    T::frozen(gathered, units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_put_the_same_together_in_the_same_order() {
        let cells = || -> Vec<Vec<Tally>> {
            let tally = |people: std::ops::Range<u32>| {
                let mut tally = Tally::new();
                people.for_each(|subject| tally.add_one(subject));
                tally
            };
            let cell = |cell: u32| match cell % 3 {
                0 => Vec::new(),
                1 => vec![tally(0..cell * 900)],
                _ => vec![tally(0..cell * 500), tally(cell * 500..cell * 1000)],
            };
            (0..40).map(cell).collect()
        };
        let weight: usize = cells().iter().flatten().map(Gathered::heap_size).sum();
        assert!(weight > WORTH_A_THREAD);
        let threads = |threads| frozen(cells(), &[], NonZeroUsize::new(threads).unwrap()).unwrap();
        let one = threads(1);
        assert_eq!(one.iter().map(Evidence::people).max(), Some(38_000));
        assert!(one == threads(3) && one == threads(64));
    }
}
