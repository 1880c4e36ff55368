//! Standard output for results, standard error for everything else, and what each of them can show.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};

use sekisho_client::render::{Look, json};
use sekisho_client::{Error, Problem, Result, codes};
use serde::Serialize;
use terminal_size::{Width, terminal_size_of};

/// The two streams of the process.
pub(crate) struct Output {
    pub(crate) stdout: Look,
    pub(crate) stderr: Look,
}

impl Output {
    pub(crate) fn of_process() -> Self {
        let width = |size: Option<(Width, terminal_size::Height)>| size.map(|(Width(width), _)| width);
        Self {
            stdout: look(io::stdout().is_terminal(), width(terminal_size_of(io::stdout()))),
            stderr: look(io::stderr().is_terminal(), width(terminal_size_of(io::stderr()))),
        }
    }

    /// Writes a part of the result. A reader that went away ends the writing quietly.
    pub(crate) fn result(&mut self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::Failed(Problem::new(codes::INTERNAL, format!("cannot write the output: {error}"))))
            }
            _ => Ok(()),
        }
    }

    /// The same with a line end.
    pub(crate) fn result_line(&mut self, line: &str) -> Result<()> {
        self.result(format!("{line}\n").as_bytes())
    }

    /// A listing as JSON, one element a line.
    pub(crate) fn listing(&mut self, value: &impl Serialize) -> Result<()> {
        self.result_line(&json::listed(value))
    }

    /// Writes to standard error. Nobody can be told if that fails.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

fn look(terminal: bool, width: Option<u16>) -> Look {
    let able = terminal && env::var_os("TERM").is_none_or(|term| term != "dumb");
    let colour = able && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Look { terminal: able, colour, width: if terminal { width } else { None } }
}
