//! The vault through its public interface: what goes in, what lies on the disk, what comes out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and their helpers may fail loudly"
)]

mod at_rest;
mod bad_rows;
mod canary;
mod consent;
mod crash;
mod demo;
mod isolating;
mod layout;
mod support;
