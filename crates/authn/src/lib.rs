//! Who is calling: answers which person a bearer token speaks for.
//!
//! A token is an access token (RFC 9068) signed by a key of the configured key set. The algorithm
//! comes from the key and never from the token. This crate never decides what a person may do
//! (crate `authz` does), never keeps a token, and never puts one into an error or a log line.
//!
//! **Invariant:** only [`Authenticator::authenticate`] makes a [`Principal`].

mod authenticator;
mod cache;
mod claims;
mod crypto;
mod discovery;
mod error;
mod fetch;
pub mod issuer;
mod keys;
mod principal;
mod source;
mod strict;
mod token;

pub use authenticator::{Authenticator, Config, MAX_LEEWAY};
pub use claims::ClaimNames;
pub use error::{Error, TokenFault};
pub use principal::Principal;
pub use source::KeySource;
pub use token::{MAX_TOKEN_BYTES, TokenType};
