//! The whole enclave, as an analyst meets it: real data, a real server, the real client over TLS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests stop where a test would"
)]

mod answers;
mod given;
mod history;
mod plans;
mod readme;
mod reference;
mod refusals;
mod strangers;
mod twin;
