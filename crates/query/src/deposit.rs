//! Where aggregates of ours leave what they gathered: the engine carries tickets, and nothing is copied.
//!
//! What lies here is charged to the job's memory until the reservation is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::{ArrayRef, AsArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::disclosure::{Tally, ValueTally};
use crate::gather::Gathered;
use crate::{tally, values};

/// The type of a ticket in a plan.
pub(crate) const TICKET: DataType = DataType::UInt64;

/// Tickets are given once in the life of a process, so that those of several aggregates may be mixed.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What one aggregate gathered and nobody took yet. Clones share it.
pub(crate) struct Deposit<T>(Arc<Mutex<Place<T>>>);

struct Place<T> {
    gathered: BTreeMap<u64, T>,
    reservation: Option<MemoryReservation>,
}

impl<T: Gathered> Deposit<T> {
    /// Bytes of what lies here, besides those on the heap: itself and its ticket, in a tree that is two thirds full.
    const PLACE: usize = (size_of::<T>() + size_of::<u64>()) * 3 / 2;

    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Place { gathered: BTreeMap::new(), reservation: None })))
    }

    /// Charges what will lie here to a job's memory.
    pub(crate) fn charge(&self, pool: &Arc<dyn MemoryPool>) {
        self.lock().reservation = Some(MemoryConsumer::new("evidence").register(pool));
    }

    /// Leaves things; one ticket for each.
    pub(crate) fn leave(&self, gathered: impl IntoIterator<Item = T>) -> ArrayRef {
        let mut place = self.lock();
        let tickets = gathered.into_iter().map(|gathered| {
            let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
            // Not a request that may fail: the aggregate was granted these bytes, and gives them up now.
            if let Some(reservation) = &mut place.reservation {
                reservation.grow(gathered.heap_size() + Self::PLACE);
            }
            place.gathered.insert(ticket, gathered);
            ticket
        });
        Arc::new(UInt64Array::from_iter_values(tickets))
    }

    /// Takes what the tickets in a column stand for; a NULL stands for nothing.
    pub(crate) fn take(&self, tickets: &ArrayRef) -> Result<Vec<Option<T>>> {
        take(std::slice::from_ref(self), tickets)
    }

    /// The charge for all that was left here.
    pub(crate) fn take_reservation(&self) -> Option<MemoryReservation> {
        self.lock().reservation.take()
    }

    fn lock(&self) -> MutexGuard<'_, Place<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The deposits of all aggregates in a plan. Tickets are unique, so a column need not be told apart.
pub(crate) struct Deposits {
    tallies: Vec<Deposit<Tally>>,
    values: Vec<Deposit<ValueTally>>,
}

impl Deposits {
    /// Those of the aggregates in a plan.
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Self> {
        let (mut tallies, mut single_values) = (Vec::new(), Vec::new());
        plan.apply(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    if let Expr::AggregateFunction(call) = expr {
                        tallies.extend(tally::deposit(&call.func).cloned());
                        single_values.extend(values::deposit(&call.func).cloned());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(Self { tallies, values: single_values })
    }

    /// Charges what will be left to a job's memory.
    pub(crate) fn charge(&self, pool: &Arc<dyn MemoryPool>) {
        self.tallies.iter().for_each(|deposit| deposit.charge(pool));
        self.values.iter().for_each(|deposit| deposit.charge(pool));
    }

    /// Takes the tallies of a column; a NULL stands for none.
    pub(crate) fn tallies(&self, tickets: &ArrayRef) -> Result<Vec<Option<Tally>>> {
        take(&self.tallies, tickets)
    }

    /// Takes the single values of a column; a NULL stands for none.
    pub(crate) fn values(&self, tickets: &ArrayRef) -> Result<Vec<Option<ValueTally>>> {
        take(&self.values, tickets)
    }

    /// The charges, to be kept as long as what was taken.
    pub(crate) fn into_reservations(self) -> Vec<MemoryReservation> {
        let tallies = self.tallies.iter().filter_map(Deposit::take_reservation);
        tallies.chain(self.values.iter().filter_map(Deposit::take_reservation)).collect()
    }
}

fn take<T: Gathered>(deposits: &[Deposit<T>], tickets: &ArrayRef) -> Result<Vec<Option<T>>> {
    let Some(tickets) = tickets.as_primitive_opt::<UInt64Type>() else {
        return Err(DataFusionError::Execution("a ticket is a number".into()));
    };
    let unknown = || DataFusionError::Execution("nothing was left for a ticket".into());
    let found = |ticket| deposits.iter().find_map(|deposit| deposit.lock().gathered.remove(&ticket));
    let taken = |ticket: Option<u64>| match ticket {
        Some(ticket) => found(ticket).map(Some).ok_or_else(unknown),
        None => Ok(None),
    };
    tickets.iter().map(taken).collect()
}

impl<T> Clone for Deposit<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Deposit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deposit(..)")
    }
}

/// Two deposits are equal if they are one.
impl<T> PartialEq for Deposit<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Deposit<T> {}

impl<T> Hash for Deposit<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::UnboundedMemoryPool;

    use super::*;

    #[test]
    fn what_lies_here_is_charged_with_the_place_that_it_takes() {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let deposit = Deposit::new();
        deposit.charge(&pool);
        // Groups of one person each: nearly all that they take is their place.
        let tally = |subject| {
            let mut tally = Tally::new();
            tally.add_one(subject);
            tally
        };
        let tallies: Vec<Tally> = (0..1000).map(tally).collect();
        let heap: usize = tallies.iter().map(Tally::heap_size).sum();
        let tickets = deposit.leave(tallies);
        let expected = heap + 1000 * size_of::<Tally>();
        assert!((expected..3 * expected).contains(&pool.reserved()), "{} {expected}", pool.reserved());
        // It stays charged until the evidence that was made of it is no longer there.
        let charge = deposit.take_reservation();
        assert_eq!(deposit.take(&tickets).unwrap().len(), 1000);
        assert!(pool.reserved() >= expected);
        drop(charge);
        assert_eq!(pool.reserved(), 0);
    }
}
