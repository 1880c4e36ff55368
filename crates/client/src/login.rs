//! How a person or a program signs in at the issuer that the enclave trusts, and stays signed in.
//!
//! A person signs in by the device flow (RFC 8628): a code is shown here and typed in at the issuer, in
//! a browser of any machine. A program signs in with its own secret (client credentials, RFC 6749, 4.4).
//! What comes back is kept in a file that belongs to the user alone, and is renewed when it is about to
//! end. A secret is never an argument of a command: the list of processes shows those to everybody.

mod form;
mod issuer;
mod kept;

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::{Error, Problem, Result, codes};

use form::{Form, Granted, Reply};
use issuer::Issuer;
use kept::{Grant, Kept};

/// Where a client's secret is found if no file is named.
pub const SECRET_VARIABLE: &str = "SEKISHO_CLIENT_SECRET";

/// The grant of the device flow (RFC 8628, 3.4).
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long before its end a token is renewed, in seconds: longer than a call and two clocks are apart.
const MARGIN: i64 = 30;
/// Pause between two questions where the issuer names none (RFC 8628, 3.2).
const INTERVAL: u64 = 5;
/// Longest pause that an issuer may ask for, in seconds.
const LONGEST_INTERVAL: u64 = 60;
/// How much the pause grows when the issuer asks for that, in seconds (RFC 8628, 3.5).
const SLOWER: u64 = 5;
/// Longest time that a code may be typed in, in seconds.
const LONGEST_CODE: u64 = 30 * 60;

/// Where to sign in, and what to ask for: the table `[login]` of a profile.
///
/// ```toml
/// [login]
/// issuer = "https://id.example"          # its configuration is found there (OpenID Connect Discovery)
/// client_id = "sekisho-cli"
/// resource = "https://enclave.example"   # optional: what tokens are for (RFC 8707)
/// audience = "sekisho"                   # optional: the same, as some issuers call it
/// scope = "openid offline_access"        # optional
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The issuer's address.
    pub issuer: String,
    /// The name under which the issuer knows this program.
    pub client_id: String,
    /// What is asked for; `offline_access` is what many issuers renew tokens for.
    pub scope: Option<String>,
    /// The enclave's name at an issuer that follows RFC 8707.
    pub resource: Option<String>,
    /// The enclave's name at an issuer that asks for an `audience`.
    pub audience: Option<String>,
}

/// A login of one profile, and where it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Where to sign in.
    pub login: Login,
    /// The server that the token is for; it is sent nowhere else.
    pub address: String,
    /// The file in which the login is kept.
    pub file: PathBuf,
}

/// As which client to sign in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AsClient {
    /// Its id, where it is another than the profile's.
    pub id: Option<String>,
    /// The file that holds its secret; else the environment's [`SECRET_VARIABLE`], if it is set.
    pub secret_file: Option<PathBuf>,
}

/// What a person must do in a browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prompt {
    /// The address to open.
    pub address: String,
    /// The same with the code in it, if the issuer gives one.
    pub address_with_code: Option<String>,
    /// The code to type in.
    pub code: String,
    /// How long that works.
    pub valid_for: Duration,
}

/// A secret, which nothing shows.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret(pub(crate) String);

impl Account {
    /// The login of a profile at this path.
    pub(crate) fn of_profile(profile: &Path, address: &str, login: Login) -> Result<Self, String> {
        let file = kept::file_of(profile)?;
        Ok(Self { login, address: address.to_owned(), file })
    }

