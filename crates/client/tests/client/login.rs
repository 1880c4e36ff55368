//! Signing in, staying signed in and signing out, against a scripted issuer on loopback.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_client::{Account, AsClient, Client, Credentials, Error, Login, Profile, exit_code, v1};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::fake::{Fake, TOKEN};

const CONFIGURATION: &str = "/.well-known/openid-configuration";
const OK: &str = "200 OK";
const BAD: &str = "400 Bad Request";
/// Not a status: the connection is closed without an answer.
const NOTHING: &str = "";

/// What came to the issuer: an address, the `authorization` header, and the body.
type Asked = (String, Option<String>, String);

/// An issuer that answers from a script.
struct Issuer {
    url: String,
    configuration: Arc<Mutex<String>>,
    /// What begins a device flow.
    device: Arc<Mutex<Value>>,
    /// What the token address answers, in this order.
    answers: Arc<Mutex<VecDeque<(&'static str, Value)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
    folder: TempDir,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let configuration: Arc<Mutex<String>> = Arc::default();
        let answers: Arc<Mutex<VecDeque<(&'static str, Value)>>> = Arc::default();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let device = Arc::new(Mutex::new(json!({
            "device_code": "the-device", "user_code": "WDJB-MJHT", "expires_in": 12,
            "verification_uri": format!("{url}/device"), "verification_uri_complete": format!("{url}/device?c=W"),
        })));
        let (told, replies, seen) = (Arc::clone(&configuration), Arc::clone(&answers), Arc::clone(&asked));
        let begins = Arc::clone(&device);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let question = question(&mut stream).await;
                let (status, body) = match question.0.as_str() {
                    CONFIGURATION => (OK, told.lock().unwrap().clone()),
                    "/device" => (OK, begins.lock().unwrap().to_string()),
                    "/revoke" => (OK, String::new()),
                    _ => {
                        let reply = replies.lock().unwrap().pop_front();
                        let (status, json) = reply.unwrap_or((BAD, json!({"error": "nothing_is_scripted"})));
                        (status, json.to_string())
                    }
                };
                seen.lock().unwrap().push(question);
                if status == NOTHING {
                    continue;
                }
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let issuer =
            Self { url, configuration, device, answers, asked, task, folder: tempfile::tempdir().unwrap() };
        issuer.configured(|_| ());
        issuer
    }

    /// Sets the configuration, changed from what it should be.
    fn configured(&self, change: impl FnOnce(&mut Value)) {
        let url = &self.url;
        let mut configuration = json!({
            "issuer": url, "token_endpoint": format!("{url}/token"),
            "device_authorization_endpoint": format!("{url}/device"),
            "revocation_endpoint": format!("{url}/revoke"),
        });
        change(&mut configuration);
        *self.configuration.lock().unwrap() = configuration.to_string();
    }

    fn answers(&self, answers: impl IntoIterator<Item = (&'static str, Value)>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The bodies that came to an address.
    fn bodies(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, ..)| asked == path).map(|(_, _, body)| body.clone()).collect()
    }

    fn account(&self, address: &str) -> Account {
        let login = Login {
            issuer: self.url.clone(),
            client_id: "sekisho-cli".to_owned(),
            scope: Some("openid offline_access".to_owned()),
            resource: Some("https://enclave.example".to_owned()),
            audience: None,
        };
        Account { login, address: address.to_owned(), file: self.folder.path().join("logins/login.json") }
    }

    /// Signs in by a code that somebody types in at once.
    async fn sign_in(&self, account: &Account, token: Value) {
        self.answers([(OK, token)]);
        account.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap();
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request whole.
async fn question(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).await.unwrap_or(0);
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let header = |name: &str| {
            let lines = text.lines().take_while(|line| !line.is_empty());
            let mut found = lines.filter_map(|line| line.split_once(": "));
            found.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && (body.len() >= length || read == 0)
        {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            return (path, header("authorization"), body.to_owned());
        }
        if read == 0 {
            return (String::new(), None, text);
        }
    }
}

fn token(access: &str, lifetime: i64, refresh: &str) -> Value {
    json!({"access_token": access, "token_type": "Bearer", "expires_in": lifetime, "refresh_token": refresh})
}

/// The client of a server that lets `TOKEN` in.
async fn client(server: &Fake, account: &Account) -> Result<Client, Error> {
    let ca = fs::read_to_string(server.folder().join("ca.pem")).unwrap();
    let credentials = Credentials::Login(account.clone());
    Client::connect(&Profile { address: server.address.clone(), ca, credentials, log_key: None }).await
}

