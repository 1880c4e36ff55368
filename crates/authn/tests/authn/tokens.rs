//! Every way in which a token can be wrong, and the ways in which it is right.

use std::time::Duration;

use sekisho_authn::{Authenticator, ClaimNames, Config, Error, KeySource, MAX_TOKEN_BYTES, TokenFault};
use sekisho_model::{Code, Timestamp};
use serde_json::{Value, json};

use crate::forge::{
    AUDIENCE, Bench, ISSUER, Keys, Kind, LEEWAY, NOW, RSA_PUBLIC_PEM, TestClock, b64, claims, config, header,
    hmac_token, with,
};

#[tokio::test]
async fn a_good_token_of_each_algorithm_names_its_person() {
    let bench = Bench::new();
    for kind in Kind::ALL {
        let person = bench.authenticator.authenticate(&bench.keys.good(kind)).await.unwrap();
        assert_eq!(person.subject(), "analyst");
        assert_eq!(person.organisation(), Some("org-a"));
        assert_eq!(person.roles(), ["analyst"]);
        assert_eq!(person.client(), Some("sekisho"));
        assert_eq!(person.expires_at(), Timestamp((NOW + 600) * 1000));
    }
}

#[tokio::test]
async fn optional_claims_may_be_left_out() {
    let bench = Bench::new();
    let minimal = json!({"iss": ISSUER, "sub": "x", "aud": ["other", AUDIENCE], "exp": NOW + 1});
    let token = bench.keys.token(Kind::Ed, &header(Kind::Ed), &minimal);
    let person = bench.authenticator.authenticate(&token).await.unwrap();
    assert_eq!((person.organisation(), person.roles(), person.client()), (None, &[][..], None));
}

#[tokio::test]
async fn the_scheme_and_both_spellings_of_the_type_are_accepted() {
    let bench = Bench::new();
    let token = bench.keys.good(Kind::Ed);
    for value in [format!("Bearer {token}"), format!("bearer {token}")] {
        assert!(bench.authenticator.authenticate(&value).await.is_ok());
    }
    for typ in ["application/at+jwt", "AT+JWT"] {
        let token = bench.keys.token(Kind::Ed, &with(header(Kind::Ed), "typ", typ.into()), &claims());
        assert!(bench.authenticator.authenticate(&token).await.is_ok(), "{typ}");
    }
    for value in [format!("Basic {token}"), format!("Bearer  {token}"), format!("{token} ")] {
        assert_eq!(bench.fault(&value).await, TokenFault::Malformed, "another scheme or stray spaces");
    }
}

#[tokio::test]
async fn wrong_claims_are_named_by_class() {
    let bench = Bench::new();
    let null = Value::Null;
    let cases: Vec<(&str, Value, TokenFault)> = vec![
        ("exp", (NOW - LEEWAY - 1).into(), TokenFault::Expired),
        ("nbf", (NOW + LEEWAY + 1).into(), TokenFault::NotYetValid),
        ("iat", (NOW + LEEWAY + 1).into(), TokenFault::IssuedInFuture),
        ("aud", "another".into(), TokenFault::Audience),
        ("aud", json!(["another", "sekisho2"]), TokenFault::Audience),
        ("aud", json!([]), TokenFault::Audience),
        ("iss", "https://issuer.example/".into(), TokenFault::Issuer),
        ("iss", "".into(), TokenFault::Issuer),
        ("iss", null.clone(), TokenFault::Claim("iss")),
        ("sub", null.clone(), TokenFault::Claim("sub")),
        ("aud", null.clone(), TokenFault::Claim("aud")),
        ("exp", null, TokenFault::Claim("exp")),
        ("sub", "".into(), TokenFault::Claim("sub")),
        ("sub", "a\nb".into(), TokenFault::Claim("sub")),
        ("sub", "x".repeat(256).into(), TokenFault::Claim("sub")),
        ("org", "".into(), TokenFault::Claim("org")),
        ("roles", json!([""]), TokenFault::Claim("roles")),
        ("roles", json!(vec!["r"; 65]), TokenFault::Claim("roles")),
        ("exp", u64::MAX.into(), TokenFault::Claim("exp")),
        ("exp", "never".into(), TokenFault::Malformed),
        ("exp", (-1).into(), TokenFault::Malformed),
        ("exp", json!(1e300), TokenFault::Malformed),
        ("nbf", "x".into(), TokenFault::Malformed),
        ("iss", json!([ISSUER]), TokenFault::Malformed),
        ("sub", 7.into(), TokenFault::Malformed),
        ("roles", "analyst".into(), TokenFault::Malformed),
    ];
    for (name, value, fault) in cases {
        let token = bench.keys.token(Kind::Ec, &header(Kind::Ec), &with(claims(), name, value.clone()));
        assert_eq!(bench.fault(&token).await, fault, "{name}: {value}");
    }
}

