//! The conditions of an analysis, so that some of them can be left out.

use super::Frontier;

/// What it takes to say who would be on a side of a branch, were the conditions on some columns left out.
#[derive(Clone, Debug)]
pub(crate) struct Zeros {
    /// The records without the conditions that all of them fulfil, grouped by the keys and by each literal; `None`
    /// where these conditions cannot be taken away one by one.
    pub(crate) frontier: Option<Box<Frontier>>,
    /// The column that each key is read from, by number, and then that of each literal.
    pub(crate) columns: Vec<usize>,
    /// How many of these are keys.
    pub(crate) keys: usize,
    /// Whether the table has grouping sets, whose labels may stand for any.
    pub(crate) has_sets: bool,
    /// What all records of the table fulfil.
    pub(crate) around: Formula,
    /// For each statistic, what its branches are.
    pub(crate) branches: Vec<Vec<Sides>>,
}

/// The two sides of a branch.
#[derive(Clone, Debug)]
pub(crate) enum Sides {
    /// Those who take it, and those who do not.
    Known { inside: Formula, outside: Formula },
    /// Nobody asked for it: where an operation has no value.
    Silent,
    /// It reads several columns at once, so that none of them can be left out.
    Unknown,
}

/// A condition that has no NOT: what fulfils a literal more fulfils it no less.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    /// By number.
    Literal(usize),
}
