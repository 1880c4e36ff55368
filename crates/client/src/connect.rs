//! A connection to the server: TLS with the profile's CA alone, a bearer token, and bounded retries.

use std::error::Error as _;
use std::sync::{Arc, PoisonError, RwLock};

use sekisho_wire::v1::catalog_service_client::CatalogServiceClient;
use sekisho_wire::v1::job_service_client::JobServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::error::passing;
use crate::{Credentials, Error, Profile, Result, Settings};

/// The server, as one caller sees it. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub struct Client {
    pub(crate) jobs: JobServiceClient<InterceptedService<Channel, Bearer>>,
    pub(crate) catalog: CatalogServiceClient<InterceptedService<Channel, Bearer>>,
    pub(crate) settings: Settings,
    pub(crate) address: String,
    pub(crate) log_key: Option<String>,
    credentials: Credentials,
    bearer: Bearer,
}

/// Adds the token to each call; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Bearer(Arc<RwLock<Option<MetadataValue<Ascii>>>>);

impl Bearer {
    fn set(&self, token: &str) -> Result<()> {
        let value = format!("Bearer {token}").parse();
        let mut value: MetadataValue<Ascii> =
            value.map_err(|_| Error::argument("the token is not visible ASCII"))?;
        value.set_sensitive(true);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    /// The token, if one was set.
    fn token(&self) -> String {
        let value = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let text = value.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.trim_start_matches("Bearer ").to_owned()
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let token = token.ok_or_else(|| Status::unauthenticated("not signed in"))?;
        request.metadata_mut().insert("authorization", token);
        Ok(request)
    }
}

impl Client {
    /// Connects with [`Settings::standard`].
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if nobody answers there, or not with a certificate of the profile's CA;
    /// [`Error::Argument`] if the profile's values are not of their form; [`Error::NotAllowed`] if the
    /// profile asks for a login and there is none.
    pub async fn connect(profile: &Profile) -> Result<Self> {
        Self::connect_with(profile, Settings::standard()).await
    }

    /// The same with other limits.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub async fn connect_with(profile: &Profile, settings: Settings) -> Result<Self> {
        let endpoint = endpoint(profile, &settings)?;
        // Before anything is sent: that nobody is signed in is told first.
        let bearer = Bearer::default();
        bearer.set(&current(&profile.credentials).await?)?;
        let channel = endpoint.connect().await.map_err(|error| {
            let reason = innermost(&error);
            Error::Unreachable { address: profile.address.clone(), reason }
        })?;
        Ok(Self::over(channel, profile, settings, bearer))
    }

    /// Connects at the first call, and again whenever the connection was lost.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the profile's values are not of their form.
    pub fn connect_lazily(profile: &Profile, settings: Settings) -> Result<Self> {
        let channel = endpoint(profile, &settings)?.connect_lazy();
        let bearer = Bearer::default();
        if let Some(token) = profile.token() {
            bearer.set(token)?;
        }
        Ok(Self::over(channel, profile, settings, bearer))
    }

    fn over(channel: Channel, profile: &Profile, settings: Settings, bearer: Bearer) -> Self {
        let size = settings.message_bytes;
        Self {
            jobs: JobServiceClient::with_interceptor(channel.clone(), bearer.clone())
                .max_decoding_message_size(size),
            catalog: CatalogServiceClient::with_interceptor(channel, bearer.clone())
                .max_decoding_message_size(size),
            settings,
            address: profile.address.clone(),
            log_key: profile.log_key.clone(),
            credentials: profile.credentials.clone(),
            bearer,
        }
    }

    /// Sees that the next call has a token that still holds.
    pub(crate) async fn sign_in(&self) -> Result<()> {
        match &self.credentials {
            Credentials::Token(_) => Ok(()),
            Credentials::Login(account) => self.bearer.set(&account.token().await?),
        }
    }

    /// Whether there is another token in place of the one that was refused.
    async fn renew(&self) -> bool {
        match &self.credentials {
            Credentials::Token(_) => false,
            Credentials::Login(account) => account.renew(&self.bearer.token()).await.unwrap_or(false),
        }
    }

    /// Makes an idempotent call, again while the server cannot be reached.
    pub(crate) async fn retried<Q, A>(
        &self,
        message: Q,
        call: impl AsyncFn(Request<Q>) -> Result<A, Status>,
    ) -> Result<A>
    where
        Q: Clone,
    {
        let mut failed = 0;
        loop {
            self.sign_in().await?;
            let mut request = Request::new(message.clone());
            request.set_timeout(self.settings.call_timeout);
            match call(request).await {
                Ok(answer) => return Ok(answer),
                Err(status) => self.pause_after(&status, &mut failed).await?,
            }
        }
    }

    /// Pauses after a failed attempt, or gives up.
    pub(crate) async fn pause_after(&self, status: &Status, failed: &mut u32) -> Result<()> {
        *failed = failed.saturating_add(1);
        // A token may end during a call, or with the key that signed it: the call is made again with another.
        if status.code() == Code::Unauthenticated && *failed == 1 && self.renew().await {
            return Ok(());
        }
        if !passing(status) || *failed >= self.settings.attempts {
            return Err(Error::from_status(&self.address, status));
        }
        tokio::time::sleep(self.settings.pause(*failed)).await;
        Ok(())
    }
}

/// The token to begin with.
async fn current(credentials: &Credentials) -> Result<String> {
    match credentials {
        Credentials::Token(token) => Ok(token.clone()),
        Credentials::Login(account) => account.token().await,
    }
}

fn endpoint(profile: &Profile, settings: &Settings) -> Result<Endpoint> {
    // Nothing but this CA: no roots of the system, no roots of the browsers.
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&profile.ca))
        .timeout(settings.connect_timeout);
    let endpoint = Endpoint::from_shared(profile.address.clone())
        .map_err(|_| Error::argument("the profile's address is not of the form `https://HOST:PORT`"))?;
    let endpoint = endpoint
        .user_agent(concat!("sekisho/", env!("CARGO_PKG_VERSION")))
        .and_then(|endpoint| endpoint.tls_config(tls))
        .map_err(|error| {
            Error::argument(format!("the profile's CA cannot be used: {}", innermost(&error)))
        })?;
    Ok(endpoint
        .connect_timeout(settings.connect_timeout)
        .http2_keep_alive_interval(settings.keepalive_interval)
        .keep_alive_timeout(settings.keepalive_timeout)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true))
}

fn innermost(error: &tonic::transport::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    reason
}
