//! `login`, `logout` and the commands of who is not signed in, up to where an issuer would be asked.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use tempfile::TempDir;

use crate::{Ran, Room, bare};

/// A folder for state, and a profile of the room's server that asks for a login.
fn profile(room: &Room) -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("p.toml");
    let (address, ca) = (&room.fake.address, room.fake.folder().join("ca.pem"));
    // Nobody listens there.
    let login = "[login]\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"sekisho-cli\"\n";
    fs::write(&path, format!("address = \"{address}\"\nca = \"{}\"\n{login}", ca.display())).unwrap();
    let path = path.display().to_string();
    (home, path)
}

fn run(home: &TempDir, args: &[&str]) -> Ran {
    let mut command = bare(args);
    command.env("XDG_STATE_HOME", home.path()).env_remove("SEKISHO_CLIENT_SECRET");
    Ran::of(command.output().unwrap())
}

#[test]
fn who_is_not_signed_in_is_told_so_by_every_command() {
    let room = Room::new();
    let (home, path) = profile(&room);
    for command in [
        &["projects"][..],
        &["catalog", "--project", "ward"],
        &["budget", "--project", "ward"],
        &["jobs", "--project", "ward"],
        &["sql", "--project", "ward", "SELECT 1"],
        &["sql", "--project", "ward", "--check", "SELECT 1"],
        &["result", "projects/ward/jobs/1"],
    ] {
        let ran = run(&home, &[&["--profile", &path], command].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{command:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("not signed in") && ran.stderr.contains("sekisho login"),
            "{}",
            ran.stderr
        );
    }
    assert!(room.fake.state.jobs.lock().unwrap().is_empty());
}

#[test]
fn an_issuer_that_nobody_reaches_is_told_apart_from_a_refusal() {
    let room = Room::new();
    let (home, path) = profile(&room);
    let ran = run(&home, &["--profile", &path, "login"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (13, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("http://127.0.0.1:1"), "{}", ran.stderr);
    let secretless = run(&home, &["--profile", &path, "login", "--client-credentials"]);
    assert_eq!(secretless.code, 2, "{}", secretless.stderr);
    assert!(secretless.stderr.contains("SEKISHO_CLIENT_SECRET"), "{}", secretless.stderr);
    let out = run(&home, &["--profile", &path, "logout"]);
    assert_eq!((out.code, out.stderr.as_str()), (0, "nobody was signed in\n"));
}

#[test]
fn what_is_not_encrypted_goes_through_no_proxy() {
    let room = Room::new();
    let (home, path) = profile(&room);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let mut command = bare(&["--profile", &path, "login"]);
    command.env("XDG_STATE_HOME", home.path()).env_remove("no_proxy").env_remove("NO_PROXY");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, format!("http://{}", proxy.local_addr().unwrap()));
    }
    assert_eq!(Ran::of(command.output().unwrap()).code, 13);
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn nobody_signs_in_with_a_profile_that_holds_a_token() {
    let room = Room::new();
    for command in ["login", "logout"] {
        let ran = room.run(&[command]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("[login]"), "{}", ran.stderr);
    }
}

#[test]
fn a_secret_is_no_argument() {
    let room = Room::new();
    let (home, path) = profile(&room);
    for option in ["--client-secret", "--secret", "--token"] {
        let ran = run(&home, &["--profile", &path, "login", option, "hidden"]);
        assert_eq!(ran.code, 2, "{option}");
        assert!(ran.stderr.contains("unexpected argument"), "{}", ran.stderr);
    }
}
