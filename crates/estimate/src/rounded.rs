//! Digits of what is estimated: as many as anybody compares.

/// Significant digits of an estimate, an error and a test.
const DIGITS: i32 = 9;

/// A number with as many significant digits.
pub(crate) fn shortened(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    // A text has the nearest decimal, and reads as the nearest double.
    let text = format!("{number:.*e}", usize::try_from(DIGITS - 1).unwrap_or_default());
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn nine_digits_are_left_whatever_the_size() {
        for (number, expected) in [
            (0.0, 0.0),
            (1.234_567_891_2, 1.234_567_89),
            (-9.999_999_999_9e-12, -1e-11),
            (12_345_678_912.0, 12_345_678_900.0),
            (-5e-324, -5e-324),
        ] {
            assert_eq!(shortened(number), expected);
        }
    }
}
