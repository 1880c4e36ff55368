//! The models and tables of several quantities by the names under which SQL may call them.
//!
//! For the planner they are aggregate functions with a type. None is ever run: the checkpoint computes them from
//! what was gathered.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::disclosure::{Estimator, MOST_COLUMNS, Method};

/// What an argument is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Argument {
    /// Any number.
    Number,
    /// A truth value, or 0 and 1.
    Truth,
    /// A whole number.
    Whole,
}

/// A method with its arguments: the named ones, and whether covariates follow, of which there is one at least.
struct Form {
    name: &'static str,
    method: Method,
    first: &'static [(&'static str, Argument)],
    covariates: bool,
}

const EVENT: (&str, Argument) = ("event", Argument::Truth);
const TIME: (&str, Argument) = ("time", Argument::Number);
const EXPOSED: (&str, Argument) = ("exposed", Argument::Truth);

const FORMS: [Form; 11] = [
    Form {
        name: "chi_square",
        method: Method::ChiSquare,
        first: &[("a", Argument::Truth), ("b", Argument::Truth)],
        covariates: false,
    },
    Form { name: "cox", method: Method::Cox, first: &[TIME, EVENT], covariates: true },
    Form {
        name: "kaplan_meier",
        method: Method::KaplanMeier { width: 1 },
        first: &[("time", Argument::Whole), EVENT],
        covariates: false,
    },
    Form {
        name: "log_rank",
        method: Method::LogRank,
        first: &[TIME, EVENT, ("group", Argument::Truth)],
        covariates: false,
    },
    Form { name: "logit", method: Method::Logistic, first: &[EVENT], covariates: true },
    Form { name: "odds_ratio", method: Method::OddsRatio, first: &[EVENT, EXPOSED], covariates: false },
    Form { name: "ols", method: Method::Linear, first: &[("y", Argument::Number)], covariates: true },
    Form {
        name: "poisson",
        method: Method::Poisson,
        first: &[("events", Argument::Whole)],
        covariates: true,
    },
    Form {
        name: "rate",
        method: Method::Rate,
        first: &[("events", Argument::Whole), TIME],
        covariates: false,
    },
    Form { name: "risk_ratio", method: Method::RiskRatio, first: &[EVENT, EXPOSED], covariates: false },
    Form {
        name: "smd",
        method: Method::StandardisedDifference,
        first: &[("x", Argument::Number), ("group", Argument::Truth)],
        covariates: false,
    },
];

static FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let made = |form: &'static Form| {
        let signature = Signature::user_defined(Volatility::Immutable);
        (form.name, Arc::new(AggregateUDF::new_from_impl(Estimate { name: form.name, signature })))
    };
    FORMS.iter().map(made).collect()
});

/// The function of this name.
pub(crate) fn function(name: &str) -> Option<Arc<AggregateUDF>> {
    FUNCTIONS.get(name).cloned()
}

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|form| form.name)
}

/// What a call of this name with so many arguments computes.
pub(crate) fn estimator(name: &str, arguments: usize) -> Option<Estimator> {
    let form = FORMS.iter().find(|form| form.name == name)?;
    // The width of the intervals is no column.
    let is_curve = matches!(form.method, Method::KaplanMeier { .. });
    let arguments = if is_curve && arguments == 3 { 2 } else { arguments };
    let fits = if form.covariates { arguments > form.first.len() } else { arguments == form.first.len() };
    // A difference of two groups also reads the quantity within one of them.
    let columns = arguments.saturating_add(usize::from(form.method == Method::StandardisedDifference));
    let columns = u8::try_from(columns).ok().filter(|columns| fits && *columns <= MOST_COLUMNS)?;
    Some(Estimator { method: form.method, columns })
}

/// Whether the argument at a place is a truth value.
pub(crate) fn is_truth(name: &str, place: usize) -> bool {
    let form = FORMS.iter().find(|form| form.name == name);
    form.and_then(|form| form.first.get(place)).is_some_and(|(_, argument)| *argument == Argument::Truth)
}

/// How a function is called, in words.
pub(crate) fn usage(name: &str) -> Option<String> {
    let form = FORMS.iter().find(|form| form.name == name)?;
    let first = form.first.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if matches!(form.method, Method::KaplanMeier { .. }) {
        return Some(format!("{name}({first}, width)"));
    }
    Some(if form.covariates { format!("{name}({first}, x1, x2, ...)") } else { format!("{name}({first})") })
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct Estimate {
    name: &'static str,
    signature: Signature,
}

impl AggregateUDFImpl for Estimate {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let form = FORMS.iter().find(|form| form.name == self.name);
        let first = form.map(|form| form.first).unwrap_or_default();
        let wanted = |place: usize| first.get(place).map_or(Argument::Number, |(_, argument)| *argument);
        let places = types.iter().enumerate();
        let coerced = places.map(|(place, data_type)| coerced(data_type, wanted(place)));
        let usage = usage(self.name).unwrap_or_default();
        match (estimator(self.name, types.len()), coerced.collect::<Option<Vec<_>>>()) {
            (Some(_), Some(coerced)) => Ok(coerced),
            (None, _) => plan_err!("`{usage}` takes other arguments, {} at most", MOST_COLUMNS),
            (_, None) => plan_err!(
                "`{usage}` takes numbers; events, exposures and groups are truth values or 0 and 1, counts whole \
                 numbers"
            ),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match estimator(self.name, types.len()) {
            Some(estimator) => Ok(estimator.data_type()),
            None => plan_err!("`{}` takes other arguments", self.name),
        }
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        exec_err!("a model is computed by the checkpoint")
    }
}

fn coerced(data_type: &DataType, wanted: Argument) -> Option<DataType> {
    let whole = data_type.is_integer() || data_type == &DataType::Boolean;
    match wanted {
        Argument::Number if data_type.is_numeric() && !whole => Some(data_type.clone()),
        Argument::Number | Argument::Truth | Argument::Whole => whole.then_some(DataType::Int64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_arguments_of_its_function() {
        let columns = |name: &str, arguments: usize| Some(estimator(name, arguments)?.columns);
        assert_eq!([1, 2, 9, 10].map(|number| columns("ols", number)), [None, Some(2), Some(9), None]);
        assert_eq!([1, 2, 3].map(|number| columns("risk_ratio", number)), [None, Some(2), None]);
        assert_eq!([2, 3].map(|number| columns("cox", number)), [None, Some(3)]);
        assert_eq!((columns("smd", 2), columns("sum", 1)), (Some(3), None));
        assert_eq!(
            [1, 2, 3, 4].map(|number| columns("kaplan_meier", number)),
            [None, Some(2), Some(2), None]
        );
        assert_eq!(usage("cox").unwrap(), "cox(time, event, x1, x2, ...)");
    }

    #[test]
    fn arguments_are_numbers_and_truth_values() {
        let types = |name: &str, types: &[DataType]| function(name).unwrap().coerce_types(types).ok();
        let (truth, whole, double) = (DataType::Boolean, DataType::Int32, DataType::Float64);
        assert_eq!(types("risk_ratio", &[truth.clone(), whole.clone()]), Some(vec![DataType::Int64; 2]));
        assert_eq!(types("risk_ratio", &[truth.clone(), double.clone()]), None);
        assert_eq!(types("ols", &[double.clone(), truth]), Some(vec![double.clone(), DataType::Int64]));
        assert_eq!(types("ols", &[double.clone(), DataType::Utf8]), None);
        assert_eq!(types("poisson", &[double, whole]), None);
    }
}
