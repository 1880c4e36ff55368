//! The words of the domain: what a dataset, a project, a job and a refusal are.
//!
//! This crate never does I/O, never reads a clock and never serialises: a type that crosses a
//! process boundary has its own form in `wire`, `store` or `vault`.

mod analysis;
mod coarse;
mod dataset;
mod id;
mod job;
mod limits;
mod project;
mod refusal;
mod statement;
mod step;
mod time;

pub use analysis::{Analysis, AnalysisError, CodeList, Date, Finite, ListName, Parameter};
pub use coarse::{GeographyLevel, Rounding, SmallChange};
pub use dataset::{Column, ColumnClass, ColumnType, Dataset, Population, Table, TableKind};
pub use id::{DatasetId, Digest, IdError, JobId, JobName, ProjectId, SnapshotId};
pub use job::JobState;
pub use limits::Limits;
pub use project::{Hold, People, Project, SnapshotPin, Stricter, TableGrant};
pub use refusal::{Code, CodeKind, Position, Refusal};
pub use statement::{Statement, StatementName, StatementNameError};
pub use step::{DateGrain, Isolating, Step};
pub use time::{Clock, Timestamp};
