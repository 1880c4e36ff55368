//! Which functions an analysis may call: pure, total (see [`crate::total`]) and deterministic ones.
//!
//! What is not named here does not exist. Hashes, encodings, random numbers, array constructors and the
//! clock are left out on purpose; regular expressions are constants (see [`crate::lower`]).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::common::utils::datafusion_strsim;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowFunctionDefinition, WindowUDF};

use crate::{estimates, items, summaries};

/// Scalar functions by the names under which SQL may call them.
const SCALAR: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "date_part",
    "date_trunc",
    "datepart",
    "datetrunc",
    "exp",
    "floor",
    "get_field",
    "greatest",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "make_date",
    "nullif",
    "pow",
    "power",
    "regexp_like",
    "replace",
    "right",
    "round",
    "rtrim",
    "signum",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "to_char",
    "trim",
    "trunc",
    "upper",
];

/// Parts of a date that SQL may call like functions; they are read as `date_part`.
const PARTS_OF_DATES: [&str; 4] = ["day", "month", "quarter", "year"];

/// The function that takes a part of what a model says: no column of a record has parts.
pub(crate) const PART_OF: &str = "get_field";

/// What the planner makes rows or columns of; see `lower::unnest`.
const UNNEST: &str = "unnest";

/// Those that take numbers as numbers, or dates: whatever else takes them as texts.
const OF_NUMBERS: &[&str] = &[
    "abs",
    "ceil",
    "coalesce",
    "date_part",
    "date_trunc",
    "exp",
    "floor",
    "greatest",
    "least",
    "ln",
    "log",
    "log10",
    "log2",
    "make_date",
    "nullif",
    "power",
    "round",
    "signum",
    "sqrt",
    "trunc",
];

/// Those of which every argument is a value, by the engine's own names.
const OF_VALUES: &[&str] = &[
    "abs",
    "ceil",
    "character_length",
    "coalesce",
    "concat",
    "exp",
    "floor",
    "greatest",
    "least",
    "ln",
    "log10",
    "log2",
    "lower",
    "make_date",
    "nullif",
    "signum",
    "sqrt",
    "upper",
];

/// Those whose first argument says how the others are read: a base, a part of a date, a separator.
const HOW_FIRST: &[&str] = &["concat_ws", "date_part", "date_trunc", "log"];

static SCALAR_FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let known = datafusion::functions::all_default_functions();
    let named = |name: &str| known.iter().find(|f| f.name() == name || f.aliases().iter().any(|a| a == name));
    SCALAR.iter().filter_map(|name| Some((*name, Arc::clone(named(name)?)))).collect()
});

/// Aggregate functions by the names under which SQL may call them.
const AGGREGATE: &[&str] = &[
    "approx_median",
    "approx_percentile_cont",
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "grouping",
    "max",
    "mean",
    "median",
    "min",
    "percentile_cont",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var",
    "var_pop",
    "var_samp",
];

/// Window functions by the names under which SQL may call them, besides COUNT, SUM, AVG, MIN and MAX.
const WINDOW: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// Aggregates that may be computed over a window.
const OVER_WINDOW: &[&str] = &["avg", "count", "max", "min", "sum"];

static AGGREGATE_FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let known = datafusion::functions_aggregate::all_default_aggregate_functions();
    let named = |name: &str| known.iter().find(|f| f.name() == name || f.aliases().iter().any(|a| a == name));
    AGGREGATE.iter().filter_map(|name| Some((*name, Arc::clone(named(name)?)))).collect()
});

static WINDOW_FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<WindowUDF>>> = LazyLock::new(|| {
    let known = datafusion::functions_window::all_default_window_functions();
    let named = |name: &str| known.iter().find(|f| f.name() == name || f.aliases().iter().any(|a| a == name));
    WINDOW.iter().filter_map(|name| Some((*name, Arc::clone(named(name)?)))).collect()
});

/// The scalar function of this name, if SQL may call it. Lists may be written in the calls of summaries alone.
pub(crate) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    SCALAR_FUNCTIONS.get(name).cloned().or_else(|| (name == items::LIST).then(items::list))
}

/// The aggregate of this name, if SQL may call it.
pub(crate) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    AGGREGATE_FUNCTIONS
        .get(name)
        .cloned()
        .or_else(|| estimates::function(name))
        .or_else(|| summaries::function(name))
}

/// The window function of this name, if SQL may call it.
pub(crate) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    WINDOW_FUNCTIONS.get(name).cloned()
}

/// Whether a planned window function is one of the list.
pub(crate) fn window_is_allowed(function: &WindowFunctionDefinition) -> bool {
    match function {
        WindowFunctionDefinition::AggregateUDF(function) => OVER_WINDOW.contains(&function.name()),
        WindowFunctionDefinition::WindowUDF(function) => {
            WINDOW_FUNCTIONS.values().any(|known| known.name() == function.name())
        }
    }
}

