//! What a project was given of each attribute, and how much there is.
//!
//! It tells of the project's own releases alone. How near all projects together are to the limit is not told: who
//! sees it move would see that others ask, and of what.

use sekisho_model::{Code, Refusal, SnapshotId};
use sekisho_query::{Cost, Plan};
use sekisho_store::PolicyRef;

use crate::calls::Stage;
use crate::path::Ground;
use crate::problem::{Result, of_store};

/// Digits of a number of people that are told: how many people a snapshot has is not public after an opt-out.
const DIGITS: u32 = 2;

/// The budget of a project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Budget {
    /// The snapshot that a job would read now.
    pub snapshot: SnapshotId,
    /// The rules that set the limit.
    pub policy: PolicyRef,
    /// How close all answers of an attribute together may come to anybody's value, in per mille; 1000 is no limit.
    pub max_leverage: u32,
    /// Most answers of one attribute that the project may be given; none if it has no share of its own.
    pub share: Option<u64>,
    /// Every attribute that the project may read, by name.
    pub attributes: Vec<Spent>,
}

/// What a project was given of one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spent {
    /// The stored column, as `table.column`.
    pub attribute: String,
    /// Answers that the project was given. The same analysis of the same snapshot is given once.
    pub used: u64,
    /// How many the attribute is worth at most, to all projects together, rounded down; none if there is no limit.
    pub worth: Option<u64>,
}

impl Budget {
    /// The budget of the project that stands on this ground.
    pub(crate) async fn of(stage: &Stage, ground: &Ground) -> Result<Self> {
        let (project, snapshot) = (ground.permit().project(), ground.snapshot());
        let given = stage.store.answers(&project.id).await.map_err(of_store)?;
        let worth = ground.profile().worth(u64::from(snapshot.dense_ids())).map(roughly);
        let spent = |attribute: String| {
            let used = given.0.get(&attribute).copied().unwrap_or_default();
            Spent { attribute, used, worth }
        };
        let attributes = sekisho_query::attributes(&snapshot.dataset, &project.tables)?;
        Ok(Self {
            snapshot: snapshot.id.clone(),
            policy: ground.policy(),
            max_leverage: ground.profile().max_leverage(),
            share: project.answers,
            attributes: attributes.into_iter().map(spent).collect(),
        })
    }
}

/// Whether the project may still be given answers of every attribute that a plan reads. That depends on what it
/// was given itself, and on nothing that others ask. The last answers may go beyond the share: a job is let in or
/// not, and no cell of it.
pub(crate) async fn allow(stage: &Stage, ground: &Ground, plan: &Plan) -> Result<()> {
    let project = ground.permit().project();
    let (Some(share), costs) = (project.answers, plan.costs()) else { return Ok(()) };
    if costs.is_empty() {
        return Ok(());
    }
    let given = stage.store.answers(&project.id).await.map_err(of_store)?;
    let used = |cost: &Cost| given.0.get(&cost.attribute).copied().unwrap_or_default();
    let Some(spent) = costs.iter().find(|cost| used(cost) >= share) else { return Ok(()) };
    let message = format!(
        "the project was given {} answers of `{}`, and its share is {share}",
        used(spent),
        spent.attribute
    );
    let hint = "read what was released before (`sekisho jobs`), or ask the operator for a larger share";
    Err(Refusal::new(Code::BudgetSpent, message, hint))
}

/// A number with its first digits, and zeros.
fn roughly(number: u64) -> u64 {
    let length = number.checked_ilog10().unwrap_or_default().saturating_add(1);
    let unit = 10_u64.saturating_pow(length.saturating_sub(DIGITS));
    number.checked_div(unit).unwrap_or_default().saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_people_is_told_roughly() {
        for (number, told) in
            [(0, 0), (7, 7), (99, 99), (299, 290), (300, 300), (1754, 1700), (225_000, 220_000)]
        {
            assert_eq!(roughly(number), told);
        }
    }
}
