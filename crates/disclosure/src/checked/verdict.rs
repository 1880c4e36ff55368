//! Which cells of a release are withheld: each judged by itself, then all together, and with what was
//! released before.

use std::collections::{BTreeMap, BTreeSet};

use arrow::util::display::array_value_to_string;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use sekisho_model::SmallChange;

use super::few_left::FewLeft;
use super::forms::Forms;
use super::past::{self, Past};
use super::spending;
use super::values::{self, Number};
use crate::Error;
use crate::budget::Charge;
use crate::evidence::{Contributions, Evidence, Scale};
use crate::history::{Ledger, Page};
use crate::profile::Profile;
use crate::rules::{self, Form, Reason, Sides};
use crate::suppression::Place;
use crate::unreleased::{CellTable, StatisticColumn};

/// What was decided of one cell.
#[derive(Default)]
pub(super) struct Verdict {
    /// Why it is withheld; empty if it is released.
    pub(super) reasons: BTreeSet<Reason>,
    /// Its value; `None` where it is withheld, or NULL.
    pub(super) value: Option<Number>,
    /// The sums that it asks to be published or kept secret, by part.
    sums: Vec<(usize, Claim)>,
}

/// What a cell asks of one of its sums.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Claim {
    /// To be published.
    Published,
    /// Not to follow from others: the cell is withheld for a branch or as a whole. Where another cell shows
    /// the same sum in its own right, it is not a secret.
    Hidden,
    /// Not to follow from others, nor to be shown by another cell: a rule withholds the sum itself.
    Secret,
}

impl Verdict {
    pub(super) fn withholds(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// The cell is withheld to protect another.
    pub(super) fn suppress(&mut self) {
        self.reasons.insert(Reason::Secondary);
        self.value = None;
    }

    /// The cell comes too close to somebody's value.
    pub(super) fn exhaust(&mut self) {
        self.reasons.insert(Reason::Budget);
        self.value = None;
    }
}

/// What was decided of one table.
pub(super) struct TableVerdict {
    /// For each row, whether its group has people enough to be named.
    groups: Vec<bool>,
    /// For each statistic and row.
    pub(super) statistics: Vec<Vec<Verdict>>,
}

impl TableVerdict {
    /// Whether a row's label may be shown without any statistic.
    pub(super) fn group_may_be_named(&self, row: usize) -> bool {
        self.groups.get(row).is_some_and(|named| *named)
    }

    pub(super) fn cell(&mut self, statistic: usize, row: usize) -> Option<&mut Verdict> {
        self.statistics.get_mut(statistic)?.get_mut(row)
    }
}

/// The verdicts on the tables of one release, each with the rank of its statement, and what it adds to the ledger.
pub(super) fn judge(
    (tables, ranks): (&[CellTable], &[usize]),
    forms: &Forms,
    (ledger, everybody, absent): (&Ledger, Option<&Evidence>, &RoaringBitmap),
    profile: &Profile,
    steps: u64,
) -> Result<(Vec<TableVerdict>, Page), Error> {
    let mut verdicts: Vec<TableVerdict> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| alone(table, |statistic| forms.rows(at, statistic), profile))
        .collect();
    settle(tables, &mut verdicts);
    let sums = sums((tables, ranks), &verdicts)?;
    let question = spending::question(past::question(&sums, profile), tables);
    let hides = profile.on_small_change == SmallChange::Earlier;
    let stayed = if hides { ledger.stayed(absent, profile.minimum_count) } else { None };
    // What was answered before few people left is no answer to go by: that it is the same tells that none of them is
    // behind it.
    let known = stayed.as_ref().map_or(ledger, |stayed| stayed.ledger()).answer(&question);
    let past = Past::new(&sums, (ledger, everybody), profile, &NOTHING);
    let (suppressed, charges) = match (known, &stayed) {
        (Some(answer), _) => {
            withhold(&mut verdicts, &cells_of(&sums, answer));
            (answer.clone(), Vec::new())
        }
        (None, Some(stayed)) => {
            FewLeft { tables, sums: &sums, ledger, stayed, everybody, profile }.judge(&mut verdicts, steps)
        }
        (None, None) => together(tables, &sums, &past, &mut verdicts, steps),
    };
    let shown = |cell: Cell| {
        let verdict = verdicts.get(cell.table)?.statistics.get(cell.statistic)?.get(cell.row)?;
        Some(!verdict.withholds())
    };
    let page = match known {
        Some(_) => Page::again(question),
        None => past.page(question, suppressed, charges, |sum| shown(sum.cell).unwrap_or(false)),
    };
    Ok((verdicts, Page { left: ledger.left_since(absent), ..page }))
}

