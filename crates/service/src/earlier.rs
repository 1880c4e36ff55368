//! The same question after few people left: it has the answer that it had.
//!
//! A new answer would differ from the earlier one by those who left, and which of its numbers are blank would tell
//! where they were. So nothing is read: whoever may ask is given the earlier answer, which says of which version it
//! is. It is a release of its own, with an entry of the log and a page of the ledger.

use sekisho_audit::Entry;
use sekisho_disclosure::{Outcome, Page};
use sekisho_model::{Digest, JobName, SnapshotId};
use sekisho_query::Plan;
use sekisho_store::Answers;

use crate::calls::Stage;
use crate::history::History;
use crate::path::{Ground, reopen};
use crate::problem::{internal, of_store};

/// An answer that is given again.
pub(crate) struct Earlier {
    /// The result, byte for byte.
    pub(crate) outcome: Outcome,
    /// The version that it is of.
    pub(crate) snapshot: Option<SnapshotId>,
    /// How many answers it shows.
    pub(crate) answers: Answers,
    /// What giving it again adds to the ledger.
    pub(crate) page: Page,
    /// The ledger: nobody else takes a step meanwhile.
    pub(crate) history: History,
}

/// The question of a plan: with the rules that judge it, and the ingest that it reads. Nobody's project is in it, and
/// nothing of any record.
pub(crate) fn asked(ground: &Ground, plan: &Plan) -> Digest {
    let snapshot = ground.snapshot();
    let line = snapshot.follows().unwrap_or_else(|| snapshot.id.clone());
    let parts = [plan.asked(), ground.profile().digest(), Digest::of(line.to_string().as_bytes())];
    Digest::of(parts.map(|part| *part.as_bytes()).concat().as_slice())
}

/// The answer that the question had before few people left. Where it cannot be read, the question is judged as any
/// other, and what would tell where they were is withheld.
pub(crate) async fn earlier(stage: &Stage, ground: &Ground, asked: &Digest) -> Option<Earlier> {
    let absent = ground.snapshot().absent();
    if absent.is_empty() {
        return None;
    }
    let history = stage.histories.of(&stage.store, &ground.snapshot().id.dataset).await.ok()?;
    let earlier = history.ledger()?.earlier(asked, absent.iter(), ground.profile())?;
    let name: JobName = earlier.place.parse().ok()?;
    let job = stage.store.job(&name).await.map_err(of_store).ok()??;
    let released = reopen(stage, &job).await.ok()?;
    let receipt = stage.store.receipt(job.release?.log_index).await.map_err(of_store).ok()?;
    let entry = Entry::decode(&receipt.entry).map_err(|error| internal(&error, "read the log")).ok()?;
    let answers = Answers::of(&entry).map_err(of_store).ok()?;
    let outcome = released.again(ground.permit().project().hold);
    Some(Earlier { outcome, snapshot: job.snapshot, answers, page: earlier.page, history })
}
