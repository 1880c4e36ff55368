//! From a bearer token to the person whom it speaks for.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use sekisho_model::Clock;

use crate::cache::KeyCache;
use crate::claims::{Claims, Expected};
use crate::crypto;
use crate::error::{Error, TokenFault};
use crate::keys::Key;
use crate::principal::Principal;
use crate::source::{KeySource, Source};
use crate::token;

/// Largest difference of clocks that may be forgiven.
pub const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// Whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Config {
    /// The `iss` claim that tokens must have.
    pub issuer: String,
    /// The `aud` claim that tokens must have, or have among others.
    pub audience: String,
    /// Where the issuer publishes its keys.
    pub keys: KeySource,
    /// How far the issuer's clock may differ from ours; at most [`MAX_LEEWAY`].
    pub leeway: Duration,
}

/// Verifies tokens against the keys of one issuer.
#[derive(Debug)]
pub struct Authenticator {
    expected: Expected,
    keys: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// An authenticator that has read no keys yet; it reads them when the first token comes.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting cannot be used.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        crypto::install();
        for (setting, value) in [("issuer", &config.issuer), ("audience", &config.audience)] {
            if value.is_empty() {
                return Err(Error::Config { setting, problem: "it is empty".to_owned() });
            }
        }
        if config.leeway > MAX_LEEWAY {
            let problem = format!("it is more than {} s; set the clocks instead", MAX_LEEWAY.as_secs());
            return Err(Error::Config { setting: "leeway", problem });
        }
        let keys = KeyCache::new(Source::open(config.keys)?, Arc::clone(&clock));
        let expected = Expected { issuer: config.issuer, audience: config.audience, leeway: config.leeway };
        Ok(Self { expected, keys, clock })
    }

    /// Reads the keys now: called at start, so that the operator hears of a wrong setting then.
    ///
    /// # Errors
    ///
    /// [`Error::KeySetRead`] or [`Error::KeySetRefused`].
    pub async fn load_keys(&self) -> Result<(), Error> {
        self.keys.load().await
    }

    /// The person whom a token speaks for. Takes the token, or the whole value of an
    /// `authorization` header with its `Bearer` scheme.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is not accepted, [`Error::KeysUnavailable`] if it cannot be
    /// checked.
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, Error> {
        let token = token::strip_scheme(bearer)?;
        let header = token::read_header(token)?;
        let key = self.keys.key(&header.key_id).await?;
        if key.algorithm != header.algorithm {
            return Err(TokenFault::Algorithm.into());
        }
        let claims = verify(token, &key)?;
        Ok(claims.check(&self.expected, self.clock.now())?)
    }
}

/// The claims of a token whose signature is the key's.
fn verify(token: &str, key: &Key) -> Result<Claims, TokenFault> {
    let mut validation = Validation::new(key.algorithm.jwt());
    // Claims are checked by `Claims::check`: by our clock, to the millisecond.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let verified = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation);
    verified.map(|data| data.claims).map_err(|error| {
        if matches!(error.kind(), ErrorKind::InvalidSignature) {
            TokenFault::Signature
        } else {
            TokenFault::Malformed
        }
    })
}
