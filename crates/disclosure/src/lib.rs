//! The checkpoint: which numbers of an analysis may leave, and the only way out for them.
//!
//! Cells with the evidence behind them go in ([`Unreleased`]); every cell is judged by the rules of a
//! [`Profile`], then all cells of a release together; what comes out ([`Checked`]) holds released values
//! only. The public half of the plan computes the result from those, and the result is closed
//! ([`Released`]): the compiler lets nothing else leave.
//!
//! This crate never does I/O (a folder of profiles at the start excepted), never reads a clock, never
//! logs, and never puts a count, a label or a reason into an error. Its rules compute with exact integers
//! and fail closed: what overflows is withheld. No result depends on the order of rows.
//!
//! Read it in this order:
//!
//! 1. `evidence`, `values`, `statistic`, `estimator`, `unreleased`: what is known of a cell;
//! 2. `profile`: what a custodian demands;
//! 3. `rules`: whether a cell may be shown, by itself, with `exact` and `moments` for the arithmetic;
//! 4. `suppression`: what must be withheld so that others stay hidden;
//! 5. `history`: what was released before, which no longer can be withheld;
//! 6. `budget`: how close everything together comes to one person's value;
//! 7. `checked`: the verdict, and the values that remain, with `rounding` for how they are shown;
//! 8. `released`: the way out;
//! 9. `rejudge`: what another profile says of what was released.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::disallowed_types,
        clippy::float_cmp
    )
)]

mod error;
mod evidence;
mod values;

mod estimator;
mod statistic;
mod unreleased;

mod profile;

mod exact;
mod moments;
mod rules;

mod budget;
mod rounding;

mod history;
mod suppression;

mod checked;

mod rejudge;
mod released;

#[cfg(test)]
mod replay;
#[cfg(test)]
mod testing;

pub use budget::Usage;
pub use checked::{Checked, CheckedTable, Finding, check};
pub use error::Error;
pub use estimator::{Estimator, MOST_COLUMNS, Method};
pub use evidence::{Amounts, AmountsIter, Contributions, Evidence, Populations, Scale, Tally, UnitKind};
pub use history::{Earlier, Ledger, LedgerKey, Page};
pub use profile::{Expressions, Extremes, Profile, Profiles};
pub use rejudge::{Rejudged, Rejudging};
pub use released::{Held, Outcome, PublicHalf, Released, Role, SealError, SealKey, Sealed, Table};
pub use rounding::RoundingKey;
pub use rules::{Reason, RuleClass, judge_sum};
pub use statistic::{Fraction, RegressionFunction, StatisticKind};
pub use unreleased::{
    Attribute, Branch, CellTable, Frame, Frames, KeyColumn, Parent, Part, StatisticColumn, Telling,
    Unreleased, ValueColumn, Zero,
};
pub use values::{ValueTally, Values};
