//! The checkpoint: cells with evidence go in, and what comes out holds released values only.
//!
//! A withheld cell is one blank, whatever the reason. A row without a single released statistic is
//! absent: a label that exists only because of data is itself a disclosure.

mod answers;
mod few_left;
mod forms;
mod implied;
mod margins;
mod past;
mod rounded;
mod shape;
mod spending;
#[cfg(test)]
mod tests;
mod values;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{Field, Schema};
use rayon::prelude::*;
use sekisho_model::{Digest, Hold};

use crate::Error;
use crate::evidence::Evidence;
use crate::history::{Ledger, Page};
use crate::profile::Profile;
use crate::rules::Reason;
use crate::suppression::STEPS;
use crate::unreleased::{CellTable, Unreleased};
use forms::Forms;
use verdict::{TableVerdict, Verdict};

/// Judges everything that an analysis computed, as one release, together with all that was released of its
/// dataset before.
///
/// # Errors
/// [`Error::Malformed`] for tables that contradict themselves, [`Error::NoRoundingKey`], and
/// [`Error::LeftMeanwhile`] where the ledger has releases without people who are in these tables. What the rules find is
/// never an error.
pub fn check(
    unreleased: Unreleased,
    ledger: &Ledger,
    profile: &Profile,
    hold: Hold,
) -> Result<Checked, Error> {
    let Unreleased { tables, ranks, everybody, absent } = unreleased;
    if !ledger.absent().is_subset(&absent) {
        return Err(Error::LeftMeanwhile);
    }
    let mut tables = shape::verified(tables, &ranks)?;
    implied::add_people_of_models(&mut tables, profile);
    let forms = Forms::of(&tables, profile);
    implied::add_counts_of_quantiles(&mut tables, &forms, profile);
    read_once(&tables);
    let (mut verdicts, page) =
        verdict::judge((&tables, &ranks), &forms, (ledger, everybody.as_ref(), &absent), profile, STEPS)?;
    rounded::round(&tables, &mut verdicts, profile)?;
    let findings = findings(&verdicts);
    let answers = answers::answers(&tables, &verdicts);
    let tables = tables
        .iter()
        .zip(&verdicts)
        .map(|(table, verdict)| CheckedTable::new(table, verdict))
        .collect::<Result<_, _>>()?;
    let (profile, policy) = (profile.name().to_owned(), profile.digest());
    Ok(Checked { tables, findings, answers, page, hold, profile, policy })
}

/// Reads every sum for what is asked of it several times, in as many threads as there are.
fn read_once(tables: &[CellTable]) {
    let statistics = tables.iter().flat_map(|table| &table.statistics);
    let sums: Vec<&Evidence> =
        statistics.flat_map(|statistic| &statistic.parts).flat_map(|part| &part.evidence).collect();
    sums.into_par_iter().for_each(Evidence::read_once);
}

/// What passed the checkpoint: tables of released values, for the public half of the plan.
///
/// INVARIANT: only [`check`] makes one.
pub struct Checked {
    pub(crate) tables: Vec<CheckedTable>,
    findings: Vec<Finding>,
    answers: BTreeMap<String, u64>,
    page: Page,
    pub(crate) hold: Hold,
    pub(crate) profile: String,
    pub(crate) policy: Digest,
}

/// One table of released values.
pub struct CheckedTable {
    batch: RecordBatch,
    keys: Vec<String>,
    statistics: Vec<String>,
    withheld: Vec<BooleanArray>,
}

/// Why one cell is withheld. Confidential: for an output checker, never for an analyst or a log.
pub struct Finding {
    /// The table, in the order of the plan.
    pub table: usize,
    /// The statistic in it.
    pub statistic: usize,
    /// The row, as the engine gave it: absent rows count.
    pub row: usize,
    /// Every rule that withholds it.
    pub reasons: BTreeSet<Reason>,
}

impl Checked {
    /// The tables, in the order of the plan.
    #[must_use]
    pub fn tables(&self) -> &[CheckedTable] {
        &self.tables
    }

