//! How many people live in the areas that records name: read from the code tables that the manifest says.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::TryCast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col};

use crate::algebra::Unit;
use crate::disclosure::{Populations, UnitKind};
use crate::execute::{Failure, collect};
use crate::model::Population;
use crate::tables::Tables;
use crate::tally::unit_hash;

/// The populations that one job has read.
#[derive(Default)]
pub(crate) struct Inhabitants(BTreeMap<Population, Arc<Populations>>);

impl Inhabitants {
    /// What the further units of a frontier are, in their order.
    pub(crate) async fn kinds(
        &mut self,
        units: &[Unit],
        session: &SessionState,
        tables: &Tables,
    ) -> std::result::Result<Vec<UnitKind>, Failure> {
        let mut kinds = Vec::new();
        for unit in units {
            kinds.push(match &unit.population {
                None => UnitKind::Institution,
                Some(population) => UnitKind::Area(self.of(population, session, tables).await?),
            });
        }
        Ok(kinds)
    }

    async fn of(
        &mut self,
        population: &Population,
        session: &SessionState,
        tables: &Tables,
    ) -> std::result::Result<Arc<Populations>, Failure> {
        if let Some(known) = self.0.get(population) {
            return Ok(Arc::clone(known));
        }
        let plan = plan(population, tables).map_err(|error| Failure::of(&error))?;
        let batches = collect(session, &plan).await?;
        let mut read = Vec::new();
        for batch in &batches {
            let [areas, inhabitants] = batch.columns() else {
                return Err(Failure::of(&DataFusionError::Execution("a population has two columns".into())));
            };
            let areas = areas.as_string::<i32>().iter();
            let inhabitants = inhabitants.as_primitive::<Int64Type>().iter();
            // An area without a number counts nothing, like one that is not there.
            read.extend(areas.zip(inhabitants).filter_map(|(area, inhabitants)| {
                Some((unit_hash(area?), u64::try_from(inhabitants?).unwrap_or(0)))
            }));
        }
        let populations = Arc::new(Populations::from_iter(read));
        self.0.insert(population.clone(), Arc::clone(&populations));
        Ok(populations)
    }
}

/// Reads a table of the snapshot: never a list of the analyst's, whatever its name.
fn plan(population: &Population, tables: &Tables) -> Result<LogicalPlan> {
    let Population { table, key, column } = population;
    let source = provider_as_source(tables.stored(table)?);
    let cast = |column: &String, to| Expr::TryCast(TryCast::new(Box::new(col(column)), to));
    let read = [cast(key, DataType::Utf8).alias("area"), cast(column, DataType::Int64).alias("inhabitants")];
    LogicalPlanBuilder::scan(table.clone(), source, None)?.project(read)?.build()
}
