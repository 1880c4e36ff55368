//! Zeros: withheld where N = 0 and the profile says that zeros are disclosive.
//!
//! Source: the NDB guideline allows zeros; ACRO (`zeros_are_disclosive`) and UK LLC do not. A key that
//! exists only because of data is never shown for nobody, whatever the profile: see `checked`.

use crate::profile::Zeros;

/// Whether a number over `people` must not be shown for being over nobody.
pub(super) fn fails(people: u64, zeros: Zeros) -> bool {
    match zeros {
        Zeros::Allowed => false,
        Zeros::Withheld => people == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nobody_is_a_zero() {
        assert!(fails(0, Zeros::Withheld));
        assert!(!fails(1, Zeros::Withheld));
        assert!(!fails(0, Zeros::Allowed));
    }
}
