//! Serves: listens, lets callers in over TLS, and stops without losing anything.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sekisho_service::Service;
use sekisho_wire::v1::catalog_service_server::CatalogServiceServer;
use sekisho_wire::v1::job_service_server::JobServiceServer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Server, ServerTlsConfig};

use crate::config::Config;
use crate::grpc::{CatalogDoor, JobDoor, SignedIn};
use crate::say::say;
use crate::{InUse, State, open_service, tls};

/// Largest request message without its code lists, in bytes: an SQL text and its envelope.
const LARGEST_REQUEST: usize = 2 << 20;

/// How long a caller has for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long callers have to finish when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The service behind it.
    pub service: Service,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    _in_use: InUse,
}

impl Running {
    /// Stops it. Jobs that are not settled are resumed by the next start.
    ///
    /// # Errors
    /// Where the server ended with an error before.
    pub async fn stop(self) -> Result<()> {
        // A server that ended by itself is told nothing.
        let _told = self.stop.send(());
        self.service.stop().await;
        match tokio::time::timeout(GRACE, self.server).await {
            Ok(ended) => ended.context("the server's task")?.context("serve"),
            // Callers that hold on to a stream are cut off.
            Err(_elapsed) => Ok(()),
        }
    }
}

/// Opens the service and starts to serve.
///
/// # Errors
/// Where state, certificates or the address cannot be used.
pub async fn start(config: &Config) -> Result<Running> {
    let in_use = State::create(&config.state)?.take()?;
    start_in(config, in_use).await
}

/// The same over a state directory that was taken before.
///
/// # Errors
/// As [`start`].
pub(crate) async fn start_in(config: &Config, in_use: InUse) -> Result<Running> {
    let identity = tls::load(&config.tls.certificate, &config.tls.key)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen on {} (port 0 takes one that is free)", config.listen))?;
    let address = listener.local_addr().context("the address")?;
    let service = open_service(config).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let largest = LARGEST_REQUEST.saturating_add(config.limits.list_bytes);
    let jobs = JobServiceServer::new(JobDoor(service.clone())).max_decoding_message_size(largest);
    let catalog = CatalogServiceServer::new(CatalogDoor(service.clone()));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(sekisho_wire::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("describe the services")?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<JobServiceServer<JobDoor>>().await;
    health.set_serving::<CatalogServiceServer<CatalogDoor>>().await;
    let router = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE))
        .context("set up TLS")?
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .add_service(jobs)
        .add_service(catalog)
        .add_service(health_service)
        .add_service(SignedIn { enclave: service.clone(), inner: reflection });
    let server = tokio::spawn(async move {
        let stopped = async {
            // Also when the handle is dropped.
            let _stop = stopped.await;
        };
        // A small answer would otherwise wait until what went before it is acknowledged.
        let incoming = TcpListenerStream::new(listener).map(|accepted| {
            accepted.inspect(|connection| {
                let _only_slower = connection.set_nodelay(true);
            })
        });
        router.serve_with_incoming_shutdown(incoming, stopped).await
    });
    Ok(Running { address, service, stop, server, _in_use: in_use })
}

/// Serves until `interrupted` is done.
///
/// # Errors
/// As [`start`] and [`Running::stop`].
pub async fn serve(config: &Config, interrupted: impl Future<Output = ()>) -> Result<()> {
    let running = start(config).await?;
    say(&format!("serving on https://{}", running.address));
    interrupted.await;
    running.stop().await
}

/// Until the process is told to stop (interrupt or terminate).
///
/// # Errors
/// Where signals cannot be listened to.
pub fn interrupted() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listen to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen to SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
