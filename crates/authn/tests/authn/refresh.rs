//! When the key set is read again, and what is trusted meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sekisho_authn::{Authenticator, Error, KeySource, TokenFault};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::forge::{Bench, Keys, Kind, TestClock, authenticator, claims, header, with};

/// A key server on loopback that counts its visitors.
struct KeyServer {
    url: String,
    visits: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl KeyServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let server = Self { url, visits: Arc::default(), answer: Arc::default() };
        let (visits, answer) = (Arc::clone(&server.visits), Arc::clone(&server.answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let text = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        server
    }

    fn answer(&self, status: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body}");
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

async fn served(keys: &Keys) -> (KeyServer, Arc<TestClock>, Authenticator) {
    let server = KeyServer::start().await;
    server.answer("200 OK", &keys.jwks().to_string());
    let clock = TestClock::new();
    let authenticator = authenticator(KeySource::Url(server.url.clone()), &clock);
    (server, clock, authenticator)
}

/// A token that is good for a day.
fn long(keys: &Keys) -> String {
    let exp = claims()["exp"].as_u64().unwrap() + 86_400;
    keys.token(Kind::Ed, &header(Kind::Ed), &with(claims(), "exp", exp.into()))
}

#[tokio::test]
async fn the_set_is_fetched_once_for_many_tokens() {
    let keys = Keys::generate();
    let (server, _, authenticator) = served(&keys).await;
    for _ in 0..20 {
        for kind in Kind::ALL {
            assert!(authenticator.authenticate(&keys.good(kind)).await.is_ok());
        }
    }
    assert_eq!(server.visits(), 1);
}

#[tokio::test]
async fn tokens_with_unknown_keys_cannot_make_it_hammer() {
    let keys = Keys::generate();
    let (server, clock, authenticator) = served(&keys).await;
    for round in 1..=3 {
        for number in 0..50 {
            let header = with(header(Kind::Ed), "kid", format!("made-up-{number}").into());
            let error = authenticator.authenticate(&keys.token(Kind::Ed, &header, &claims())).await;
            assert!(matches!(error, Err(Error::Token(TokenFault::UnknownKey))));
        }
        assert_eq!(server.visits(), round);
        clock.advance(5);
    }
}

#[tokio::test]
async fn tokens_that_are_wrong_without_a_key_cause_no_fetch() {
    let keys = Keys::generate();
    let (server, _, authenticator) = served(&keys).await;
    let none = with(with(header(Kind::Ed), "alg", "none".into()), "kid", "x".into());
    assert!(authenticator.authenticate(&keys.token(Kind::Ed, &none, &claims())).await.is_err());
    assert!(authenticator.authenticate("garbage").await.is_err());
    assert_eq!(server.visits(), 0);
}

#[tokio::test]
async fn many_at_once_share_one_fetch() {
    let keys = Keys::generate();
    let (server, _, authenticator) = served(&keys).await;
    let authenticator = Arc::new(authenticator);
    let calls: Vec<_> = (0..32)
        .map(|_| {
            let (authenticator, token) = (Arc::clone(&authenticator), keys.good(Kind::Ed));
            tokio::spawn(async move { authenticator.authenticate(&token).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(server.visits(), 1);
}

#[tokio::test]
async fn a_new_key_works_with_its_first_token() {
    let bench = Bench::new();
    assert!(bench.authenticator.authenticate(&bench.keys.good(Kind::Ed)).await.is_ok());
    let new = Keys::generate();
    let mut jwk = new.jwk(Kind::Ed);
    jwk["kid"] = "ed-2".into();
    let token = new.token(Kind::Ed, &with(header(Kind::Ed), "kid", "ed-2".into()), &claims());
    bench.clock.advance(5);
    assert_eq!(bench.fault(&token).await, TokenFault::UnknownKey);

    let mut set = bench.keys.jwks();
    set["keys"].as_array_mut().unwrap().push(jwk);
    std::fs::write(bench.key_file(), set.to_string()).unwrap();
    bench.clock.advance(5);
    assert!(bench.authenticator.authenticate(&token).await.is_ok());
    assert!(bench.authenticator.authenticate(&bench.keys.good(Kind::Ed)).await.is_ok(), "the old one too");
}

#[tokio::test]
async fn a_removed_key_stops_working_when_the_set_is_due() {
    let bench = Bench::new();
    let token = bench.keys.good(Kind::Ed);
    assert!(bench.authenticator.authenticate(&token).await.is_ok());
    let rest = json!({"keys": [bench.keys.jwk(Kind::Ec)]});
    std::fs::write(bench.key_file(), rest.to_string()).unwrap();
    bench.clock.advance(299);
    assert!(bench.authenticator.authenticate(&token).await.is_ok());
    bench.clock.advance(1);
    assert_eq!(bench.fault(&token).await, TokenFault::UnknownKey);
    assert!(bench.authenticator.authenticate(&bench.keys.good(Kind::Ec)).await.is_ok());
}

#[tokio::test]
async fn old_keys_outlive_a_failing_server_for_an_hour_and_no_longer() {
    let keys = Keys::generate();
    let (server, clock, authenticator) = served(&keys).await;
    let token = long(&keys);
    assert!(authenticator.authenticate(&token).await.is_ok());
    server.answer("503 Service Unavailable", "");
    clock.advance(3599);
    assert!(authenticator.authenticate(&token).await.is_ok());
    clock.advance(1);
    assert!(matches!(authenticator.authenticate(&token).await, Err(Error::KeysUnavailable)));
    server.answer("200 OK", &keys.jwks().to_string());
    clock.advance(5);
    assert!(authenticator.authenticate(&token).await.is_ok(), "and work again when it is back");
}

#[tokio::test]
async fn a_bad_answer_does_not_replace_good_keys() {
    let keys = Keys::generate();
    let (server, clock, authenticator) = served(&keys).await;
    assert!(authenticator.load_keys().await.is_ok());
    let too_large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300 * 1024));
    let secret = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]}).to_string();
    let bodies = [
        ("200 OK", "{}"),
        ("200 OK", &too_large),
        ("200 OK", &secret),
        ("302 Found", ""),
        ("404 Not Found", ""),
    ];
    for (status, body) in bodies {
        server.answer(status, body);
        let error = authenticator.load_keys().await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1") && !error.contains("c2VjcmV0"), "{error}");
        clock.advance(301);
        assert!(authenticator.authenticate(&long(&keys)).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let keys = Keys::generate();
    let (server, _, _) = served(&keys).await;
    let lure = KeyServer::start().await;
    lure.answer(&format!("302 Found\r\nLocation: {}", server.url), "");
    let lured = authenticator(KeySource::Url(lure.url.clone()), &TestClock::new());
    assert!(lured.load_keys().await.is_err());
    assert_eq!((lure.visits(), server.visits()), (1, 0));
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_reading() {
    let bench = Bench::new();
    let token = bench.keys.good(Kind::Ed);
    {
        let mut call = std::pin::pin!(bench.authenticator.authenticate(&token));
        let waker = std::task::Waker::noop();
        let _ = call.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    // Within the pause nothing is read again, so this answer comes from the reading above.
    assert!(bench.authenticator.authenticate(&token).await.is_ok());
}