/// Whether SQL may call a function of this name, of whatever sort.
pub(crate) fn is_known(name: &str) -> bool {
    name == UNNEST || scalar(name).is_some() || aggregate(name).is_some() || window(name).is_some()
}

/// The function whose name is nearest to one that does not exist.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    nearest(name, allowed_functions().into_iter())
}

/// Of some names, the one that a person may have meant by another: three fifths of it are the same, which two
/// letters that were exchanged are in a name of five.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const ALIKE: f64 = 0.6;
    let known = names.map(|other| (datafusion_strsim::normalized_levenshtein(name, other), other));
    let best = known.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, other)| other)
}

/// Whether a scalar function takes numbers as numbers.
pub(crate) fn is_of_numbers(name: &str) -> bool {
    OF_NUMBERS.contains(&name)
}

/// The arguments of a call that are no values but say what is done with them: a number of places, a base, an
/// exponent, a position, a length, a pattern. Of a function that no table here names, all but the first.
pub(crate) fn parameters<'a, T>(name: &str, args: &'a [T]) -> &'a [T] {
    let (first, others) = args.split_at(args.len().min(1));
    match (OF_VALUES.contains(&name), HOW_FIRST.contains(&name)) {
        (true, _) => &[],
        // The logarithm of one argument has the base 10.
        (false, true) if others.is_empty() => &[],
        (false, true) => first,
        (false, false) => others,
    }
}

/// Whether a planned scalar function is one of the list (some syntax, such as EXTRACT, is planned as a
/// function that the text does not name).
pub(crate) fn scalar_is_allowed(function: &ScalarUDF) -> bool {
    SCALAR_FUNCTIONS.values().any(|known| known.name() == function.name())
}

/// The names of the aggregates that SQL may call.
#[must_use]
pub fn aggregate_functions() -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        AGGREGATE_FUNCTIONS.keys().copied().chain(estimates::names()).chain(summaries::names()).collect();
    names.sort_unstable();
    names
}

/// The names of the functions that SQL may call with OVER, beside COUNT, SUM, AVG, MIN and MAX.
#[must_use]
pub fn window_functions() -> Vec<&'static str> {
    WINDOW_FUNCTIONS.keys().copied().collect()
}

/// The names of all functions that SQL may call, scalar ones first.
#[must_use]
pub fn allowed_functions() -> Vec<&'static str> {
    let scalars = SCALAR_FUNCTIONS.keys().chain(&PARTS_OF_DATES).copied();
    scalars.chain(aggregate_functions()).chain(WINDOW_FUNCTIONS.keys().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_function_exists_in_the_engine() {
        assert_eq!(SCALAR_FUNCTIONS.len(), SCALAR.len());
        assert_eq!(AGGREGATE_FUNCTIONS.len(), AGGREGATE.len());
        assert_eq!(WINDOW_FUNCTIONS.len(), WINDOW.len());
    }

    #[test]
    fn what_says_how_a_value_is_read_is_told_apart_from_the_value() {
        let cases: [(&str, &[u8], &[u8]); 9] = [
            ("round", &[1, 2], &[2]),
            ("trunc", &[1], &[]),
            ("log", &[1, 2], &[1]),
            ("log", &[1], &[]),
            ("power", &[1, 2], &[2]),
            ("date_trunc", &[1, 2], &[1]),
            ("substr", &[1, 2, 3], &[2, 3]),
            ("greatest", &[1, 2, 3], &[]),
            ("not_in_any_table", &[1, 2], &[2]),
        ];
        for (name, args, expected) in cases {
            assert_eq!(parameters(name, args), expected, "{name}");
        }
        let engine: Vec<&str> = SCALAR_FUNCTIONS.values().map(|known| known.name()).collect();
        for name in OF_VALUES.iter().chain(HOW_FIRST) {
            assert!(engine.contains(name), "{name} is not how the engine calls it");
        }
    }

    #[test]
    fn a_misspelt_name_is_told_apart_from_one_that_is_not_there() {
        assert_eq!(similar("cuont"), Some("count"));
        assert_eq!(similar("stdev"), Some("stddev"));
        assert_eq!(similar("sha256"), None);
        assert_eq!(nearest("patinets", ["labs", "patients"].into_iter()), Some("patients"));
        assert_eq!(nearest("claims", ["labs", "patients"].into_iter()), None);
    }

    #[test]
    fn hashes_clocks_and_generators_do_not_exist() {
        for name in
            ["md5", "sha256", "digest", "random", "uuid", "now", "current_date", "encode", "chr", "repeat"]
        {
            assert!(scalar(name).is_none(), "{name}");
        }
        for name in
            ["string_agg", "array_agg", "first_value", "bit_xor", "approx_percentile_cont_with_weight"]
        {
            assert!(aggregate(name).is_none(), "{name}");
        }
    }
}