#[tokio::test]
async fn leeway_is_exact_to_the_millisecond_on_both_sides() {
    let bench = Bench::new();
    let at = |millis: u64| bench.clock.set_millis(millis);
    let token = |name, value: Value| {
        let claims = json!({"iss": ISSUER, "sub": "x", "aud": AUDIENCE, "exp": NOW + 100});
        bench.keys.token(Kind::Ed, &header(Kind::Ed), &with(claims, name, value))
    };

    let expires = token("exp", NOW.into());
    at((NOW + LEEWAY) * 1000 - 1);
    assert!(bench.authenticator.authenticate(&expires).await.is_ok());
    at((NOW + LEEWAY) * 1000);
    assert_eq!(bench.fault(&expires).await, TokenFault::Expired);

    for (name, fault) in [("nbf", TokenFault::NotYetValid), ("iat", TokenFault::IssuedInFuture)] {
        let starts = token(name, NOW.into());
        at((NOW - LEEWAY) * 1000);
        assert!(bench.authenticator.authenticate(&starts).await.is_ok());
        at((NOW - LEEWAY) * 1000 - 1);
        assert_eq!(bench.fault(&starts).await, fault);
    }

    let fraction = token("exp", json!(1_800_000_000.25));
    at((NOW + LEEWAY) * 1000 + 249);
    assert!(bench.authenticator.authenticate(&fraction).await.is_ok());
    at((NOW + LEEWAY) * 1000 + 250);
    assert_eq!(bench.fault(&fraction).await, TokenFault::Expired);
}

#[tokio::test]
async fn a_claim_or_header_that_is_there_twice_is_refused() {
    let bench = Bench::new();
    let good = claims().to_string();
    let twice = good.replacen('{', r#"{"sub":"operator","#, 1);
    let token = bench.keys.token_of_texts(Kind::Ed, &header(Kind::Ed).to_string(), &twice);
    assert_eq!(bench.fault(&token).await, TokenFault::Malformed);

    let twice = r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"ed-1"}"#;
    let token = bench.keys.token_of_texts(Kind::Ed, twice, &good);
    assert_eq!(bench.fault(&token).await, TokenFault::Malformed);
}

