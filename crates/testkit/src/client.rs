//! Kubernetes clients for tests.

use anyhow::{Context, Result};
use http::Request;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder};

/// A connector without Nagle's algorithm: kube's own waits 40 ms for a delayed acknowledgement at the first request
/// of each connection (kube-rs/kube#2056).
pub(crate) fn connector(config: &Config) -> HttpConnector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(config.connect_timeout);
    http
}

/// A client for `config` with `TCP_NODELAY`. Belongs to the tokio runtime it is made in.
///
/// # Errors
/// The configuration has unusable certificates or keys.
pub fn client(config: &Config) -> Result<Client> {
    let https = config
        .rustls_https_connector_with_connector(connector(config))
        .context("unusable certificates in the client configuration")?;
    let retry = config
        .default_retry
        .then(|| RetryLayer::new(RetryPolicy::server_retry()));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(retry)
        .option_layer(
            config
                .auth_layer()
                .context("unusable credentials in the client configuration")?,
        )
        .layer(
            config
                .extra_headers_layer()
                .context("unusable headers in the client configuration")?,
        )
        .map_err(BoxError::from)
        .map_request(|request: Request<Body>| request)
        .service(HyperClient::builder(TokioExecutor::new()).build(https));
    Ok(Client::new(service, config.default_namespace.clone()))
}
