//! Whether a manifest makes sense, and if not: where, why, and what to write instead.

mod declared;
mod population;

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sekisho_model::{ColumnClass, ColumnType, TableKind};
use toml::Spanned;

use self::declared::{DeclaredText, with_declared};
use self::population::Wanted;
use super::document::{
    ActionText, ClassText, ColumnText, Document, FilesText, KindText, PseudonymText, ScalarText, TableText,
};
use super::{ColumnSource, Declared, Domain, Fate, Manifest, Pseudonym, TableSource};
use crate::source::Format;

/// Longest name of a table or column, in bytes.
const MAX_NAME: usize = 63;

/// What is wrong and where in the text.
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

type Checked<T> = Result<T, Problem>;

fn problem<T>(span: Range<usize>, text: impl Into<String>) -> Checked<T> {
    Err(Problem { span, text: text.into() })
}

pub(super) fn manifest(document: Document, folder: &Path) -> Checked<Manifest> {
    let at = document.dataset.span();
    let dataset = document.dataset.into_inner().parse();
    let dataset = dataset.or_else(|error| problem(at.clone(), format!("dataset: {error}")))?;
    if document.tables.is_empty() {
        return problem(at, "the dataset has no table; add `[[table]]`");
    }
    let mut names = HashSet::new();
    let mut tables = Vec::with_capacity(document.tables.len());
    let mut populations = Vec::new();
    for mut text in document.tables {
        unique(&mut names, &text.name, "table")?;
        populations.extend(Wanted::of(&mut text));
        tables.push(table(text, folder)?);
    }
    population::resolve(populations, &mut tables)?;
    let pseudonym = match document.pseudonym {
        PseudonymText::Hmac => Pseudonym::Hmac,
        PseudonymText::Keep => Pseudonym::Keep,
    };
    Ok(Manifest {
        dataset,
        title: document.title,
        description: document.description,
        source: document.source,
        licence: document.licence,
        pseudonym,
        tables,
    })
}

fn table(text: TableText, folder: &Path) -> Checked<TableSource> {
    let at = text.name.span();
    let name = text.name.into_inner();
    let files = files(text.file, folder)?;
    let kind = match text.kind {
        KindText::Code => TableKind::Code,
        KindText::Subject => TableKind::Subject,
    };
    let mut names = HashSet::new();
    let mut headers = HashSet::new();
    let mut columns = Vec::with_capacity(text.columns.len());
    for text in text.columns {
        unique(&mut names, &text.name, "column")?;
        let span = text.name.span();
        let column = column(text, kind)?;
        if !headers.insert(column.header.clone()) {
            return problem(span, "two columns have the same header; name each column of the file once");
        }
        columns.push(column);
    }
    let subjects = columns.iter().filter(|column| matches!(column.fate, Fate::Subject)).count();
    match kind {
        TableKind::Subject if subjects != 1 => {
            return problem(
                at,
                format!(
                    "table `{name}` has {subjects} columns of class \"subject\"; give it exactly one, or say \
                     `kind = \"code\"` if no row belongs to a person"
                ),
            );
        }
        TableKind::Code | TableKind::Subject => {}
    }
    let key = key(text.key, kind, &name, &columns, at)?;
    Ok(TableSource { name, description: text.description, kind, key, files, columns })
}

fn files(text: Spanned<FilesText>, folder: &Path) -> Checked<Vec<PathBuf>> {
    let at = text.span();
    let names = match text.into_inner() {
        FilesText::One(name) => vec![name],
        FilesText::Several(names) => names,
    };
    if names.is_empty() {
        return problem(at, "`file` is empty; name at least one file");
    }
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        if Format::of(Path::new(&name)).is_none() {
            return problem(at, format!("`{name}` is not a .csv, .csv.gz or .parquet file"));
        }
        files.push(folder.join(name));
    }
    Ok(files)
}

