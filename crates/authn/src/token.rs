//! What a token says before anything of it is believed: its type, algorithm and key id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::TokenFault;
use crate::keys::KeyAlgorithm;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Which `typ` the header of a token must have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TokenType {
    /// `at+jwt` (RFC 9068): what was made for another purpose is never taken for an access token.
    #[default]
    AccessToken,
    /// `at+jwt`, `JWT` or none, for issuers that do not mark their access tokens. What the issuer
    /// signs for another purpose is then told apart by its audience, and by claims that only ID
    /// tokens and logout tokens have.
    Unmarked,
}

impl TokenType {
    fn accepts(self, typ: Option<&str>) -> bool {
        let typ = typ.unwrap_or_default();
        let unmarked = typ.is_empty() || typ.eq_ignore_ascii_case("JWT");
        let marked = ["at+jwt", "application/at+jwt"].iter().any(|name| typ.eq_ignore_ascii_case(name));
        marked || (unmarked && self == Self::Unmarked)
    }
}

/// The part of a token's header that chooses the key.
pub(crate) struct Header {
    /// The algorithm that the token claims; the key's must be the same.
    pub(crate) algorithm: KeyAlgorithm,
    /// The id of the key that it claims to be signed with.
    pub(crate) key_id: String,
}

/// The token in the value of an `authorization` header, with or without its `Bearer` scheme.
pub(crate) fn strip_scheme(bearer: &str) -> Result<&str, TokenFault> {
    let token = match bearer.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        Some(_) | None => bearer,
    };
    if token.is_empty() {
        Err(TokenFault::Missing)
    } else if token.len() > MAX_TOKEN_BYTES {
        Err(TokenFault::TooLarge)
    } else {
        Ok(token)
    }
}

/// Reads the header of a token; the cheap checks that need no key are made here.
pub(crate) fn read_header(token: &str, types: TokenType) -> Result<Header, TokenFault> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenFault::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenFault::Malformed)?;
    let header: RawHeader = serde_json::from_slice(&json).map_err(|_| TokenFault::Malformed)?;
    if header.crit.is_some() {
        // Extensions that must be understood (RFC 7515, 4.1.11); we understand none.
        return Err(TokenFault::Malformed);
    }
    if !types.accepts(header.typ.as_deref()) {
        return Err(TokenFault::Type);
    }
    let algorithm = KeyAlgorithm::from_name(&header.alg).ok_or(TokenFault::Algorithm)?;
    let key_id = header.kid.filter(|kid| !kid.is_empty()).ok_or(TokenFault::KeyIdMissing)?;
    Ok(Header { algorithm, key_id })
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}
