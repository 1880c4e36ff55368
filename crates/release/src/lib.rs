//! The state machine of a job and its release: which state may follow which, on whose word.
//!
//! This crate is pure: it never does I/O, never reads a clock and never decides what is released;
//! it only says what may come next, and under which name that goes into the log.

mod table;

pub use table::{Error, Event, Rule, TABLE, Who, diagram, rule, transition};