#[tokio::test]
async fn wrong_headers_are_refused() {
    let bench = Bench::new();
    let cases: Vec<(&str, Value, TokenFault)> = vec![
        ("typ", "JWT".into(), TokenFault::Type),
        ("typ", "".into(), TokenFault::Type),
        ("typ", Value::Null, TokenFault::Type),
        ("kid", Value::Null, TokenFault::KeyIdMissing),
        ("kid", "".into(), TokenFault::KeyIdMissing),
        ("kid", "ed-2".into(), TokenFault::UnknownKey),
        ("kid", "../ed-1".into(), TokenFault::UnknownKey),
        ("alg", "none".into(), TokenFault::Algorithm),
        ("alg", "None".into(), TokenFault::Algorithm),
        ("alg", "ES384".into(), TokenFault::Algorithm),
        ("alg", "PS256".into(), TokenFault::Algorithm),
        ("alg", "eddsa".into(), TokenFault::Algorithm),
        ("alg", Value::Null, TokenFault::Malformed),
        ("crit", json!(["exp"]), TokenFault::Malformed),
        ("crit", json!(["b64"]), TokenFault::Malformed),
    ];
    for (name, value, fault) in cases {
        let token = bench.keys.token(Kind::Ed, &with(header(Kind::Ed), name, value.clone()), &claims());
        assert_eq!(bench.fault(&token).await, fault, "{name}: {value}");
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let bench = Bench::new();
    let none = with(header(Kind::Rsa), "alg", "none".into());
    let unsigned = format!("{}.{}.", b64(none.to_string()), b64(claims().to_string()));
    assert_eq!(bench.fault(&unsigned).await, TokenFault::Algorithm);
    for kind in Kind::ALL {
        let good = bench.keys.good(kind);
        let (message, _) = good.rsplit_once('.').unwrap();
        assert_eq!(bench.fault(&format!("{message}.")).await, TokenFault::Signature);
        assert_eq!(bench.fault(message).await, TokenFault::Malformed);
    }
}

#[tokio::test]
async fn a_public_key_is_no_hmac_secret() {
    let bench = Bench::new();
    let rsa = bench.keys.jwk(Kind::Rsa);
    let ed = bench.keys.jwk(Kind::Ed);
    let (n, x) = (rsa["n"].as_str().unwrap(), ed["x"].as_str().unwrap());
    let decoded = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let secrets: Vec<(Kind, Vec<u8>)> = vec![
        (Kind::Rsa, RSA_PUBLIC_PEM.into()),
        (Kind::Rsa, RSA_PUBLIC_PEM.trim_end().into()),
        (Kind::Rsa, pem::parse(RSA_PUBLIC_PEM).unwrap().into_contents()),
        (Kind::Rsa, n.into()),
        (Kind::Rsa, decoded(n)),
        (Kind::Ed, x.into()),
        (Kind::Ed, decoded(x)),
        (Kind::Ed, Vec::new()),
    ];
    for (kind, secret) in secrets {
        for algorithm in ["HS256", "HS384", "HS512"] {
            let header = with(header(kind), "alg", algorithm.into());
            assert_eq!(bench.fault(&hmac_token(&header, &secret)).await, TokenFault::Algorithm);
        }
        assert_eq!(bench.fault(&hmac_token(&header(kind), &secret)).await, TokenFault::Signature);
    }
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let bench = Bench::new();
    for signed in Kind::ALL {
        for named in Kind::ALL.into_iter().filter(|named| *named != signed) {
            let claimed = with(header(signed), "alg", named.algorithm().into());
            let token = bench.keys.token(signed, &claimed, &claims());
            assert_eq!(bench.fault(&token).await, TokenFault::Algorithm, "{signed:?} as {named:?}");

            let other_key = with(header(signed), "kid", named.kid().into());
            let token = bench.keys.token(signed, &other_key, &claims());
            assert_eq!(bench.fault(&token).await, TokenFault::Algorithm);
        }
    }
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_used() {
    let bench = Bench::new();
    let stranger = Keys::generate();
    let jwk = stranger.jwk(Kind::Ed);
    for (kid, fault) in [("ed-1", TokenFault::Signature), ("mine", TokenFault::UnknownKey)] {
        let header = with(with(header(Kind::Ed), "jwk", jwk.clone()), "kid", kid.into());
        let token = stranger.token(Kind::Ed, &header, &claims());
        assert_eq!(bench.fault(&token).await, fault);
    }
}

#[tokio::test]
async fn size_and_shape_are_checked_first() {
    let bench = Bench::new();
    assert_eq!(bench.fault("").await, TokenFault::Missing);
    assert_eq!(bench.fault("Bearer ").await, TokenFault::Missing);
    assert_eq!(bench.fault(&"a".repeat(MAX_TOKEN_BYTES)).await, TokenFault::Malformed);
    assert_eq!(bench.fault(&"a".repeat(MAX_TOKEN_BYTES + 1)).await, TokenFault::TooLarge);
    let padded = with(claims(), "padding", "x".repeat(MAX_TOKEN_BYTES).into());
    let token = bench.keys.token(Kind::Ed, &header(Kind::Ed), &padded);
    assert_eq!(bench.fault(&token).await, TokenFault::TooLarge);
    let good = bench.keys.good(Kind::Ed);
    for text in ["a.b", "a.b.c.d", "..", "é.é.é", &format!("{good}.x"), &format!("{good}=")] {
        assert_eq!(bench.fault(text).await, TokenFault::Malformed, "{text}");
    }
    let deep = "[".repeat(5000);
    let token = format!("{}.{}.x", b64(&deep), b64("{}"));
    assert_eq!(bench.fault(&token).await, TokenFault::Malformed);
}

#[test]
fn settings_that_weaken_the_check_are_refused() {
    let refused = |config: Config| match Authenticator::new(config, TestClock::new()) {
        Err(Error::Config { setting, .. }) => setting,
        other => panic!("{other:?}"),
    };
    let file = || config(KeySource::File("jwks.json".into()));
    assert_eq!(refused(Config { leeway: Duration::from_millis(5001), ..file() }), "leeway");
    assert_eq!(refused(Config { issuer: String::new(), ..file() }), "issuer");
    assert_eq!(refused(Config { audience: String::new(), ..file() }), "audience");
    let named = |organisation: &str, roles: &str| ClaimNames {
        organisation: organisation.into(),
        roles: roles.into(),
    };
    assert_eq!(refused(Config { claims: named("", "roles"), ..file() }), "organisation_claim");
    assert_eq!(refused(Config { claims: named("org", ""), ..file() }), "roles_claim");
    for issuer in ["issuer", "http://id.example", "https://id.example?x"] {
        assert_eq!(
            refused(Config { issuer: issuer.into(), ..config(KeySource::Issuer) }),
            "issuer",
            "{issuer}"
        );
    }
    for url in
        ["http://example.org/jwks", "ftp://127.0.0.1/", "https://a:b@example.org/", "http://10.0.0.1/", "x"]
    {
        assert_eq!(refused(config(KeySource::Url(url.to_owned()))), "keys", "{url}");
    }
    for url in ["https://example.org/jwks", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"] {
        assert!(
            Authenticator::new(config(KeySource::Url(url.to_owned())), TestClock::new()).is_ok(),
            "{url}"
        );
    }
}

#[tokio::test]
async fn the_public_text_of_an_operators_error_says_nothing() {
    let bench = Bench::new();
    std::fs::remove_file(bench.key_file()).unwrap();
    let error = bench.authenticator.authenticate(&bench.keys.good(Kind::Ed)).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(!error.public().contains("jwks"), "{}", error.public());
    let error = bench.authenticator.load_keys().await.unwrap_err();
    assert!(error.to_string().contains("jwks.json"), "{error}");
    assert!(!error.public().contains("jwks"), "{}", error.public());
}
