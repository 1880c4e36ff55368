//! What an analysis can be: an algebra that can only express what is safe.
//!
//! A relation is records of people, reference data, or statistics. The first two are this algebra's
//! [`Records`] and [`Reference`] and run in the confidential half; a [`Frontier`] turns records into
//! cells; what stands above it is a [`Public`] plan over released cells. A relation of records has
//! one hidden subject, which no [`Scalar`] can name.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{AggregateUDF, Operator, ScalarUDF};

use crate::disclosure::Measure;

/// A column of one relation in one plan; ids are never reused, so no name can be ambiguous.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ColumnId(pub(crate) u32);

/// What is known of a column from plan and catalogue.
#[derive(Clone, Debug)]
pub(crate) struct ColumnInfo {
    pub(crate) data_type: DataType,
    /// The stored columns whose values it carries, as `table.column`; empty for a count.
    pub(crate) origins: BTreeSet<String>,
    /// Predicates over columns of the same relation that say who took which branch when a person's value
    /// was computed further below.
    pub(crate) branches: Vec<Scalar>,
    /// Whether a function of values gave it, so that a sum of it could encode one person's.
    pub(crate) encoded: bool,
    /// Whether it is a released statistic (which may be withheld).
    pub(crate) statistic: bool,
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
    /// Rows of one person, one for each distinct combination of `keys`, with that person's aggregates.
    PerSubject {
        input: Box<Records>,
        keys: Vec<(ColumnId, Scalar)>,
        aggregates: Vec<(ColumnId, PersonAggregate)>,
    },
    /// Records joined with reference data, which multiplies rows, never people.
    ReferenceJoin { input: Box<Records>, reference: Reference, on: Vec<Scalar>, kind: JoinKind },
    /// The records that fulfil a predicate.
    Restrict { input: Box<Records>, predicate: Scalar },
    /// The records of a granted table; rows without a subject are not among them.
    Scan(Scan),
    /// Records of the same person side by side.
    SubjectJoin { left: Box<Records>, right: Box<Records>, on: Vec<Scalar>, kind: JoinKind },
}

/// A relation without people.
#[derive(Clone, Debug)]
pub(crate) enum Reference {
    /// One row without columns: what `SELECT 1` stands on.
    Nothing,
    /// The rows that fulfil a predicate.
    Restrict { input: Box<Reference>, predicate: Scalar },
    /// A code table.
    Scan(Scan),
}

/// A granted table and those of its columns that are granted.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) table: String,
    /// The physical name of the subject column; a code table has none.
    pub(crate) subject: Option<String>,
    pub(crate) columns: Vec<(ColumnId, String)>,
}

/// Which rows without a partner a join keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum JoinKind {
    Inner,
    /// Keeps the left side's.
    Left,
}

/// An aggregate over the records of one person.
#[derive(Clone, Debug)]
pub(crate) struct PersonAggregate {
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
    /// The grouping sets as indices of `keys`; `None` groups by all of them.
    pub(crate) sets: Option<Vec<Vec<usize>>>,
    pub(crate) statistics: Vec<Statistic>,
    /// Columns that hold the further protected units of a record.
    pub(crate) units: Vec<ColumnId>,
}

/// One statistic of each cell.
#[derive(Clone, Debug)]
pub(crate) struct Statistic {
    pub(crate) id: ColumnId,
    pub(crate) function: StatisticFunction,
    /// What is counted or summed; records themselves where it is absent.
    pub(crate) arg: Option<Scalar>,
    /// What is known with it: the same without the constants that are added.
    pub(crate) implied: Option<Scalar>,
    pub(crate) filter: Option<Scalar>,
    pub(crate) measure: Measure,
    /// Predicates that tell apart who counts: FILTER, CASE, truth values as numbers.
    pub(crate) branches: Vec<Scalar>,
    /// The type that the plan expects.
    pub(crate) data_type: DataType,
}

/// The statistics that have a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StatisticFunction {
    /// COUNT(*), COUNT(x): records.
    Count,
    /// AVG(x).
    Mean,
    /// COUNT(DISTINCT subject): people.
    People,
    /// SUM(x).
    Sum,
}

/// A relation over released cells (or reference data): it can reveal nothing that they do not.
#[derive(Clone, Debug)]
pub(crate) enum Public {
    /// The released cells of the frontier with this index.
    Cells(usize),
    Filter {
        input: Box<Public>,
        predicate: Scalar,
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
}

/// One key of an ORDER BY.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) arg: Scalar,
    pub(crate) ascending: bool,
    pub(crate) nulls_first: bool,
}

impl Reference {
    /// The columns of the code tables.
    pub(crate) fn columns(&self) -> BTreeSet<ColumnId> {
        match self {
            Self::Nothing => BTreeSet::new(),
            Self::Restrict { input, .. } => input.columns(),
            Self::Scan(scan) => scan.columns.iter().map(|(id, _)| *id).collect(),
        }
    }
}

impl Scalar {
    /// The operands, in order.
    pub(crate) fn children(&self) -> Vec<&Scalar> {
        match self {
            Self::And(args) | Self::Or(args) | Self::Function { args, .. } => args.iter().collect(),
            Self::Arithmetic { left, right, .. } | Self::Compare { left, right, .. } => vec![left, right],
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