fn told(error: &Error) -> String {
    let problem = error.problem();
    format!("{} {} {}", problem.code, problem.message, problem.hint)
}

#[tokio::test]
async fn a_code_is_asked_about_at_the_pace_that_the_issuer_wants_until_it_is_typed_in() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.answers([
        (BAD, json!({"error": "authorization_pending"})),
        (BAD, json!({"error": "slow_down", "error_description": "slower"})),
        (OK, token(TOKEN, 600, "renewal")),
    ]);
    let (waits, prompts) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let show = |prompt: &sekisho_client::Prompt| prompts.lock().unwrap().push(prompt.clone());
    let wait = async |pause: Duration| waits.lock().unwrap().push(pause.as_secs());
    // The code would work for 12 s; the third question is asked in its last moment.
    account.sign_in(&AsClient::default(), show, wait).await.unwrap();
    assert_eq!(*waits.lock().unwrap(), [5, 5, 10]);
    let prompt = prompts.lock().unwrap().pop().unwrap();
    assert_eq!((prompt.code.as_str(), prompt.address), ("WDJB-MJHT", format!("{}/device", issuer.url)));

    let begun = issuer.bodies("/device").pop().unwrap();
    let resource = "resource=https%3A%2F%2Fenclave.example";
    assert!(begun.contains(resource) && begun.contains("scope=openid+offline_access"), "{begun}");
    let asked = issuer.bodies("/token").pop().unwrap();
    for field in ["device_code=the-device", "client_id=sekisho-cli", resource] {
        assert!(asked.contains(field), "{asked}");
    }
    assert!(client(&server, &account).await.unwrap().projects().await.is_ok());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&account.file), mode(account.file.parent().unwrap())), (0o600, 0o700));
}

#[tokio::test]
async fn a_code_that_is_refused_or_not_typed_in_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let account = issuer.account("https://h:1");
    let sign_in = async || account.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap_err();
    issuer.answers([(BAD, json!({"error": "access_denied", "error_description": "no\u{1b}[2J"}))]);
    let error = sign_in().await;
    assert_eq!(exit_code(Err(&error)), 3);
    assert!(
        told(&error).contains("access_denied (no") && !told(&error).contains('\u{1b}'),
        "{}",
        told(&error)
    );

    issuer.asked.lock().unwrap().clear();
    // An issuer that is away for a moment is asked again, less often: after 5 s, and 10 s later.
    issuer.answers([(NOTHING, Value::Null), (BAD, json!({"error": "expired_token"}))]);
    assert!(told(&sign_in().await).contains("expired_token"));
    assert_eq!(issuer.bodies("/token").len(), 2);
    issuer.asked.lock().unwrap().clear();
    issuer.answers([(NOTHING, Value::Null), (NOTHING, Value::Null)]);
    assert_eq!(exit_code(Err(&sign_in().await)), 13, "15 s are longer than the code works");

    issuer.asked.lock().unwrap().clear();
    issuer.answers((0..9).map(|_| (BAD, json!({"error": "authorization_pending"}))));
    let error = sign_in().await;
    assert!(told(&error).contains("while it was valid"), "{}", told(&error));
    assert_eq!(issuer.bodies("/token").len(), 3, "12 s are three questions");
    assert!(!account.file.exists());
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_once_whoever_asks() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token("old", 20, "renewal-1")).await;
    issuer.answers([(OK, token(TOKEN, 600, "renewal-2"))]);
    let call = async || client(&server, &account).await?.projects().await.map(|_| ());
    let called = tokio::join!(call(), call(), call(), call(), call());
    assert_eq!(called, (Ok(()), Ok(()), Ok(()), Ok(()), Ok(())));
    let renewed: Vec<_> = issuer
        .bodies("/token")
        .into_iter()
        .filter(|body| body.contains("grant_type=refresh_token"))
        .collect();
    assert_eq!(renewed.len(), 1, "{renewed:?}");
    assert!(
        renewed[0].contains("refresh_token=renewal-1") && renewed[0].contains("resource="),
        "{renewed:?}"
    );
    assert!(fs::read_to_string(&account.file).unwrap().contains("renewal-2"));
}