    /// What must stand in the ledger of the dataset before anything of this leaves. Where the same was asked before
    /// it adds nothing, and is there all the same: whether a release has one would say that two blanks are over the
    /// same people.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// How many answers of each attribute (`table.column`) are shown: statistics that read it, by the labels that
    /// are no values of it. It tells no more than the tables do.
    #[must_use]
    pub fn answers(&self) -> &BTreeMap<String, u64> {
        &self.answers
    }

    /// Why cells are withheld, for an output checker's eyes.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({} tables)", self.tables.len())
    }
}

impl CheckedTable {
    fn new(table: &CellTable, verdict: &TableVerdict) -> Result<Self, Error> {
        let shown: Vec<usize> =
            (0..table.groups.len()).filter(|row| row_is_shown(table, verdict, *row)).collect();
        let mask = BooleanArray::from_iter(
            (0..table.groups.len()).map(|row| Some(shown.binary_search(&row).is_ok())),
        );
        let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        for key in &table.keys {
            fields.push(Field::new(&key.name, key.values.data_type().clone(), true));
            columns
                .push(filter(&key.values, &mask).map_err(|_| Error::Malformed("a key cannot be filtered"))?);
        }
        let mut withheld = Vec::new();
        for (statistic, verdicts) in table.statistics.iter().zip(&verdict.statistics) {
            let blank = |row: usize| verdicts.get(row).is_none_or(Verdict::withholds);
            let value =
                |row: &usize| verdicts.get(*row).filter(|verdict| !verdict.withholds())?.value.clone();
            let values = values::column(statistic, shown.iter().map(value))?;
            fields.push(Field::new(&statistic.name, values.data_type().clone(), true));
            columns.push(values);
            withheld.push(BooleanArray::from_iter(shown.iter().map(|row| Some(blank(*row)))));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(shown.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .map_err(|_| Error::Malformed("the checked columns do not fit together"))?;
        let keys = table.keys.iter().map(|key| key.name.clone()).collect();
        let statistics = table.statistics.iter().map(|statistic| statistic.name.clone()).collect();
        Ok(Self { batch, keys, statistics, withheld })
    }

    /// The keys, then the statistics; null where withheld, and where a value is truly NULL.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Names of the keys, in the order of the columns.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Names of the statistics, in the order of the columns after the keys.
    #[must_use]
    pub fn statistics(&self) -> &[String] {
        &self.statistics
    }

    /// For each statistic, which rows are withheld.
    #[must_use]
    pub fn withheld(&self) -> &[BooleanArray] {
        &self.withheld
    }
}

impl fmt::Debug for CheckedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedTable({} keys, {} statistics)", self.keys.len(), self.statistics.len())
    }
}

/// Whether a row is part of the result: where it has a released statistic, or is there whatever the data.
fn row_is_shown(table: &CellTable, verdict: &TableVerdict, row: usize) -> bool {
    if table.statistics.is_empty() {
        // The label alone is the result.
        return verdict.group_may_be_named(row);
    }
    // No keys at all, or every label from a code table or a declared domain: NULL is in none.
    let whatever_the_data = table.keys.iter().all(|key| key.declared && key.values.is_valid(row));
    let somebody = table.groups.get(row).is_some_and(|group| group.people() > 0);
    let released = |verdicts: &Vec<Verdict>| verdicts.get(row).is_some_and(|verdict| !verdict.withholds());
    whatever_the_data || (somebody && verdict.statistics.iter().any(released))
}

fn findings(verdicts: &[TableVerdict]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, verdict) in verdicts.iter().enumerate() {
        for (statistic, rows) in verdict.statistics.iter().enumerate() {
            let withheld = rows.iter().enumerate().filter(|(_, verdict)| verdict.withholds());
            findings.extend(withheld.map(|(row, verdict)| Finding {
                table,
                statistic,
                row,
                reasons: verdict.reasons.clone(),
            }));
        }
    }
    findings
}