/// No cell.
static NOTHING: BTreeSet<Cell> = BTreeSet::new();

/// What is withheld of a release beside what was released before: the sums, by number, and what the others cost.
fn together(
    tables: &[CellTable],
    sums: &[Sum<'_>],
    past: &Past<'_>,
    verdicts: &mut [TableVerdict],
    steps: u64,
) -> (BTreeSet<u32>, Vec<Charge>) {
    let (profile, budget) = (past.profile, past.ledger.budget());
    let spend = |verdicts: &[TableVerdict]| spending::spend(tables, verdicts, sums, (budget, None), profile);
    // Where no rule withholds anything, nearly always nothing else is withheld.
    let (mut suppressed, mut early) =
        if profile.has_budget() && sums.iter().all(|sum| sum.claim == Claim::Published) {
            let (suppressed, spent) = rayon::join(|| past.suppressed(steps), || spend(verdicts));
            let early = Some(spent).filter(|_| suppressed.is_empty());
            (suppressed, early)
        } else {
            (past.suppressed(steps), None)
        };
    withhold(verdicts, &cells_of(sums, &suppressed));
    if !profile.has_budget() {
        return (suppressed, Vec::new());
    }
    let spent = early.take().unwrap_or_else(|| spend(verdicts));
    exhaust(verdicts, &spent.too_close);
    let of_cells = (0_u32..).zip(sums).filter(|(_, sum)| spent.too_close.contains(&sum.cell));
    suppressed.extend(of_cells.map(|(number, _)| number));
    (suppressed, spent.charges)
}

/// The cells that some sums, by number, stand in.
pub(super) fn cells_of(sums: &[Sum<'_>], numbers: &BTreeSet<u32>) -> BTreeSet<Cell> {
    let sums = (0_u32..).zip(sums).filter(|(number, _)| numbers.contains(number));
    sums.map(|(_, sum)| sum.cell).collect()
}

/// Withholds cells to protect others.
pub(super) fn withhold(verdicts: &mut [TableVerdict], cells: &BTreeSet<Cell>) {
    for cell in cells {
        let verdict = verdicts.get_mut(cell.table);
        let verdict = verdict.and_then(|table| table.cell(cell.statistic, cell.row));
        verdict.into_iter().for_each(Verdict::suppress);
    }
}

/// Withholds cells that come too close to somebody's value.
pub(super) fn exhaust(verdicts: &mut [TableVerdict], cells: &BTreeSet<Cell>) {
    for cell in cells {
        let verdict = verdicts.get_mut(cell.table);
        let verdict = verdict.and_then(|table| table.cell(cell.statistic, cell.row));
        verdict.into_iter().for_each(Verdict::exhaust);
    }
}

/// The label of a key that has none, or that a grouping set leaves out.
const NO_LABEL: &str = "null";

/// Where a cell is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Cell {
    pub(super) table: usize,
    pub(super) statistic: usize,
    pub(super) row: usize,
}

/// A sum that a cell asks to be published or kept secret.
pub(super) struct Sum<'a> {
    pub(super) cell: Cell,
    pub(super) place: Place,
    pub(super) claim: Claim,
    pub(super) evidence: &'a Evidence,
    pub(super) scale: Scale,
}

