//! Serving certificates: from mounted files, from a Secret we keep ourselves, or made on the spot.
//!
//! A [`Certificates`] is what a TLS server asks at each handshake. Replacing a certificate is a pointer swap;
//! open connections keep theirs. While a new certificate is broken the old one is served on, with a warning.

mod bundle;
mod issue;
mod mounted;
mod pem;
mod secret;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::client::install_crypto_provider;
use crate::shutdown::Tasks;

pub use bundle::BundleTargets;
pub use issue::{Issued, issue};
pub use pem::PemError;
pub use secret::SelfManaged;

/// Where the serving certificate comes from.
#[derive(Clone, Debug)]
pub enum CertSource {
    /// Files somebody else writes, e.g. a Secret of cert-manager mounted into the pod. Looked at every few
    /// seconds by content, so the symbolic links Kubernetes swaps are followed.
    Mounted {
        /// Directory.
        dir: PathBuf,
        /// File of the certificate chain, e.g. `tls.crt`.
        cert_name: String,
        /// File of the private key, e.g. `tls.key`.
        key_name: String,
    },
    /// A CA and a certificate kept in a Secret, so that all replicas serve the same, rotated in time, and the CA
    /// patched into the webhook configurations and CRDs that need it.
    SelfManaged(SelfManaged),
    /// A CA and a certificate for this process only. For tests and for a control plane on loopback.
    InMemory {
        /// DNS names and IP addresses clients may use.
        names: Vec<String>,
    },
}

/// Whether there is a certificate to serve, and what is wrong with its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertStatus {
    /// A certificate is being served.
    pub serving: bool,
    /// The CA is known wherever we have to make it known: all targets of [`SelfManaged`] that exist carry it. The
    /// other sources have no such duty and say true as soon as they serve.
    pub announced: bool,
    /// What went wrong last; `None` when all is well.
    pub problem: Option<String>,
    /// The CA certificates clients have to trust, as PEM; `None` for mounted files, whose CA we do not know.
    pub ca_bundle: Option<String>,
}

/// The certificate of a server, whatever its source. Clones share it.
#[derive(Clone, Debug)]
pub struct Certificates {
    resolver: Arc<Resolver>,
    status: watch::Receiver<CertStatus>,
}

impl Certificates {
    /// Starts serving from `source`. Never waits and never fails: until there is a certificate, handshakes are
    /// refused and [`CertStatus::problem`] says why, so readiness can show it.
    #[must_use]
    pub fn start(source: CertSource, tasks: &Tasks) -> Self {
        install_crypto_provider();
        let (sender, status) = watch::channel(CertStatus::default());
        let resolver = Arc::new(Resolver::default());
        let publish = Publisher {
            resolver: Arc::clone(&resolver),
            status: sender,
        };
        match source {
            CertSource::Mounted {
                dir,
                cert_name,
                key_name,
            } => {
                let files = mounted::Files::new(&dir, &cert_name, &key_name);
                tasks.spawn("certificate files", files.follow(publish, tasks.stop()));
            }
            CertSource::SelfManaged(settings) => {
                tasks.spawn("certificate secret", secret::run(settings, publish, tasks.stop()));
            }
            CertSource::InMemory { names } => in_memory(&names, &publish),
        }
        Self { resolver, status }
    }

    /// For [`crate::server::TlsOptions::server_config`].
    #[must_use]
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::<Resolver>::clone(&self.resolver)
    }

    /// Follows the state, e.g. for a readiness gate.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<CertStatus> {
        self.status.clone()
    }

    /// The state now.
    #[must_use]
    pub fn now(&self) -> CertStatus {
        self.status.borrow().clone()
    }
}

fn in_memory(names: &[String], publish: &Publisher) {
    let made = issue(names, jiff::Timestamp::now())
        .map_err(|error| error.to_string())
        .and_then(|issued| {
            let key =
                pem::certified_key(&issued.cert_pem, &issued.key_pem).map_err(|error| error.to_string())?;
            Ok((issued, key))
        });
    match made {
        Ok((issued, key)) => publish.serve(key, Some(issued.ca_pem)),
        Err(problem) => publish.warn(format!("cannot make a certificate for {names:?}: {problem}")),
    }
}

/// The writing side of a [`Certificates`].
#[derive(Debug)]
struct Publisher {
    resolver: Arc<Resolver>,
    status: watch::Sender<CertStatus>,
}

impl Publisher {
    /// Serves a certificate whose CA somebody else makes known, or that is known already.
    fn serve(&self, key: CertifiedKey, ca_bundle: Option<String>) {
        self.resolver.current.store(Some(Arc::new(key)));
        self.status.send_replace(CertStatus {
            serving: true,
            announced: true,
            problem: None,
            ca_bundle,
        });
    }

    /// Serves a certificate whose CA is still to be made known, see [`Publisher::announced`].
    fn serve_unannounced(&self, key: CertifiedKey, ca_bundle: String) {
        self.resolver.current.store(Some(Arc::new(key)));
        self.status.send_modify(|status| {
            status.serving = true;
            status.announced = false;
            status.ca_bundle = Some(ca_bundle);
        });
    }

    /// All is well: served, and known where it has to be.
    fn announced(&self) {
        self.status.send_if_modified(|status| {
            let announced = !std::mem::replace(&mut status.announced, true);
            status.problem.take().is_some() || announced
        });
    }

    /// Keeps what is served and says what is wrong; logs only what is new.
    fn warn(&self, problem: String) {
        self.status.send_if_modified(|status| {
            if status.problem.as_ref() == Some(&problem) {
                return false;
            }
            tracing::warn!(problem, serving = status.serving, "serving certificate");
            status.problem = Some(problem);
            true
        });
    }

    fn clear(&self) {
        self.status
            .send_if_modified(|status| status.problem.take().is_some());
    }
}

#[derive(Default)]
struct Resolver {
    current: ArcSwapOption<CertifiedKey>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("serving", &self.current.load().is_some())
            .finish()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }
}

#[cfg(test)]
mod tests;
