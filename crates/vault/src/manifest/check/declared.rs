//! What a manifest may declare of a column's values beside their type: how conditions on them are
//! bounded, and what they tell.

use std::ops::Range;

use sekisho_model::{ColumnClass, ColumnType, GeographyLevel, Step, TableKind};
use toml::Spanned;

use super::super::document::{ColumnText, StepText};
use super::super::{Declared, Fate};
use super::{Checked, problem};

/// The declarations of a column, as they stand in the manifest.
pub(super) struct DeclaredText {
    isolating: Option<Spanned<bool>>,
    step: Option<Spanned<StepText>>,
    sensitive: Option<Spanned<bool>>,
    code: Option<Spanned<bool>>,
    geography: Option<Spanned<String>>,
}

impl DeclaredText {
    /// Takes them out of a column.
    pub(super) fn of(text: &mut ColumnText) -> Self {
        Self {
            isolating: text.isolating.take(),
            step: text.step.take(),
            sensitive: text.sensitive.take(),
            code: text.code.take(),
            geography: text.geography.take(),
        }
    }

    /// Where the first of them stands.
    fn span(&self) -> Option<Range<usize>> {
        let flags = [&self.isolating, &self.sensitive, &self.code];
        let flags = flags.into_iter().flatten().map(Spanned::span);
        let steps = self.step.as_ref().map(Spanned::span);
        flags.chain(steps).min_by_key(|span| span.start)
    }
}

/// The fate of a column with what is declared of its values.
pub(super) fn with_declared(fate: Fate, table: TableKind, text: DeclaredText) -> Checked<Fate> {
    let geography = text.geography.as_ref().map(|level| geography(level, &fate)).transpose()?;
    let fate = match fate {
        Fate::Value { class, data_type, domain, declared } => {
            Fate::Value { class, data_type, domain, declared: Declared { geography, ..declared } }
        }
        fate @ (Fate::Drop | Fate::Pseudonym | Fate::Subject) => fate,
    };
    let Some(at) = text.span() else { return Ok(fate) };
    let Fate::Value { class, data_type, domain, .. } = fate else {
        return problem(at, MISPLACED);
    };
    match (table, &class) {
        (TableKind::Subject, ColumnClass::Date | ColumnClass::Dimension | ColumnClass::Measure) => {}
        (TableKind::Code, _)
        | (_, ColumnClass::Identifier | ColumnClass::Subject | ColumnClass::Unit { .. }) => {
            return problem(at, MISPLACED);
        }
    }
    let code = text.code.as_ref().is_some_and(|code| *code.get_ref());
    let names =
        class == ColumnClass::Dimension && matches!(data_type, ColumnType::Integer | ColumnType::Text);
    if code && !names {
        return problem(at, "only a dimension of type text or integer holds codes; take out `code`");
    }
    let isolating = text.isolating.map(Spanned::into_inner);
    if code && (isolating.is_some() || text.step.is_some()) {
        return problem(at, "codes are names and not amounts; take out `isolating` and `step`, or `code`");
    }
    let measured = matches!(Kind::of(data_type), Kind::Date | Kind::Number | Kind::Time);
    if isolating.is_some() && !measured {
        return problem(at, "only a number, a date or a timestamp is isolating; take it out");
    }
    let step = text.step.map(|text| step(text, data_type, isolating)).transpose()?;
    if Kind::of(data_type) == Kind::Date && isolating == Some(true) && step.is_none() {
        return problem(at, "an isolating date column needs a step; add `step = \"month\"`, say");
    }
    let sensitive = text.sensitive.is_some_and(Spanned::into_inner);
    let declared = Declared { isolating, step, sensitive, code, geography, population: None };
    Ok(Fate::Value { class, data_type, domain, declared })
}

/// The level of the places that a column names.
fn geography(text: &Spanned<String>, fate: &Fate) -> Checked<GeographyLevel> {
    let names = matches!(
        fate,
        Fate::Value {
            class: ColumnClass::Dimension | ColumnClass::Unit { .. },
            data_type: ColumnType::Text | ColumnType::Integer,
            ..
        }
    );
    if !names {
        return problem(
            text.span(),
            "only a dimension of type text or integer names places; take out `geography`",
        );
    }
    let levels =
        "a level of geography is \"small-area\", \"municipality\", \"district\", \"province\" or \"country\"";
    GeographyLevel::named(text.get_ref()).map_or_else(|| problem(text.span(), levels), Ok)
}

const MISPLACED: &str = "`isolating`, `step`, `sensitive` and `code` are said of a dimension, a measure or a \
                         date of a table of people; take them out here";

/// What a step of a column is measured in.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Date,
    Name,
    Number,
    Time,
}

impl Kind {
    fn of(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Date => Self::Date,
            ColumnType::Decimal { .. } | ColumnType::Double | ColumnType::Integer => Self::Number,
            ColumnType::Timestamp => Self::Time,
            ColumnType::Boolean | ColumnType::DenseId | ColumnType::Text => Self::Name,
        }
    }
}

fn step(text: Spanned<StepText>, data_type: ColumnType, isolating: Option<bool>) -> Checked<Step> {
    let at = text.span();
    if isolating == Some(false) {
        return problem(at, "a column that is not isolating has no step; take out one of the two");
    }
    let text = match text.into_inner() {
        StepText::Integer(number) => number.to_string(),
        StepText::Text(text) => text,
        StepText::Float(_) => {
            return problem(at, "a step with decimals is written in quotes, so that it is exact: \"0.5\"");
        }
    };
    match Kind::of(data_type) {
        Kind::Name => problem(at, "only a number, a date or a timestamp has a step; take it out"),
        Kind::Date if isolating.is_none() => {
            problem(at, "a date column is isolating only where it is declared so; add `isolating = true`")
        }
        Kind::Date | Kind::Time => match Step::date(&text) {
            Some(step) => Ok(step),
            None => problem(at, "a step of dates is \"day\", \"week\", \"month\", \"quarter\" or \"year\""),
        },
        Kind::Number => match Step::number(&text) {
            Some(step) if fits(step, data_type) => Ok(step),
            Some(step) => {
                let name = data_type.name();
                problem(at, format!("a step of {step} cannot be written exactly as {name}; use one that can"))
            }
            None => problem(at, "a step is a number above zero, such as 500 or \"0.5\""),
        },
    }
}

/// Whether the type has the step among its values.
fn fits(step: Step, data_type: ColumnType) -> bool {
    let Step::Number { units, scale } = step else { return false };
    match data_type {
        ColumnType::Integer => scale == 0 && i64::try_from(units).is_ok(),
        ColumnType::Decimal { precision, scale: places } => {
            let shift = places.checked_sub(scale).and_then(|more| 10_i128.checked_pow(u32::from(more)));
            let unscaled = shift.and_then(|shift| units.checked_mul(shift));
            let limit = 10_i128.checked_pow(u32::from(precision));
            unscaled.zip(limit).is_some_and(|(unscaled, limit)| unscaled < limit)
        }
        ColumnType::Double => true,
        ColumnType::Boolean
        | ColumnType::Date
        | ColumnType::DenseId
        | ColumnType::Text
        | ColumnType::Timestamp => false,
    }
}
