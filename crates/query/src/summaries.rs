//! The summaries of several statistics by the names under which SQL may call them.
//!
//! For the planner they are aggregate functions with a type. None is ever run: each stands for statistics that SQL
//! could ask for one by one, and is written as those (see `lower::summary`).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::items::list_type;

/// A summary.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Summary {
    /// How many records have a value between each two edges.
    Histogram,
    /// Means and shares of the characteristics of people: the first table of a paper.
    TableOne,
}

impl Summary {
    const ALL: [Self; 2] = [Self::Histogram, Self::TableOne];

    /// As SQL names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Histogram => "histogram",
            Self::TableOne => "table_one",
        }
    }

    /// The summary of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|summary| summary.name() == name)
    }

    /// How it is called, in words.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Histogram => "histogram(x, make_array(0, 10, 20))",
            Self::TableOne => "table_one('age', age, 'sex', sex, 'stage', stage, make_array('I', 'II'))",
        }
    }

    /// The type of what it says of arguments of these types, where it takes them.
    fn says(self, types: &[DataType]) -> Option<DataType> {
        match (self, types) {
            (Self::Histogram, [value, DataType::List(edges)]) => {
                let edge = edge_type(value, edges.data_type())?;
                Some(of_structures(&[("lower", edge.clone()), ("upper", edge), ("n", DataType::Int64)]))
            }
            (Self::Histogram, _) => None,
            (Self::TableOne, types) => variables(types, |data_type| matches!(data_type, DataType::List(_)))?
                .iter()
                .all(|[name, value, _]| {
                    name.is_some_and(DataType::is_string) && value.is_some_and(|value| !value.is_nested())
                })
                .then(|| {
                    let texts = [("variable", DataType::Utf8), ("level", DataType::Utf8)];
                    let numbers = [("value", DataType::Float64), ("spread", DataType::Float64)];
                    of_structures(&[texts.as_slice(), &[("n", DataType::Int64)], &numbers].concat())
                }),
        }
    }
}

/// The type in which a value is compared with an edge: a number or a time.
pub(crate) fn edge_type(value: &DataType, edge: &DataType) -> Option<DataType> {
    let common = comparison_coercion(value, edge)?;
    let in_order = |data_type: &DataType| {
        data_type.is_numeric() || matches!(data_type, DataType::Date32 | DataType::Timestamp(_, None))
    };
    let ordered = [value, edge, &common].into_iter().all(in_order);
    ordered.then_some(common)
}

/// The arguments of a table of characteristics: of each variable its name, its values, and a list of levels if there
/// is one. `None` where there are none, or one lacks its values.
pub(crate) fn variables<T>(args: &[T], is_list: impl Fn(&T) -> bool) -> Option<Vec<[Option<&T>; 3]>> {
    let mut rest = args.iter().peekable();
    let mut found = Vec::new();
    while let Some(name) = rest.next() {
        let value = rest.next()?;
        found.push([Some(name), Some(value), rest.next_if(|levels| is_list(levels))]);
    }
    (!found.is_empty()).then_some(found)
}

fn of_structures(parts: &[(&str, DataType)]) -> DataType {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    list_type(DataType::Struct(parts.iter().map(field).collect::<Fields>()))
}

static SUMMARIES: LazyLock<BTreeMap<&'static str, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let made = |summary: Summary| {
        let signature = Signature::user_defined(Volatility::Immutable);
        (summary.name(), Arc::new(AggregateUDF::new_from_impl(Planned { summary, signature })))
    };
    Summary::ALL.into_iter().map(made).collect()
});

/// The aggregate function of this name.
pub(crate) fn function(name: &str) -> Option<Arc<AggregateUDF>> {
    SUMMARIES.get(name).cloned()
}

/// The names of all summaries.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    Summary::ALL.into_iter().map(Summary::name)
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct Planned {
    summary: Summary,
    signature: Signature,
}

impl AggregateUDFImpl for Planned {
    fn name(&self) -> &str {
        self.summary.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.return_type(types).map(|_| types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match self.summary.says(types) {
            Some(data_type) => Ok(data_type),
            None => {
                plan_err!("`{}` takes other arguments: {}", self.summary.name(), self.summary.usage())
            }
        }
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        exec_err!("a summary is computed as the statistics that it stands for")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_takes_numbers_or_times_and_edges_of_their_kind() {
        let says =
            |value: DataType, edge: DataType| Summary::Histogram.says(&[value, list_type(edge)]).is_some();
        assert!(says(DataType::Int64, DataType::Float64));
        assert!(says(DataType::Date32, DataType::Date32));
        assert!(!says(DataType::Utf8, DataType::Int64));
        assert!(!says(DataType::Int64, DataType::Utf8));
        assert!(!says(DataType::Boolean, DataType::Boolean));
        assert_eq!(Summary::Histogram.says(&[DataType::Int64]), None);
    }

    #[test]
    fn a_table_takes_names_and_values_and_levels_behind_them() {
        let text = DataType::Utf8;
        let takes = |types: &[DataType]| Summary::TableOne.says(types).is_some();
        assert!(takes(&[text.clone(), DataType::Int64]));
        assert!(takes(&[
            text.clone(),
            text.clone(),
            list_type(text.clone()),
            text.clone(),
            DataType::Boolean
        ]));
        assert!(!takes(&[]));
        assert!(!takes(&[text.clone(), DataType::Int64, text.clone()]));
        assert!(!takes(&[DataType::Int64, DataType::Int64]));
        assert!(!takes(&[text.clone(), list_type(text)]));
    }
}
