//! How a model is fitted: numbers in, estimates out.
//!
//! This crate never sees a person, a cell or a rule, never does I/O and draws nothing at random. It does not decide
//! whether an estimate may be shown: `disclosure` does, from what is said here of how much single rows weigh.
//! The same rows in the same order give the same bits; whoever calls puts them in an order of their values.
//!
//! Linear algebra is `nalgebra`'s, distributions are `statrs`'; the tests compare with statsmodels, lifelines and R.

mod ascent;
mod cox;
mod distribution;
mod glm;
mod linear;
mod rounded;
mod rows;
mod survival;
mod table;
mod term;
mod weight;

pub use cox::cox;
pub use glm::{Family, glm};
pub use linear::{Moments, linear};
pub use rows::Rows;
pub use survival::{Comparison, Share, Step, kaplan_meier, log_rank};
pub use table::{Fourfold, Ratio, Samples, Test};
pub use term::{Fit, Term};
pub use weight::Weight;

/// A model has no estimate: its terms cannot be told apart, an outcome is separated by them, or nothing varies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unfitted;
