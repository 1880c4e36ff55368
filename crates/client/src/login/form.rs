//! What is asked at an issuer's addresses, and what it answers (RFC 6749, 4 and 5; RFC 8628, 3).

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::{LONGEST_CODE, Prompt, Secret};

/// Longest word or text of an issuer's that a message repeats, in characters.
pub(crate) const MAX_SHOWN: usize = 200;

/// A question: who asks, and its fields.
#[derive(Clone)]
pub(crate) struct Form {
    client_id: String,
    secret: Option<Secret>,
    fields: Vec<(&'static str, String)>,
}

impl Form {
    pub(crate) fn of((client_id, secret): (String, Option<Secret>)) -> Self {
        Self { client_id, secret, fields: Vec::new() }
    }

    /// The same with another field, if there is a value for it.
    pub(crate) fn and(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.fields.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(|Secret(secret)| secret.as_str())
    }

    pub(crate) fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }
}

/// What the token address answers.
pub(crate) enum Reply {
    Granted(Granted),
    Denied(Denied),
}

/// A token.
#[derive(Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: String,
    pub(crate) token_type: String,
    /// Seconds from now.
    pub(crate) expires_in: Option<u64>,
    pub(crate) refresh_token: Option<String>,
}

/// Why there is none.
#[derive(Deserialize)]
pub(crate) struct Denied {
    pub(crate) error: String,
    #[serde(default)]
    error_description: String,
}

/// The beginning of a device flow.
#[derive(Deserialize)]
pub(crate) struct Begun {
    pub(crate) device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    /// Seconds between two questions.
    pub(crate) interval: Option<u64>,
}

impl Begun {
    pub(crate) fn valid_for(&self) -> Duration {
        Duration::from_secs(self.expires_in.min(LONGEST_CODE))
    }

    pub(crate) fn prompt(&self) -> Prompt {
        Prompt {
            address: self.verification_uri.clone(),
            address_with_code: self.verification_uri_complete.clone(),
            code: self.user_code.clone(),
            valid_for: self.valid_for(),
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(MAX_SHOWN).collect::<String>();
        f.write_str(&short(&self.error))?;
        if !self.error_description.is_empty() {
            write!(f, " ({})", short(&self.error_description))?;
        }
        Ok(())
    }
}
