//! Whether an issuer that is known by its address alone is asked for its keys, and believed only in that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sekisho_authn::{Authenticator, Config, Error, KeySource, TokenFault};
use sekisho_model::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::forge::{Keys, Kind, TestClock, claims, config, header, with};

const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// What is answered at an address.
#[derive(Clone)]
enum Answer {
    /// This, with a status of 200.
    Json(Value),
    /// These bytes, whatever they are.
    Raw(String),
    /// These bytes, and then nothing: the connection stays open.
    Stalled(String),
}

/// An issuer on loopback.
struct Provider {
    issuer: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// One that publishes these keys.
    async fn start(keys: &Keys) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self { issuer, answers: Arc::default(), asked: Arc::default() };
        let (answers, asked) = (Arc::clone(&provider.answers), Arc::clone(&provider.asked));
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
                asked.lock().unwrap_or_else(PoisonError::into_inner).push(path);
                let text = match answer {
                    Some(Answer::Json(json)) => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{json}"),
                    Some(Answer::Raw(text) | Answer::Stalled(text)) => text,
                    None => "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n".to_owned(),
                };
                let _ = stream.write_all(text.as_bytes()).await;
                if text.ends_with("\r\nstalled") {
                    open.push(stream);
                }
            }
        });
        provider.says(CONFIGURATION, Answer::Json(provider.configuration()));
        provider.says("/jwks", Answer::Json(keys.jwks()));
        provider
    }

    fn configuration(&self) -> Value {
        json!({"issuer": self.issuer, "jwks_uri": format!("{}/jwks", self.issuer), "scopes_supported": ["openid"]})
    }

    fn says(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), answer);
    }

    /// Which addresses were asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn authenticator(&self, clock: &Arc<TestClock>) -> Authenticator {
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(clock);
        Authenticator::new(Config { issuer: self.issuer.clone(), ..config(KeySource::Issuer) }, clock)
            .unwrap()
    }

    /// A good token of this issuer, signed with the key under this name.
    fn token(&self, keys: &Keys, kid: &str) -> String {
        let exp = claims()["exp"].as_u64().unwrap() + 86_400;
        let claims = with(with(claims(), "iss", self.issuer.clone().into()), "exp", exp.into());
        keys.token(Kind::Ed, &with(header(Kind::Ed), "kid", kid.into()), &claims)
    }

    /// What the operator is told when the keys are read.
    async fn problem(&self) -> String {
        match self.authenticator(&TestClock::new()).load_keys().await {
            Err(error @ Error::KeySetRead { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

/// A key set with one key, under this name.
fn set_of(keys: &Keys, kid: &str) -> Value {
    json!({"keys": [with(keys.jwk(Kind::Ed), "kid", kid.into())]})
}

#[tokio::test]
async fn an_issuers_address_is_all_that_need_be_known() {
    let keys = Keys::generate();
    let provider = Provider::start(&keys).await;
    let clock = TestClock::new();
    let authenticator = provider.authenticator(&clock);
    let person = authenticator.authenticate(&provider.token(&keys, "ed-1")).await.unwrap();
    assert_eq!(person.subject(), "analyst");
    assert_eq!(provider.asked(), [CONFIGURATION, "/jwks"]);
    assert!(authenticator.authenticate(&provider.token(&keys, "ed-1")).await.is_ok());
    assert!(provider.asked().is_empty(), "nothing is asked again");
}

#[tokio::test]
async fn keys_that_were_rotated_work_with_their_first_token_and_the_old_ones_no_more() {
    let (old, new) = (Keys::generate(), Keys::generate());
    let provider = Provider::start(&old).await;
    let clock = TestClock::new();
    let authenticator = provider.authenticator(&clock);
    assert!(authenticator.authenticate(&provider.token(&old, "ed-1")).await.is_ok());

    // The keys move to another address, too.
    let moved = with(provider.configuration(), "jwks_uri", format!("{}/keys/2", provider.issuer).into());
    provider.says(CONFIGURATION, Answer::Json(moved));
    provider.says("/keys/2", Answer::Json(set_of(&new, "ed-2")));
    provider.asked();
    clock.advance(5);
    assert!(authenticator.authenticate(&provider.token(&new, "ed-2")).await.is_ok());
    assert_eq!(provider.asked(), [CONFIGURATION, "/keys/2"]);
    let refused = authenticator.authenticate(&provider.token(&old, "ed-1")).await;
    assert!(matches!(refused, Err(Error::Token(TokenFault::UnknownKey))), "{refused:?}");
    // The old key under the new name is another key.
    let refused = authenticator.authenticate(&provider.token(&old, "ed-2")).await;
    assert!(matches!(refused, Err(Error::Token(TokenFault::Signature))), "{refused:?}");
}

#[tokio::test]
async fn unknown_keys_do_not_make_it_ask_more_often_than_the_pause() {
    let keys = Keys::generate();
    let provider = Provider::start(&keys).await;
    let clock = TestClock::new();
    let authenticator = provider.authenticator(&clock);
    for _ in 0..3 {
        for number in 0..40 {
            let token = provider.token(&keys, &format!("made-up-{number}"));
            assert!(authenticator.authenticate(&token).await.is_err());
        }
        assert_eq!(provider.asked(), [CONFIGURATION, "/jwks"]);
        clock.advance(5);
    }
}

#[tokio::test]
async fn the_configuration_of_another_issuer_gives_no_keys() {
    let keys = Keys::generate();
    let provider = Provider::start(&keys).await;
    let stranger = Provider::start(&Keys::generate()).await;
    provider.says(CONFIGURATION, Answer::Json(stranger.configuration()));
    let problem = provider.problem().await;
    assert!(problem.contains(&stranger.issuer) && problem.contains(&provider.issuer), "{problem}");
    assert_eq!(provider.asked(), [CONFIGURATION]);
    assert!(stranger.asked().is_empty(), "its keys are not even read");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_for_either_document() {
    let keys = Keys::generate();
    let (provider, stranger) = (Provider::start(&keys).await, Provider::start(&keys).await);
    for (path, target) in [("/jwks", "/jwks"), (CONFIGURATION, CONFIGURATION)] {
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: {}{target}\r\n\r\n",
            stranger.issuer
        );
        provider.says(path, Answer::Raw(redirect));
        assert!(provider.problem().await.contains("302"), "{path}");
    }
    assert!(stranger.asked().is_empty());
}

#[tokio::test]
async fn answers_that_are_too_large_or_no_configuration_are_not_used() {
    let provider = Provider::start(&Keys::generate()).await;
    let large = with(provider.configuration(), "x", "x".repeat(300 * 1024).into());
    let plain = with(provider.configuration(), "jwks_uri", "http://192.0.2.1/jwks".into());
    for (answer, words) in [
        (Answer::Json(large), "larger"),
        (Answer::Json(plain), "`jwks_uri`"),
        (Answer::Json(json!({"issuer": provider.issuer})), "no configuration"),
        (Answer::Json(json!([])), "no configuration"),
        (Answer::Raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<htm".to_owned()), "no configuration"),
        (Answer::Raw("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned()), "503"),
        (Answer::Raw("x".to_owned()), "configuration"),
    ] {
        provider.says(CONFIGURATION, answer);
        let problem = provider.problem().await;
        assert!(problem.contains(words), "{problem}");
    }
    assert!(!provider.asked().contains(&"/jwks".to_owned()));
}

#[tokio::test]
async fn an_issuer_that_does_not_go_on_answering_is_not_waited_for() {
    let provider = Provider::start(&Keys::generate()).await;
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nstalled".to_owned();
    provider.says("/jwks", Answer::Stalled(begun));
    let before = Instant::now();
    let problem = provider.problem().await;
    assert!(before.elapsed() < Duration::from_secs(10), "{problem}");
    assert_eq!(provider.asked(), [CONFIGURATION, "/jwks"]);
}

#[tokio::test]
async fn an_issuer_that_is_gone_leaves_the_old_keys_for_an_hour() {
    let keys = Keys::generate();
    let provider = Provider::start(&keys).await;
    let clock = TestClock::new();
    let authenticator = provider.authenticator(&clock);
    let token = provider.token(&keys, "ed-1");
    assert!(authenticator.authenticate(&token).await.is_ok());
    // A configuration that turned bad is no reason to forget the keys, and none to take others.
    provider.says(
        CONFIGURATION,
        Answer::Json(json!({"issuer": "https://evil.example", "jwks_uri": "https://evil.example"})),
    );
    clock.advance(3599);
    assert!(authenticator.authenticate(&token).await.is_ok());
    clock.advance(1);
    assert!(matches!(authenticator.authenticate(&token).await, Err(Error::KeysUnavailable)));
    provider.says(CONFIGURATION, Answer::Json(provider.configuration()));
    clock.advance(5);
    assert!(authenticator.authenticate(&token).await.is_ok());
}
