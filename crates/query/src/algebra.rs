//! What an analysis can be: an algebra that can only express what is safe.
//!
//! A relation is records of people, reference data, or statistics. The first two are this algebra's
//! [`Records`] and [`Reference`] and run in the confidential half; a [`Frontier`] turns records into
//! cells; what stands above it is a [`Public`] plan over released cells. A relation of records has
//! one hidden subject, which no [`Scalar`] can name.

mod columns;
mod zeros;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{AggregateUDF, Operator, ScalarUDF, WindowFrame, WindowFunctionDefinition};

use crate::disclosure::{StatisticKind, Telling};
use crate::lists::Ranges;
use crate::lower::Grain;
use crate::model::Population;
pub(crate) use zeros::{Formula, Sides, Zeros};

/// A column of one relation in one plan; ids are never reused, so no name can be ambiguous.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ColumnId(pub(crate) u32);

/// What is known of a column from plan and catalogue.
#[derive(Clone, Debug)]
pub(crate) struct ColumnInfo {
    pub(crate) data_type: DataType,
    /// The stored columns whose values it carries, as `table.column`; empty for a count.
    pub(crate) origins: BTreeSet<String>,
    /// Of a column of a UNION that a constant or a computation gave in one of its inputs: the predicates that
    /// tell the inputs apart.
    pub(crate) arms: Vec<Scalar>,
    /// The exact value that it is but for a constant factor or a rounding, over columns of the same relation.
    pub(crate) behind: Option<Scalar>,
    /// The tables whose records of a person it counts, or takes the mean of.
    pub(crate) counted: BTreeSet<String>,
    /// Predicates over columns of the same relation that say who took which branch when a person's value
    /// was computed further below.
    pub(crate) branches: Vec<Scalar>,
    /// Whether a function of values gave it, so that a sum of it could encode one person's.
    pub(crate) encoded: bool,
    /// Whether constants of the analyst stand among values of records.
    pub(crate) made: bool,
    /// Whether it is a released statistic (which may be withheld).
    pub(crate) statistic: bool,
    /// How finely its values tell people apart.
    pub(crate) grain: Grain,
    /// Whether its values are codes of a public list.
    pub(crate) code: bool,
    /// Whether a value tells something that may harm a person.
    pub(crate) sensitive: bool,
    /// Whether the values come from reference data, as the analyst chose it.
    pub(crate) reference: bool,
    /// Of a number that is a sum of several: what is added in it. A sum over people could be read as theirs, side
    /// by side in its digits.
    pub(crate) terms: Vec<Scalar>,
    /// The least and the most that it can be, where constants of the analysis alone say so.
    pub(crate) range: Option<(i64, i64)>,
    /// The values that it may have besides NULL, where the operator declared them.
    pub(crate) domain: Option<Arc<[ScalarValue]>>,
    /// Of a column of areas, where it stands how many people live in them.
    pub(crate) population: Option<Population>,
}

impl ColumnInfo {
    /// A column of ours, or one of which nothing needs to be known.
    pub(crate) fn plain(data_type: DataType) -> Self {
        Self {
            data_type,
            origins: BTreeSet::new(),
            arms: Vec::new(),
            behind: None,
            counted: BTreeSet::new(),
            branches: Vec::new(),
            encoded: false,
            made: false,
            statistic: false,
            grain: Grain::Coarse,
            code: false,
            sensitive: false,
            reference: false,
            terms: Vec::new(),
            range: None,
            domain: None,
            population: None,
        }
    }
}

/// A pure expression over the values of one row. It cannot name a subject.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    And(Vec<Scalar>),
    Arithmetic {
        op: Operator,
        left: Box<Scalar>,
        right: Box<Scalar>,
    },
    /// Bits of the number that tells grouping sets apart: what GROUPING() stands for.
    Bits {
        op: Operator,
        left: Box<Scalar>,
        right: Box<Scalar>,
    },
    Case {
        branches: Vec<(Scalar, Scalar)>,
        otherwise: Option<Box<Scalar>>,
    },
    Cast {
        arg: Box<Scalar>,
        to: DataType,
    },
    Column(ColumnId),
    Compare {
        op: Operator,
        left: Box<Scalar>,
        right: Box<Scalar>,
    },
    Function {
        function: Arc<ScalarUDF>,
        args: Vec<Scalar>,
    },
    InList {
        arg: Box<Scalar>,
        list: Vec<Scalar>,
        negated: bool,
    },
    IsNull(Box<Scalar>),
    Like {
        arg: Box<Scalar>,
        pattern: Box<Scalar>,
        escape: Option<char>,
        case_insensitive: bool,
        negated: bool,
    },
    Literal(ScalarValue),
    Negative(Box<Scalar>),
    Not(Box<Scalar>),
    Or(Vec<Scalar>),
    Truth {
        arg: Box<Scalar>,
        is: TruthValue,
    },
}

