//! Makes tokens that are wrong in one point each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sekisho_authn::issuer::{Grant, Issuer};
use sekisho_model::Clock as _;
use sekisho_server::{SystemClock, demo};
use serde_json::{Value, json};

/// Somebody who has a valid token, the public keys, and (to show what the key alone is worth) the private one.
pub(super) struct Forger {
    header: Value,
    claims: Value,
    valid: String,
    key: Ed25519KeyPair,
    key_set: Vec<u8>,
    pub(super) key_id: String,
}

impl Forger {
    pub(super) fn new(state: &Path, valid: &str) -> Self {
        let part = |index: usize| {
            let part = valid.split('.').nth(index).unwrap();
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let private = pem::parse(fs::read(state.join("issuer/issuer.pem")).unwrap()).unwrap();
        let header = part(0);
        Self {
            key_id: header["kid"].as_str().unwrap().to_owned(),
            header,
            claims: part(1),
            valid: valid.to_owned(),
            key: Ed25519KeyPair::from_pkcs8(private.contents()).unwrap(),
            key_set: fs::read(state.join("issuer/jwks.json")).unwrap(),
        }
    }

    /// Header and claims with a change, not signed yet.
    fn unsigned(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        change(&mut header, &mut claims);
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(header), encode(claims))
    }

    /// The same, signed with the issuer's own key.
    pub(super) fn token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let unsigned = self.unsigned(change);
        let signature = self.key.sign(unsigned.as_bytes());
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Signed by HMAC with something that everybody knows.
    fn hs256(&self, secret: &[u8]) -> String {
        let unsigned = self.unsigned(|header, _| header["alg"] = json!("HS256"));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), unsigned.as_bytes());
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token of a key that nobody here trusts, under the id of the one that is; perhaps it brings its key along.
    fn of_own_key(&self, brings_it: bool) -> String {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
        let public = URL_SAFE_NO_PAD.encode(key.public_key());
        let unsigned = self.unsigned(|header, _| {
            if brings_it {
                header["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": public});
            }
        });
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(key.sign(unsigned.as_bytes())))
    }

    /// What each is, and the token.
    pub(super) fn wrong_tokens(&self) -> Vec<(&'static str, Option<String>)> {
        let second = |at: &Value, by: i64| json!(at.as_i64().unwrap() + by);
        let signature = self.valid.rsplit_once('.').unwrap().1;
        let none = |name: &str| self.unsigned(|header, _| header["alg"] = json!(name));
        let tokens = [
            ("expired", self.token(|_, claims| claims["exp"] = second(&claims["nbf"], -1))),
            ("no expiry", self.token(|_, claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
            ("not yet valid", self.token(|_, claims| claims["nbf"] = second(&claims["nbf"], 3600))),
            ("other audience", self.token(|_, claims| claims["aud"] = json!("another"))),
            ("other issuer", self.token(|_, claims| claims["iss"] = json!("https://another.invalid"))),
            ("alg none", format!("{}.", none("none"))),
            ("alg NONE", format!("{}.{signature}", none("NONE"))),
            ("alg of another key", self.token(|header, _| header["alg"] = json!("RS256"))),
            ("HS256 with the public key", self.hs256(self.key.public_key().as_ref())),
            ("HS256 with the key set", self.hs256(&self.key_set)),
            ("unknown key id", self.token(|header, _| header["kid"] = json!("another"))),
            ("no key id", self.token(|header, _| drop(header.as_object_mut().unwrap().remove("kid")))),
            ("wrong typ", self.token(|header, _| header["typ"] = json!("JWT"))),
            ("id token", self.token(|header, _| drop(header.as_object_mut().unwrap().remove("typ")))),
            ("critical extension", self.token(|header, _| header["crit"] = json!(["x"]))),
            ("another key", self.of_own_key(false)),
            ("another key that it brings along", self.of_own_key(true)),
            (
                "another person",
                format!("{}.{signature}", self.unsigned(|_, claims| claims["sub"] = json!("researcher"))),
            ),
            ("another issuer's", stranger()),
            ("garbage", "garbage".to_owned()),
            ("garbage in three parts", "a.b.c".to_owned()),
            ("long", "a".repeat(9000)),
            ("dots", ".".repeat(5000)),
            ("empty", String::new()),
        ];
        tokens.into_iter().map(|(what, token)| (what, Some(token))).collect()
    }
}

/// All as it should be, but for the key.
fn stranger() -> String {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::create_or_open(folder.path(), demo::ISSUER, demo::AUDIENCE).unwrap();
    let grant = Grant {
        subject: "analyst".to_owned(),
        organisation: Some("org-a".to_owned()),
        roles: Vec::new(),
        lifetime: Duration::from_secs(3600),
    };
    issuer.issue(&grant, SystemClock.now()).unwrap()
}