#[tokio::test]
async fn a_connection_outlives_its_token() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    let client = client(&server, &account).await.unwrap();
    assert!(client.projects().await.is_ok());
    // Time passes: the token on disk has ended.
    let mut kept: Value = serde_json::from_slice(&fs::read(&account.file).unwrap()).unwrap();
    (kept["expires_at"], kept["token"]) = (json!(1), json!("ended"));
    fs::write(&account.file, kept.to_string()).unwrap();
    issuer.answers([(OK, json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 600}))]);
    assert!(client.projects().await.is_ok());
    assert!(
        fs::read_to_string(&account.file).unwrap().contains("\"renewal\""),
        "none new: the old one stays"
    );
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_end_is_renewed_once() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    // As after a rotation of the issuer's keys.
    issuer.sign_in(&account, token("of-an-old-key", 600, "renewal")).await;
    issuer.answers([(OK, token(TOKEN, 600, "renewal"))]);
    assert!(client(&server, &account).await.unwrap().projects().await.is_ok());
    // What is refused whatever is done is not asked for again and again.
    issuer.sign_in(&account, token("refused", 600, "renewal")).await;
    let before = issuer.bodies("/token").len();
    issuer.answers((0..9).map(|number| (OK, token(&format!("refused-{number}"), 600, "renewal"))));
    let error = client(&server, &account).await.unwrap().projects().await.unwrap_err();
    assert_eq!(exit_code(Err(&error)), 3);
    assert_eq!(issuer.bodies("/token").len(), before + 1);
}

#[tokio::test]
async fn a_stream_outlives_its_token_as_often_as_need_be() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    issuer.answers((0..9).map(|number| (OK, token(&format!("{TOKEN}-{number}"), 600, "renewal"))));
    let by_login = client(&server, &account).await.unwrap();
    // More often than a call is tried.
    server.state.end_watches.store(9, Ordering::SeqCst);
    let outcome = by_login.sql("ward", "SELECT 1").await.unwrap();
    assert_eq!(outcome.job.state(), v1::job::State::Released);
    let renewed = issuer.bodies("/token").iter().filter(|body| body.contains("refresh_token")).count();
    assert_eq!((renewed, server.state.watches.load(Ordering::SeqCst)), (9, 10));

    // A token that stands in the profile has nothing to be renewed with.
    server.state.end_watches.store(1, Ordering::SeqCst);
    let profile = Profile::load(&Profile::path_in_state(server.folder(), "analyst")).unwrap();
    let error = Client::connect(&profile).await.unwrap().sql("ward", "SELECT 1").await.unwrap_err();
    assert_eq!(exit_code(Err(&error)), 3);
}

#[tokio::test]
async fn a_login_that_the_issuer_ended_asks_to_sign_in_again() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token(TOKEN, 0, "renewal")).await;
    issuer.answers([(BAD, json!({"error": "invalid_grant"}))]);
    let error = client(&server, &account).await.err().unwrap();
    assert_eq!(exit_code(Err(&error)), 3);
    assert!(
        told(&error).contains("the login has ended") && told(&error).contains("sekisho login"),
        "{}",
        told(&error)
    );
    // Without a renewal there is nothing to ask for.
    issuer.sign_in(&account, json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 0})).await;
    assert!(told(&client(&server, &account).await.err().unwrap()).contains("the login has ended"));
}

#[tokio::test]
async fn an_issuer_that_is_gone_does_not_end_a_token_that_is_good() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token(TOKEN, 20, "renewal")).await;
    issuer.task.abort();
    issuer.configured(|_| ());
    assert!(client(&server, &account).await.unwrap().projects().await.is_ok());
}

