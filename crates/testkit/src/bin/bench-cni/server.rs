//! A small API server: TLS with a client certificate, one resource, no delayed writes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// The node that asks.
pub(crate) const NODE: &str = "n1";

/// A server for some nodes, of which the first is [`NODE`]. Lives as long as the process.
#[derive(Debug)]
pub(crate) struct Server {
    requests: Arc<AtomicUsize>,
    kubeconfig: PathBuf,
}

/// What it serves, as the bytes of the answers.
struct Nodes {
    one: Vec<u8>,
    all: Vec<u8>,
}

impl Server {
    /// Starts one on loopback; certificates and kubeconfig are written to `folder`.
    pub(crate) fn start(folder: &Path, nodes: usize) -> Result<Self> {
        let issuer = authority()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let kubeconfig = folder.join("kubeconfig");
        write_client_files(folder, &issuer, listener.local_addr()?.port())?;
        let tls = Arc::new(server_config(&issuer)?);
        let nodes = Arc::new(Nodes::new(nodes));
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, nodes, counter) = (Arc::clone(&tls), Arc::clone(&nodes), Arc::clone(&counter));
                // A client that hangs up early is its own affair.
                thread::spawn(move || drop(serve(stream, tls, &nodes, &counter)));
            }
        });
        Ok(Self { requests, kubeconfig })
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Requests answered so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Nodes {
    fn new(count: usize) -> Self {
        let name = |number: usize| {
            if number == 0 {
                NODE.to_owned()
            } else {
                format!("other-{number}")
            }
        };
        let items: Vec<Value> = (0..count).map(|number| node(&name(number), number)).collect();
        Self {
            one: items
                .first()
                .map(Value::to_string)
                .unwrap_or_default()
                .into_bytes(),
            all: json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": items})
                .to_string()
                .into_bytes(),
        }
    }
}

/// A node as large as real ones: most of it is the list of images, which nobody here needs.
fn node(name: &str, number: usize) -> Value {
    let image = |n: usize| {
        json!({"names": [format!("registry.example/team/image-{n}@sha256:{n:064x}"), format!("registry.example/team/image-{n}:v1.{n}")],
               "sizeBytes": 31_415_926 + n})
    };
    // The first has the machine-id of this machine, so that it is found in a list, too.
    let machine = match number {
        0 => fs::read_to_string("/etc/machine-id")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        _ => format!("{number:032x}"),
    };
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "uid": format!("00000000-0000-0000-0000-{number:012x}"), "annotations": {}},
        "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]},
        "status": {
            "nodeInfo": {"machineID": machine, "kubeletVersion": "v1.36.0", "operatingSystem": "linux"},
            "images": (0..50).map(image).collect::<Vec<_>>(),
        },
    })
}

fn serve(stream: TcpStream, tls: Arc<ServerConfig>, nodes: &Nodes, counter: &AtomicUsize) -> Result<()> {
    // Two small writes per answer would otherwise wait for each other's acknowledgement.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(tls)?, stream));
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        counter.fetch_add(1, Ordering::Relaxed);
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, body): (&str, &[u8]) = match path.split('?').next() {
            Some("/api/v1/nodes") => ("200 OK", &nodes.all),
            Some("/api/v1/nodes/n1") => ("200 OK", &nodes.one),
            _ => (
                "404 Not Found",
                br#"{"kind":"Status","code":404,"reason":"NotFound"}"#,
            ),
        };
        let length = body.len();
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(body);
        reader.get_mut().write_all(&answer)?;
        reader.get_mut().flush()?;
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "bench");
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn server_config(issuer: &CertifiedIssuer<'static, KeyPair>) -> Result<ServerConfig> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, issuer)?;
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    Ok(config)
}

fn write_client_files(folder: &Path, issuer: &CertifiedIssuer<'static, KeyPair>, port: u16) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "bench-client");
    let certificate = params.signed_by(&key, issuer)?;
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: bench\n\
         clusters:\n- name: bench\n  cluster:\n    server: https://127.0.0.1:{port}\n    certificate-authority: ca.crt\n\
         users:\n- name: bench\n  user:\n    client-certificate: client.crt\n    client-key: client.key\n\
         contexts:\n- name: bench\n  context:\n    cluster: bench\n    user: bench\n"
    );
    let files = [
        ("ca.crt", issuer.pem()),
        ("client.crt", certificate.pem()),
        ("client.key", key.serialize_pem()),
        ("kubeconfig", kubeconfig),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}
