//! Tokens of every kind, right and wrong, made without the library under test.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{hmac, rsa};
use sekisho_authn::{Authenticator, ClaimNames, Config, Error, KeySource, TokenFault, TokenType};
use sekisho_model::{Clock, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// When the tests take place, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "sekisho";
pub(crate) const LEEWAY: u64 = 5;
pub(crate) const RSA_PUBLIC_PEM: &str = include_str!("../keys/rsa-2048.pub.pem");

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW * 1000)))
    }

    pub(crate) fn set_millis(&self, millis: u64) {
        self.0.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ed,
    Ec,
    Rsa,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Ed, Self::Ec, Self::Rsa];

    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Self::Ed => "EdDSA",
            Self::Ec => "ES256",
            Self::Rsa => "RS256",
        }
    }

    pub(crate) fn kid(self) -> &'static str {
        match self {
            Self::Ed => "ed-1",
            Self::Ec => "ec-1",
            Self::Rsa => "rsa-1",
        }
    }
}

/// One key of each kind.
pub(crate) struct Keys {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let rsa = pem::parse(include_str!("../keys/rsa-2048.pem")).unwrap();
        Self {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            rsa: RsaKeyPair::from_pkcs8(rsa.contents()).unwrap(),
        }
    }

    pub(crate) fn jwk(&self, kind: Kind) -> Value {
        let mut jwk = match kind {
            Kind::Ed => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(self.ed.public_key())}),
            Kind::Ec => {
                let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
            }
            Kind::Rsa => {
                let public = rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
                json!({"kty": "RSA", "n": b64(public.n), "e": b64(public.e)})
            }
        };
        jwk["kid"] = kind.kid().into();
        jwk["use"] = "sig".into();
        jwk
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": Kind::ALL.map(|kind| self.jwk(kind))})
    }

    pub(crate) fn sign(&self, kind: Kind, message: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match kind {
            Kind::Ed => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            Kind::Ec => self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Kind::Rsa => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with this header and these claims, correctly signed.
    pub(crate) fn token(&self, kind: Kind, header: &Value, claims: &Value) -> String {
        self.token_of_texts(kind, &header.to_string(), &claims.to_string())
    }

    pub(crate) fn token_of_texts(&self, kind: Kind, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(claims));
        let signature = self.sign(kind, &message);
        format!("{message}.{}", b64(signature))
    }

    pub(crate) fn good(&self, kind: Kind) -> String {
        self.token(kind, &header(kind), &claims())
    }
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token whose "signature" is an HMAC with this secret.
pub(crate) fn hmac_token(header: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(claims().to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", b64(tag))
}

pub(crate) fn header(kind: Kind) -> Value {
    json!({"alg": kind.algorithm(), "typ": "at+jwt", "kid": kind.kid()})
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "analyst", "aud": AUDIENCE, "exp": NOW + 600, "nbf": NOW, "iat": NOW,
        "org": "org-a", "roles": ["analyst"], "client_id": "sekisho", "jti": "1",
    })
}

/// A value with one member replaced, or taken out if `member` is null.
pub(crate) fn with(mut value: Value, name: &str, member: Value) -> Value {
    if member.is_null() {
        value.as_object_mut().unwrap().remove(name);
    } else {
        value[name] = member;
    }
    value
}

/// An authenticator over a key set file.
pub(crate) struct Bench {
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) authenticator: Authenticator,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let keys = Keys::generate();
        let clock = TestClock::new();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, keys.jwks().to_string()).unwrap();
        let authenticator = authenticator(KeySource::File(file), &clock);
        Self { keys, clock, authenticator, folder }
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }

    /// Why a token is not accepted; checks that nothing of it comes back in the error.
    pub(crate) async fn fault(&self, token: &str) -> TokenFault {
        let error = self.authenticator.authenticate(token).await.unwrap_err();
        let texts = format!("{error} {error:?} {}", error.public());
        for part in token.split('.').filter(|part| part.len() > 16) {
            assert!(!texts.contains(part), "{texts}");
        }
        let Error::Token(fault) = error else { panic!("not the token's fault: {error}") };
        fault
    }
}

pub(crate) fn authenticator(keys: KeySource, clock: &Arc<TestClock>) -> Authenticator {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(clock);
    Authenticator::new(config(keys), clock).unwrap()
}

pub(crate) fn config(keys: KeySource) -> Config {
    Config {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        keys,
        leeway: Duration::from_secs(LEEWAY),
        types: TokenType::AccessToken,
        claims: ClaimNames::default(),
    }
}