#[tokio::test]
async fn a_program_signs_in_with_a_secret_that_is_kept_nowhere() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    let secret = issuer.folder.path().join("secret");
    fs::write(&secret, "s:cr t\n").unwrap();
    let program = AsClient { id: Some("pipe:line".to_owned()), secret_file: Some(secret) };
    issuer.answers([(OK, token("old", 0, "")), (OK, token(TOKEN, 600, ""))]);
    account.sign_in_as_client(&program).await.unwrap();
    assert!(client(&server, &account).await.unwrap().projects().await.is_ok());
    let asked = issuer.asked.lock().unwrap().clone();
    let to_token: Vec<_> = asked.iter().filter(|(path, ..)| path == "/token").collect();
    assert_eq!(to_token.len(), 2, "the second is the renewal");
    for (_, header, body) in to_token {
        // base64 of `pipe%3Aline:s%3Acr%20t`
        assert_eq!(header.as_deref(), Some("Basic cGlwZSUzQWxpbmU6cyUzQWNyJTIwdA=="));
        assert!(body.contains("grant_type=client_credentials") && !body.contains("s%3Acr"), "{body}");
    }
    assert!(!fs::read_to_string(&account.file).unwrap().contains("s:cr"));

    issuer.configured(|found| found["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
    issuer.answers([(OK, token(TOKEN, 600, ""))]);
    account.sign_in_as_client(&program).await.unwrap();
    let body = issuer.bodies("/token").pop().unwrap();
    assert!(body.contains("client_secret=s%3Acr+t") && body.contains("client_id=pipe%3Aline"), "{body}");
}

#[tokio::test]
async fn nothing_is_sent_to_an_issuer_that_is_not_the_profiles() {
    let (issuer, stranger) = (Issuer::start().await, Issuer::start().await);
    let account = issuer.account("https://h:1");
    let changes: [(&str, Value); 6] = [
        ("issuer", json!(stranger.url)),
        ("issuer", json!(format!("{}/", issuer.url))),
        ("token_endpoint", json!("http://192.0.2.1/token")),
        ("token_endpoint", json!(null)),
        ("device_authorization_endpoint", json!("http://id.example/device")),
        ("padding", json!("x".repeat(300 * 1024))),
    ];
    for (member, value) in changes {
        issuer.configured(|found| found[member] = value);
        let error = account.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap_err();
        assert_eq!(exit_code(Err(&error)), 12, "{member}: {error}");
    }
    issuer.configured(|found| found["device_authorization_endpoint"] = Value::Null);
    let error = account.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap_err();
    assert!(told(&error).contains("--client-credentials"), "{}", told(&error));
    // What is kept for another purpose than `Bearer` would be of no use.
    issuer.configured(|_| ());
    issuer.answers([(OK, json!({"access_token": "x", "token_type": "DPoP"}))]);
    let error = account.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap_err();
    assert!(told(&error).contains("`Bearer`"), "{}", told(&error));
    assert!(stranger.asked.lock().unwrap().is_empty());
    assert!(!account.file.exists());
    let plain = Account {
        login: Login { issuer: "http://id.example".to_owned(), ..account.login.clone() },
        ..account
    };
    let error = plain.sign_in(&AsClient::default(), |_| (), async |_| ()).await.unwrap_err();
    assert!(told(&error).contains("https://"), "{}", told(&error));
}

#[tokio::test]
async fn nobody_is_sent_to_a_page_that_is_no_page_of_the_web() {
    let issuer = Issuer::start().await;
    let account = issuer.account("https://h:1");
    for (member, page) in [
        ("verification_uri", "http://id.example/device"),
        ("verification_uri", "javascript:alert(1)"),
        ("verification_uri_complete", "file:///etc/passwd"),
    ] {
        issuer.device.lock().unwrap()[member] = page.into();
        let prompts = Mutex::new(0);
        let show = |_: &sekisho_client::Prompt| *prompts.lock().unwrap() += 1;
        let error = account.sign_in(&AsClient::default(), show, async |_| ()).await.unwrap_err();
        assert!(told(&error).contains("the page for its code"), "{}", told(&error));
        assert_eq!(*prompts.lock().unwrap(), 0);
        issuer.device.lock().unwrap()[member] = format!("{}/device", issuer.url).into();
    }
}

#[tokio::test]
async fn a_token_goes_to_no_other_server_than_it_was_asked_for() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account("https://enclave.example:7443");
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    for changed in [
        Account { address: server.address.clone(), ..account.clone() },
        Account {
            login: Login { issuer: "https://id.example".to_owned(), ..account.login.clone() },
            ..account.clone()
        },
    ] {
        let error = client(&server, &changed).await.err().unwrap();
        assert!(told(&error).contains("the profile was changed"), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_login_that_others_can_read_is_not_used() {
    let (server, issuer) = (Fake::start().await, Issuer::start().await);
    let account = issuer.account(&server.address);
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    fs::set_permissions(&account.file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(told(&client(&server, &account).await.err().unwrap()).contains("others may read"));
    fs::set_permissions(&account.file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&account.file, format!("{{\"token\": \"{TOKEN}\"")).unwrap();
    let error = told(&client(&server, &account).await.err().unwrap());
    assert!(error.contains("does not hold a login") && !error.contains(TOKEN), "{error}");
}

#[tokio::test]
async fn signing_out_removes_the_login_and_tells_the_issuer() {
    let issuer = Issuer::start().await;
    let account = issuer.account("https://h:1");
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    assert_eq!(account.sign_out().await, Ok(true));
    assert!(!account.file.exists());
    let revoked = issuer.bodies("/revoke");
    assert!(
        revoked[0].contains("token=renewal&") && revoked[1].contains(&format!("token={TOKEN}&")),
        "{revoked:?}"
    );
    assert_eq!(account.sign_out().await, Ok(false));

    // The file goes even if nobody can be told.
    issuer.sign_in(&account, token(TOKEN, 600, "renewal")).await;
    issuer.configured(|found| found["issuer"] = json!("https://evil.example"));
    assert_eq!(exit_code(Err(&account.sign_out().await.unwrap_err())), 12);
    assert!(!account.file.exists());
}
