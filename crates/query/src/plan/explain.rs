//! What is said of an analysis that the planner does not take, from text and catalogue alone.

use datafusion::common::{DataFusionError, SchemaError};

use crate::catalog::Catalog;
use crate::functions;
use crate::lower::function_refusal;
use crate::model::{Code, Refusal};
use crate::position::{self, Part, Positions};

/// The hint where types or names do not fit.
const CHECK_TYPES: &str = "`sekisho catalog` shows tables, columns and types; CAST converts between types";

/// The hint where a column is neither a key nor summarised.
const GROUP_OR_SUMMARISE: &str =
    "add the column to GROUP BY, or summarise it: COUNT(...), SUM(...), AVG(...)";

/// How the engine's refusal of a correlated group key begins.
const CORRELATED_KEY: &str = "Correlated scalar subquery in the GROUP BY";

/// Longest sentence of the engine's that a refusal repeats, in characters.
const LONGEST_SENTENCE: usize = 240;

/// The planner's errors come from text and catalogue alone: it has seen no record.
pub(super) fn planning_refusal(error: &DataFusionError, catalog: &Catalog, positions: &Positions) -> Refusal {
    let root = root_of(error);
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other planning error has the same answer")]
    match root {
        DataFusionError::SchemaError(schema, _) => schema_refusal(schema, positions),
        DataFusionError::Plan(text) if text.starts_with("no table `") => {
            let name = text.trim_start_matches("no table `").trim_end_matches('`');
            let tables = catalog.table_names();
            let meant = did_you_mean(name, tables.iter().copied());
            let hint = format!("{meant}the tables of this project are `{}`", tables.join("`, `"));
            Refusal::new(Code::TableUnknown, format!("there is no table `{name}`"), hint)
                .at(positions.table(name))
                .at(positions.word("FROM"))
        }
        DataFusionError::Plan(text) if text.starts_with("Invalid function '") => {
            let name = text.trim_start_matches("Invalid function '").split('\'').next().unwrap_or_default();
            function_refusal(name).at(positions.function(name))
        }
        DataFusionError::Plan(text) if text.starts_with(CORRELATED_KEY) => {
            let message = "a sub-query about the outer record in GROUP BY is not supported";
            let hint = "select it in a CTE and group by its name: WITH t AS (SELECT ..., (SELECT ...) AS k FROM ...) SELECT k, COUNT(*) FROM t GROUP BY k";
            Refusal::new(Code::NotSupported, message, hint).at(positions.first(Part::ScalarSubquery))
        }
        DataFusionError::NotImplemented(text) => Refusal::new(
            Code::NotSupported,
            one_line(text),
            "what may be used is listed by `sekisho catalog`",
        ),
        DataFusionError::Internal(_) => {
            Refusal::new(Code::InvalidQuery, "the SQL cannot be planned", CHECK_TYPES)
        }
        other => {
            // What the engine says for people is shorter than its error, and may know the place.
            let said = error.diagnostic();
            let message = match said {
                Some(said) => one_line(&said.message),
                None => one_line(&other.strip_backtrace()),
            };
            let hint = if message.contains("GROUP BY") { GROUP_OR_SUMMARISE } else { CHECK_TYPES };
            let place =
                positions.quoted(&message).or_else(|| positions.quoted(&one_line(&other.strip_backtrace())));
            Refusal::new(Code::InvalidQuery, message, hint)
                .at(position::of_span(said.and_then(|said| said.span)))
                .at(place)
                .at(positions.word("WHERE").filter(|_| other.message().starts_with("Cannot create filter")))
                .at(item_number(&other.message()).and_then(|number| positions.constant(number)))
        }
    }
}

/// The number in GROUP BY or ORDER BY that stands for no item of the select list.
fn item_number(message: &str) -> Option<&str> {
    message.strip_prefix("Cannot find column with position ")?.split(' ').next()
}

fn root_of(error: &DataFusionError) -> &DataFusionError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only the wrappers are unwrapped")]
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root_of(inner),
        other => other,
    }
}

fn schema_refusal(error: &SchemaError, positions: &Positions) -> Refusal {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut known: Vec<String> = Vec::new();
            for name in valid_fields.iter().map(|column| column.flat_name()) {
                // A column of a GROUP BY stands among them twice.
                if !known.contains(&name) {
                    known.push(name);
                }
            }
            let meant = did_you_mean(&field.name, valid_fields.iter().map(|column| column.name.as_str()));
            let hint = if known.is_empty() {
                CHECK_TYPES.to_owned()
            } else {
                format!("{meant}the columns here are {}", known.join(", "))
            };
            Refusal::new(Code::ColumnUnknown, format!("there is no column `{}`", field.flat_name()), hint)
                .at(position::of_span(field.spans.first()))
                .at(positions.column(&field.flat_name()))
        }
        SchemaError::AmbiguousReference { field } => {
            let message = format!("the column `{}` is in several tables", field.name);
            Refusal::new(Code::InvalidQuery, message, "write the table before it")
                .at(position::of_span(field.spans.first()))
                .at(positions.column(&field.name))
        }
        SchemaError::DuplicateQualifiedField { .. } | SchemaError::DuplicateUnqualifiedField { .. } => {
            Refusal::new(
                Code::InvalidQuery,
                "two columns have the same name",
                "give one of them a name with AS",
            )
        }
    }
}

/// The beginning of a hint that names what may have been meant, if anything is near.
fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    functions::nearest(name, names).map_or_else(String::new, |meant| format!("did you mean `{meant}`? "))
}

pub(super) fn generation_refusal(error: &DataFusionError) -> Refusal {
    Refusal::new(Code::InvalidQuery, one_line(&error.strip_backtrace()), CHECK_TYPES)
}

pub(super) fn internal(message: &str) -> Refusal {
    Refusal::new(Code::Internal, message, "send it again; if it happens twice, tell the operator")
}

/// The first sentence of an engine's error, without its prefixes and the dumps of its own structures.
fn one_line(text: &str) -> String {
    // As the engine writes them; what follows says what it is about.
    let prefixes = [
        "Error during planning: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "Internal error: ",
    ];
    let text = text.split_once("coercion failed with: ").map_or(text, |(_, said)| said);
    let text = prefixes.iter().fold(text, |text, prefix| text.trim_start_matches(prefix));
    let ends = ["\n", ", errors:", " {", ": [", ". No function matches"];
    let sentence = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or_default());
    let sentence = sentence.trim_end_matches('.');
    // It may repeat what the analyst wrote, however long that is.
    match sentence.char_indices().nth(LONGEST_SENTENCE) {
        None => sentence.to_owned(),
        Some((end, _)) => format!("{}...", sentence.get(..end).unwrap_or_default()),
    }
}
