//! The ledgers of the datasets: pages that nobody here can read, in an order that the log knows.
//!
//! Each release carries how far the ledger of its dataset reaches with it, and a digest over all pages up
//! to there. The log has both, so that a ledger that lacks a page is found out before anything is released.

use std::collections::BTreeSet;

use sekisho_audit::Entry;
use sekisho_model::{DatasetId, Digest};
use sqlx::SqliteConnection;

use crate::outbox::Inner;
use crate::row::{number, parse};
use crate::write::Writer;
use crate::{Error, Result};

/// The details of an entry that say how far a ledger reaches.
const DATASET: &str = "ledger";
const POSITION: &str = "ledger_position";
const CHAIN: &str = "ledger_sha256";

const PAGES: &str = "SELECT position, chain, bytes FROM ledger_pages WHERE dataset = ?1 ORDER BY position";
const LAST: &str =
    "SELECT position, chain FROM ledger_pages WHERE dataset = ?1 ORDER BY position DESC LIMIT 1";
const RELEASES: &str = "
    SELECT outbox.log_index, outbox.entry FROM outbox JOIN job_states ON job_states.outbox = outbox.seq
    WHERE job_states.state IN ('released', 'held') AND outbox.log_index IS NOT NULL
    ORDER BY outbox.log_index DESC";

/// How far the ledger of a dataset reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerHead {
    /// The dataset.
    pub dataset: DatasetId,
    /// The number of pages.
    pub position: u64,
    /// SHA-256 of the value before the last page and its bytes; that of nothing if there is none.
    pub chain: Digest,
}

/// What a release does to the ledger of its dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerStep {
    /// How far the ledger reaches with the release.
    pub head: LedgerHead,
    /// The sealed page that it adds. Each release has one: a log that told which of them add nothing would tell who
    /// asked the same.
    pub page: Vec<u8>,
}

/// All pages of a ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerPages {
    /// The sealed pages; the first has position 1.
    pub pages: Vec<Vec<u8>>,
    /// How far they reach.
    pub head: LedgerHead,
}

impl LedgerHead {
    /// The ledger of a dataset of which nothing was released.
    #[must_use]
    pub fn begin(dataset: DatasetId) -> Self {
        Self { dataset, position: 0, chain: Digest::of(b"") }
    }

    /// How far it reaches with one more page.
    #[must_use]
    pub fn with(&self, page: &[u8]) -> Self {
        let chain = Digest::of(&[self.chain.as_bytes().as_slice(), page].concat());
        Self { dataset: self.dataset.clone(), position: self.position.saturating_add(1), chain }
    }

    /// An entry that says so.
    #[must_use]
    pub fn noted_in(&self, entry: Entry) -> Entry {
        entry
            .with(DATASET, self.dataset.to_string())
            .with(POSITION, self.position.to_string())
            .with(CHAIN, self.chain.to_string())
    }

    /// What an entry says; `None` if it says nothing of a ledger.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let detail = |name: &str| entry.details.get(name);
        Some(Self {
            dataset: detail(DATASET)?.parse().ok()?,
            position: detail(POSITION)?.parse().ok()?,
            chain: detail(CHAIN)?.parse().ok()?,
        })
    }

    async fn stored(connection: &mut SqliteConnection, dataset: &DatasetId) -> Result<Self> {
        let last: Option<(i64, String)> =
            sqlx::query_as(LAST).bind(dataset.as_str()).fetch_optional(connection).await?;
        last.map_or_else(
            || Ok(Self::begin(dataset.clone())),
            |(position, chain)| {
                let (position, chain) = (number(position)?, parse(&chain, "digest")?);
                Ok(Self { dataset: dataset.clone(), position, chain })
            },
        )
    }
}

impl LedgerStep {
    /// Whether the entry says what the step does.
    pub(crate) fn is_noted_in(&self, entry: &Entry) -> bool {
        LedgerHead::of(entry).as_ref() == Some(&self.head)
    }

    /// Whether the ledger that is stored, with this step's page, reaches as far as it says.
    pub(crate) async fn fits(&self, connection: &mut SqliteConnection) -> Result<bool> {
        let stored = LedgerHead::stored(connection, &self.head.dataset).await?;
        Ok(stored.with(&self.page) == self.head)
    }
}

impl Inner {
    /// All pages of a dataset's ledger, those that wait for the log included. A change that is being made
    /// is waited for.
    pub(crate) async fn ledger(&self, dataset: &DatasetId) -> Result<LedgerPages> {
        let mut writer = self.writer.lock().await;
        let rows: Vec<(i64, String, Vec<u8>)> =
            sqlx::query_as(PAGES).bind(dataset.as_str()).fetch_all(writer.connection().await?).await?;
        let mut ledger =
            LedgerPages { pages: Vec::with_capacity(rows.len()), head: LedgerHead::begin(dataset.clone()) };
        for (position, chain, page) in rows {
            let head = ledger.head.with(&page);
            if (head.position, head.chain) != (number(position)?, parse(&chain, "digest")?) {
                return Err(Error::Corrupt { what: "ledger" });
            }
            ledger.head = head;
            ledger.pages.push(page);
        }
        Ok(ledger)
    }

    /// Whether each ledger reaches as far as the log says.
    pub(crate) async fn ledgers_are_complete(&self, writer: &mut Writer) -> Result<()> {
        let connection = writer.connection().await?;
        let releases: Vec<(i64, Vec<u8>)> = sqlx::query_as(RELEASES).fetch_all(&mut *connection).await?;
        let mut seen = BTreeSet::new();
        for (log_index, entry) in releases {
            let Some(noted) = LedgerHead::of(&Entry::decode(&entry)?) else { continue };
            if !seen.insert(noted.dataset.clone()) {
                continue;
            }
            let log_index = number(log_index)?;
            let logged = self.with_log(move |log| Ok(log.entry(log_index)?)).await?;
            let logged = LedgerHead::of(&logged).ok_or(Error::Corrupt { what: "log entry" })?;
            let stored = LedgerHead::stored(connection, &logged.dataset).await?;
            if stored != logged {
                return Err(Error::LedgerBehind {
                    dataset: logged.dataset,
                    stored: stored.position,
                    logged: logged.position,
                });
            }
        }
        Ok(())
    }
}
