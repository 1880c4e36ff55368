//! Which claims are read, where an issuer names them otherwise or marks its access tokens otherwise.

use std::sync::Arc;

use sekisho_authn::{Authenticator, ClaimNames, Config, Error, KeySource, TokenFault, TokenType};
use sekisho_model::Clock;
use serde_json::{Value, json};

use crate::forge::{Bench, Kind, claims, config, header, with};

/// An authenticator over the bench's keys, with other settings.
fn set(bench: &Bench, change: impl FnOnce(&mut Config)) -> Authenticator {
    let mut config = config(KeySource::File(bench.key_file()));
    change(&mut config);
    let clock: Arc<dyn Clock> = Arc::<crate::forge::TestClock>::clone(&bench.clock);
    Authenticator::new(config, clock).unwrap()
}

fn named(organisation: &str, roles: &str) -> ClaimNames {
    ClaimNames { organisation: organisation.to_owned(), roles: roles.to_owned() }
}

#[tokio::test]
async fn organisation_and_roles_are_read_where_the_issuer_writes_them() {
    let bench = Bench::new();
    let told = json!({
        "https://id.example/org": "org-b", "realm_access": {"roles": ["checker"]}, "org": "org-a", "roles": ["operator"],
    });
    let mut all = claims();
    all.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    let token = bench.keys.token(Kind::Ed, &header(Kind::Ed), &all);
    let read = set(&bench, |config| config.claims = named("https://id.example/org", "/realm_access/roles"));
    let person = read.authenticate(&token).await.unwrap();
    assert_eq!((person.organisation(), person.roles()), (Some("org-b"), &["checker".to_owned()][..]));

    // What is not where it is looked for is not there.
    let read = set(&bench, |config| config.claims = named("organisation", "/realm_access/groups"));
    let person = read.authenticate(&token).await.unwrap();
    assert_eq!((person.organisation(), person.roles()), (None, &[][..]));
}

#[tokio::test]
async fn a_nested_claim_of_another_form_or_that_is_there_twice_is_refused() {
    let bench = Bench::new();
    let read = set(&bench, |config| config.claims = named("org", "/realm_access/roles"));
    let fault = async |token: String| match read.authenticate(&token).await {
        Err(Error::Token(fault)) => fault,
        other => panic!("{other:?}"),
    };
    for roles in [json!("checker"), json!({"checker": true}), json!([["checker"]])] {
        let all = with(claims(), "realm_access", json!({ "roles": roles }));
        assert_eq!(fault(bench.keys.token(Kind::Ed, &header(Kind::Ed), &all)).await, TokenFault::Malformed);
    }
    let all = with(claims(), "realm_access", json!({"roles": ["analyst"]})).to_string();
    let twice = all.replacen(r#"{"roles""#, r#"{"roles":["checker"],"roles""#, 1);
    assert_ne!(all, twice);
    let token = bench.keys.token_of_texts(Kind::Ed, &header(Kind::Ed).to_string(), &twice);
    assert_eq!(fault(token).await, TokenFault::Malformed);
}

#[tokio::test]
async fn unmarked_tokens_are_accepted_only_where_the_operator_said_so() {
    let bench = Bench::new();
    let unmarked = set(&bench, |config| config.types = TokenType::Unmarked);
    for (typ, accepted) in [
        (json!("at+jwt"), true),
        (json!("JWT"), true),
        (json!("jwt"), true),
        (Value::Null, true),
        (json!("logout+jwt"), false),
        (json!("dpop+jwt"), false),
        (json!("id_token"), false),
    ] {
        let token = bench.keys.token(Kind::Ed, &with(header(Kind::Ed), "typ", typ.clone()), &claims());
        assert_eq!(unmarked.authenticate(&token).await.is_ok(), accepted, "{typ}");
        if typ != "at+jwt" {
            assert_eq!(bench.fault(&token).await, TokenFault::Type, "{typ}");
        }
    }
}

#[tokio::test]
async fn an_id_token_or_a_logout_token_is_no_access_token_even_where_types_are_not_marked() {
    let bench = Bench::new();
    let unmarked = set(&bench, |config| config.types = TokenType::Unmarked);
    for (name, value) in [
        ("at_hash", json!("x")),
        ("c_hash", json!("x")),
        ("nonce", json!("x")),
        ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
    ] {
        let header = with(header(Kind::Ed), "typ", "JWT".into());
        let token = bench.keys.token(Kind::Ed, &header, &with(claims(), name, value));
        let refused = unmarked.authenticate(&token).await;
        assert!(matches!(refused, Err(Error::Token(TokenFault::Type))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    let bench = Bench::new();
    for bound in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({})] {
        let token = bench.keys.token(Kind::Ed, &header(Kind::Ed), &with(claims(), "cnf", bound.clone()));
        assert_eq!(bench.fault(&token).await, TokenFault::Bound, "{bound}");
    }
}
