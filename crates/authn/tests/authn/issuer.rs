//! Whether the embedded issuer's tokens are accepted, and its files are safe.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use sekisho_authn::issuer::{Grant, Issuer};
use sekisho_authn::{Error, KeySource};
use sekisho_model::Timestamp;
use tempfile::TempDir;

use crate::forge::{AUDIENCE, ISSUER, NOW, TestClock, authenticator};

fn grant() -> Grant {
    Grant {
        subject: "researcher".to_owned(),
        organisation: Some("org-a".to_owned()),
        roles: vec!["checker".to_owned()],
        lifetime: Duration::from_secs(60),
    }
}

fn open(folder: &TempDir) -> Result<Issuer, Error> {
    Issuer::create_or_open(folder.path(), ISSUER, AUDIENCE)
}

#[tokio::test]
async fn an_issued_token_is_accepted_until_it_expires() {
    let folder = TempDir::new().unwrap();
    let issuer = open(&folder).unwrap();
    let clock = TestClock::new();
    let authenticator = authenticator(KeySource::File(issuer.key_set()), &clock);
    let token = issuer.issue(&grant(), Timestamp(NOW * 1000)).unwrap();
    let person = authenticator.authenticate(&token).await.unwrap();
    assert_eq!((person.subject(), person.organisation()), ("researcher", Some("org-a")));
    assert_eq!(person.roles(), ["checker"]);
    clock.advance(65);
    assert!(authenticator.authenticate(&token).await.is_err());
    assert_ne!(token, issuer.issue(&grant(), Timestamp(NOW * 1000)).unwrap(), "each has an id of its own");
}

#[tokio::test]
async fn a_reopened_issuer_signs_with_the_same_key() {
    let folder = TempDir::new().unwrap();
    let first = open(&folder).unwrap().key_id().to_owned();
    assert_eq!(open(&folder).unwrap().key_id(), first);
}

#[tokio::test]
async fn rotation_adds_a_key_and_keeps_the_old_tokens_valid() {
    let folder = TempDir::new().unwrap();
    let mut issuer = open(&folder).unwrap();
    let clock = TestClock::new();
    let authenticator = authenticator(KeySource::File(issuer.key_set()), &clock);
    let now = Timestamp(NOW * 1000);
    let old = issuer.issue(&grant(), now).unwrap();
    assert!(authenticator.authenticate(&old).await.is_ok());
    let old_id = issuer.key_id().to_owned();

    issuer.rotate().unwrap();
    assert_ne!(issuer.key_id(), old_id);
    let new = issuer.issue(&grant(), now).unwrap();
    clock.advance(5);
    assert!(authenticator.authenticate(&new).await.is_ok());
    assert!(authenticator.authenticate(&old).await.is_ok());
    assert_eq!(open(&folder).unwrap().key_id(), issuer.key_id(), "the new key is on disk");
}

#[test]
fn the_private_key_belongs_to_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    open(&folder).unwrap();
    let private = folder.path().join("issuer.pem");
    let mode = std::fs::metadata(&private).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(&private).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));

    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = open(&folder).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn a_damaged_key_file_is_reported_and_kept() {
    let folder = TempDir::new().unwrap();
    open(&folder).unwrap();
    let private = folder.path().join("issuer.pem");
    std::fs::write(&private, "not a key").unwrap();
    assert!(matches!(open(&folder), Err(Error::Issuer { .. })));
    assert_eq!(std::fs::read_to_string(&private).unwrap(), "not a key");
}

#[test]
fn a_lost_public_file_is_written_again() {
    let folder = TempDir::new().unwrap();
    let issuer = open(&folder).unwrap();
    std::fs::remove_file(issuer.key_set()).unwrap();
    let again = open(&folder).unwrap();
    assert!(std::fs::read_to_string(again.key_set()).unwrap().contains(issuer.key_id()));
}

#[test]
fn debug_shows_no_private_key() {
    let folder = TempDir::new().unwrap();
    let shown = format!("{:?}", open(&folder).unwrap());
    assert!(shown.contains("[redacted]"), "{shown}");
}
