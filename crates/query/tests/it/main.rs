//! Judges and runs whole analyses over real snapshots, through the crate's public functions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop where a test would"
)]

mod attacks;
mod canary;
mod domains;
mod encodings;
mod estimates;
mod exact;
mod exhaustive;
mod fixture;
mod fuzz;
mod given;
mod hostile;
mod idioms;
mod leavers;
mod partial;
mod partitions;
mod places;
mod random;
mod reconstruction;
mod refusals;
mod results;
mod scrutiny;
mod summaries;
mod surface;
mod units;
mod words;
mod zeros;
