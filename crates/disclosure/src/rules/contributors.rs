//! Contributors: withheld where 0 < people with a non-zero contribution < minimum.
//!
//! Source: pg_diffix (low count of contributors); a hundred people may stand behind a sum to which one
//! of them gives everything. Negative contributions count like positive ones.

/// Whether a sum stands on too few `contributors`. A sum to which nobody gives anything is exact zero.
pub(super) fn fails(contributors: u64, minimum: u32) -> bool {
    0 < contributors && contributors < u64::from(minimum)
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn minimum_count_contributors_may_be_published() {
        assert_eq!([0, 1, 9, 10].map(|people| fails(people, 10)), [false, true, true, false]);
    }
}
