//! Answers on the analyst's machine what the checkpoint would do with an analysis, by the crates of the enclave.
//!
//! The records are those of a *twin* of the project, or of files that the analyst has. A twin is made up: it has
//! the project's tables, columns, code tables and rules, and each column is drawn by itself from statistics that
//! ordinary jobs of the analyst released. This crate never sees anything else of the enclave, so that no person is
//! in a twin; it never sends a record anywhere, and what it computes is no release: nothing is charged or logged.
//!
//! Reading order: what a project is ([`catalogue`]), what is asked of it ([`ask`]), how records are drawn from the
//! answers ([`draw`], [`random`]) and written with their [`manifest`] ([`folder`]), and how an analysis is judged
//! on them ([`local`]).

mod catalogue;
mod error;

mod ask;
mod draw;
mod folder;
mod manifest;
mod random;

mod local;

pub use error::{Error, Result};
pub use folder::{Made, Order, make};
pub use local::{Judged, Records, check};