    /// Signs a person in: shows what to do, and waits until it is done.
    ///
    /// # Errors
    ///
    /// [`Error::NotAllowed`] if the issuer refuses or the code ran out, [`Error::Unreachable`] if the
    /// issuer cannot be reached, [`Error::Answer`] if its answer is not of its form,
    /// [`Error::Argument`] if the issuer has no device flow, or the login cannot be kept.
    pub async fn sign_in(
        &self,
        client: &AsClient,
        show: impl FnOnce(&Prompt),
        wait: impl AsyncFn(Duration),
    ) -> Result<()> {
        let issuer = Issuer::discover(&self.login.issuer).await?;
        let form = self.form(client)?;
        let begun = issuer.begin(form.clone().and("scope", self.login.scope.as_deref())).await?;
        show(&begun.prompt());
        let form = form.and("grant_type", Some(DEVICE_GRANT)).and("device_code", Some(&begun.device_code));
        let mut pause = begun.interval.unwrap_or(INTERVAL).min(LONGEST_INTERVAL);
        let mut left = begun.valid_for().as_secs();
        loop {
            wait(Duration::from_secs(pause)).await;
            // A pause of nothing must not make it ask for ever.
            left = left.saturating_sub(pause.max(1));
            match issuer.ask(form.clone()).await {
                Ok(Reply::Granted(granted)) => return self.keep(client, Grant::Device, granted),
                Ok(Reply::Denied(denied)) if denied.error == "authorization_pending" => {}
                Ok(Reply::Denied(denied)) if denied.error == "slow_down" => {
                    pause = pause.saturating_add(SLOWER).min(LONGEST_INTERVAL);
                }
                Ok(Reply::Denied(denied)) => return Err(refused(&denied.to_string())),
                // The person may be typing just now; it is asked less often (RFC 8628, 3.5).
                Err(Error::Unreachable { .. }) if left > 0 => {
                    pause = pause.saturating_mul(2).clamp(1, LONGEST_INTERVAL);
                }
                Err(error) => return Err(error),
            }
            if left == 0 {
                return Err(refused("nobody typed the code in while it was valid"));
            }
        }
    }

    /// Signs a program in with its own secret.
    ///
    /// # Errors
    ///
    /// As [`Account::sign_in`]; [`Error::Argument`] if there is no secret.
    pub async fn sign_in_as_client(&self, client: &AsClient) -> Result<()> {
        let granted = self.granted_to_client(client).await?;
        self.keep(client, Grant::Client, granted)
    }

    /// Ends the login: its file is removed, and the issuer is told to renew nothing any more. Whether
    /// there was one. An access token that somebody copied works until it ends.
    ///
    /// # Errors
    ///
    /// Where the file cannot be removed, or, when that is done, the issuer could not be told.
    pub async fn sign_out(&self) -> Result<bool> {
        let _lock = kept::lock(&self.file).await?;
        let found = Kept::read(&self.file);
        kept::remove(&self.file)?;
        let Some(kept) = found? else { return Ok(false) };
        let issuer = Issuer::discover(&kept.issuer).await?;
        let form = Form::of(self.client_of(&kept)?);
        if let Some(renewal) = &kept.refresh_token {
            let form = form.clone().and("token", Some(renewal));
            issuer.revoke(form.and("token_type_hint", Some("refresh_token"))).await?;
        }
        issuer
            .revoke(form.and("token", Some(&kept.token)).and("token_type_hint", Some("access_token")))
            .await?;
        Ok(true)
    }

    /// A token that still holds, renewed where it is about to end.
    pub(crate) async fn token(&self) -> Result<String> {
        let kept = self.kept()?;
        if !kept.is_due(now(), MARGIN) {
            return Ok(kept.token);
        }
        // Several programs may find that at once, and many issuers take a renewal only once.
        let _lock = kept::lock(&self.file).await?;
        let kept = self.kept()?;
        if !kept.is_due(now(), MARGIN) {
            return Ok(kept.token);
        }
        match self.renewed(&kept).await {
            Ok(renewed) => {
                renewed.write(&self.file)?;
                Ok(renewed.token)
            }
            // It is good for a little longer, and the next call may be luckier.
            Err(_) if !kept.is_due(now(), 0) => Ok(kept.token),
            Err(error) => Err(error),
        }
    }

    /// Renews a token that the server refused, whatever its end. Whether there is another one now.
    pub(crate) async fn renew(&self, refused: &str) -> Result<bool> {
        let _lock = kept::lock(&self.file).await?;
        let kept = self.kept()?;
        if kept.token != refused {
            // Another program was quicker.
            return Ok(true);
        }
        let renewed = self.renewed(&kept).await?;
        renewed.write(&self.file)?;
        Ok(renewed.token != refused)
    }

