//! What a verified token says of its bearer, and whether that holds here and now.
//!
//! Called only with claims whose signature was verified.

use std::time::Duration;

use sekisho_model::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::TokenFault;
use crate::principal::Principal;
use crate::strict::Strict;

/// Longest subject, organisation, role or client id, in bytes (OpenID Connect Core, 2).
const MAX_NAME_BYTES: usize = 255;
/// Most roles of one person.
const MAX_ROLES: usize = 64;
/// Claims of what is signed for another purpose: ID tokens (OpenID Connect Core, 3.1.3.6 and
/// 3.3.2.11) and logout tokens (OpenID Connect Back-Channel Logout, 2.4).
const OF_OTHER_TOKENS: [&str; 4] = ["at_hash", "c_hash", "events", "nonce"];

/// Which claims say for whom a person works, and as what.
///
/// A name, such as `org` or `https://id.example/org`, or, if it begins with `/`, the way to a nested
/// one, such as `/realm_access/roles` (a JSON pointer, RFC 6901).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimNames {
    /// The organisation: a text.
    pub organisation: String,
    /// The roles: a list of texts.
    pub roles: String,
}

impl Default for ClaimNames {
    /// What the embedded issuer writes.
    fn default() -> Self {
        Self { organisation: "org".to_owned(), roles: "roles".to_owned() }
    }
}

/// What a token must say to be meant for us.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) leeway: Duration,
    pub(crate) names: ClaimNames,
    /// The header need not say that it is an access token.
    pub(crate) unmarked: bool,
}

/// The claims: an object in which none is there twice.
pub(crate) struct Claims(Value);

impl Claims {
    /// The person, if the claims hold at this time.
    pub(crate) fn check(self, expected: &Expected, now: Timestamp) -> Result<Principal, TokenFault> {
        if self.text("iss")?.ok_or(TokenFault::Claim("iss"))? != expected.issuer {
            return Err(TokenFault::Issuer);
        }
        if !self.is_meant_for(&expected.audience)? {
            return Err(TokenFault::Audience);
        }
        if expected.unmarked && OF_OTHER_TOKENS.into_iter().any(|name| self.claim(name).is_some()) {
            return Err(TokenFault::Type);
        }
        if self.claim("cnf").is_some() {
            // Taken as a bearer token it would be as good in a thief's hands (RFC 9449, 7.1; RFC 8705, 3).
            return Err(TokenFault::Bound);
        }
        let expires_at = self.check_times(expected.leeway, now)?;
        let roles = texts(self.claim(&expected.names.roles))?;
        if roles.len() > MAX_ROLES {
            return Err(TokenFault::Claim("roles"));
        }
        Ok(Principal {
            subject: name(self.text("sub")?.ok_or(TokenFault::Claim("sub"))?, "sub")?,
            organisation: self
                .text(&expected.names.organisation)?
                .map(|organisation| name(organisation, "org"))
                .transpose()?,
            roles: roles.into_iter().map(|role| name(role, "roles")).collect::<Result<_, _>>()?,
            client: self.text("client_id")?.map(|client| name(client, "client_id")).transpose()?,
            expires_at,
        })
    }

    fn is_meant_for(&self, audience: &str) -> Result<bool, TokenFault> {
        let named = self.claim("aud").ok_or(TokenFault::Claim("aud"))?;
        match named.as_str() {
            Some(only) => Ok(only == audience),
            None => Ok(texts(Some(named))?.contains(&audience)),
        }
    }

    /// When the token ends, if it has begun and not ended.
    fn check_times(&self, leeway: Duration, now: Timestamp) -> Result<Timestamp, TokenFault> {
        let now = Duration::from_millis(now.0);
        let latest_start = now.saturating_add(leeway);
        let expires = self.time("exp")?.ok_or(TokenFault::Claim("exp"))?;
        if now >= expires.saturating_add(leeway) {
            return Err(TokenFault::Expired);
        }
        if self.time("nbf")?.is_some_and(|start| start > latest_start) {
            return Err(TokenFault::NotYetValid);
        }
        if self.time("iat")?.is_some_and(|issued| issued > latest_start) {
            return Err(TokenFault::IssuedInFuture);
        }
        u64::try_from(expires.as_millis()).map(Timestamp).map_err(|_| TokenFault::Claim("exp"))
    }

    /// A claim that is there and not null.
    fn claim(&self, name: &str) -> Option<&Value> {
        let found = if name.starts_with('/') { self.0.pointer(name) } else { self.0.get(name) };
        found.filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, TokenFault> {
        self.claim(name).map(|value| value.as_str().ok_or(TokenFault::Malformed)).transpose()
    }

    /// Time since 1970-01-01T00:00:00Z, whole seconds or a fraction (RFC 7519, 2).
    fn time(&self, name: &str) -> Result<Option<Duration>, TokenFault> {
        let Some(value) = self.claim(name) else { return Ok(None) };
        let fraction = || value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = value.as_u64().map(Duration::from_secs).or_else(fraction);
        time.map(Some).ok_or(TokenFault::Malformed)
    }
}

/// The texts of a list; none if it is not there.
fn texts(list: Option<&Value>) -> Result<Vec<&str>, TokenFault> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let texts = list.as_array().ok_or(TokenFault::Malformed)?.iter();
    texts.map(|text| text.as_str().ok_or(TokenFault::Malformed)).collect()
}

/// A name that may stand in logs and in the audit log: not empty, not long, on one line.
fn name(text: &str, claim: &'static str) -> Result<String, TokenFault> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES || text.chars().any(char::is_control) {
        Err(TokenFault::Claim(claim))
    } else {
        Ok(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict::deserialize(deserializer).map(|Strict(claims)| Self(claims))
    }
}
