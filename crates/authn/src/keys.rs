//! Which public keys tokens may be signed with: a JSON Web Key Set (RFC 7517), read strictly.
//!
//! A set that holds private or symmetric keys is refused as a whole: somebody published what must
//! stay secret, and no key beside it deserves trust. Keys of other uses or algorithms (identity
//! providers publish encryption keys in the same set) are skipped and reported; a set without a
//! single usable key is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Most keys of one set.
const MAX_KEYS: usize = 64;
/// Shortest RSA modulus, in bits (RFC 7518, 3.3).
const MIN_RSA_BITS: usize = 2048;
/// Longest RSA modulus, in bits: what `ring` verifies.
const MAX_RSA_BITS: usize = 8192;
/// Length of a coordinate of P-256 and of an Ed25519 public key, in bytes.
const CURVE_BYTES: usize = 32;

/// The accepted algorithms. HMAC and `none` are not among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyAlgorithm {
    EdDsa,
    Es256,
    Rs256,
}

impl KeyAlgorithm {
    const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    pub(crate) fn jwt(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
        }
    }
}

/// A public key and the one algorithm that it is for.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) decoding: DecodingKey,
}

/// The usable keys of a set by their ids.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: BTreeMap<String, Arc<Key>>,
    skipped: Vec<String>,
}

impl KeySet {
    /// Reads a key set; the error says what is wrong with it, without any key material.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        // The library's own message could quote a value, and a value could be a secret.
        let set: RawSet = serde_json::from_slice(json).map_err(|error| {
            format!(
                "line {}, column {} is not the JSON of a key set (RFC 7517: an object with `keys`)",
                error.line(),
                error.column()
            )
        })?;
        if set.keys.len() > MAX_KEYS {
            return Err(format!("it has more than {MAX_KEYS} keys"));
        }
        let mut read = Self { keys: BTreeMap::new(), skipped: Vec::new() };
        for (index, raw) in set.keys.iter().enumerate() {
            read.take(raw, index.saturating_add(1))?;
        }
        if read.keys.is_empty() {
            let reasons =
                if read.skipped.is_empty() { "it is empty".into() } else { read.skipped.join("; ") };
            return Err(format!("it has no key that tokens can be verified with: {reasons}"));
        }
        Ok(read)
    }

    pub(crate) fn key(&self, id: &str) -> Option<Arc<Key>> {
        self.keys.get(id).cloned()
    }

    /// Ids of the usable keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Which keys were not taken, and why.
    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }

    fn take(&mut self, raw: &RawKey, number: usize) -> Result<(), String> {
        let label = match &raw.kid {
            Some(kid) => format!("key {number} (`{}`)", kid.escape_default()),
            None => format!("key {number}"),
        };
        if raw.kty == "oct" || raw.k.is_some() {
            return Err(format!("{label} is a shared secret (`oct`); remove it and replace that secret"));
        }
        if raw.is_private() {
            return Err(format!(
                "{label} holds its private part; publish only public keys, and replace this key, which is no longer secret"
            ));
        }
        let usable = raw.usable().and_then(|key| {
            let id = raw.kid.clone().filter(|kid| !kid.is_empty()).ok_or("it has no `kid`")?;
            Ok((id, key))
        });
        match usable {
            Ok((id, key)) => {
                if self.keys.insert(id, Arc::new(key)).is_some() {
                    return Err(format!("{label} has the same `kid` as another key"));
                }
            }
            Err(reason) => self.skipped.push(format!("{label}: {reason}")),
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

/// A key as published. No `Debug`: it may hold a private part.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    // Private parts (RFC 7518, 6) and shared secrets: that they are there is all that is read.
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl RawKey {
    fn is_private(&self) -> bool {
        [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth].into_iter().any(Option::is_some)
    }

    /// The key, or why tokens cannot be verified with it.
    fn usable(&self) -> Result<Key, &'static str> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("it is not for signatures (`use`)");
        }
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("it is not for verifying (`key_ops`)");
        }
        let (algorithm, decoding) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => (KeyAlgorithm::EdDsa, self.ed25519()?),
            ("EC", Some("P-256")) => (KeyAlgorithm::Es256, self.p256()?),
            ("RSA", _) => (KeyAlgorithm::Rs256, self.rsa()?),
            _ => return Err("its kind is not accepted; use Ed25519, P-256 or RSA"),
        };
        if self.alg.as_deref().is_some_and(|name| name != algorithm.name()) {
            return Err("its `alg` is not accepted; use EdDSA, ES256 or RS256");
        }
        Ok(Key { algorithm, decoding })
    }

    fn ed25519(&self) -> Result<DecodingKey, &'static str> {
        Ok(DecodingKey::from_ed_der(&coordinate(self.x.as_deref())?))
    }

    fn p256(&self) -> Result<DecodingKey, &'static str> {
        let mut point = vec![4]; // uncompressed (SEC 1, 2.3.3)
        point.extend(coordinate(self.x.as_deref())?);
        point.extend(coordinate(self.y.as_deref())?);
        Ok(DecodingKey::from_ec_der(&point))
    }

    fn rsa(&self) -> Result<DecodingKey, &'static str> {
        let modulus = number(self.n.as_deref())?;
        let exponent = number(self.e.as_deref())?;
        let spare = modulus.first().map_or(0, |byte| byte.leading_zeros());
        let bits = (modulus.len() * 8).saturating_sub(usize::try_from(spare).unwrap_or(0));
        if bits < MIN_RSA_BITS {
            return Err("its modulus is shorter than 2048 bits");
        }
        if bits > MAX_RSA_BITS {
            return Err("its modulus is longer than 8192 bits");
        }
        let odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
        if !odd || exponent == [1] {
            return Err("its exponent is not an odd number above 1");
        }
        Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
    }
}

fn decode(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("a part of it is missing")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a part of it is not base64url")
}

fn coordinate(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let bytes = decode(text)?;
    if bytes.len() == CURVE_BYTES { Ok(bytes) } else { Err("a coordinate is not 32 bytes long") }
}

/// A big-endian number without leading zeros (some publishers write one).
fn number(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    Ok(decode(text)?.into_iter().skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
mod tests;
