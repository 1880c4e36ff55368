//! What a manifest's TOML looks like, before anything but its form was checked.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) dataset: Spanned<String>,
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) source: String,
    pub(super) licence: String,
    #[serde(default)]
    pub(super) pseudonym: PseudonymText,
    #[serde(rename = "table", default)]
    pub(super) tables: Vec<TableText>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PseudonymText {
    #[default]
    Hmac,
    Keep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableText {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) kind: KindText,
    pub(super) file: Spanned<FilesText>,
    pub(super) key: Option<Spanned<String>>,
    #[serde(rename = "column", default)]
    pub(super) columns: Vec<ColumnText>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KindText {
    Code,
    #[default]
    Subject,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum FilesText {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnText {
    pub(super) name: Spanned<String>,
    pub(super) header: Option<String>,
    #[serde(default)]
    pub(super) description: String,
    pub(super) class: ClassText,
    pub(super) kind: Option<Spanned<String>>,
    pub(super) action: Option<Spanned<ActionText>>,
    #[serde(rename = "type")]
    pub(super) data_type: Option<Spanned<String>>,
    pub(super) values: Option<Spanned<Vec<ScalarText>>>,
    pub(super) isolating: Option<Spanned<bool>>,
    pub(super) step: Option<Spanned<StepText>>,
    pub(super) sensitive: Option<Spanned<bool>>,
    pub(super) code: Option<Spanned<bool>>,
    pub(super) geography: Option<Spanned<String>>,
    pub(super) population: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ClassText {
    Date,
    Dimension,
    FreeText,
    Identifier,
    Measure,
    OtherPerson,
    Subject,
    Unit,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActionText {
    Drop,
    Pseudonym,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ScalarText {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum StepText {
    Integer(i64),
    /// Only to be told why not.
    Float(#[expect(dead_code, reason = "a binary fraction is not what was written")] f64),
    Text(String),
}

impl ScalarText {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Text(value) => value,
        }
    }
}
