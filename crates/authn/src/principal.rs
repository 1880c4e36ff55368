//! Who a person is, once their token has been verified.

use sekisho_model::Timestamp;

/// A person whose token was verified: the proof that the next stage asks for.
///
/// Only this crate can make one:
///
/// ```compile_fail,E0451
/// let forged = sekisho_authn::Principal {
///     subject: "analyst".to_owned(),
///     organisation: None,
///     roles: Vec::new(),
///     client: None,
///     expires_at: sekisho_model::Timestamp(0),
/// };
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    pub(crate) subject: String,
    pub(crate) organisation: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) client: Option<String>,
    pub(crate) expires_at: Timestamp,
}

impl Principal {
    /// The person: the `sub` claim, unique for the one issuer that the server trusts.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The organisation that the person works for: the `org` claim, if the token has one.
    #[must_use]
    pub fn organisation(&self) -> Option<&str> {
        self.organisation.as_deref()
    }

    /// What the person is to the enclave (checker, operator…): the `roles` claim.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The program that the token was issued to: the `client_id` claim.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// When the token ends. A call that outlives it (a watch) stops then.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
