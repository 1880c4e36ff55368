//! Statements of any shape, as numbers decide.

#![no_main]

libfuzzer_sys::fuzz_target!(|genes: Vec<u32>| sekisho_fuzz::plan_shapes(&genes));