    async fn renewed(&self, kept: &Kept) -> Result<Kept> {
        let granted = match (kept.grant, &kept.refresh_token) {
            (Grant::Client, _) => self.granted_to_client(&kept.client()).await?,
            (Grant::Device, None) => return Err(ended()),
            (Grant::Device, Some(renewal)) => {
                let form = self.form(&kept.client())?.and("grant_type", Some("refresh_token"));
                let issuer = Issuer::discover(&self.login.issuer).await?;
                match issuer.ask(form.and("refresh_token", Some(renewal))).await? {
                    Reply::Granted(granted) => granted,
                    Reply::Denied(denied) if denied.error == "invalid_grant" => return Err(ended()),
                    Reply::Denied(denied) => return Err(refused(&denied.to_string())),
                }
            }
        };
        Ok(kept.renewed(granted, now()))
    }

    async fn granted_to_client(&self, client: &AsClient) -> Result<Granted> {
        let form = self.form(client)?;
        if form.secret().is_none() {
            return Err(Error::argument(format!(
                "a client signs in with its secret: name its file with --client-secret-file, or set {SECRET_VARIABLE}"
            )));
        }
        let issuer = Issuer::discover(&self.login.issuer).await?;
        let form = form.and("scope", self.login.scope.as_deref());
        match issuer.ask(form.and("grant_type", Some("client_credentials"))).await? {
            Reply::Granted(granted) => Ok(granted),
            Reply::Denied(denied) => Err(refused(&denied.to_string())),
        }
    }

    /// What every question says: who asks, and what the token is for.
    fn form(&self, client: &AsClient) -> Result<Form> {
        let id = client.id.as_ref().unwrap_or(&self.login.client_id);
        let form = Form::of((id.clone(), secret(client.secret_file.as_deref())?));
        Ok(form
            .and("resource", self.login.resource.as_deref())
            .and("audience", self.login.audience.as_deref()))
    }

    fn client_of(&self, kept: &Kept) -> Result<(String, Option<Secret>)> {
        Ok((kept.client_id.clone(), secret(kept.secret_file.as_deref())?))
    }

    fn keep(&self, client: &AsClient, grant: Grant, granted: Granted) -> Result<()> {
        // Later calls may come from another folder.
        let secret_file = client.secret_file.as_ref();
        let secret_file = secret_file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        let kept = Kept {
            address: self.address.clone(),
            issuer: self.login.issuer.clone(),
            client_id: client.id.clone().unwrap_or_else(|| self.login.client_id.clone()),
            grant,
            secret_file,
            token: String::new(),
            expires_at: None,
            refresh_token: None,
        };
        kept.renewed(granted, now()).write(&self.file)
    }

    /// The login as it is kept, if it is one of this profile as it is now.
    fn kept(&self) -> Result<Kept> {
        let kept = Kept::read(&self.file)?.ok_or_else(|| signed_out("you are not signed in"))?;
        // A profile that was changed must not lead the token to another server.
        if (&kept.address, &kept.issuer) != (&self.address, &self.login.issuer) {
            return Err(signed_out("the profile was changed since you signed in"));
        }
        Ok(kept)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The secret in a file, or else in the environment.
fn secret(file: Option<&Path>) -> Result<Option<Secret>> {
    let found = match file {
        Some(file) => Some(fs::read_to_string(file).map_err(|error| {
            Error::argument(format!("cannot read the client's secret in `{}`: {error}", file.display()))
        })?),
        None => env::var(SECRET_VARIABLE).ok(),
    };
    let found = found.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
    Ok(found.filter(|text| !text.is_empty()).map(Secret))
}

fn signed_out(what: &str) -> Error {
    let hint = "sign in with `sekisho login`".to_owned();
    Error::NotAllowed(Problem { hint, ..Problem::new(codes::UNAUTHENTICATED, what) })
}

fn ended() -> Error {
    signed_out("the login has ended")
}

fn refused(why: &str) -> Error {
    let message = format!("the issuer does not sign you in: {}", crate::render::escaped(why));
    Error::NotAllowed(Problem::new(codes::UNAUTHENTICATED, message))
}

/// Seconds since 1970.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