/// What `IS TRUE` and its kin test for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TruthValue {
    False,
    True,
    Unknown,
}

/// A relation in which each row belongs to exactly one data subject.
#[derive(Clone, Debug)]
pub(crate) enum Records {
    /// The records with further columns.
    Extend { input: Box<Records>, columns: Vec<(ColumnId, Scalar)> },
    /// Rows of one person, one for each distinct combination of `keys`, with that person's aggregates.
    PerSubject {
        input: Box<Records>,
        keys: Vec<(ColumnId, Scalar)>,
        aggregates: Vec<(ColumnId, Aggregation)>,
    },
    /// Records joined with reference data, which multiplies rows, never people.
    ReferenceJoin { input: Box<Records>, reference: Reference, on: Vec<Scalar>, kind: JoinKind },
    /// The records that fulfil a predicate.
    Restrict { input: Box<Records>, predicate: Scalar },
    /// The records of a granted table; rows without a subject are not among them.
    Scan(Scan),
    /// Records of the same person side by side.
    SubjectJoin { left: Box<Records>, right: Box<Records>, on: Vec<Scalar>, kind: JoinKind },
    /// The records of all inputs, each with its values of the common columns. The sorts tell apart records
    /// that may be the same ones in several inputs.
    Union { inputs: Vec<(Records, Vec<Scalar>)>, columns: Vec<(ColumnId, DataType)>, sorts: Vec<Scalar> },
    /// The records, each with values that are computed over its person's records.
    Window { input: Box<Records>, calls: Vec<(ColumnId, WindowCall)> },
}

/// A relation without people.
#[derive(Clone, Debug)]
pub(crate) enum Reference {
    /// Each distinct combination of `keys` once.
    Distinct { input: Box<Reference>, keys: Vec<(ColumnId, Scalar)> },
    /// The rows with further columns.
    Extend { input: Box<Reference>, columns: Vec<(ColumnId, Scalar)> },
    /// Two relations without people side by side.
    Join { left: Box<Reference>, right: Box<Reference>, on: Vec<Scalar>, kind: JoinKind },
    /// One row without columns: what `SELECT 1` stands on.
    Nothing,
    /// The rows that fulfil a predicate.
    Restrict { input: Box<Reference>, predicate: Scalar },
    /// A code table.
    Scan(Scan),
    /// The rows of all inputs, each with its values of the common columns.
    Union { inputs: Vec<(Reference, Vec<Scalar>)>, columns: Vec<(ColumnId, DataType)> },
    /// Constants that the analyst wrote.
    Values { columns: Vec<(ColumnId, DataType)>, rows: Vec<Vec<ScalarValue>> },
}

/// A granted table and those of its columns that are granted.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) table: String,
    /// The physical name of the subject column; a code table has none.
    pub(crate) subject: Option<String>,
    pub(crate) columns: Vec<(ColumnId, String)>,
    /// How many rows it has, if the analyst brought it.
    pub(crate) list_rows: Option<usize>,
    /// Of such a list, the columns in which no value stands twice.
    pub(crate) unique: BTreeSet<String>,
    /// Of such a list, the pairs of columns that are the ends of ranges which do not overlap.
    pub(crate) ranges: BTreeMap<(String, String), Ranges>,
}

/// Which rows a join keeps, or adds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum JoinKind {
    /// The left side's rows without a partner.
    Anti,
    /// All rows of both sides.
    Full,
    Inner,
    /// All rows of the left side.
    Left,
    /// The left side's rows, with whether each has a partner.
    Mark(ColumnId),
    /// The left side's rows with a partner.
    Semi,
}

