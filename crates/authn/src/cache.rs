//! Which keys are trusted now: the key set as last read, and when it is read again.
//!
//! It is read again when it is older than [`REFRESH_AFTER`], and when a token names a key that is
//! not in it; never twice within [`PAUSE`], whatever tokens arrive. When reading fails, the old
//! keys stay trusted until they are [`TRUSTED_FOR`] old. A key that was taken out of the set stops
//! working with the next successful reading, so after [`REFRESH_AFTER`] at the latest.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sekisho_model::{Clock, Timestamp};
use tokio::sync::Mutex;

use crate::error::{Error, TokenFault};
use crate::keys::{Key, KeySet};
use crate::source::Source;

/// Age at which the key set is read again.
pub(crate) const REFRESH_AFTER: Duration = Duration::from_secs(5 * 60);
/// Shortest time between two readings.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
/// Age at which keys that could not be read again are no longer trusted.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(60 * 60);

/// The keys as last read.
#[derive(Debug)]
pub(crate) struct KeyCache {
    source: Source,
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Loaded>>,
    /// When the last reading began; held while one goes on.
    last_attempt: Arc<Mutex<Option<Timestamp>>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    keys: Arc<KeySet>,
    at: Timestamp,
}

enum Lookup {
    /// The key, from a set that is young enough.
    Fresh(Arc<Key>),
    /// The key, from a set that is due to be read again and still trusted.
    Due(Arc<Key>),
    /// The set is trusted, and the key is not in it.
    Unknown,
    /// No trusted set.
    Untrusted,
}

impl KeyCache {
    pub(crate) fn new(source: Source, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { source, clock, current: RwLock::new(None), last_attempt: Arc::default() })
    }

    /// The key of this id, reading the set again where that is due.
    pub(crate) async fn key(self: &Arc<Self>, id: &str) -> Result<Arc<Key>, Error> {
        match self.lookup(id) {
            Lookup::Fresh(key) => return Ok(key),
            // Somebody reads it just now: no need to wait, the key is still good.
            Lookup::Due(key) if self.last_attempt.try_lock().is_err() => return Ok(key),
            Lookup::Due(_) | Lookup::Unknown | Lookup::Untrusted => self.refresh().await,
        }
        match self.lookup(id) {
            Lookup::Fresh(key) | Lookup::Due(key) => Ok(key),
            Lookup::Unknown => Err(TokenFault::UnknownKey.into()),
            Lookup::Untrusted => Err(Error::KeysUnavailable),
        }
    }

    /// Reads the set now.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        let at = self.clock.now();
        let bytes = self.source.read().await?;
        let keys = KeySet::parse(&bytes)
            .map_err(|problem| Error::KeySetRefused { origin: self.source.origin(), problem })?;
        for skipped in keys.skipped() {
            tracing::warn!(origin = self.source.origin(), skipped, "a key of the key set is not used");
        }
        let ids: Vec<&str> = keys.ids().collect();
        tracing::debug!(origin = self.source.origin(), ?ids, "key set read");
        let loaded = Loaded { keys: Arc::new(keys), at };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        Ok(())
    }

    /// Reads the set unless that was just tried.
    async fn refresh(self: &Arc<Self>) {
        let mut last = Arc::clone(&self.last_attempt).lock_owned().await;
        let now = self.clock.now();
        if last.and_then(|last| age(last, now)).is_some_and(|age| age < PAUSE) {
            return;
        }
        *last = Some(now);
        let cache = Arc::clone(self);
        // A task of its own, so that a caller who hangs up cannot keep the keys from being read.
        let reading = tokio::spawn(async move {
            if let Err(error) = cache.load().await {
                tracing::error!(%error, "the key set was not read; the old keys stay for a while");
            }
            drop(last);
        });
        if reading.await.is_err() {
            tracing::error!("reading the key set was broken off");
        }
    }

    fn lookup(&self, id: &str) -> Lookup {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Loaded { keys, at }) = current else {
            return Lookup::Untrusted;
        };
        // A clock that was set back says nothing of the age: as old as may be trusted.
        let age = age(at, self.clock.now()).unwrap_or(REFRESH_AFTER);
        if age >= TRUSTED_FOR {
            return Lookup::Untrusted;
        }
        match keys.key(id) {
            Some(key) if age < REFRESH_AFTER => Lookup::Fresh(key),
            Some(key) => Lookup::Due(key),
            None => Lookup::Unknown,
        }
    }
}

/// Time between two instants; `None` if the clock was set back between them.
fn age(then: Timestamp, now: Timestamp) -> Option<Duration> {
    now.0.checked_sub(then.0).map(Duration::from_millis)
}
