//! Lets only signed-in callers at a service that has no notion of callers itself (reflection).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use sekisho_service::Service as Enclave;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tower::Service;

use super::status;

/// A service behind a bearer token.
#[derive(Clone)]
pub(crate) struct SignedIn<S> {
    pub(crate) enclave: Enclave,
    pub(crate) inner: S,
}

impl<S: NamedService> NamedService for SignedIn<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for SignedIn<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let enclave = self.enclave.clone();
        // The clone that was polled ready is the one that is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = header.unwrap_or_default().to_owned();
        Box::pin(async move {
            match enclave.signed_in(&token).await {
                Ok(()) => inner.call(request).await,
                Err(problem) => Ok(status(&problem).into_http()),
            }
        })
    }
}
