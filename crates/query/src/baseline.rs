//! The engine alone: what the confidential half and the checkpoint are measured against.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;

use crate::execute::{Engine, Failure};
use crate::model::Limits;
use crate::scan::SnapshotTable;
use crate::vault::Snapshot;

impl Engine {
    /// Runs a SELECT as the engine itself would: over the same files with the same settings, unjudged and
    /// uncounted. It is for `sekishod bench` alone.
    ///
    /// INVARIANT: nothing of what came out is told, not even how many rows.
    ///
    /// # Errors
    /// A [`Failure`] where the SQL cannot be run.
    pub async fn run_plain(
        &self,
        sql: &str,
        snapshot: &Arc<Snapshot>,
        limits: &Limits,
    ) -> Result<(), Failure> {
        self.select(sql, snapshot, limits).await.map_err(|error| Failure::of(&error))
    }

    async fn select(&self, sql: &str, snapshot: &Arc<Snapshot>, limits: &Limits) -> Result<()> {
        let session = self.session(limits, self.partitions())?.with_default_features().build();
        let context = SessionContext::new_with_state(session);
        for table in snapshot.tables() {
            if let Some(stored) = SnapshotTable::open(snapshot, &table.name) {
                context.register_table(&table.name, Arc::new(stored))?;
            }
        }
        let only_select =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let rows = context.sql_with_options(sql, only_select).await?.collect().await?;
        if rows.is_empty() {
            return Err(DataFusionError::Execution("a result has no batch".into()));
        }
        Ok(())
    }
}
