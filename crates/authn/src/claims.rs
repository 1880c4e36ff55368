//! What a verified token says of its bearer, and whether that holds here and now.
//!
//! Called only with claims whose signature was verified.

use std::fmt;
use std::time::Duration;

use sekisho_model::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::TokenFault;
use crate::principal::Principal;

/// Longest subject, organisation, role or client id, in bytes (OpenID Connect Core, 2).
const MAX_NAME_BYTES: usize = 255;
/// Most roles of one person.
const MAX_ROLES: usize = 64;

/// What a token must say to be meant for us.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) leeway: Duration,
}

/// The claims that are read; a claim that is there twice is an error, others are ignored.
#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    org: Option<String>,
    roles: Option<Vec<String>>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Time since 1970-01-01T00:00:00Z, whole seconds or a fraction (RFC 7519, 2).
#[derive(Clone, Copy)]
struct NumericDate(Duration);

impl Claims {
    /// The person, if the claims hold at this time.
    pub(crate) fn check(self, expected: &Expected, now: Timestamp) -> Result<Principal, TokenFault> {
        if self.iss.ok_or(TokenFault::Claim("iss"))? != expected.issuer {
            return Err(TokenFault::Issuer);
        }
        let meant_for_us = match self.aud.ok_or(TokenFault::Claim("aud"))? {
            Audience::One(audience) => audience == expected.audience,
            Audience::Many(audiences) => audiences.contains(&expected.audience),
        };
        if !meant_for_us {
            return Err(TokenFault::Audience);
        }
        let now = Duration::from_millis(now.0);
        let latest_start = now.saturating_add(expected.leeway);
        let NumericDate(expires) = self.exp.ok_or(TokenFault::Claim("exp"))?;
        if now >= expires.saturating_add(expected.leeway) {
            return Err(TokenFault::Expired);
        }
        if self.nbf.is_some_and(|NumericDate(start)| start > latest_start) {
            return Err(TokenFault::NotYetValid);
        }
        if self.iat.is_some_and(|NumericDate(issued)| issued > latest_start) {
            return Err(TokenFault::IssuedInFuture);
        }
        let roles = self.roles.unwrap_or_default();
        if roles.len() > MAX_ROLES {
            return Err(TokenFault::Claim("roles"));
        }
        let expires_at = u64::try_from(expires.as_millis()).map_err(|_| TokenFault::Claim("exp"))?;
        Ok(Principal {
            subject: name(self.sub.ok_or(TokenFault::Claim("sub"))?, "sub")?,
            organisation: self.org.map(|org| name(org, "org")).transpose()?,
            roles: roles.into_iter().map(|role| name(role, "roles")).collect::<Result<_, _>>()?,
            client: self.client_id.map(|client| name(client, "client_id")).transpose()?,
            expires_at: Timestamp(expires_at),
        })
    }
}

/// A name that may stand in logs and in the audit log: not empty, not long, on one line.
fn name(text: String, claim: &'static str) -> Result<String, TokenFault> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES || text.chars().any(char::is_control) {
        Err(TokenFault::Claim(claim))
    } else {
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;

        impl Visitor<'_> for Seconds {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<NumericDate, E> {
                Ok(NumericDate(Duration::from_secs(seconds)))
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<NumericDate, E> {
                Duration::try_from_secs_f64(seconds).map(NumericDate).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Seconds)
    }
}
