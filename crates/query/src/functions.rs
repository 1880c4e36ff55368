//! Which functions an analysis may call: pure, total (see [`crate::total`]) and deterministic ones.
//!
//! What is not named here does not exist. Hashes, encodings, random numbers, array constructors,
//! regular expressions and the clock are left out on purpose.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::functions_aggregate::{average, count, min_max, sum};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// Scalar functions by the names under which SQL may call them.
const SCALAR: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "char_length",
    "character_length",
    "coalesce",
    "date_part",
    "date_trunc",
    "datepart",
    "datetrunc",
    "exp",
    "floor",
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
    "right",
    "round",
    "rtrim",
    "signum",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "trim",
    "trunc",
    "upper",
];

static SCALAR_FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let known = datafusion::functions::all_default_functions();
    let named = |name: &str| known.iter().find(|f| f.name() == name || f.aliases().iter().any(|a| a == name));
    SCALAR.iter().filter_map(|name| Some((*name, Arc::clone(named(name)?)))).collect()
});

static AGGREGATE_FUNCTIONS: LazyLock<BTreeMap<&'static str, Arc<AggregateUDF>>> = LazyLock::new(|| {
    BTreeMap::from([
        ("avg", average::avg_udaf()),
        ("count", count::count_udaf()),
        ("max", min_max::max_udaf()),
        ("mean", average::avg_udaf()),
        ("min", min_max::min_udaf()),
        ("sum", sum::sum_udaf()),
    ])
});

/// The scalar function of this name, if SQL may call it.
pub(crate) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    SCALAR_FUNCTIONS.get(name).cloned()
}

/// The aggregate of this name, if SQL may call it.
pub(crate) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    AGGREGATE_FUNCTIONS.get(name).cloned()
}

/// Whether a planned scalar function is one of the list (some syntax, such as EXTRACT, is planned as a
/// function that the text does not name).
pub(crate) fn scalar_is_allowed(function: &ScalarUDF) -> bool {
    SCALAR_FUNCTIONS.values().any(|known| known.name() == function.name())
}

/// The names of all functions that SQL may call, scalar ones first.
#[must_use]
pub fn allowed_functions() -> Vec<&'static str> {
    SCALAR_FUNCTIONS.keys().chain(AGGREGATE_FUNCTIONS.keys()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_function_exists_in_the_engine() {
        assert_eq!(SCALAR_FUNCTIONS.len(), SCALAR.len());
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
