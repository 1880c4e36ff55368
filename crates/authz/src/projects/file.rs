//! What a project file says: TOML, read strictly, with the line and the cure for what is wrong.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use sekisho_model::{
    DateGrain, GeographyLevel, Hold, People, Project, Rounding, SmallChange, SnapshotPin, Stricter,
    TableGrant,
};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

use crate::error::Error;

/// Most per mille of a share.
const MAX_PERMILLE: u32 = 1000;
/// Longest subject or organisation, in bytes; longer claims are not accepted in tokens.
const MAX_NAME_BYTES: usize = 255;

/// The file as written. Optional parts are optional here too.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: Spanned<String>,
    title: Spanned<String>,
    dataset: Spanned<String>,
    snapshot: Snapshot,
    profile: Spanned<String>,
    #[serde(default)]
    hold: HoldWhen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<u64>,
    people: Spanned<Vec<Spanned<FilePeople>>>,
    tables: Spanned<Vec<Spanned<FileTable>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stricter: Option<Spanned<FileStricter>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FilePeople {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileTable {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileStricter {
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_units: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withhold_zeros: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dominance_permille: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_permille: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    degrees_of_freedom: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withhold_extremes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_list: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_grain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geography_grain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    areas_nothing_below: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    areas_few_below: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    areas_minimum_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_leverage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_interval: Option<u32>,
    on_small_change: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forbidden_crossings: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum HoldWhen {
    Always,
    #[default]
    ByRule,
}

/// `"latest"` or the number of a snapshot.
struct Snapshot(SnapshotPin);

/// The project that a file describes.
pub(super) fn parse(path: &Path, text: &str) -> Result<Project, Error> {
    let source = Source { path, text };
    let file: File = toml::from_str(text).map_err(|error| {
        let problem = error.message().lines().collect::<Vec<_>>().join(", ");
        source.error(
            error.span().unwrap_or(0..0),
            &problem,
            "see policies/README.md for the form of a project",
        )
    })?;
    source.project(file)
}

/// A project in the form that [`super::Projects::load`] reads: for commands that set one up.
///
/// # Errors
///
/// The text of what cannot be written in TOML.
pub fn render(project: &Project) -> Result<String, String> {
    let at = |text: &str| Spanned::new(0..0, text.to_owned());
    let people = project.people.iter().cloned();
    let tables = project.tables.iter().cloned();
    let file = File {
        name: at(project.id.as_str()),
        title: at(&project.title),
        dataset: at(project.dataset.as_str()),
        snapshot: Snapshot(project.snapshot),
        profile: at(&project.profile),
        hold: match project.hold {
            Hold::Always => HoldWhen::Always,
            Hold::ByRule => HoldWhen::ByRule,
        },
        answers: project.answers,
        people: Spanned::new(
            0..0,
            people
                .map(|People { subject, organisation }| {
                    Spanned::new(0..0, FilePeople { subject, organisation })
                })
                .collect(),
        ),
        tables: Spanned::new(
            0..0,
            tables
                .map(|TableGrant { table, columns }| Spanned::new(0..0, FileTable { name: table, columns }))
                .collect(),
        ),
        stricter: (project.stricter != Stricter::default())
            .then(|| Spanned::new(0..0, FileStricter::of(project.stricter.clone()))),
    };
    toml::to_string(&file).map_err(|error| error.to_string())
}

/// A file and its text, for messages.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn error(&self, span: Range<usize>, problem: &str, cure: &str) -> Error {
        let before = self.text.bytes().take(span.start);
        Error::Project {
            path: self.path.to_owned(),
            line: before.filter(|byte| *byte == b'\n').count().saturating_add(1),
            problem: problem.to_owned(),
            cure: cure.to_owned(),
        }
    }

    fn project(&self, file: File) -> Result<Project, Error> {
        let name = file.name.get_ref();
        let stem = self.path.file_stem().unwrap_or_default();
        if stem != name.as_str() {
            let problem = format!("the project is named `{name}` and its file is not");
            return Err(self.error(file.name.span(), &problem, &format!("name the file `{name}.toml`")));
        }
        let id = name.parse().map_err(|error| self.bad_name(&file.name, &error))?;
        let dataset = file.dataset.get_ref().parse().map_err(|error| self.bad_name(&file.dataset, &error))?;
        if file.title.get_ref().trim().is_empty() {
            return Err(self.error(
                file.title.span(),
                "`title` is empty",
                "say in one line what the project is for",
            ));
        }
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let profile = file.profile.get_ref();
        if profile.is_empty() || !profile.chars().all(lower) {
            let cure = "name a file of policies/disclosure without its `.toml`, such as `japan-rwd`";
            return Err(self.error(file.profile.span(), "`profile` is not the name of a profile", cure));
        }
        Ok(Project {
            id,
            title: file.title.into_inner(),
            people: self.people(file.people)?,
            dataset,
            snapshot: file.snapshot.0,
            tables: self.tables(file.tables)?,
            profile: file.profile.into_inner(),
            stricter: file.stricter.map_or(Ok(Stricter::default()), |stricter| self.stricter(stricter))?,
            answers: file.answers,
            hold: match file.hold {
                HoldWhen::Always => Hold::Always,
                HoldWhen::ByRule => Hold::ByRule,
            },
        })
    }

    fn bad_name(&self, name: &Spanned<String>, error: &sekisho_model::IdError) -> Error {
        let problem = format!("`{}` is not a name", name.get_ref().escape_default());
        self.error(name.span(), &problem, &error.to_string())
    }

    fn people(&self, rules: Spanned<Vec<Spanned<FilePeople>>>) -> Result<Vec<People>, Error> {
        if rules.get_ref().is_empty() {
            return Err(self.error(rules.span(), "`people` is empty", "name somebody, or remove the file"));
        }
        let rule = |rule: Spanned<FilePeople>| {
            let span = rule.span();
            let FilePeople { subject, organisation } = rule.into_inner();
            if subject.is_none() && organisation.is_none() {
                let cure = "give `subject`, `organisation` or both";
                return Err(self.error(span, "a rule of `people` is empty and would admit everybody", cure));
            }
            for text in [&subject, &organisation].into_iter().flatten() {
                if text.is_empty() || text.len() > MAX_NAME_BYTES || text.chars().any(char::is_control) {
                    let cure = "write the claim of the token: 1 to 255 bytes without control characters";
                    return Err(self.error(span, "a rule of `people` can match nobody", cure));
                }
            }
            Ok(People { subject, organisation })
        };
        rules.into_inner().into_iter().map(rule).collect()
    }

    fn tables(&self, grants: Spanned<Vec<Spanned<FileTable>>>) -> Result<Vec<TableGrant>, Error> {
        if grants.get_ref().is_empty() {
            return Err(self.error(grants.span(), "`tables` is empty", "grant at least one table"));
        }
        let mut tables: Vec<TableGrant> = Vec::new();
        for grant in grants.into_inner() {
            let span = grant.span();
            let FileTable { name, columns } = grant.into_inner();
            if tables.iter().any(|table| table.table == name) {
                let problem = format!("table `{name}` is granted twice");
                return Err(self.error(span, &problem, "put its columns into one entry"));
            }
            let names = columns.iter().flatten().chain([&name]);
            if let Some(bad) = names.into_iter().find(|name| !is_sql_name(name)) {
                let problem = format!("`{}` is not the name of a table or column", bad.escape_default());
                return Err(self.error(span, &problem, "write it as in the dataset's manifest"));
            }
            if columns.as_ref().is_some_and(Vec::is_empty) {
                let problem = format!("table `{name}` is granted without any column");
                return Err(self.error(span, &problem, "name columns, or leave `columns` out to grant all"));
            }
            tables.push(TableGrant { table: name, columns });
        }
        Ok(tables)
    }

    fn stricter(&self, stricter: Spanned<FileStricter>) -> Result<Stricter, Error> {
        let span = stricter.span();
        let file = stricter.into_inner();
        if [file.dominance_permille, file.p_permille].into_iter().flatten().any(|share| share > MAX_PERMILLE)
        {
            let cure = "write per mille, 0 to 1000";
            return Err(self.error(span, "a share of `stricter` is more than the whole", cure));
        }
        let unknown = |problem, cure| self.error(span.clone(), problem, cure);
        let grain = |name: &str| {
            let cure = "write \"day\", \"week\", \"month\", \"quarter\" or \"year\"";
            let grain = DateGrain::ALL.into_iter().find(|grain| grain.name() == name);
            grain.ok_or_else(|| unknown("`date_grain` is not a part of the calendar", cure))
        };
        let level = |name: &str| {
            let cure = "write \"small-area\", \"municipality\", \"district\", \"province\" or \"country\"";
            let level = GeographyLevel::named(name);
            level.ok_or_else(|| unknown("`geography_grain` is not a level of geography", cure))
        };
        let rounding = |name: &str| {
            let cure = "write \"none\", \"5\", \"midpoint-6\", \"keyed\" or \"10\"";
            Rounding::named(name).ok_or_else(|| unknown("`rounding` is not a way of rounding", cure))
        };
        let change = |name: &str| {
            let cure = "write \"earlier\" or \"blank\"";
            SmallChange::named(name).ok_or_else(|| unknown("`on_small_change` is not what may happen", cure))
        };
        Ok(Stricter {
            minimum_count: file.minimum_count,
            minimum_units: file.minimum_units,
            withhold_zeros: file.withhold_zeros,
            dominance_permille: file.dominance_permille,
            p_permille: file.p_permille,
            degrees_of_freedom: file.degrees_of_freedom,
            withhold_extremes: file.withhold_extremes,
            max_dimensions: file.max_dimensions,
            max_list: file.max_list,
            date_grain: file.date_grain.as_deref().map(grain).transpose()?,
            geography_grain: file.geography_grain.as_deref().map(level).transpose()?,
            rounding: file.rounding.as_deref().map(rounding).transpose()?,
            areas_nothing_below: file.areas_nothing_below,
            areas_few_below: file.areas_few_below,
            areas_minimum_count: file.areas_minimum_count,
            columns_only: file.columns_only,
            max_leverage: file.max_leverage,
            minimum_interval: file.minimum_interval,
            on_small_change: file.on_small_change.as_deref().map(change).transpose()?,
            forbidden_crossings: file.forbidden_crossings,
        })
    }
}

impl FileStricter {
    fn of(stricter: Stricter) -> Self {
        let Stricter {
            minimum_count,
            minimum_units,
            withhold_zeros,
            dominance_permille,
            p_permille,
            degrees_of_freedom,
            withhold_extremes,
            max_dimensions,
            max_list,
            date_grain,
            geography_grain,
            rounding,
            areas_nothing_below,
            areas_few_below,
            areas_minimum_count,
            columns_only,
            max_leverage,
            minimum_interval,
            on_small_change,
            forbidden_crossings,
        } = stricter;
        Self {
            minimum_count,
            minimum_units,
            withhold_zeros,
            dominance_permille,
            p_permille,
            degrees_of_freedom,
            withhold_extremes,
            max_dimensions,
            max_list,
            date_grain: date_grain.map(|grain| grain.name().to_owned()),
            geography_grain: geography_grain.map(|level| level.name().to_owned()),
            rounding: rounding.map(|rounding| rounding.name().to_owned()),
            areas_nothing_below,
            areas_few_below,
            areas_minimum_count,
            columns_only,
            max_leverage,
            minimum_interval,
            on_small_change: on_small_change.map(|change| change.name().to_owned()),
            forbidden_crossings,
        }
    }
}

/// Whether a name can be one of a table or column: whether it exists, only the dataset knows.
fn is_sql_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pin;

        impl Visitor<'_> for Pin {
            type Value = Snapshot;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"latest\"` or the number of a snapshot, 1 or more")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Snapshot, E> {
                if text == "latest" {
                    Ok(Snapshot(SnapshotPin::Latest))
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Snapshot, E> {
                match u64::try_from(number) {
                    Ok(number) if number > 0 => Ok(Snapshot(SnapshotPin::Number(number))),
                    Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }
        }

        deserializer.deserialize_any(Pin)
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            SnapshotPin::Latest => serializer.serialize_str("latest"),
            SnapshotPin::Number(number) => serializer.serialize_u64(number),
        }
    }
}
