//! `sekishod`: the adapters, TLS, configuration and operator's commands around the service.
//!
//! An adapter only decodes, calls `service`, encodes, and maps errors: it never decides anything. What
//! answers a call with data takes a `disclosure::Released`, and there is no other way out.

pub mod bench;
pub mod commands;
pub mod config;
pub mod demo;
pub mod serve;

mod clock;
mod files;
mod grpc;
mod say;
mod state;
mod tls;

pub use clock::SystemClock;
pub use state::{InUse, State, open_service};

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
