//! Any bytes as the text of an analysis.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| sekisho_fuzz::sql_text(text));