/// A function over the rows of one partition, in an order. Over records a partition is one person's.
#[derive(Clone, Debug)]
pub(crate) struct WindowCall {
    pub(crate) function: WindowFunctionDefinition,
    pub(crate) args: Vec<Scalar>,
    /// The keys of a partition, the subject apart.
    pub(crate) partition: Vec<Scalar>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) frame: WindowFrame,
    pub(crate) filter: Option<Scalar>,
    pub(crate) nulls: Option<NullTreatment>,
    pub(crate) distinct: bool,
    /// The type that the plan expects.
    pub(crate) data_type: DataType,
}

/// An aggregate over the records of one person, or over released cells.
#[derive(Clone, Debug)]
pub(crate) struct Aggregation {
    pub(crate) function: Arc<AggregateUDF>,
    pub(crate) arg: Scalar,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Scalar>,
    /// The type that the plan expects.
    pub(crate) data_type: DataType,
}

/// Where records become cells: the checkpoint stands here.
#[derive(Clone, Debug)]
pub(crate) struct Frontier {
    pub(crate) input: Records,
    pub(crate) keys: Vec<(ColumnId, Scalar)>,
    /// The grouping sets; none groups by all keys.
    pub(crate) sets: Option<Sets>,
    pub(crate) statistics: Vec<Statistic>,
    /// The further protected units of a record.
    pub(crate) units: Vec<Unit>,
    /// Reference data that has a group for each of its rows, whatever the records (a code table, or declared
    /// domains): with the value of each key.
    pub(crate) complete: Option<(Reference, Vec<Scalar>)>,
    /// The keys whose labels tell something that may harm a person, and which labels do.
    pub(crate) telling: BTreeMap<ColumnId, Telling>,
    /// The same without the restrictions on sensitive columns, where there are any: with whom its people are
    /// compared.
    pub(crate) parent: Option<Box<Frontier>>,
    /// The columns that it reads of which nobody may know somebody's value.
    pub(crate) attributes: Vec<ReadAttribute>,
    /// Who would be on an empty side of a branch, were some conditions left out; where there are branches.
    pub(crate) zeros: Option<Zeros>,
}

/// How a frontier reads a column of which nobody may know somebody's value.
#[derive(Clone, Debug)]
pub(crate) struct ReadAttribute {
    /// The stored column, as `table.column`.
    pub(crate) name: String,
    /// The keys, by number, that are its values.
    pub(crate) labels: Vec<usize>,
    /// How each statistic reads it; where there are none, the groups.
    pub(crate) reads: Vec<Reads>,
    pub(crate) conditions: Conditions,
}

/// What a statistic counts of whom it reads a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reads {
    /// What its parts add up: it is public.
    Amounts,
    /// Those records of theirs that pass its FILTER: the amounts are confidential.
    Filtered,
    /// It does not read the column.
    Not,
    /// Their records: the amounts are confidential.
    Records,
}

/// The conditions that read a column.
#[derive(Clone, Debug)]
pub(crate) enum Conditions {
    /// Labels and amounts alone read it: the groups themselves say for whom they count.
    None,
    /// The same frontier where they are fulfilled, in the ways in which they can be; and where none is, if
    /// somebody counts then.
    Some { with: Vec<Frontier>, without: Option<Box<Frontier>> },
}

/// What a record counts for beside its person: an institution, or the people who live where it was.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The column that names it.
    pub(crate) column: ColumnId,
    /// Of an area, where it stands how many people live there.
    pub(crate) population: Option<Population>,
}

/// The grouping sets of a frontier.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    /// The number that tells the sets apart.
    pub(crate) id: ColumnId,
    /// Each set as indices of the keys.
    pub(crate) sets: Vec<Vec<usize>>,
}

/// One statistic of each cell.
#[derive(Clone, Debug)]
pub(crate) struct Statistic {
    pub(crate) id: ColumnId,
    pub(crate) kind: StatisticKind,
    /// What is counted, summed or described; records themselves where there is none. Of two arguments the
    /// first is y.
    pub(crate) args: Vec<Scalar>,
    /// What could be read in the digits of a sum: each term that is added in it.
    pub(crate) implied: Vec<Scalar>,
    /// Of what a quantile is taken, without the constants of the analyst among it, where there are any.
    pub(crate) own: Option<Scalar>,
    pub(crate) filter: Option<Scalar>,
    /// Whether a condition, or a key, reads a stored column that its arguments read.
    pub(crate) chosen: bool,
    /// What tells apart who counts: FILTER, CASE, truth values as numbers.
    pub(crate) branches: Vec<Division>,
    /// The type that the plan expects.
    pub(crate) data_type: DataType,
}

