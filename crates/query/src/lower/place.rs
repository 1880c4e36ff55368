//! How small the places are that groups tell apart: of columns that the manifest gives a level of geography.

use datafusion::common::TableReference;

use crate::algebra::Scalar;
use crate::model::{GeographyLevel, Refusal};

use super::Lowering;
use super::scrutiny::refused;

impl Lowering<'_> {
    /// A group key tells apart no smaller places than the custodian wants.
    pub(super) fn place_key(&self, key: &Scalar) -> Result<(), Refusal> {
        let level = self.level(key).filter(|level| *level < self.rules.geography_grain);
        let Some(level) = level else { return Ok(()) };
        let grain = self.rules.geography_grain.name();
        let message = format!("groups by places of the level {} are not allowed", level.name());
        let hint =
            format!("group by a column of the level {grain} or larger, or by CASE over several places");
        Err(refused(&message, &hint).at(self.place_of(key)))
    }

    /// The smallest places that a value names, as far as the manifest says. What is computed from a name may be
    /// the name; a choice between constants by a place is none.
    fn level(&self, scalar: &Scalar) -> Option<GeographyLevel> {
        match scalar {
            Scalar::Column(_) => {
                let declared = |origin: &String| {
                    let (table, column) = origin.split_once('.')?;
                    let table = self.catalog.table(&TableReference::bare(table))?;
                    table.columns.iter().find(|known| known.name == column)?.geography
                };
                self.origins(scalar).iter().filter_map(declared).min()
            }
            Scalar::Case { branches, otherwise } => {
                let values = branches.iter().map(|(_, then)| then).chain(otherwise.as_deref());
                values.filter_map(|value| self.level(value)).min()
            }
            Scalar::And(_)
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => None,
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Cast { .. }
            | Scalar::Function { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_) => {
                scalar.children().into_iter().filter_map(|child| self.level(child)).min()
            }
        }
    }
}
