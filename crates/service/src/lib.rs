//! The path of a request, from a bearer token to a result that may leave.
//!
//! Every door (gRPC, later Flight SQL and WASM jobs) calls [`Service`], and every job runs through the
//! one function [`path::run`], whose body is the stages in their order. The service never decides
//! anything itself: it hands each stage's proof to the next, and writes down what was decided before
//! anyone is told.

mod budget;
mod calls;
mod earlier;
mod queue;

mod history;
mod path;
mod record;

mod problem;

pub use budget::{Budget, Spent};
pub use calls::{Catalog, Checked, CheckedStatement, JobView, Service, Stage};
pub use history::Histories;
pub use problem::{Problem, Result};
pub use queue::Capacity;
pub use sekisho_query::Cost;
