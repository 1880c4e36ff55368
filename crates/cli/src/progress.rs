//! A line that shows how far a job is, while a person waits at a terminal.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use sekisho_client::render::escaped;
use sekisho_client::{State, v1};
use tokio::time::{Instant, interval};

use crate::output::Output;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME: Duration = Duration::from_millis(100);
/// Back to the first column, and clear the line.
const CLEAR: &str = "\r\u{1b}[K";

/// What is being waited for.
pub(crate) struct Progress(RefCell<String>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(RefCell::new("connecting".to_owned()))
    }

    /// Shows the state of a job from now on.
    pub(crate) fn show(&self, job: &v1::Job) {
        let state = State::of_job(job).map_or("unknown", State::as_str);
        self.0.replace(format!("{state}  {}", escaped(&job.name)));
    }

    /// Waits, drawing the line if there is a terminal to draw on.
    pub(crate) async fn during<T>(&self, out: &mut Output, work: impl Future<Output = T>) -> T {
        if !out.stderr.terminal {
            return work.await;
        }
        let mut work = pin!(work);
        let start = Instant::now();
        let mut frames = FRAMES.iter().cycle();
        let mut ticks = interval(FRAME);
        loop {
            tokio::select! {
                done = &mut work => {
                    out.note(CLEAR);
                    return done;
                }
                _ = ticks.tick() => {
                    let frame = frames.next().copied().unwrap_or_default();
                    let seconds = start.elapsed().as_secs();
                    let line = format!("{frame} {}  {seconds} s", self.0.borrow());
                    // A line that wraps could not be cleared.
                    let room = out.stderr.width.map_or(usize::MAX, |width| usize::from(width.saturating_sub(1)));
                    let line: String = line.chars().take(room).collect();
                    out.note(&format!("{CLEAR}{line}"));
                }
            }
        }
    }
}
