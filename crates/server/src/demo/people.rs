//! The demonstration's people, and the client profiles that speak for them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sekisho_authn::issuer::{Grant, Issuer};
use sekisho_model::Clock as _;

use crate::files::{Readers, make_private_folder, replace};
use crate::{State, SystemClock};

/// How long a demonstration token is valid.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Name, organisation and roles.
const PEOPLE: &[(&str, &str, &[&str])] = &[
    ("analyst", "org-a", &[]),
    ("researcher", "org-a", &[]),
    ("checker-3", "org-a", &["checker"]),
    ("analyst-2", "org-b", &[]),
    ("checker-1", "enclave", &["checker"]),
    ("checker-2", "enclave", &["checker"]),
    ("committee-1", "enclave", &["committee", "committee:medical"]),
    ("committee-2", "enclave", &["committee", "committee:legal"]),
    ("committee-3", "enclave", &["committee", "committee:public"]),
    ("operator", "enclave", &["operator"]),
    ("auditor", "enclave", &["auditor"]),
];

/// Writes a profile for each person: the address as it is now, the CA, and a fresh token.
pub(super) fn write_profiles(
    state: &State,
    issuer: &Issuer,
    address: SocketAddr,
    log_key: &str,
) -> Result<()> {
    make_private_folder(&state.path("profiles"))?;
    for (subject, organisation, roles) in PEOPLE {
        let grant = Grant {
            subject: (*subject).to_owned(),
            organisation: Some((*organisation).to_owned()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            lifetime: LIFETIME,
        };
        let token =
            issuer.issue(&grant, SystemClock.now()).with_context(|| format!("a token for {subject}"))?;
        let mut profile = toml::Table::new();
        let mut set = |name: &str, value: String| profile.insert(name.to_owned(), toml::Value::String(value));
        set("address", format!("https://{address}"));
        set("ca", "../tls/ca.pem".to_owned());
        set("token", token);
        set("log_key", log_key.to_owned());
        let path = state.path("profiles").join(format!("{subject}.toml"));
        replace(&path, profile.to_string().as_bytes(), Readers::Owner)?;
    }
    Ok(())
}