fn key(
    text: Option<Spanned<String>>,
    kind: TableKind,
    table: &str,
    columns: &[ColumnSource],
    at: Range<usize>,
) -> Checked<Option<String>> {
    match (text, kind) {
        (None, TableKind::Subject) => Ok(None),
        (None, TableKind::Code) => problem(
            at,
            format!("code table `{table}` has no key; add `key = \"…\"`, the column of its codes"),
        ),
        (Some(key), TableKind::Subject) => {
            problem(key.span(), "only a code table has a key; take it out, or say `kind = \"code\"`")
        }
        (Some(key), TableKind::Code) => {
            let kept = |column: &&ColumnSource| column.name == *key.get_ref();
            match columns.iter().find(kept).map(|column| &column.fate) {
                Some(Fate::Value { data_type: ColumnType::Text | ColumnType::Integer, .. }) => {
                    Ok(Some(key.into_inner()))
                }
                Some(_) => problem(key.span(), "a key is a column of type text or integer"),
                None => problem(key.span(), format!("table `{table}` has no column `{}`", key.get_ref())),
            }
        }
    }
}

fn column(mut text: ColumnText, kind: TableKind) -> Checked<ColumnSource> {
    let at = text.name.span();
    let declared = DeclaredText::of(&mut text);
    let name = text.name.into_inner();
    let personal = matches!(
        text.class,
        ClassText::Subject | ClassText::Identifier | ClassText::OtherPerson | ClassText::Unit
    );
    if kind == TableKind::Code && personal {
        return problem(
            at,
            format!(
                "column `{name}`: a code table holds no people; use dimension, measure, date or free-text"
            ),
        );
    }
    if let (Some(kind), false) = (&text.kind, text.class == ClassText::Unit) {
        return problem(kind.span(), "only a column of class \"unit\" has a kind; take it out");
    }
    if let (Some(action), false) = (&text.action, text.class == ClassText::Identifier) {
        return problem(action.span(), "only a column of class \"identifier\" has an action; take it out");
    }
    let data_type = text.data_type.map(column_type).transpose()?;
    let fate = match text.class {
        ClassText::FreeText | ClassText::OtherPerson => Fate::Drop,
        ClassText::Identifier => match text.action.map(Spanned::into_inner) {
            Some(ActionText::Drop) => Fate::Drop,
            Some(ActionText::Pseudonym) | None => Fate::Pseudonym,
        },
        ClassText::Subject => Fate::Subject,
        ClassText::Date => value(&name, &at, ColumnClass::Date, data_type)?,
        ClassText::Dimension => value(&name, &at, ColumnClass::Dimension, data_type)?,
        ClassText::Measure => value(&name, &at, ColumnClass::Measure, data_type)?,
        ClassText::Unit => value(&name, &at, unit(&name, &at, text.kind)?, data_type)?,
    };
    let fate = with_declared(with_domain(fate, text.values)?, kind, declared)?;
    let header = text.header.unwrap_or_else(|| name.clone());
    Ok(ColumnSource { name, header, description: text.description, fate })
}

fn unit(name: &str, at: &Range<usize>, kind: Option<Spanned<String>>) -> Checked<ColumnClass> {
    let Some(kind) = kind else {
        let text = format!("unit column `{name}` has no kind; add `kind = \"institution\"`, say");
        return problem(at.clone(), text);
    };
    check_name(kind.get_ref(), kind.span(), "kind")?;
    Ok(ColumnClass::Unit { kind: kind.into_inner() })
}