/// A predicate that divides people inside a statistic.
#[derive(Clone, Debug)]
pub(crate) struct Division {
    pub(crate) predicate: Scalar,
    pub(crate) telling: Telling,
    pub(crate) frame: Option<Frame>,
}

/// What of a division (within the statistic's FILTER) says nothing that may harm, where something else of it does.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) predicate: Scalar,
    /// What the sensitive rest of it tells.
    pub(crate) telling: Telling,
}

/// A relation over released cells (or reference data): it can reveal nothing that they do not.
#[derive(Clone, Debug)]
pub(crate) enum Public {
    /// One row for each combination of `keys`, with aggregates of cells.
    Aggregate {
        input: Box<Public>,
        keys: Vec<(ColumnId, Scalar)>,
        aggregates: Vec<(ColumnId, Aggregation)>,
    },
    /// The released cells of the frontier with this index.
    Cells(usize),
    /// The rows with further columns.
    Extend {
        input: Box<Public>,
        columns: Vec<(ColumnId, Scalar)>,
    },
    Filter {
        input: Box<Public>,
        predicate: Scalar,
    },
    /// A row for each item of lists of one length, of which each item is known; each list is a column.
    Items {
        input: Box<Public>,
        columns: Vec<(ColumnId, Vec<Scalar>)>,
    },
    Join {
        left: Box<Public>,
        right: Box<Public>,
        on: Vec<Scalar>,
        kind: JoinKind,
    },
    Limit {
        input: Box<Public>,
        skip: usize,
        fetch: Option<usize>,
    },
    Reference(Reference),
    Sort {
        input: Box<Public>,
        keys: Vec<SortKey>,
    },
    Union {
        inputs: Vec<(Public, Vec<Scalar>)>,
        columns: Vec<(ColumnId, DataType)>,
    },
    /// A row for each item of a list, which is the column `id`.
    Unnest {
        input: Box<Public>,
        id: ColumnId,
        list: Scalar,
    },
    Window {
        input: Box<Public>,
        calls: Vec<(ColumnId, WindowCall)>,
    },
}

/// One key of an ORDER BY.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) arg: Scalar,
    pub(crate) ascending: bool,
    pub(crate) nulls_first: bool,
}

impl Scalar {
    /// That `arg` is not NULL.
    pub(crate) fn is_present(arg: Self) -> Self {
        Self::Not(Box::new(Self::IsNull(Box::new(arg))))
    }

    /// TRUE.
    pub(crate) fn truth() -> Self {
        Self::Literal(ScalarValue::Boolean(Some(true)))
    }

    /// `left = right`.
    pub(crate) fn equal(left: Self, right: Self) -> Self {
        Self::Compare { op: Operator::Eq, left: Box::new(left), right: Box::new(right) }
    }

    /// The operands, in order.
    pub(crate) fn children(&self) -> Vec<&Scalar> {
        match self {
            Self::And(args) | Self::Or(args) | Self::Function { args, .. } => args.iter().collect(),
            Self::Arithmetic { left, right, .. }
            | Self::Bits { left, right, .. }
            | Self::Compare { left, right, .. } => {
                vec![left, right]
            }
            Self::Case { branches, otherwise } => {
                branches.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).collect()
            }
            Self::Cast { arg, .. }
            | Self::IsNull(arg)
            | Self::Negative(arg)
            | Self::Not(arg)
            | Self::Truth { arg, .. } => vec![arg],
            Self::Column(_) | Self::Literal(_) => Vec::new(),
            Self::InList { arg, list, .. } => std::iter::once(arg.as_ref()).chain(list).collect(),
            Self::Like { arg, pattern, .. } => vec![arg, pattern],
        }
    }

    /// Every column that it reads.
    pub(crate) fn columns(&self) -> BTreeSet<ColumnId> {
        if let Self::Column(id) = self {
            return BTreeSet::from([*id]);
        }
        self.children().into_iter().flat_map(Self::columns).collect()
    }

    /// Number of nodes, and the length of the longest path in it.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.children()
            .into_iter()
            .map(Self::size)
            .fold((1, 1), |(nodes, depth), (n, d)| (nodes + n, depth.max(d + 1)))
    }
}
