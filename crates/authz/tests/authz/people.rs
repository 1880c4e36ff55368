//! People who have really signed in: a principal cannot be had otherwise.

use std::sync::Arc;
use std::time::Duration;

use sekisho_authn::issuer::{Grant, Issuer};
use sekisho_authn::{Authenticator, ClaimNames, Config, KeySource, Principal, TokenType};
use sekisho_model::{Clock, Timestamp};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Signs people in.
pub(crate) struct Door {
    issuer: Issuer,
    authenticator: Authenticator,
    _folder: TempDir,
}

impl Door {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let issuer = Issuer::create_or_open(folder.path(), "issuer", "sekisho").unwrap();
        let config = Config {
            issuer: "issuer".to_owned(),
            audience: "sekisho".to_owned(),
            keys: KeySource::File(issuer.key_set()),
            leeway: Duration::ZERO,
            types: TokenType::AccessToken,
            claims: ClaimNames::default(),
        };
        let authenticator = Authenticator::new(config, Arc::new(StandingClock)).unwrap();
        Self { issuer, authenticator, _folder: folder }
    }

    pub(crate) async fn sign_in(
        &self,
        subject: &str,
        organisation: Option<&str>,
        roles: &[&str],
    ) -> Principal {
        let grant = Grant {
            subject: subject.to_owned(),
            organisation: organisation.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            lifetime: Duration::from_secs(60),
        };
        let token = self.issuer.issue(&grant, NOW).unwrap();
        self.authenticator.authenticate(&token).await.unwrap()
    }
}
