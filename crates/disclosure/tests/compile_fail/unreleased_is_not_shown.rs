//! `Unreleased` has no text, and what is in it is not reached.

fn show(unreleased: &sekisho_disclosure::Unreleased) -> String {
    unreleased.to_string()
}

fn reach(unreleased: &sekisho_disclosure::Unreleased) -> usize {
    unreleased.tables.len()
}

fn main() {}
