//! Which state of a job may follow which: one table, and the questions that are asked of it.

use std::fmt;
use std::fmt::Write as _;

use sekisho_model::JobState;

/// What happens to a job.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// The enclave takes the job in.
    Accept,
    /// A worker starts the confidential half.
    Start,
    /// The confidential half is done and the checkpoint judges.
    Check,
    /// The checkpoint lets the result out.
    Release,
    /// The checkpoint seals the result for a checker.
    Hold,
    /// The checkpoint will not run or release it.
    Refuse,
    /// A limit, or an error of ours.
    Fail,
    /// The caller takes the job back.
    Cancel,
    /// A restart found the job half done and puts it back into the queue.
    Resume,
}

impl Event {
    /// All events, in the order of the path.
    pub const ALL: [Self; 9] = [
        Self::Accept,
        Self::Start,
        Self::Check,
        Self::Release,
        Self::Hold,
        Self::Refuse,
        Self::Fail,
        Self::Cancel,
        Self::Resume,
    ];

    /// The event's name, a verb in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Start => "start",
            Self::Check => "check",
            Self::Release => "release",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On whose word a job moves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Who {
    /// Whoever submitted the job.
    Caller,
    /// The enclave itself: its workers, its checkpoint, its restart.
    Enclave,
}

impl Who {
    /// The name in the diagram.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Enclave => "enclave",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    /// The state before; `None` for a job that is not there yet.
    pub from: Option<JobState>,
    /// What happens.
    pub event: Event,
    /// The state after.
    pub to: JobState,
    /// On whose word.
    pub who: Who,
    /// The kind of the log entry that is written before the job moves.
    pub audit: &'static str,
}

const fn row(from: Option<JobState>, event: Event, to: JobState, who: Who, audit: &'static str) -> Rule {
    Rule { from, event, to, who, audit }
}

/// Every move that a job can make. What is not here cannot happen. Review adds its rows (from `held`)
/// at the end.
#[rustfmt::skip]
pub const TABLE: &[Rule] = {
    use Event as E;
    use JobState as S;
    use Who::{Caller, Enclave};
    &[
        //  from               event        to            who      audit
        row(None,              E::Accept,  S::Queued,    Caller,  "job.accepted"),
        row(Some(S::Queued),   E::Start,   S::Running,   Enclave, "job.started"),
        row(Some(S::Running),  E::Check,   S::Checking,  Enclave, "job.checking"),
        row(Some(S::Checking), E::Release, S::Released,  Enclave, "job.released"),
        row(Some(S::Checking), E::Hold,    S::Held,      Enclave, "job.held"),
        row(Some(S::Queued),   E::Refuse,  S::Refused,   Enclave, "job.refused"),
        row(Some(S::Running),  E::Refuse,  S::Refused,   Enclave, "job.refused"),
        row(Some(S::Checking), E::Refuse,  S::Refused,   Enclave, "job.refused"),
        row(Some(S::Queued),   E::Fail,    S::Failed,    Enclave, "job.failed"),
        row(Some(S::Running),  E::Fail,    S::Failed,    Enclave, "job.failed"),
        row(Some(S::Checking), E::Fail,    S::Failed,    Enclave, "job.failed"),
        row(Some(S::Queued),   E::Cancel,  S::Cancelled, Caller,  "job.cancelled"),
        row(Some(S::Running),  E::Cancel,  S::Cancelled, Caller,  "job.cancelled"),
        row(Some(S::Checking), E::Cancel,  S::Cancelled, Caller,  "job.cancelled"),
        row(Some(S::Running),  E::Resume,  S::Queued,    Enclave, "job.resumed"),
        row(Some(S::Checking), E::Resume,  S::Queued,    Enclave, "job.resumed"),
    ]
};

/// Why a job did not move.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The table has no such row.
    #[error("a job that is {} does not take `{event}`", from.map_or("new", JobState::as_str))]
    WrongState {
        /// The state that the job is in; `None` if it is not there yet.
        from: Option<JobState>,
        /// What was asked of it.
        event: Event,
    },
}

