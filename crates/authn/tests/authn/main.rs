//! Whether tokens are accepted exactly when they should be, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

mod claims;
mod discovery;
mod forge;
mod issuer;
mod mutation;
mod refresh;
mod tokens;