/// Each cell of a table judged by itself.
fn alone<'f>(table: &CellTable, forms: impl Fn(usize) -> &'f [Form], profile: &Profile) -> TableVerdict {
    let rows = || table.groups.iter().enumerate();
    let telling = rules::others(table, profile.minimum_count);
    let empty = rules::empty_frames(table, profile.minimum_count);
    let named = |(row, group): (usize, &Evidence)| {
        group.people() > 0 && !telling.contains(&row) && rules::judge_group(group, [], profile).is_empty()
    };
    let judged = |statistic: &StatisticColumn, (row, group): (usize, &Evidence), form: &Form| {
        let mut found = BTreeSet::new();
        found.extend(telling.contains(&row).then_some(Reason::Class));
        found.extend(empty.contains(&row).then_some(Reason::Zero));
        cell(statistic, row, group, found, form, profile)
    };
    let verdicts = |(number, statistic): (usize, &StatisticColumn)| {
        let rows: Vec<_> = rows().zip(forms(number)).collect();
        rows.into_par_iter().map(|(row, form)| judged(statistic, row, form)).collect()
    };
    TableVerdict {
        groups: rows().map(named).collect(),
        statistics: table.statistics.iter().enumerate().map(verdicts).collect(),
    }
}

/// One cell judged by itself.
fn cell(
    statistic: &StatisticColumn,
    row: usize,
    group: &Evidence,
    of_table: BTreeSet<Reason>,
    form: &Form,
    profile: &Profile,
) -> Verdict {
    let mut reasons = judge_whole(statistic, row, group, profile);
    reasons.extend(of_table);
    let whole_fails = !reasons.is_empty();
    let of_form = &form.reasons;
    // Beside the count and the means, a moment is as good as its sums of squares or products: where these are
    // one person's, they must not follow. That all values are equal, or few, makes no sum a secret.
    let products_fail = of_form.contains(&Reason::Moments) || of_form.contains(&Reason::Inexact);
    reasons.extend(of_form.iter().copied());
    let mut sums = Vec::new();
    for (number, part) in statistic.parts.iter().enumerate() {
        let Some(evidence) = part.evidence.get(row).filter(|_| statistic.kind.implies(number)) else {
            continue;
        };
        let of_part = rules::judge_part(evidence, statistic.chosen, profile);
        let is_product = statistic.kind.products().iter().any(|product| product.sum == number);
        let claim = if !of_part.is_empty() || (products_fail && is_product) {
            Claim::Secret
        } else if whole_fails {
            Claim::Hidden
        } else {
            Claim::Published
        };
        sums.push((number, claim));
        reasons.extend(of_part);
    }
    let value = if reasons.is_empty() { values::value(statistic, row, form.shown.clone()) } else { Ok(None) };
    if value.is_err() {
        reasons.insert(Reason::Inexact);
    }
    // A part of a withheld statistic that no rule withholds is neither published nor a secret.
    let withheld = !reasons.is_empty();
    sums.retain(|(_, claim)| (*claim == Claim::Published) != withheld);
    Verdict { reasons, value: value.unwrap_or(None), sums }
}

/// Settles what is asked of one and the same sum by several cells: what is a secret of one is not shown by
/// another, and what only stands in a cell that is withheld for something else is no secret.
fn settle(tables: &[CellTable], verdicts: &mut [TableVerdict]) {
    let mut claims: BTreeMap<Contributions<'_>, (Claim, Claim)> = BTreeMap::new();
    for (statistic, row, verdict) in cells(tables, verdicts) {
        for (part, claim) in &verdict.sums {
            if let Some(vector) = vector(statistic, row, *part) {
                let (least, most) = claims.entry(vector).or_insert((*claim, *claim));
                (*least, *most) = ((*least).min(*claim), (*most).max(*claim));
            }
        }
    }
    claims.retain(|_, (least, most)| least != most);
    for (statistic, row, verdict) in cells(tables, verdicts) {
        let vector = |part: usize| vector(statistic, row, part);
        let settled = |part: usize| vector(part).and_then(|vector| claims.get(&vector).copied());
        let is_secret = |part: usize| settled(part).is_some_and(|(_, most)| most == Claim::Secret);
        let is_shown = |part: usize| settled(part).is_some_and(|(least, _)| least == Claim::Published);
        if verdict.withholds() {
            verdict.sums.retain(|(part, claim)| *claim == Claim::Secret || !is_shown(*part));
        } else if verdict.sums.iter().any(|(part, _)| is_secret(*part)) {
            verdict.suppress();
            verdict.sums.retain(|(part, _)| is_secret(*part));
            verdict.sums.iter_mut().for_each(|(_, claim)| *claim = Claim::Secret);
        }
    }
}