/// The row for this event in this state.
///
/// # Errors
///
/// [`Error::WrongState`] if the table has none.
pub fn rule(from: Option<JobState>, event: Event) -> Result<&'static Rule, Error> {
    TABLE
        .iter()
        .find(|rule| rule.from == from && rule.event == event)
        .ok_or(Error::WrongState { from, event })
}

/// The state that follows.
///
/// # Errors
///
/// [`Error::WrongState`] if the job cannot take this event in this state.
pub fn transition(from: JobState, event: Event) -> Result<JobState, Error> {
    rule(Some(from), event).map(|rule| rule.to)
}

/// The table as a Mermaid state diagram, for the documentation.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for rule in TABLE {
        let from = rule.from.map_or("[*]", JobState::as_str);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {from} --> {}: {} ({})", rule.to, rule.event, rule.who.as_str());
    }
    for state in JobState::ALL {
        if TABLE.iter().all(|rule| rule.from != Some(state)) {
            let _ = writeln!(text, "    {state} --> [*]");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line for each state, one column for each event in the order of `Event::ALL`.
    const TRUTH: &str = "\
from      accept   start    check    release  hold     refuse   fail     cancel    resume
new       queued   -        -        -        -        -        -        -         -
queued    -        running  -        -        -        refused  failed   cancelled -
running   -        -        checking -        -        refused  failed   cancelled queued
checking  -        -        -        released held     refused  failed   cancelled queued
released  -        -        -        -        -        -        -        -         -
held      -        -        -        -        -        -        -        -         -
refused   -        -        -        -        -        -        -        -         -
failed    -        -        -        -        -        -        -        -         -
cancelled -        -        -        -        -        -        -        -         -
";

    fn truth() -> String {
        let line = |cells: Vec<&str>| {
            let widths = [9, 8, 8, 8, 8, 8, 8, 8, 9, 0];
            let padded: Vec<String> =
                cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            padded.join(" ").trim_end().to_owned() + "\n"
        };
        let head = std::iter::once("from").chain(Event::ALL.map(Event::as_str)).collect();
        let states = std::iter::once(None).chain(JobState::ALL.map(Some));
        let rows = states.map(|from| {
            let cells = Event::ALL.map(|event| rule(from, event).map_or("-", |rule| rule.to.as_str()));
            line(std::iter::once(from.map_or("new", JobState::as_str)).chain(cells).collect())
        });
        line(head) + &rows.collect::<String>()
    }

    #[test]
    fn a_job_moves_only_as_the_truth_table_says() {
        assert_eq!(truth(), TRUTH);
    }

    #[test]
    fn each_move_stands_once_and_an_event_has_one_log_kind() {
        for (n, rule) in TABLE.iter().enumerate() {
            for other in &TABLE[n + 1..] {
                assert!((rule.from, rule.event) != (other.from, other.event), "{rule:?} stands twice");
                assert_eq!(rule.event == other.event, rule.audit == other.audit, "{rule:?} {other:?}");
            }
        }
    }

    #[test]
    fn only_a_checked_job_is_released_or_held() {
        for rule in TABLE {
            if matches!(rule.to, JobState::Released | JobState::Held) {
                assert_eq!(rule.from, Some(JobState::Checking));
            }
        }
    }

    #[test]
    fn every_unsettled_state_can_fail_and_be_cancelled_and_no_settled_one_can() {
        for state in JobState::ALL {
            assert_eq!(transition(state, Event::Fail).is_ok(), !state.settled(), "{state}");
            assert_eq!(transition(state, Event::Cancel).is_ok(), !state.settled(), "{state}");
        }
    }

    #[test]
    fn a_wrong_move_names_the_state_and_the_event() {
        let error = transition(JobState::Refused, Event::Release).unwrap_err();
        assert_eq!(error.to_string(), "a job that is refused does not take `release`");
    }

    #[test]
    fn the_diagram_has_an_arrow_for_each_row_and_an_end_for_each_last_state() {
        let diagram = diagram();
        assert!(diagram.starts_with("stateDiagram-v2\n    [*] --> queued: accept (caller)\n"));
        assert!(diagram.contains("    checking --> released: release (enclave)\n"));
        assert!(diagram.contains("    held --> [*]\n"));
        assert!(!diagram.contains("    running --> [*]\n"));
        assert_eq!(diagram.lines().count(), 1 + TABLE.len() + 5);
    }
}
