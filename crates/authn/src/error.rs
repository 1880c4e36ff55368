//! What can go wrong when a token is checked, and who must act.

use sekisho_model::Code;

/// Why a person could not be made out. No text holds any part of a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // The caller must act.
    /// The token was not accepted.
    #[error("the token is not valid: {0}")]
    Token(TokenFault),

    // The operator must act.
    /// The configuration cannot be used.
    #[error("setting `{setting}` cannot be used: {problem}")]
    Config {
        /// Name of the setting.
        setting: &'static str,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// The key set could not be read.
    #[error("read the key set {origin}: {problem}")]
    KeySetRead {
        /// The file or address.
        origin: String,
        /// What happened.
        problem: String,
    },
    /// The key set was read and cannot be used.
    #[error("the key set {origin} is refused: {problem}")]
    KeySetRefused {
        /// The file or address.
        origin: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// No key set is recent enough to trust.
    #[error("no recent key set is known; the last attempts to read it failed, see the log")]
    KeysUnavailable,
    /// A file of the embedded issuer cannot be used.
    #[error("issuer file `{path}`: {problem}")]
    Issuer {
        /// The file.
        path: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },

    // We must act.
    /// An error of ours.
    #[error("sign a token: {0}")]
    Bug(&'static str),
}

impl Error {
    /// The code that a client sees.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Token(_) => Code::Unauthenticated,
            Self::Config { .. }
            | Self::KeySetRead { .. }
            | Self::KeySetRefused { .. }
            | Self::KeysUnavailable
            | Self::Issuer { .. }
            | Self::Bug(_) => Code::Internal,
        }
    }

    /// The text that a client may see: no path, no address, nothing of the token.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Token(_) => self.to_string(),
            Self::Config { .. }
            | Self::KeySetRead { .. }
            | Self::KeySetRefused { .. }
            | Self::KeysUnavailable
            | Self::Issuer { .. }
            | Self::Bug(_) => "tokens cannot be checked at the moment; try again later".to_owned(),
        }
    }
}

/// What was wrong with a token: the class alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// There is none.
    #[error("it is missing; sign in and send `authorization: Bearer TOKEN`")]
    Missing,
    /// More than [`crate::MAX_TOKEN_BYTES`].
    #[error("it is too long")]
    TooLarge,
    /// Not three base64url parts of JSON, JSON and signature.
    #[error("it is malformed")]
    Malformed,
    /// The header's `typ` is not that of an access token.
    #[error("it is not an access token (`typ` must be `at+jwt`)")]
    Type,
    /// An algorithm that is not accepted, or not that of the key.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// The header has no `kid`.
    #[error("it names no key (`kid`)")]
    KeyIdMissing,
    /// No key of this id.
    #[error("its key is unknown")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("its signature does not verify")]
    Signature,
    /// A claim is missing, twice there or not of the right form.
    #[error("claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// Issued by somebody else.
    #[error("it is from another issuer")]
    Issuer,
    /// Meant for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// Only the owner of a key may use it (`cnf`, RFC 7800), and whether the caller is that owner
    /// cannot be told here.
    #[error("it is bound to a key of its owner's (`cnf`); ask for a bearer token")]
    Bound,
    /// Its time is over.
    #[error("expired; sign in again")]
    Expired,
    /// Its time has not come.
    #[error("not yet valid; compare the clocks")]
    NotYetValid,
    /// Issued later than now.
    #[error("issued in the future; compare the clocks")]
    IssuedInFuture,
}

impl From<TokenFault> for Error {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
