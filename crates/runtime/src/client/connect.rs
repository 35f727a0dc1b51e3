//! Finding the API server and building the client.

use std::path::PathBuf;
use std::time::Duration;

use http::header::{HeaderValue, InvalidHeaderValue, USER_AGENT};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

use super::calls::Calls;
use super::install_crypto_provider;
use super::service::BoundedLayer;

/// Idle connections kept for one server; more than any number of concurrent workers we run with.
const IDLE_CONNECTIONS: usize = 128;

/// Closed by us before the API server's own idle timeout (three minutes) would race with a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Quiet time after which the kernel asks whether the peer is still there, pause between such questions, and
/// how many may go unanswered. A node that vanished without a word is noticed after a minute; the kernel's own
/// defaults take two hours, and a watch, which has no deadline, would be deaf for five minutes.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// How to reach the API server.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The `--kubeconfig` flag. `None` or empty: `KUBECONFIG`, `~/.kube/config`, then the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// Sent as `User-Agent`; the API server's audit log and managed fields of writes without a manager show it.
    pub user_agent: String,
    /// Time for a complete answer to anything but a watch, retries of 429 included. Default 10 s.
    pub deadline: Duration,
    /// Time to open a connection. Default 5 s.
    pub connect_timeout: Duration,
    /// Where requests are counted.
    pub calls: Calls,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            user_agent: format!("cadastre/{}", env!("CARGO_PKG_VERSION")),
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            calls: Calls::default(),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file of the flag cannot be read or is no kubeconfig.
    #[error("cannot use the kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// Neither a kubeconfig nor a pod's service account was found.
    #[error("no cluster to talk to; pass --kubeconfig, set KUBECONFIG or run inside a pod")]
    Infer(#[source] Box<InferConfigError>),
    /// The proxy asked for is of a kind we cannot use.
    #[error("the proxy {0} cannot be used; only http:// proxies are supported")]
    Proxy(http::Uri),
    /// The name of the program cannot be sent.
    #[error("the user agent is not a valid HTTP header")]
    UserAgent(#[source] InvalidHeaderValue),
    /// Certificates, keys or credentials of the configuration are unusable.
    #[error("cannot prepare the connection to {server}")]
    Prepare {
        /// The API server's address.
        server: http::Uri,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Finds the configuration as kubectl does: the flag, `KUBECONFIG`, `~/.kube/config`, the pod's account.
///
/// # Errors
///
/// When a file is named but unusable, or when nothing was found at all.
pub async fn load_config(options: &ClientOptions) -> Result<Config, ConnectError> {
    let Some(path) = options
        .kubeconfig
        .as_ref()
        .filter(|path| !path.as_os_str().is_empty())
    else {
        return Config::infer()
            .await
            .map_err(|error| ConnectError::Infer(Box::new(error)));
    };
    let refuse = |source| ConnectError::Kubeconfig {
        path: path.clone(),
        source: Box::new(source),
    };
    let file = Kubeconfig::read_from(path).map_err(refuse)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(refuse)
}

/// Connects as [`load_config`] finds it. No request is sent yet, so a server that is down is no error here.
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect(options: &ClientOptions) -> Result<Client, ConnectError> {
    connect_with(load_config(options).await?, options)
}

/// Builds the client for a configuration found elsewhere.
///
/// Must be called inside a tokio runtime. See the [module](super) for what differs from kube's own client.
///
/// # Errors
///
/// See [`ConnectError`].
pub fn connect_with(mut config: Config, options: &ClientOptions) -> Result<Client, ConnectError> {
    install_crypto_provider();
    let agent = HeaderValue::from_str(&options.user_agent).map_err(ConnectError::UserAgent)?;
    config.headers.push((USER_AGENT, agent));

    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE.0));
    http.set_keepalive_interval(Some(KEEPALIVE.1));
    http.set_keepalive_retries(Some(KEEPALIVE.2));
    http.set_connect_timeout(Some(options.connect_timeout));
    match config
        .proxy_url
        .clone()
        .filter(|_| !is_loopback(&config.cluster_url))
    {
        None => build(&config, http, options),
        Some(proxy) if proxy.scheme_str() == Some("http") => {
            build(&config, Tunnel::new(proxy, http), options)
        }
        Some(proxy) => Err(ConnectError::Proxy(proxy)),
    }
}

fn build<C>(config: &Config, connector: C, options: &ClientOptions) -> Result<Client, ConnectError>
where
    C: Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper_util::client::legacy::connect::Connection
        + hyper::rt::Read
        + hyper::rt::Write
        + Send
        + Unpin
        + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError> + Send + Sync + 'static,
{
    let refuse = |error| ConnectError::Prepare {
        server: config.cluster_url.clone(),
        source: Box::new(error),
    };
    let https = config
        .rustls_https_connector_with_connector(connector)
        .map_err(refuse)?;
    let client: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new())
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new())
        .build(https);
    // Authorisation sits inside the bound: fetching a token is part of the request's time.
    let inner = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(refuse)?)
        .layer(config.extra_headers_layer().map_err(refuse)?)
        .map_err(BoxError::from)
        .service(client)
        .boxed_clone();
    let bound = BoundedLayer {
        calls: options.calls.clone(),
        deadline: options.deadline,
    };
    Ok(Client::new(bound.layer(inner), config.default_namespace.clone()))
}

fn is_loopback(server: &http::Uri) -> bool {
    let host = server
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
