use super::*;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certs::{CertSource, Certificates};
use crate::shutdown::Tasks;

const SOON: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn start(app: Router, transport: Transport, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = TaskTracker::new().spawn(serve(listener, app, transport, limits, stop.clone()));
    Running { address, stop, task }
}

fn certificates() -> Certificates {
    Certificates::start(
        CertSource::InMemory {
            names: vec!["127.0.0.1".into()],
        },
        &Tasks::new(),
    )
}

fn connector(
    certificates: &Certificates,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let bundle = certificates.now().ca_bundle.unwrap();
    for der in rustls::pki_types::CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Sends one request and reads until the server closes.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    timeout(SOON, stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

#[tokio::test]
async fn https_with_a_certificate_the_client_trusts() {
    let certificates = certificates();
    let tls = Transport::Tls(TlsOptions::default().server_config(certificates.resolver()));
    let server = start(
        Router::new().route("/", get(async || "hello")),
        tls,
        Limits::default(),
    )
    .await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tcp = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector(&certificates, &[version])
            .connect(name, tcp)
            .await
            .unwrap();
        assert!(ask(&mut stream, "/").await.unwrap().ends_with("hello"));
    }
}

#[tokio::test]
async fn the_minimum_version_is_enforced() {
    let certificates = certificates();
    let options = TlsOptions::parse::<&str>("VersionTLS13", &[]).unwrap();
    let tls = Transport::Tls(options.server_config(certificates.resolver()));
    let server = start(Router::new(), tls, Limits::default()).await;
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let refused = connector(&certificates, &[&rustls::version::TLS12])
        .connect(name, tcp)
        .await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn the_chosen_cipher_suite_is_used() {
    let certificates = certificates();
    let wanted = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    let options = TlsOptions::parse("VersionTLS12", &[wanted]).unwrap();
    let tls = Transport::Tls(options.server_config(certificates.resolver()));
    let server = start(Router::new(), tls, Limits::default()).await;
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = connector(&certificates, &[&rustls::version::TLS12])
        .connect(name, tcp)
        .await
        .unwrap();
    let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(format!("{suite:?}"), wanted);
}

#[tokio::test]
async fn a_request_in_flight_is_finished_after_the_stop() {
    let (entered, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, waiting) = (Arc::clone(&entered), Arc::clone(&finish));
    let app = Router::new().route(
        "/slow",
        get(async move || {
            inside.notify_one();
            waiting.notified().await;
            "finished"
        }),
    );
    let server = start(app, Transport::Plain, Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let request = ask(&mut stream, "/slow");
    let stopping = async {
        entered.notified().await;
        server.stop.cancel();
        // An idle connection ends at once, and nobody new gets in.
        let mut nothing = Vec::new();
        timeout(SOON, idle.read_to_end(&mut nothing))
            .await
            .expect("closed")
            .unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
        finish.notify_one();
    };
    let (answer, ()) = tokio::join!(request, stopping);
    assert!(answer.unwrap().ends_with("finished"));
    timeout(SOON, server.task)
        .await
        .expect("the server ends")
        .unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_deadline() {
    let entered = Arc::new(Notify::new());
    let inside = Arc::clone(&entered);
    let app = Router::new().route(
        "/",
        get(async move || {
            inside.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let limits = Limits {
        drain: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = start(app, Transport::Plain, limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let (answer, ()) = tokio::join!(ask(&mut stream, "/"), async {
        entered.notified().await;
        server.stop.cancel();
    });
    assert!(answer.is_err() || answer.is_ok_and(|text| text.is_empty()));
    timeout(SOON, server.task)
        .await
        .expect("the server ends")
        .unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_dropped_and_frees_its_place() {
    let certificates = certificates();
    let tls = Transport::Tls(TlsOptions::default().server_config(certificates.resolver()));
    let limits = Limits {
        connections: 1,
        handshake: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = start(Router::new().route("/", get(async || "hello")), tls, limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut nothing = Vec::new();
    timeout(SOON, silent.read_to_end(&mut nothing))
        .await
        .expect("dropped")
        .unwrap();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connect = connector(&certificates, &[&rustls::version::TLS13]).connect(name, tcp);
    let mut stream = timeout(SOON, connect).await.expect("a free place").unwrap();
    assert!(ask(&mut stream, "/").await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_only_its_connection() {
    async fn broken() -> &'static str {
        panic!("made to fail")
    }
    let app = Router::new()
        .route("/panic", get(broken))
        .route("/", get(async || "hello"));
    let server = start(app, Transport::Plain, Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let answer = ask(&mut stream, "/panic").await;
    assert!(answer.is_err() || answer.is_ok_and(|text| !text.contains("200")));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(ask(&mut stream, "/").await.unwrap().ends_with("hello"));
}
