//! Answers whether an analysis is safe to plan, splits it at the checkpoint frontier, and runs the
//! confidential half instrumented.
//!
//! The crate never lets a record out: what it computes is [`disclosure::Unreleased`], and the public
//! half of a plan runs on released cells alone. It never decides whether a cell may leave, and its
//! errors and logs hold nothing that depends on a record.
//!
//! Reading order: the text ([`parse`]) with its [`parameters`] becomes the engine's plan over the granted
//! tables ([`catalog`]) and the code [`lists`] of the analysis, is lowered ([`lower`]) into an algebra that
//! can only express what is safe ([`algebra`]), from which the plan that runs is generated ([`generate`])
//! with expressions that cannot fail ([`total`]) and aggregates that keep count of people ([`tally`]).

mod lists;
mod parameters;
mod parse;
mod position;

mod catalog;
mod estimates;
mod functions;
mod items;
mod summaries;

mod algebra;
mod lower;

mod cells;
mod deposit;
mod gather;
mod generate;
mod inhabitants;
mod tally;
mod total;
mod values;

mod baseline;
mod cell_table;
mod clustered;
mod coded;
mod cooperate;
mod cost;
mod everybody;
mod execute;
mod frames;
mod freeze;
mod plan;
mod public;
mod scan;
mod tables;
mod zeros;

pub use cost::{Cost, attributes};
pub use execute::{Engine, Failure};
pub use functions::{aggregate_functions, allowed_functions, window_functions};
pub use plan::{Judged, Plan, View, judge, plan};
pub use public::PublicRun;

use sekisho_disclosure as disclosure;
use sekisho_model as model;
use sekisho_vault as vault;
