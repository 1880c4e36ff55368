//! What the benches of the ledger share: numbers as if by chance, who has a code, and the time of processors.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::Duration;

/// Prefectures, the first ones with most people.
pub(crate) const PREFECTURES: u32 = 47;
/// Bands of five years of age.
pub(crate) const BANDS: u32 = 21;
/// Years of a first record.
pub(crate) const YEARS: u32 = 10;

/// The numbers of a variable `SEKISHO_BENCH_NAME` of the environment.
pub(crate) fn setting(name: &str, default: &str) -> Vec<u32> {
    let text = std::env::var(format!("SEKISHO_BENCH_{name}")).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.parse().unwrap()).collect()
}

/// A number that follows from two others as if by chance.
pub(crate) fn mixed(left: u32, right: u32) -> u32 {
    let mut value = u64::from(left) << 32 | u64::from(right);
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        value = (value ^ value >> 33).wrapping_mul(factor);
    }
    u32::try_from(value >> 33).unwrap()
}

/// A number from 0 up to 1.
pub(crate) fn share(left: u32, right: u32) -> f64 {
    f64::from(mixed(left, right)) / f64::from(1_u32 << 31)
}

/// One below `most`, the first ones far more often.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below `most`")]
pub(crate) fn skewed(share: f64, most: u32) -> u32 {
    (share.powi(3) * f64::from(most)) as u32
}

/// The prefecture of a person, more often one of many people.
pub(crate) fn prefecture(subject: u32) -> u32 {
    skewed(0.2 + 0.8 * share(subject, 3), PREFECTURES)
}

/// A part of all people who have a code, ascending.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a thousand million")]
pub(crate) fn having(code: u32, part: f64, all: u32) -> impl Iterator<Item = u32> {
    // Whoever has it is so many people further on.
    let gap = move |draw: u32| (share(draw, 100 + code).ln() / (1.0 - part).ln()).min(1e9) as u32;
    let mut draws = 0_u32..;
    let places = std::iter::from_fn(move || Some(1 + gap(draws.next()?)));
    places.scan(0_u32, move |place, gap| {
        *place += gap;
        (*place <= all).then_some(*place - 1)
    })
}

/// How long this process has been computing, in all its threads: other work of the machine does not count.
pub(crate) fn computed() -> Duration {
    let mut spent = Duration::ZERO;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        spent += Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap());
    }
    spent
}
