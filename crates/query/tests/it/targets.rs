//! The crate of `fuzz/`: its targets do what the tests beside this file do over the seeds.

#![allow(dead_code, unused_imports, reason = "the tests use more of these modules than the targets do")]

mod fixture;
mod fuzz;
mod random;

use fuzz::{End, Fuzz};

/// Runs one input of `sql_text`; what is wrong is a panic.
pub fn sql_text(bytes: &[u8]) {
    once(|fuzz| fuzz.sql_text(bytes));
}

/// Runs one input of `plan_shapes`; what is wrong is a panic.
pub fn plan_shapes(genes: &[u32]) {
    once(|fuzz| fuzz.plan_shapes(genes));
}

/// The enclaves of this thread are made once.
fn once(run: impl FnOnce(&Fuzz) -> Result<End, String>) {
    thread_local!(static FUZZ: Fuzz = Fuzz::new());
    if let Err(wrong) = FUZZ.with(run) {
        panic!("{wrong}");
    }
}
