//! Text that cannot drive a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character moves the cursor, changes the terminal or reorders what stands beside it.
pub(crate) fn dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with control characters and bidirectional marks written out, such as `\n` and `\u{1b}`.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(dangerous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if dangerous(character) {
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_bidirectional_marks_are_written_out() {
        assert_eq!(escaped("肝臓 ok"), "肝臓 ok");
        assert_eq!(
            escaped("a\u{1b}[2Jb\n\u{9b}c\u{202e}d\u{7f}"),
            "a\\u{1b}[2Jb\\n\\u{9b}c\\u{202e}d\\u{7f}"
        );
    }
}
