//! Where a manifest says how many people live in the areas that a column names: `population = "table.column"`.

use sekisho_model::{ColumnClass, ColumnType, Population, TableKind};
use toml::Spanned;

use super::super::document::TableText;
use super::super::{Fate, TableSource};
use super::{Checked, problem};

/// A population that a column asks for.
pub(super) struct Wanted {
    table: String,
    column: String,
    text: Spanned<String>,
}

impl Wanted {
    /// Takes out of a table what its columns ask for.
    pub(super) fn of(table: &mut TableText) -> Vec<Self> {
        let name = table.name.get_ref().clone();
        let wanted = table.columns.iter_mut().filter_map(|column| {
            let text = column.population.take()?;
            Some(Self { table: name.clone(), column: column.name.get_ref().clone(), text })
        });
        wanted.collect()
    }
}

/// Finds each population, and notes it at its column.
pub(super) fn resolve(wanted: Vec<Wanted>, tables: &mut [TableSource]) -> Checked<()> {
    for Wanted { table, column, text } in wanted {
        let population = found(&text, tables)?;
        let own = tables.iter_mut().filter(|own| own.name == table && own.kind == TableKind::Subject);
        let fate =
            own.flat_map(|own| &mut own.columns).find(|own| own.name == column).map(|own| &mut own.fate);
        match fate {
            Some(Fate::Value {
                class: ColumnClass::Dimension,
                data_type: ColumnType::Text | ColumnType::Integer,
                declared,
                ..
            }) => declared.population = Some(population),
            Some(Fate::Drop | Fate::Pseudonym | Fate::Subject | Fate::Value { .. }) | None => {
                let place = "only a dimension of type text or integer, in a table of people, has a population; take it out";
                return problem(text.span(), place);
            }
        }
    }
    Ok(())
}

fn found(text: &Spanned<String>, tables: &[TableSource]) -> Checked<Population> {
    let form = || "a population is \"table.column\": a code table of the areas, and its integer column of inhabitants";
    let Some((table, column)) = text.get_ref().split_once('.') else { return problem(text.span(), form()) };
    let known = tables.iter().find(|known| known.name == table && known.kind == TableKind::Code);
    let Some((known, key)) = known.and_then(|known| Some((known, known.key.clone()?))) else {
        return problem(text.span(), format!("there is no code table `{table}`; {}", form()));
    };
    let counted = known.columns.iter().any(|known| {
        known.name == column && matches!(known.fate, Fate::Value { data_type: ColumnType::Integer, .. })
    });
    if !counted {
        return problem(text.span(), format!("`{table}` has no integer column `{column}`; {}", form()));
    }
    Ok(Population { table: table.to_owned(), key, column: column.to_owned() })
}
