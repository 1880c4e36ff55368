//! From a bearer token to the person whom it speaks for.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use sekisho_model::Clock;

use crate::cache::KeyCache;
use crate::claims::{ClaimNames, Claims, Expected};
use crate::crypto;
use crate::error::{Error, TokenFault};
use crate::keys::Key;
use crate::principal::Principal;
use crate::source::{KeySource, Source};
use crate::token::{self, TokenType};

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
    /// Which `typ` tokens must have.
    pub types: TokenType,
    /// Which claims say for whom a person works, and as what.
    pub claims: ClaimNames,
}

/// Verifies tokens against the keys of one issuer.
#[derive(Debug)]
pub struct Authenticator {
    expected: Expected,
    types: TokenType,
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
        let ClaimNames { organisation, roles } = &config.claims;
        for (setting, value) in [
            ("issuer", &config.issuer),
            ("audience", &config.audience),
            ("organisation_claim", organisation),
            ("roles_claim", roles),
        ] {
            if value.is_empty() {
                return Err(Error::Config { setting, problem: "it is empty".to_owned() });
            }
        }
        if config.leeway > MAX_LEEWAY {
            let problem = format!("it is more than {} s; set the clocks instead", MAX_LEEWAY.as_secs());
            return Err(Error::Config { setting: "leeway", problem });
        }
        let keys = KeyCache::new(Source::open(config.keys, &config.issuer)?, Arc::clone(&clock));
        let Config { issuer, audience, leeway, types, claims, .. } = config;
        let unmarked = types == TokenType::Unmarked;
        let expected = Expected { issuer, audience, leeway, names: claims, unmarked };
        Ok(Self { expected, types, keys, clock })
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
        let header = token::read_header(token, self.types)?;
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
