//! How a result is kept: sealed, so that storage can neither read it, change it, nor swap it.
//!
//! AES-256-GCM with a fresh random nonce. What the result is (released or held) and its context (the job)
//! are authenticated with it, so that a held result never opens as a released one, nor one job's as
//! another's. Whoever reopens one must know the digest that the log has of it.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sekisho_model::Digest;
use zeroize::Zeroizing;

use super::{Document, Held, Released, ipc};

/// The key that results are sealed with; wiped from memory when dropped.
pub struct SealKey(Zeroizing<[u8; 32]>);

/// A sealed result.
#[derive(Clone, Eq, PartialEq)]
pub struct Sealed {
    /// Nonce, ciphertext and tag, for storage.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the result inside, for the log.
    pub digest: Digest,
}

/// Why a result could not be sealed or reopened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The system gave no randomness.
    #[error("cannot seal a result: the system's random number generator failed")]
    NoRandomness,
    /// Another key, another context, another kind of result, or altered bytes.
    #[error("a sealed result does not open: it was altered, or belongs to another job, kind or key")]
    NotAuthentic,
    /// It opens, and is not the result that the log speaks of.
    #[error("a sealed result is not the one in the log")]
    NotTheLoggedOne,
    /// It has more parts than its form has room for.
    #[error("a page of the ledger is too large to be kept")]
    TooLarge,
}

/// What a sealed result is.
#[derive(Clone, Copy)]
enum Kind {
    Held,
    Released,
}

impl SealKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice()).map_err(|_| SealError::NotAuthentic)?;
        Ok(LessSafeKey::new(key))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl Released {
    /// The result sealed for storage; `context` names the job that it belongs to.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, key: &SealKey, context: &str) -> Result<Sealed, SealError> {
        seal(&self.0, Kind::Released, key, context)
    }

    /// A result that was sealed as released under this key and context, and is the one in the log.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`] or [`SealError::NotTheLoggedOne`].
    pub fn reopen(bytes: &[u8], key: &SealKey, context: &str, logged: &Digest) -> Result<Self, SealError> {
        open(bytes, Kind::Released, key, context, logged).map(Self)
    }
}

impl Held {
    /// The result sealed for storage; `context` names the job that it belongs to.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, key: &SealKey, context: &str) -> Result<Sealed, SealError> {
        seal(&self.0, Kind::Held, key, context)
    }
}

fn seal(document: &Document, kind: Kind, key: &SealKey, context: &str) -> Result<Sealed, SealError> {
    let bytes = seal_with(key, document.ipc.clone(), &associated(kind, context))?;
    Ok(Sealed { bytes, digest: document.digest() })
}

fn open(
    bytes: &[u8],
    kind: Kind,
    key: &SealKey,
    context: &str,
    logged: &Digest,
) -> Result<Document, SealError> {
    let opened = open_with(key, bytes, &associated(kind, context))?;
    if Digest::of(&opened) != *logged {
        return Err(SealError::NotTheLoggedOne);
    }
    ipc::decode(opened).ok_or(SealError::NotTheLoggedOne)
}

/// Nonce, ciphertext and tag of a text, and of what is authenticated with it.
pub(crate) fn seal_with(key: &SealKey, mut text: Vec<u8>, associated: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    key.cipher()?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut text)
        .map_err(|_| SealError::NotAuthentic)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// The text that [`seal_with`] sealed under this key, with this beside it.
pub(crate) fn open_with(key: &SealKey, bytes: &[u8], associated: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::NotAuthentic)?;
    let mut text = text.to_vec();
    let opened = key
        .cipher()?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), &mut text)
        .map_err(|_| SealError::NotAuthentic)?
        .len();
    text.truncate(opened);
    Ok(text)
}

/// The data that is authenticated with a result. No context reads as another kind: the kind comes first
/// and ends with a byte that is in neither.
fn associated(kind: Kind, context: &str) -> Vec<u8> {
    let kind: &[u8] = match kind {
        Kind::Held => b"sekisho held result 1\0",
        Kind::Released => b"sekisho released result 1\0",
    };
    [kind, context.as_bytes()].concat()
}
