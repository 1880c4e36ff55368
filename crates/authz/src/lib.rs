//! May they: answers whether a person may do one thing to one project or job.
//!
//! The operator's project files say who belongs to a project; everything else follows from that
//! and is decided in one function, [`Projects::permit`]. This crate never decides who somebody is
//! (crate `authn` does), never looks at data or at what a query asks for, and never tells a caller
//! why something was denied: what is not there and what is not theirs look the same.
//!
//! **Invariant:** only [`Projects::permit`], [`Projects::permit_accepted`] and [`Projects::visible`] make a
//! [`Permit`].

mod error;
mod permit;
mod projects;

pub use error::Error;
pub use permit::{Action, Denied, Permit, Resource, Rule};
pub use projects::{Projects, render};
