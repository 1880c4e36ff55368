//! Which key sets are read, which keys skipped, which sets refused.

use serde_json::{Value, json};

use super::*;

fn ed() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode([7; 32])})
}

fn rsa(bits: usize) -> Value {
    let mut n = vec![0xff; bits / 8];
    if !bits.is_multiple_of(8) {
        n.insert(0, (1 << (bits % 8)) - 1);
    }
    json!({"kty": "RSA", "kid": "rsa", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB"})
}

fn set(keys: &[Value]) -> Result<KeySet, String> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
    key[name] = value.into();
    key
}

/// Why a key is skipped when it stands beside a good one.
fn skipped(key: Value) -> String {
    let read = set(&[with(ed(), "kid", "good"), key]).unwrap();
    assert_eq!(read.ids().collect::<Vec<_>>(), ["good"]);
    read.skipped().join("; ")
}

#[test]
fn the_algorithm_is_inferred_from_the_kind_of_key() {
    let ec = json!({"kty": "EC", "crv": "P-256", "kid": "ec",
        "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([2; 32])});
    let read = set(&[ed(), rsa(2048), ec]).unwrap();
    let algorithm = |id| read.key(id).unwrap().algorithm.name();
    assert_eq!((algorithm("ed"), algorithm("ec"), algorithm("rsa")), ("EdDSA", "ES256", "RS256"));
    assert!(read.skipped().is_empty());
}

#[test]
fn a_set_with_a_secret_is_refused_as_a_whole() {
    let oct = json!({"kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256"});
    assert!(set(&[ed(), oct]).unwrap_err().contains("shared secret"));
    assert!(set(&[ed(), with(rsa(2048), "k", "c2VjcmV0")]).unwrap_err().contains("shared secret"));
    for part in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let error = set(&[ed(), with(rsa(2048), part, "c2VjcmV0")]).unwrap_err();
        assert!(error.contains("private part") && error.contains("key 2 (`rsa`)"), "{error}");
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
}

#[test]
fn keys_for_something_else_are_skipped_with_the_reason() {
    assert!(skipped(with(ed(), "use", "enc")).contains("not for signatures"));
    assert!(skipped(with(ed(), "key_ops", json!(["encrypt"]))).contains("not for verifying"));
    assert!(skipped(with(ed(), "alg", "RSA-OAEP")).contains("`alg`"));
    assert!(skipped(with(ed(), "alg", "RS256")).contains("`alg`"));
    assert!(skipped(with(rsa(2048), "alg", "PS256")).contains("`alg`"));
    assert!(skipped(with(ed(), "crv", "Ed448")).contains("kind"));
    assert!(skipped(with(ed(), "kid", Value::Null)).contains("`kid`"));
    assert!(skipped(with(ed(), "kid", "")).contains("`kid`"));
}

#[test]
fn malformed_and_weak_keys_are_skipped_with_the_reason() {
    assert!(skipped(with(ed(), "x", URL_SAFE_NO_PAD.encode([7; 31]))).contains("32 bytes"));
    assert!(skipped(with(ed(), "x", "***")).contains("base64url"));
    assert!(skipped(with(ed(), "x", Value::Null)).contains("missing"));
    assert!(skipped(rsa(1024)).contains("shorter"));
    assert!(skipped(rsa(2047)).contains("shorter"));
    assert!(skipped(rsa(8193)).contains("longer"));
    assert!(skipped(with(rsa(2048), "e", "Ag")).contains("exponent"));
    assert!(skipped(with(rsa(2048), "e", "AQ")).contains("exponent"));
    // Leading zeros do not make a short modulus long.
    let padded = [vec![0; 128], vec![0xff; 128]].concat();
    assert!(skipped(with(rsa(2048), "n", URL_SAFE_NO_PAD.encode(padded))).contains("shorter"));
}

#[test]
fn a_set_without_a_usable_key_says_why_each_was_not_taken() {
    let error = set(&[with(ed(), "use", "enc"), rsa(1024)]).unwrap_err();
    assert!(error.contains("key 1 (`ed`)") && error.contains("key 2 (`rsa`)"), "{error}");
    assert!(set(&[]).unwrap_err().contains("empty"));
}

#[test]
fn two_keys_of_one_id_are_refused() {
    assert!(set(&[ed(), with(rsa(2048), "kid", "ed")]).unwrap_err().contains("same `kid`"));
}

#[test]
fn text_that_is_no_key_set_is_refused_without_quoting_it() {
    for text in
        ["", "[]", "{}", r#"{"keys": 7}"#, r#"{"keys": ["hunter2"]}"#, r#"{"keys":[{"kty":{"hunter2":1}}]}"#]
    {
        let error = KeySet::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains("line") && !error.contains("hunter2"), "{error}");
    }
    let many = vec![ed(); MAX_KEYS + 1];
    assert!(set(&many).unwrap_err().contains("more than 64"));
}
