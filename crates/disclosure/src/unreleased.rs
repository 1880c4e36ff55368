//! What the confidential half computed and nobody may see: cells with the evidence behind them.
//!
//! Nothing here can be serialised or shown; `Debug` prints only a shape.

use std::fmt;

use arrow::array::ArrayRef;

use crate::evidence::{Evidence, Scale};

/// The cells of one analysis, before the checkpoint: one table for each frontier of its plan.
pub struct Unreleased {
    pub(crate) tables: Vec<CellTable>,
}

impl Unreleased {
    /// Takes the tables that the frontiers produced, in the order of the plan.
    #[must_use]
    pub fn new(tables: Vec<CellTable>) -> Self {
        Self { tables }
    }
}

impl fmt::Debug for Unreleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unreleased({} tables)", self.tables.len())
    }
}

/// One table of cells: a row is a group of data subjects, a column a key or a statistic.
pub struct CellTable {
    /// The group keys; none for a statistic over everybody.
    pub keys: Vec<KeyColumn>,
    /// For each row, everybody in the group.
    pub groups: Vec<Evidence>,
    /// The statistics, at least one value for each row.
    pub statistics: Vec<StatisticColumn>,
}

/// One group key, a value for each row.
pub struct KeyColumn {
    /// Name in the public half.
    pub name: String,
    /// The labels.
    pub values: ArrayRef,
    /// Whether every label comes from a code table or a declared domain, so that showing it says
    /// nothing of the data.
    pub declared: bool,
}

/// One statistic, a value for each row.
pub struct StatisticColumn {
    /// Name in the public half.
    pub name: String,
    /// The Arrow type of the values.
    pub kind: StatisticKind,
    /// The sums that the statistic is made of, and implies: a mean has two.
    pub parts: Vec<Part>,
    /// For each row, and for each FILTER or CASE branch in the statistic: who takes it, and who in the
    /// group does not.
    pub branches: Vec<Branch>,
}

/// How a statistic follows from its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatisticKind {
    /// Number of records: the records of part 0 (`Int64`).
    Count,
    /// Sum of part 0 divided by the records of part 1: `Float64`, or `Decimal128(38, s + 4)` of decimals.
    Mean(Scale),
    /// Number of people: the people of part 0 (`Int64`).
    People,
    /// Sum of part 0: `Int64`, `Decimal128(38, s)` or `Float64`; over no record it is NULL.
    Sum(Scale),
}

/// One sum over people: a column of contributions.
pub struct Part {
    /// What is summed. Parts of one measure can be added and subtracted; all counts, of people and of
    /// records, are one measure.
    pub measure: Measure,
    /// The evidence of each row.
    pub evidence: Vec<Evidence>,
}

/// What a part sums.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Measure {
    /// People or records: amounts are how many.
    Count,
    /// Quantities, told apart by the columns that give the amounts.
    Quantity(String),
}

/// A FILTER or CASE branch inside a statistic.
pub struct Branch {
    /// For each row, the people with a record that takes the branch.
    pub inside: Vec<Evidence>,
    /// For each row, the people with a record in the group that does not take it.
    pub outside: Vec<Evidence>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{count, people, table};

    #[test]
    fn debug_prints_a_shape_only() {
        let cells =
            table("diagnosis", vec![("B20", people(4711..4715))], [count("n", vec![people(4711..4715)])]);
        let printed = format!("{:?} {:?}", Unreleased::new(vec![cells]), people(0..4));
        assert_eq!(printed, "Unreleased(1 tables) Evidence(..)");
    }
}
