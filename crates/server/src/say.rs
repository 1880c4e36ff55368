//! What a command answers its operator, on standard output.

/// Prints a line of a command's answer.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    // A reader that went away has no use for the rest.
    let _written = writeln!(std::io::stdout().lock(), "{line}");
}
