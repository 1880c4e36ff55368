//! p%: withheld where X − x₁ − x₂ < p·x₁.
//!
//! The second largest contributor, who knows their own x₂, could then work out x₁ from the sum to within
//! p. Source: Handbook on Statistical Disclosure Control, 4.2.2; ACRO `safe_pratio_p`.

use super::Spread;

/// Whether the rest of the sum hides its largest contribution too little; `permille` is p.
pub(super) fn fails(spread: Spread, permille: u32) -> bool {
    if permille == 0 {
        return false;
    }
    let Spread { largest, second, absolute } = spread;
    let rest = absolute.and_then(|sum| sum.checked_sub(largest)?.checked_sub(second)?.checked_mul(1000));
    let needed = largest.checked_mul(u128::from(permille));
    match (rest, needed) {
        (Some(rest), Some(needed)) => rest < needed,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(contributions: &[u128], permille: u32) -> bool {
        fails(contributions.iter().fold(Spread::NOBODY, |spread, size| spread.with(*size)), permille)
    }

    #[test]
    fn a_rest_of_exactly_p_hides_the_largest() {
        assert!(!bounded(&[100, 80, 10], 100));
        assert!(bounded(&[100, 80, 9], 100));
        assert!(!bounded(&[100, 80, 11], 100));
    }

    #[test]
    fn a_sum_of_two_people_is_always_bounded() {
        assert!(bounded(&[100, 100], 1));
        assert!(!bounded(&[100, 100], 0));
        assert!(!bounded(&[0, 0], 100));
    }

    #[test]
    fn overflow_is_withheld() {
        assert!(bounded(&[u128::MAX, 0], 100));
        assert!(fails(Spread { largest: 1, second: 0, absolute: None }, 100));
    }
}
