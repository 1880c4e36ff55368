//! Whether most rows of a column hold a value that few people share.
//!
//! While there are few distinct values, all of them are counted. When there are more, a sample of the
//! *values* is: those whose hash begins with enough zeros, each with all of its rows and people. Which
//! values those are depends on the values alone.

use std::collections::HashMap;

use super::SHARED_BY;
use super::hash::{ByHash, hash};

/// Counts people and rows by value.
pub(super) struct Rare {
    most: usize,
    /// Zeros with which the hash of a value that is kept begins: one value in 2 to this is.
    zeros: u32,
    kept: HashMap<i128, Held, ByHash>,
    /// Rows that are not NULL, of values that are kept and that are not.
    rows: u64,
}

/// Who holds a value.
struct Held {
    rows: u64,
    /// People, counted up to [`SHARED_BY`].
    people: u8,
    last: u32,
}

impl Rare {
    /// Nothing yet; `most` distinct values are kept at most.
    pub(super) fn new(most: usize) -> Self {
        Self { most, zeros: 0, kept: HashMap::default(), rows: 0 }
    }

    /// Sees a value of a person. People come in order, the rows of one after those of the other.
    pub(super) fn see(&mut self, value: i128, subject: u32) {
        self.rows += 1;
        if !keeps(value, self.zeros) {
            return;
        }
        let held = self.kept.entry(value).or_insert(Held { rows: 0, people: 0, last: subject });
        held.rows += 1;
        if held.people == 0 || (held.last != subject && held.people < SHARED_BY) {
            held.people += 1;
        }
        held.last = subject;
        while self.kept.len() > self.most {
            self.zeros += 1;
            let zeros = self.zeros;
            self.kept.retain(|value, _| keeps(*value, zeros));
        }
    }

    /// Whether more than half of the rows hold a value of fewer than [`SHARED_BY`] people.
    ///
    /// Exact while all values are kept. Of a sample, the rows of rare values that are kept stand for
    /// 2^`zeros` times as many; common values enter through the exact number of rows only. With 65,536
    /// values kept, and rare ones of a few rows each, the share is known to about 0.5 %.
    pub(super) fn are_most(&self) -> bool {
        let rare = self.kept.values().filter(|held| held.people < SHARED_BY);
        let rare: u128 = rare.map(|held| u128::from(held.rows)).sum();
        let scaled = 1_u128.checked_shl(self.zeros + 1).and_then(|factor| rare.checked_mul(factor));
        scaled.is_none_or(|twice| twice > u128::from(self.rows))
    }

    /// Values that are kept now.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.kept.len()
    }
}

/// Whether a value is kept when hashes begin with this many zeros.
fn keeps(value: i128, zeros: u32) -> bool {
    zeros == 0 || hash(value).leading_zeros() >= zeros
}
