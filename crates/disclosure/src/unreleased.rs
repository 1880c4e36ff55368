//! What the confidential half computed and nobody may see: cells with the evidence behind them.
//!
//! Nothing here can be serialised or shown; `Debug` prints only a shape.

use std::fmt;

use arrow::array::ArrayRef;
use roaring::RoaringBitmap;

use crate::evidence::{Evidence, Scale};
use crate::statistic::StatisticKind;
use crate::values::Values;

/// The cells of one analysis, before the checkpoint: one table for each frontier of its plan.
pub struct Unreleased {
    pub(crate) tables: Vec<CellTable>,
    /// For each table, the rank of its statement: 0 is the most important one.
    pub(crate) ranks: Vec<usize>,
    pub(crate) everybody: Option<Evidence>,
    /// Who left the dataset before.
    pub(crate) absent: RoaringBitmap,
}

impl Unreleased {
    /// Takes the tables that the frontiers produced, in the order of the plan.
    #[must_use]
    pub fn new(tables: Vec<CellTable>) -> Self {
        Self { ranks: vec![0; tables.len()], tables, everybody: None, absent: RoaringBitmap::new() }
    }

    /// The same where the tables are of several statements: for each of them, the rank of its statement. What
    /// is of a lower rank is published first.
    #[must_use]
    pub fn ranked(self, ranks: Vec<usize>) -> Self {
        Self { ranks, ..self }
    }

    /// The same, with the people of the dataset, each of whom contributes one. How many they are is public, so
    /// that a count of all but few of them is a count of these.
    #[must_use]
    pub fn among(self, everybody: Evidence) -> Self {
        Self { everybody: Some(everybody), ..self }
    }

    /// The same, of a version of the dataset that these people, by dense id, had left.
    #[must_use]
    pub fn without(self, absent: impl IntoIterator<Item = u32>) -> Self {
        Self { absent: absent.into_iter().collect(), ..self }
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
    /// The same records without the restrictions on sensitive columns, where there are any.
    pub parent: Option<Parent>,
    /// What its sums could tell of each column of codes, and of each confidential one, that it reads.
    pub attributes: Vec<Attribute>,
}

/// What the sums of a table could tell of one column: for whom, and how often, each counts what nobody may
/// know. Nobody's value is in it.
pub struct Attribute {
    /// The stored column, as `table.column`.
    pub name: String,
    /// The keys, by number, whose labels are its values: who has another value is in another row.
    pub labels: Vec<usize>,
    /// What the sums would be if every condition that reads the column were fulfilled. Several where the
    /// conditions are not all asked for together: some fulfilled, and others not. `None` if they are asked in
    /// more ways than can be looked at: then nothing is known.
    pub with: Option<Vec<Frames>>,
    /// What they would be if none were; `None` if nobody would count then.
    pub without: Option<Frames>,
}

/// The sums of a table under other conditions.
pub struct Frames {
    /// The keys of the table, in its order.
    pub keys: Vec<KeyColumn>,
    /// For each statistic, part and row, with how much each record of a person would count: once where records
    /// or confidential amounts are. Empty for a statistic that does not read the column.
    pub sums: Vec<Vec<Vec<Evidence>>>,
}

/// The groups with which those of a table are compared.
pub struct Parent {
    /// The keys of the table, in its order; NULL everywhere where a label depends on a sensitive column.
    pub keys: Vec<KeyColumn>,
    /// For each row, everybody in the group.
    pub groups: Vec<Evidence>,
}

/// One group key, a value for each row.
pub struct KeyColumn {
    /// Name in the public half.
    pub name: String,
    /// The labels.
    pub values: ArrayRef,
    /// Whether every label besides NULL comes from a code table or a declared domain, so that showing it says
    /// nothing of the data.
    pub declared: bool,
    /// Which labels tell something that may harm a person, a diagnosis say: of truth values TRUE (inside), FALSE
    /// (outside) or both, of others all (inside) and NULL (outside).
    pub telling: Telling,
}

/// One statistic, a value for each row.
pub struct StatisticColumn {
    /// Name in the public half.
    pub name: String,
    /// How the value follows from the parts and the single values, and its Arrow type.
    pub kind: StatisticKind,
    /// The sums that the statistic is made of, in the order of its kind, and any further ones that it
    /// implies.
    pub parts: Vec<Part>,
    /// Whether a condition reads what is summed, so that who asks may have chosen people by it.
    pub chosen: bool,
    /// The single values, for a statistic that depends on their order or on which there are.
    pub values: Option<ValueColumn>,
    /// For each row, and for each FILTER or CASE branch in the statistic: who takes it, and who in the
    /// group does not.
    pub branches: Vec<Branch>,
}

/// One sum over people: a column of contributions.
pub struct Part {
    /// What one unit of an amount is. A sum of products has the scale of a product: decimals of the
    /// digits of both factors together, `Binary60` for doubles whose sum is `Binary30`. The amount of
    /// a product is the exact product of the two amounts of the record.
    pub scale: Scale,
    /// The evidence of each row.
    pub evidence: Vec<Evidence>,
}

/// The single values behind a statistic.
pub struct ValueColumn {
    /// What one unit of a value is.
    pub scale: Scale,
    /// The values of each row, of the records that the first part counts.
    pub rows: Vec<Values>,
    /// The values of each row that stand in records, where constants that the analyst chose are among the
    /// others.
    pub own: Option<Vec<Values>>,
}

/// A FILTER or CASE branch inside a statistic.
pub struct Branch {
    /// For each row, the people with a record that takes the branch.
    pub inside: Vec<Evidence>,
    /// For each row, the people with a record in the group that does not take it.
    pub outside: Vec<Evidence>,
    /// What taking the branch, or not taking it, tells of a person.
    pub telling: Telling,
    /// Where a part of the branch says nothing that may harm: who fulfils that part.
    pub frame: Option<Frame>,
    /// For each row, what is known of an empty side of it: of who takes it, and of who does not. A row that is
    /// missing is unknown.
    pub zeros: Vec<(Zero, Zero)>,
}

/// What is known of a side of a branch that nobody is on. Beside a blank, which says that somebody is, a zero says
/// of everybody who fulfils some of the conditions that they do not fulfil the others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Zero {
    /// The fewest people, but for nobody, who would be there if the conditions on some of the columns that it reads
    /// were left out, whichever these are; none if nobody ever would.
    Among(u64),
    /// Nobody asked for it: an operation without a value. Or somebody is there.
    Silent,
    /// It cannot be told who would be there.
    #[default]
    Unknown,
}

/// The people of a branch without its sensitive conditions. If nearly all of them take it, to know that somebody
/// is among them is to know their value, however many others are in the group.
pub struct Frame {
    /// For each row, the people with a record that fulfils the other conditions.
    pub people: Vec<Evidence>,
    /// Those of them with a record that does not take the branch.
    pub rest: Vec<Evidence>,
    /// What the sensitive conditions tell of those who fulfil them (inside), and who do not.
    pub telling: Telling,
}

/// On which side of a branch people are who have a value of a sensitive column.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Telling {
    /// Those who take the branch.
    pub inside: bool,
    /// Those who do not.
    pub outside: bool,
}

impl Telling {
    /// Whether it tells anything.
    pub(crate) fn anything(self) -> bool {
        self.inside || self.outside
    }
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
