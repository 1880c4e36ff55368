//! Branches: withheld where a FILTER or CASE branch, or its complement in the group, holds
//! 1 … minimum − 1 people.
//!
//! A sum over a branch is a cell of its own, and so is what is left of the group without it: whoever
//! knows the one learns of the other.

use super::threshold;

/// Whether a branch separates too few people, on either side.
pub(super) fn fails(inside: u64, outside: u64, minimum: u32) -> bool {
    threshold::fails(inside, minimum) || threshold::fails(outside, minimum)
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn both_sides_of_a_branch_need_the_minimum_or_nobody() {
        let cases = [
            ((0, 500), false),
            ((1, 499), true),
            ((9, 491), true),
            ((10, 490), false),
            ((490, 10), false),
            ((491, 9), true),
            ((500, 0), false),
        ];
        for ((inside, outside), withheld) in cases {
            assert_eq!(fails(inside, outside, 10), withheld, "{inside} {outside}");
        }
    }
}
