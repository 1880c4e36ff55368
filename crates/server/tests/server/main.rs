//! The real program, `sekishod`, as its callers, its operator and its attackers meet it.
//!
//! Each test has a state directory of its own, a copy of one that was prepared once, and ends only the
//! processes that it started.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests stop where a test would"
)]

mod budget;
mod canary;
mod consent;
mod crash;
mod full;
mod jobs;
mod leavers;
mod rejudge;
mod support;
mod tokens;
