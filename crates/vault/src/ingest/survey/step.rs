//! Which of the numbers 1, 2, 5 × 10ⁿ cuts a range into few enough classes.

use sekisho_model::Step;

use super::spread::Range;

/// Most classes between the two ends of the range.
pub(super) const CLASSES: u8 = 100;

/// The largest power of ten of a step of doubles; the smallest is its negative. More would not fit
/// what a step is stored in.
const MAX_POWER: i32 = 37;

/// The step of integers, or of decimals with `scale` digits behind the point, over a range in units of
/// the last digit. It is not finer than that digit.
pub(super) fn of_decimals(range: Range, scale: u8) -> Option<Step> {
    let width = u32::try_from(range.width).ok()?;
    let range = 1_u128.checked_shl(width)?.checked_mul(range.count)?;
    let least = range.div_ceil(u128::from(CLASSES));
    let mut power = 1_u128;
    loop {
        for digit in [1, 2, 5] {
            let step = power.checked_mul(digit)?;
            if step >= least {
                return Step::decimal(i128::try_from(step).ok()?, scale);
            }
        }
        power = power.checked_mul(10)?;
    }
}

/// The step of doubles; `None` where it would have more than 38 digits before or behind its point.
pub(super) fn of_doubles(range: Range) -> Option<Step> {
    // The shortest decimal text of a double tells it from all others, so no power is off by one.
    let text = format!("{:e}", double(range));
    let (mantissa, power) = text.split_once('e')?;
    let (mantissa, power) = (mantissa.parse::<f64>().ok()?, power.parse::<i32>().ok()? - 2);
    let (digit, power) = match [1_u8, 2, 5].into_iter().find(|digit| mantissa <= f64::from(*digit)) {
        Some(digit) => (digit, power),
        None => (1, power + 1),
    };
    if power.abs() > MAX_POWER {
        return None;
    }
    match u32::try_from(power) {
        Ok(power) => Step::decimal(i128::from(digit) * 10_i128.checked_pow(power)?, 0),
        Err(_) => Step::decimal(digit.into(), u8::try_from(power.abs()).ok()?),
    }
}

/// The range as a double: exactly, if it takes no more digits than one has; else the next larger one.
/// An infinite one where it is too large.
fn double(range: Range) -> f64 {
    let Range { mut count, mut width } = range;
    while count >= 1 << f64::MANTISSA_DIGITS {
        (count, width) = (count.div_ceil(2), width + 1);
    }
    let half = |half: u128| u32::try_from(half & u128::from(u32::MAX)).map_or(0.0, f64::from);
    let mut value = half(count >> 32) * 4_294_967_296.0 + half(count);
    // Each of these is exact, until nothing or infinity is left.
    for _ in 0..width.unsigned_abs() {
        value *= if width > 0 { 2.0 } else { 0.5 };
    }
    value
}
