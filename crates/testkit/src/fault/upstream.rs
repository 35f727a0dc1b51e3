//! The way from the proxy to the API server.

use anyhow::{Context, Error, Result};
use http::header::{AUTHORIZATION, CONNECTION, HOST, TRANSFER_ENCODING};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt as _;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt as _};

use crate::client::connector;

type Sender = BoxCloneSyncService<Request<Incoming>, Response<Incoming>, BoxError>;

/// Sends requests with the proxy's client certificate, or with the token they bring.
pub(super) struct Upstream {
    server: Uri,
    with_certificate: Sender,
    without_certificate: Sender,
}

impl Upstream {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let mut anonymous = config.clone();
        // The API server prefers a certificate to a token, so who brings a token must come without the former.
        anonymous.auth_info = kube::config::AuthInfo::default();
        Ok(Self {
            server: config.cluster_url.clone(),
            with_certificate: sender(config)?,
            without_certificate: sender(&anonymous)?,
        })
    }

    /// Forwards a request. An error means that there is no answer.
    pub(super) async fn send(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>> {
        let mut parts = self.server.clone().into_parts();
        parts.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(parts)?;
        // About the hop to us (RFC 9110, 7.6.1), not about ours; hyper writes its own.
        for header in [HOST, CONNECTION, TRANSFER_ENCODING] {
            request.headers_mut().remove(header);
        }
        let by_token = request.headers().contains_key(AUTHORIZATION);
        let sender = if by_token {
            &self.without_certificate
        } else {
            &self.with_certificate
        };
        sender.clone().oneshot(request).await.map_err(Error::from_boxed)
    }
}

fn sender(config: &Config) -> Result<Sender> {
    let https = config
        .rustls_https_connector_with_connector(connector(config))
        .context("unusable certificates in the client configuration")?;
    let client = Client::builder(TokioExecutor::new()).build(https);
    Ok(BoxCloneSyncService::new(client.map_err(BoxError::from)))
}
