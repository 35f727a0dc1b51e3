//! One request to one end point: sent, read to its end, within a limit of time and of size.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use runtime::answer::chain;
use rustls::ClientConfig;

use super::connect::{Connector, ProxyError, connector};

/// Connections kept open for one end point (§17.4). More may be open for a moment: what is under way is limited per
/// region and host, and a hung host must not occupy the connections of the others.
const KEPT_CONNECTIONS: usize = 8;
/// Ours end before the server's, which closes after 5 s and would race with a request (§17.3).
const IDLE_LIMIT: Duration = Duration::from_secs(4);
/// How we call ourselves.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("cadastre/", env!("CARGO_PKG_VERSION")));

/// Where an end point's API begins, as `https://pve-1.example:8006/api2/json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source::proxmox) struct Base(Uri);

impl Base {
    /// The base in this text, which must be an absolute http or https URL without query.
    pub(in crate::source::proxmox) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.trim_end_matches('/').parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        (known && uri.host().is_some() && uri.query().is_none()).then_some(Self(uri))
    }

    fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{path}", self.to_string().trim_end_matches('/')).parse()
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A complete answer, whatever its status.
#[derive(Clone, Debug)]
pub(in crate::source::proxmox) struct Reply {
    pub(in crate::source::proxmox) status: u16,
    /// The reason phrase, in which Proxmox VE puts its message.
    pub(in crate::source::proxmox) reason: String,
    pub(in crate::source::proxmox) body: Bytes,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(in crate::source::proxmox) enum SendError {
    /// There is no connection: nothing was sent.
    Connect(String),
    /// The time was up.
    Timeout(Duration),
    /// The connection ended before the answer did.
    Broken(String),
    /// The answer is longer than we read.
    TooLong,
}

/// What one exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::proxmox) struct Bounds {
    /// From the first step to the end of the answer.
    pub(in crate::source::proxmox) time: Duration,
    /// Longest answer that is read. Unit: bytes.
    pub(in crate::source::proxmox) answer: usize,
}

/// Connections to one end point.
#[derive(Clone, Debug)]
pub(in crate::source::proxmox) struct Http {
    client: Client<Connector, Full<Bytes>>,
    base: Base,
}

impl Http {
    /// No connection is opened yet.
    pub(in crate::source::proxmox) fn new(
        base: Base,
        tls: ClientConfig,
        proxies: &Matcher,
    ) -> Result<Self, ProxyError> {
        let connector = connector(&base.0, tls, proxies)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(KEPT_CONNECTIONS)
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client, base })
    }

    /// Where it leads.
    pub(in crate::source::proxmox) fn base(&self) -> &Base {
        &self.base
    }

    /// Sends a request and reads the whole answer. `headers` carry the credentials; `body` makes it a POST of JSON.
    pub(in crate::source::proxmox) async fn send(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Option<Bytes>,
        bounds: Bounds,
    ) -> Result<Reply, SendError> {
        let request = self.request(path, headers, body)?;
        tokio::time::timeout(bounds.time, self.exchange(request, bounds.answer))
            .await
            .unwrap_or(Err(SendError::Timeout(bounds.time)))
    }

    fn request(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Request<Full<Bytes>>, SendError> {
        let uri = self
            .base
            .join(path)
            .map_err(|error| SendError::Connect(format!("bad path {path}: {error}")))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        headers.clone_into(request.headers_mut());
        request.headers_mut().insert(header::USER_AGENT, AGENT);
        request
            .headers_mut()
            .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            *request.method_mut() = Method::POST;
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
            *request.body_mut() = Full::new(body);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, longest: usize) -> Result<Reply, SendError> {
        let response = self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                SendError::Connect(chain(&error))
            } else {
                SendError::Broken(chain(&error))
            }
        })?;
        let status = response.status();
        let reason = match response.extensions().get::<ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let body = Limited::new(response.into_body(), longest)
            .collect()
            .await
            .map_err(|error| {
                if error.downcast_ref::<LengthLimitError>().is_some() {
                    SendError::TooLong
                } else {
                    SendError::Broken(chain(error.as_ref() as &(dyn Error + 'static)))
                }
            })?;
        Ok(Reply {
            status: status.as_u16(),
            reason,
            body: body.to_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::tls::{Trust, config};
    use super::*;

    /// Reads up to the end of a request's head.
    async fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel_with_its_password_and_sees_no_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://joe:hunter2@{}", listener.local_addr().unwrap());
        let proxies = Matcher::builder().http(proxy).build();
        let tls = config(&Trust {
            everybody: true,
            anchors: vec![],
        })
        .unwrap();
        let base = Base::parse("http://pve.example:8006/api2/json").unwrap();
        let http = Http::new(base, tls, &proxies).unwrap();
        let headers =
            HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("PVEAPIToken=t"))]);

        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let tunnel = head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let request = head(&mut stream).await;
            let answer = b"HTTP/1.1 500 VM 100 is not running\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
            (tunnel, request)
        };
        let bounds = Bounds {
            time: Duration::from_secs(20),
            answer: 1 << 10,
        };
        let (reply, (tunnel, request)) = tokio::join!(http.send("/version", &headers, None, bounds), serve);
        let reply = reply.unwrap();
        assert_eq!(
            (reply.status, reply.reason.as_str()),
            (500, "VM 100 is not running")
        );
        assert!(
            tunnel.starts_with("CONNECT pve.example:8006 HTTP/1.1"),
            "{tunnel}"
        );
        assert!(
            tunnel.to_lowercase().contains("proxy-authorization: basic"),
            "{tunnel}"
        );
        assert!(!tunnel.contains("PVEAPIToken"), "{tunnel}");
        assert!(
            request.starts_with("GET /api2/json/version HTTP/1.1"),
            "{request}"
        );
        assert!(
            request.contains("PVEAPIToken=t") && request.contains("user-agent: cadastre/"),
            "{request}"
        );
    }

    #[test]
    fn a_base_joins_without_a_double_slash() {
        let base = Base::parse("https://pve.example:8006/api2/json/").unwrap();
        assert_eq!(
            base.join("/version").unwrap().to_string(),
            "https://pve.example:8006/api2/json/version"
        );
        let base = Base::parse("http://[2001:db8::1]:8006").unwrap();
        assert_eq!(
            base.join("/version").unwrap().to_string(),
            "http://[2001:db8::1]:8006/version"
        );
        for bad in [
            "ftp://pve.example",
            "pve.example:8006",
            "https://",
            "https://pve.example/?x=1",
            "",
            "x y",
        ] {
            assert_eq!(Base::parse(bad), None, "{bad}");
        }
    }
}
