//! Opening connections: directly or through a proxy, within three seconds, TLS included.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::{BoxError, Service};

/// Time to open a connection: name, TCP, proxy and TLS handshake (§17.4).
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Quiet time on an open connection after which the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The proxy of the environment cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the proxy {proxy} for {target} cannot be used; only http:// proxies are supported, or list the host in NO_PROXY"
)]
pub struct ProxyError {
    /// The proxy, without its credentials.
    pub proxy: String,
    /// The end point.
    pub target: String,
}

/// How connections to one end point are opened.
pub(super) type Connector = Limited<HttpsConnector<Route>>;

/// A connector for `target`, through the proxy that the environment names for it.
///
/// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in capitals or not, whether certificates are checked
/// or not (§1.2). The proxy is always asked for a tunnel (CONNECT).
pub(super) fn connector(target: &Uri, tls: ClientConfig, proxies: &Matcher) -> Result<Connector, ProxyError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE));
    let route = match proxies.intercept(target).filter(|_| !is_loopback(target)) {
        None => Route::Direct(http),
        Some(proxy) if proxy.uri().scheme_str() == Some("http") => {
            let tunnel = Tunnel::new(proxy.uri().clone(), http);
            Route::Tunnel(match proxy.basic_auth() {
                Some(auth) => tunnel.with_auth(auth.clone()),
                None => tunnel,
            })
        }
        Some(proxy) => {
            return Err(ProxyError {
                proxy: proxy.uri().to_string(),
                target: target.to_string(),
            });
        }
    };
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(route);
    Ok(Limited(https))
}

/// As every HTTP library has it: what is on this machine is reached without a proxy.
fn is_loopback(target: &Uri) -> bool {
    let host = target
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The way to an end point below TLS.
#[derive(Clone)]
pub(super) enum Route {
    Direct(HttpConnector),
    Tunnel(Tunnel<HttpConnector>),
}

impl Service<Uri> for Route {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(inner) => inner.poll_ready(cx).map_err(Into::into),
            Self::Tunnel(inner) => inner.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self {
            Self::Direct(inner) => {
                let connecting = inner.call(target);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Self::Tunnel(inner) => {
                let connecting = inner.call(target);
                Box::pin(async move { Ok(connecting.await?) })
            }
        }
    }
}

/// Gives up on a connection after [`CONNECT_LIMIT`].
///
/// hyper's own limit ends with TCP; a host that accepts and then says nothing would hold a request for its whole time.
#[derive(Clone)]
pub(super) struct Limited<C>(C);

impl<C> fmt::Debug for Limited<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limited(_)")
    }
}

impl<C> Service<Uri> for Limited<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            tokio::time::timeout(CONNECT_LIMIT, connecting)
                .await
                .map_err(|_| {
                    let text = format!("no connection within {} s", CONNECT_LIMIT.as_secs());
                    BoxError::from(io::Error::new(io::ErrorKind::TimedOut, text))
                })?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tls::{Trust, config};
    use super::*;

    fn route(target: &str, proxy: &str, no_proxy: &str) -> Result<Connector, ProxyError> {
        let proxies = Matcher::builder()
            .https(proxy.to_owned())
            .no(no_proxy.to_owned())
            .build();
        let tls = config(&Trust {
            everybody: true,
            anchors: vec![],
        })
        .unwrap();
        connector(&target.parse().unwrap(), tls, &proxies)
    }

    #[tokio::test]
    async fn a_proxy_of_another_kind_is_named_without_its_password() {
        let error = route(
            "https://pve.example:8006/",
            "socks5://joe:hunter2@proxy.example",
            "",
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("socks5://proxy.example") && !text.contains("hunter2"),
            "{text}"
        );
        assert!(
            route(
                "https://pve.example:8006/",
                "socks5://proxy.example",
                "pve.example"
            )
            .is_ok()
        );
        assert!(
            route("https://127.0.0.1:8006/", "socks5://proxy.example", "").is_ok(),
            "loopback needs no proxy"
        );
        assert!(route("https://pve.example:8006/", "http://proxy.example:3128", "").is_ok());
    }
}
