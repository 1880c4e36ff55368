//! Who may do what, through the public API and with real tokens.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod committed;
mod logs;
mod people;
mod permits;
