//! The Rust SDK: submits an analysis, follows it, and shows what the checkpoint let out.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sekisho_client::{Client, Document, Profile};
//!
//! let profile = Profile::load("analyst.toml".as_ref())?;
//! let mut client = Client::connect(&profile).await?;
//! let outcome = client.sql("ward", "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex").await?;
//! println!("{}", Document::of_outcome(&outcome)?.to_json_line());
//! # Ok(())
//! # }
//! ```
//!
//! This crate never talks to a server without TLS, never trusts a certificate authority but the profile's
//! for it (an issuer at which people sign in is known by the system's), never sends a token to another
//! server than the profile's, and never believes a result whose bytes differ from the digest that the server vouched for.

mod catalog;
mod connect;
mod document;
mod error;
mod exit;
mod jobs;
mod login;
mod parameter;
mod profile;
mod receipt;
pub mod render;
mod settings;
mod study;

pub use connect::Client;
pub use document::{
    Cell, Column, Cost, Document, Policy, Position, Problem, ReleaseRef, Row, State, Statement, Withheld,
    streams,
};
pub use error::{Error, Result, codes};
pub use exit::{Exit, exit_code};
pub use jobs::{Outcome, Submission, job_name};
pub use login::{Account, AsClient, Login, Prompt, SECRET_VARIABLE};
pub use parameter::Parameter;
pub use profile::{Credentials, Profile};
pub use receipt::{Receipt, Verified};
pub use sekisho_wire::{Timestamp, v1};
pub use settings::Settings;
pub use study::StudyPlan;
