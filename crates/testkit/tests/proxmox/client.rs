//! The plainest client there is: one connection, no retry, no redirect, no decompression.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use testkit::ProxmoxVe;
use testkit::proxmox::{Builder, Limits, Privileges};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Nothing here takes so long, unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// An id and a secret that tests use.
pub(crate) const TOKEN: &str = "kubernetes@pve!ccm";
pub(crate) const SECRET: &str = "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10";

/// The region `fsn`, quick, with the token.
pub(crate) fn fsn() -> Builder {
    let builder = ProxmoxVe::builder().limits(Limits::quick()).region("fsn");
    builder.token(TOKEN, SECRET, Privileges::all())
}

/// What all paths of the API begin with.
const API: &str = "/api2/json";

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What is under `data` of a good answer.
    pub(crate) fn data(&self) -> Value {
        assert_eq!((self.status, self.reason.as_str()), (200, "OK"), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json;charset=UTF-8");
        self.json()["data"].take()
    }

    /// Demands an error whose text is both reason phrase and message.
    pub(crate) fn is_error(&self, status: u16, message: &str) {
        assert_eq!((self.status, self.reason.as_str()), (status, message), "{self:?}");
        let body = self.json();
        assert_eq!(body["message"], format!("{message}\n"), "{self:?}");
        assert!(body["data"].is_null() && body.get("data").is_some(), "{self:?}");
        assert_eq!(self.headers["connection"], "close", "{self:?}");
    }

    /// Demands an error without body.
    pub(crate) fn is_bare(&self, status: u16, reason: &str) {
        assert_eq!((self.status, self.reason.as_str()), (status, reason), "{self:?}");
        assert!(self.body.is_empty(), "{self:?}");
        assert_eq!(self.headers["connection"], "close", "{self:?}");
    }
}

/// Where to ask, and what to send with every request.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    headers: Vec<(HeaderName, String)>,
}

impl Client {
    /// Through the first end point, with the token of [`fsn`].
    pub(crate) fn new(pve: &ProxmoxVe, region: &str) -> Self {
        Self::anonymous(pve, region).token(TOKEN, SECRET)
    }

    /// Through the first end point, without credentials.
    pub(crate) fn anonymous(pve: &ProxmoxVe, region: &str) -> Self {
        Self::through(pve, &pve.url(region))
    }

    /// Through the end point of this URL, without credentials.
    pub(crate) fn through(pve: &ProxmoxVe, url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let address = rest.strip_suffix(API).expect("the path of the API");
        Self {
            address: address.parse().expect("an address"),
            tls: (scheme == "https").then(|| trusting(pve.ca_pem())),
            headers: Vec::new(),
        }
    }

    pub(crate) fn token(self, id: &str, secret: &str) -> Self {
        self.header("authorization", &format!("PVEAPIToken={id}={secret}"))
    }

    pub(crate) fn ticket(self, ticket: &str) -> Self {
        self.header("cookie", &format!("PVEAuthCookie={ticket}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_static(name);
        if name == AUTHORIZATION {
            self.headers.retain(|(known, _)| *known != name);
        }
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Trusting this certificate only.
    pub(crate) fn trust(mut self, pem: &str) -> Self {
        self.tls = Some(trusting(pem));
        self
    }

    pub(crate) async fn connect(&self) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        match &self.tls {
            None => Ok(self.over(stream).await),
            Some(tls) => {
                let name = ServerName::from(self.address.ip());
                Ok(self.over(tls.connect(name, stream).await?).await)
            }
        }
    }

    async fn over(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Connection {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.expect("HTTP/1.1");
        let mut task = JoinSet::new();
        task.spawn(connection);
        Connection {
            client: self.clone(),
            sender,
            task,
        }
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let mut connection = self.connect().await.expect("a connection");
        connection.get(path).await.expect("an answer")
    }

    /// One request for a path that need not be one of the API.
    pub(crate) async fn get_page(&self, path: &str) -> Answer {
        let mut connection = self.connect().await.expect("a connection");
        connection
            .send(self, Method::GET, path, "")
            .await
            .expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let mut connection = self.connect().await.expect("a connection");
        let client = self.clone().header("content-type", content_type);
        let answer = connection
            .send(&client, Method::POST, &format!("{API}{path}"), body)
            .await;
        answer.expect("an answer")
    }
}

fn trusting(pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    roots.add(certificate).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// One connection.
pub(crate) struct Connection {
    client: Client,
    sender: SendRequest<Full<Bytes>>,
    task: JoinSet<hyper::Result<()>>,
}

impl Connection {
    pub(crate) async fn get(&mut self, path: &str) -> hyper::Result<Answer> {
        let client = self.client.clone();
        self.send(&client, Method::GET, &format!("{API}{path}"), "").await
    }

    /// Waits until the other side has closed it.
    pub(crate) async fn closed(mut self) -> hyper::Result<()> {
        let end = tokio::time::timeout(SOON, self.task.join_next()).await;
        end.expect("it is closed")
            .expect("one task")
            .expect("which does not panic")
    }

    /// Whether the other side keeps it open.
    pub(crate) async fn is_open(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    async fn send(
        &mut self,
        client: &Client,
        method: Method,
        path: &str,
        body: &str,
    ) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let mut request = Request::builder().method(method).uri(path).header(HOST, "pve-1");
        for (name, value) in &client.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let request = request.body(body).expect("a request");
        let response = self.sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let reason = parts.extensions.get::<ReasonPhrase>().map_or_else(
            || parts.status.canonical_reason().unwrap_or_default().to_owned(),
            |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        );
        Ok(Answer {
            status: parts.status.as_u16(),
            reason,
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}
