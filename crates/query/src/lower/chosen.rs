//! Whether people are chosen by what is summed of them: then who asks knows what most of them contribute.

use std::collections::BTreeSet;

use crate::algebra::{ColumnId, Frontier, Scalar};

use super::Columns;

impl Columns {
    /// Notes, for each statistic of a frontier, whether anything else reads a stored column that its arguments read.
    pub(super) fn note_chosen(&self, frontier: &mut Frontier) {
        let of = |scalars: Vec<&Scalar>| self.origins(scalars.into_iter().flat_map(Scalar::columns));
        let mut read = self.origins(frontier.input.columns());
        read.extend(of(frontier.keys.iter().map(|(_, key)| key).collect()));
        for statistic in &mut frontier.statistics {
            let branches = statistic.branches.iter().map(|branch| &branch.predicate);
            let inside = of(branches.chain(&statistic.filter).collect());
            let summed = of(statistic.args.iter().collect());
            statistic.chosen = summed.iter().any(|origin| read.contains(origin) || inside.contains(origin));
        }
    }

    /// The stored columns from which some columns are made.
    fn origins(&self, columns: impl IntoIterator<Item = ColumnId>) -> BTreeSet<String> {
        let info = columns.into_iter().filter_map(|id| self.info(id));
        info.flat_map(|info| info.origins.iter().cloned()).collect()
    }
}