fn value(
    name: &str,
    at: &Range<usize>,
    class: ColumnClass,
    data_type: Option<Spanned<ColumnType>>,
) -> Checked<Fate> {
    let Some(data_type) = data_type else {
        let example = match class {
            ColumnClass::Date => "date",
            ColumnClass::Measure => "decimal(9,2)",
            ColumnClass::Dimension
            | ColumnClass::Identifier
            | ColumnClass::Subject
            | ColumnClass::Unit { .. } => "text",
        };
        return problem(at.clone(), format!("column `{name}` has no type; add `type = \"{example}\"`, say"));
    };
    let span = data_type.span();
    let data_type = data_type.into_inner();
    let numeric = matches!(data_type, ColumnType::Integer | ColumnType::Double | ColumnType::Decimal { .. });
    let temporal = matches!(data_type, ColumnType::Date | ColumnType::Timestamp);
    if class == ColumnClass::Measure && !numeric {
        return problem(span, "a measure is an integer, a decimal(p,s) or a double");
    }
    if class == ColumnClass::Date && !temporal {
        return problem(span, "a date column is of type date or timestamp; a number of days is a measure");
    }
    Ok(Fate::Value { class, data_type, domain: None, declared: Declared::default() })
}

fn with_domain(fate: Fate, values: Option<Spanned<Vec<ScalarText>>>) -> Checked<Fate> {
    let Some(values) = values else { return Ok(fate) };
    let span = values.span();
    let Fate::Value { class, data_type, declared, .. } = fate else {
        return problem(span, "only a kept column has declared values; take them out");
    };
    let mut listed = Vec::new();
    let mut set = HashSet::new();
    for value in values.into_inner() {
        let text = value.into_text();
        let text = match data_type {
            ColumnType::Text => Some(text),
            ColumnType::Integer => text.parse::<i64>().ok().map(|number| number.to_string()),
            ColumnType::Boolean => matches!(text.as_str(), "true" | "false").then_some(text),
            ColumnType::Date
            | ColumnType::Decimal { .. }
            | ColumnType::DenseId
            | ColumnType::Double
            | ColumnType::Timestamp => {
                return problem(span, "only text, integer and boolean columns have declared values");
            }
        };
        let Some(text) = text else {
            return problem(span, format!("a declared value is not of type {}", data_type.name()));
        };
        if text.is_empty() || !set.insert(text.clone()) {
            return problem(span, "declared values are not empty, and each occurs once");
        }
        listed.push(text);
    }
    if listed.is_empty() {
        return problem(span, "`values` is empty; list the values or take it out");
    }
    Ok(Fate::Value { class, data_type, domain: Some(Domain { listed, set }), declared })
}

fn column_type(text: Spanned<String>) -> Checked<Spanned<ColumnType>> {
    let span = text.span();
    let parsed = match text.get_ref().as_str() {
        "boolean" => Some(ColumnType::Boolean),
        "date" => Some(ColumnType::Date),
        "double" => Some(ColumnType::Double),
        "integer" => Some(ColumnType::Integer),
        "text" => Some(ColumnType::Text),
        "timestamp" => Some(ColumnType::Timestamp),
        other => decimal(other),
    };
    match parsed {
        Some(data_type) => Ok(Spanned::new(span, data_type)),
        None => problem(
            span,
            format!(
                "unknown type `{}`; use text, integer, decimal(p,s) with p at most 38, double, date, timestamp \
                 or boolean",
                text.get_ref()
            ),
        ),
    }
}

fn decimal(text: &str) -> Option<ColumnType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<u8>().ok()?);
    ((1..=38).contains(&precision) && scale <= precision).then_some(ColumnType::Decimal { precision, scale })
}

fn unique(names: &mut HashSet<String>, name: &Spanned<String>, what: &str) -> Checked<()> {
    check_name(name.get_ref(), name.span(), what)?;
    if names.insert(name.get_ref().clone()) {
        Ok(())
    } else {
        problem(name.span(), format!("{what} `{}` is named twice", name.get_ref()))
    }
}

fn check_name(name: &str, span: Range<usize>, what: &str) -> Checked<()> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if starts && name.len() <= MAX_NAME && name.chars().all(rest) {
        return Ok(());
    }
    let cure = if what == "column" { "; say `header = \"…\"` if it is another in the file" } else { "" };
    problem(
        span,
        format!("a {what} name is 1 to 63 lower-case letters, digits or `_`, and starts with a letter{cure}"),
    )
}
