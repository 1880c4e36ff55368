//! An outcome as people and tools read it: tables, CSV, JSON, Arrow, and refusals with a caret.
//!
//! Nothing here writes anywhere; every function answers text or bytes. Text that came from the server or
//! from a result never reaches a terminal unescaped.

pub mod arrow;
pub mod csv;
pub mod json;

mod footer;
mod grid;
mod problem;
mod table;
mod text;

pub use footer::{ABSENT, EARLIER, facts, summary};
pub use grid::Grid;
pub use problem::problem;
pub use table::table;
pub use text::escaped;

/// What the output may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    /// A person reads it in a terminal: lines may be drawn with box characters.
    pub terminal: bool,
    /// ANSI colours may be used.
    pub colour: bool,
    /// Columns of the terminal; without it nothing is wrapped.
    pub width: Option<u16>,
}

impl Look {
    /// Plain text without limit of width, for pipes and files.
    #[must_use]
    pub const fn plain() -> Self {
        Self { terminal: false, colour: false, width: None }
    }

    /// How a withheld cell is shown in a table.
    pub(crate) fn withheld(self) -> &'static str {
        if self.terminal { "▒▒" } else { "[withheld]" }
    }

    pub(crate) fn painted(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
