//! `sekisho projects` and `sekisho catalog`: what you may read.

use sekisho_client::render::{Grid, escaped};
use sekisho_client::{Client, Result, v1};
use serde::Serialize;

use crate::args::{CatalogArgs, Connection, ListFormat, ProjectsArgs};
use crate::output::Output;

#[derive(Serialize)]
struct Project<'a> {
    project: &'a str,
    title: &'a str,
    dataset: &'a str,
    profile: &'a str,
}

#[derive(Serialize)]
struct Catalog<'a> {
    project: Option<Project<'a>>,
    snapshot: &'a str,
    tables: Vec<Table<'a>>,
    functions: &'a [String],
    aggregate_functions: &'a [String],
    window_functions: &'a [String],
    rules: &'a [String],
}

#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    description: &'a str,
    personal: bool,
    columns: Vec<Column<'a>>,
}

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    class: &'a str,
    values: &'a [String],
    isolating: Option<Isolating<'a>>,
    sensitive: bool,
    code: bool,
}

#[derive(Serialize)]
struct Isolating<'a> {
    /// None: no condition on the values is allowed.
    step: Option<&'a str>,
    declared: bool,
}

impl Column<'_> {
    /// What it means, in words.
    fn meaning(&self) -> String {
        let marks = [(self.code, ", code"), (self.sensitive, ", sensitive")];
        let marks = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark);
        std::iter::once(self.class).chain(marks).collect()
    }

    /// Which values it has, or how they may be asked for.
    fn domain(&self) -> String {
        let listed = (!self.values.is_empty()).then(|| self.values.join(", "));
        let steps = self.isolating.as_ref().map(|isolating| match isolating.step {
            Some(step) if step.starts_with(|first: char| first.is_ascii_digit()) => {
                format!("ranges in steps of {step}")
            }
            Some(grain) => format!("ranges by {grain}"),
            None => "no conditions: no step is known".to_owned(),
        });
        listed.into_iter().chain(steps).collect::<Vec<_>>().join("; ")
    }
}

pub(crate) async fn projects(connection: &Connection, args: &ProjectsArgs, out: &mut Output) -> Result<u8> {
    let projects = Client::connect(&connection.profile()?).await?.projects().await?;
    if args.format == ListFormat::Json {
        out.listing(&projects.iter().map(project).collect::<Vec<_>>())?;
        return Ok(0);
    }
    let mut grid = Grid::new(&["project", "title", "dataset", "profile"]);
    for listed in projects.iter().map(project) {
        grid.push([listed.project, listed.title, listed.dataset, listed.profile]);
    }
    out.result(grid.shown(out.stdout).as_bytes())?;
    Ok(0)
}

pub(crate) async fn catalog(connection: &Connection, args: &CatalogArgs, out: &mut Output) -> Result<u8> {
    let answer = Client::connect(&connection.profile()?).await?.catalog(&args.project).await?;
    let catalog = Catalog {
        project: answer.project.as_ref().map(project),
        snapshot: &answer.snapshot,
        tables: answer.tables.iter().map(table).collect(),
        functions: &answer.functions,
        aggregate_functions: &answer.aggregate_functions,
        window_functions: &answer.window_functions,
        rules: &answer.rules,
    };
    if args.format == ListFormat::Json {
        out.listing(&catalog)?;
        return Ok(0);
    }
    let text = shown(&catalog, out);
    out.result(text.as_bytes())?;
    Ok(0)
}

fn shown(catalog: &Catalog<'_>, out: &Output) -> String {
    let mut text = String::new();
    if let Some(project) = &catalog.project {
        let Project { project, title, profile, .. } = project;
        text.push_str(&escaped(&format!(
            "{project}  {title}, snapshot {}, policy {profile}",
            catalog.snapshot
        )));
        text.push('\n');
    }
    for table in &catalog.tables {
        let kind = if table.personal { "records of people" } else { "public code table" };
        let (name, description) = (escaped(table.name), escaped(table.description));
        text.push_str(&format!("\n{name}  {description} ({kind})\n"));
        let mut grid = Grid::new(&["column", "type", "class", "values", "description"]);
        for column in &table.columns {
            let (meaning, domain) = (column.meaning(), column.domain());
            grid.push([column.name, column.kind, &meaning, &domain, column.description]);
        }
        text.push_str(&grid.shown(out.stdout));
    }
    if !catalog.rules.is_empty() {
        text.push_str("\nrules\n");
        for rule in catalog.rules {
            text.push_str(&format!("  {}\n", escaped(rule)));
        }
    }
    for (title, names) in sorts(catalog) {
        if !names.is_empty() {
            text.push_str(&format!("\n{title}\n  {}\n", escaped(&names.join(", "))));
        }
    }
    text
}

/// The functions by what they may stand for in SQL.
fn sorts<'a>(catalog: &Catalog<'a>) -> [(&'static str, Vec<&'a str>); 3] {
    let named = |names: &'a [String]| names.iter().map(String::as_str).collect::<Vec<_>>();
    let (aggregates, windows) = (catalog.aggregate_functions, catalog.window_functions);
    let scalar = |name: &&'a String| !aggregates.contains(name) && !windows.contains(name);
    [
        ("functions of values", catalog.functions.iter().filter(scalar).map(String::as_str).collect()),
        ("aggregates", named(aggregates)),
        ("window functions, with OVER (the aggregates count, sum, avg, min and max too)", named(windows)),
    ]
}

fn project(project: &v1::Project) -> Project<'_> {
    Project {
        project: project.name.strip_prefix("projects/").unwrap_or(&project.name),
        title: &project.title,
        dataset: &project.dataset,
        profile: &project.profile,
    }
}

fn table(table: &v1::Table) -> Table<'_> {
    Table {
        name: &table.name,
        description: &table.description,
        personal: table.personal,
        columns: table.columns.iter().map(column).collect(),
    }
}

fn column(column: &v1::Column) -> Column<'_> {
    Column {
        name: &column.name,
        description: &column.description,
        kind: &column.r#type,
        class: &column.class,
        values: &column.values,
        isolating: column.isolating.as_ref().map(isolating),
        sensitive: column.sensitive,
        code: column.code,
    }
}

fn isolating(isolating: &v1::Isolating) -> Isolating<'_> {
    let step = Some(isolating.step.as_str()).filter(|step| !step.is_empty());
    Isolating { step, declared: isolating.declared }
}