/// A sum that somebody contributes to; all others are known to be zero.
fn vector(statistic: &StatisticColumn, row: usize, part: usize) -> Option<Contributions<'_>> {
    let evidence = statistic.parts.get(part)?.evidence.get(row)?;
    (evidence.contributors() > 0).then(|| evidence.contributions())
}

/// Every cell of a release with its verdict.
fn cells<'a, 'v>(
    tables: &'a [CellTable],
    verdicts: &'v mut [TableVerdict],
) -> impl Iterator<Item = (&'a StatisticColumn, usize, &'v mut Verdict)> {
    let statistics = tables
        .iter()
        .zip(verdicts)
        .flat_map(|(table, verdict)| table.statistics.iter().zip(&mut verdict.statistics));
    statistics.flat_map(|(statistic, rows)| {
        rows.iter_mut().enumerate().map(move |(row, verdict)| (statistic, row, verdict))
    })
}

/// The sums that ask to be published or must be kept secret, by place and contributions: the order of rows
/// means nothing. All stand in one system, whatever they are sums of: `SUM(1 + 0 * x)` is a count, and which
/// sums are, no name of a measure can tell.
fn sums<'a>(
    (tables, ranks): (&'a [CellTable], &[usize]),
    verdicts: &[TableVerdict],
) -> Result<Vec<Sum<'a>>, Error> {
    let mut sums = Vec::new();
    for (at, ((table, rank), verdict)) in tables.iter().zip(ranks).zip(verdicts).enumerate() {
        let labels = (0..table.groups.len()).map(|row| label(table, row)).collect::<Result<Vec<_>, _>>()?;
        let statistics = table.statistics.iter().zip(&verdict.statistics).enumerate();
        for (number, (statistic, rows)) in statistics {
            for (row, (verdict, label)) in rows.iter().zip(&labels).enumerate() {
                let cell = Cell { table: at, statistic: number, row };
                for (part, claim) in verdict.sums.iter().copied() {
                    let keys = label.iter().filter(|key| *key != NO_LABEL).count();
                    let label = label.clone();
                    let place = Place { rank: *rank, keys, table: at, statistic: number, part, label };
                    let Some(of) = statistic.parts.get(part) else { continue };
                    if let Some(evidence) = of.evidence.get(row) {
                        sums.push(Sum { cell, place, claim, evidence, scale: of.scale });
                    }
                }
            }
        }
    }
    sums.sort_by(|left, right| {
        let by_place = left.place.cmp(&right.place);
        by_place.then_with(|| left.evidence.contributions().cmp(&right.evidence.contributions()))
    });
    Ok(sums)
}

/// What fails for a statistic as a whole.
fn judge_whole(
    statistic: &StatisticColumn,
    row: usize,
    group: &Evidence,
    profile: &Profile,
) -> BTreeSet<Reason> {
    let branches = statistic.branches.iter();
    let sides = branches.filter_map(|branch| {
        let frame = branch.frame.as_ref();
        let frame = frame.map(|frame| Some((frame.people.get(row)?, frame.rest.get(row)?, frame.telling)));
        Some(Sides {
            inside: branch.inside.get(row)?,
            outside: branch.outside.get(row)?,
            telling: branch.telling,
            frame: frame.flatten(),
            zeros: branch.zeros.get(row).copied().unwrap_or_default(),
        })
    });
    rules::judge_group(group, sides, profile)
}

/// A row's keys as text, which do not depend on the order of the rows.
fn label(table: &CellTable, row: usize) -> Result<Vec<String>, Error> {
    let text = |values: &arrow::array::ArrayRef| {
        if values.is_null(row) {
            Ok(NO_LABEL.to_owned())
        } else {
            array_value_to_string(values, row).map(|text| format!("={text}"))
        }
    };
    let keys = table.keys.iter().map(|key| text(&key.values));
    keys.collect::<Result<_, _>>().map_err(|_| Error::Malformed("a key has no text"))
}
