//! Whom to believe: the machine's own trust anchors, further ones, or everybody.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Which servers are believed to be who they say.
#[derive(Clone, Debug, Default)]
pub(in crate::source::proxmox) struct Trust {
    /// Every server is (`insecure`).
    pub(in crate::source::proxmox) everybody: bool,
    /// PEM texts of further trust anchors, each with where it came from.
    pub(in crate::source::proxmox) anchors: Vec<(String, String)>,
}

/// Why there is nobody to trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file of trust anchors cannot be read.
    #[error("cannot read the CA file {}; mount it there or correct ca_file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A text is not PEM.
    #[error("{origin} is not valid PEM")]
    Pem {
        /// The setting or file.
        origin: String,
        /// What is wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A text holds no certificate.
    #[error("{origin} holds no certificate; it needs at least one block \"BEGIN CERTIFICATE\"")]
    Empty {
        /// The setting or file.
        origin: String,
    },
    /// A certificate cannot be a trust anchor.
    #[error("{origin} holds a certificate that cannot be a trust anchor")]
    Anchor {
        /// The setting or file.
        origin: String,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The cryptography does not offer what TLS needs.
    #[error("TLS 1.2 and 1.3 cannot be set up")]
    Protocol(#[source] rustls::Error),
}

/// The TLS settings of a region; versions 1.2 and 1.3.
pub(in crate::source::proxmox) fn config(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Protocol)?;
    if trust.everybody {
        let verifier = Arc::new(Everybody(provider));
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth());
    }
    Ok(builder
        .with_root_certificates(roots(trust)?)
        .with_no_client_auth())
}

/// The machine's anchors, which may be none in a small image, and those of the settings.
fn roots(trust: &Trust) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    let own = rustls_native_certs::load_native_certs();
    let (added, ignored) = roots.add_parsable_certificates(own.certs);
    tracing::debug!(
        added,
        ignored,
        problems = own.errors.len(),
        "trust anchors of this machine"
    );
    for (origin, pem) in &trust.anchors {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|source| TrustError::Pem {
                origin: origin.clone(),
                source,
            })?;
        if certificates.is_empty() {
            return Err(TrustError::Empty {
                origin: origin.clone(),
            });
        }
        for certificate in certificates {
            let refuse = |source| TrustError::Anchor {
                origin: origin.clone(),
                source,
            };
            roots.add(certificate).map_err(refuse)?;
        }
    }
    Ok(roots)
}

/// Accepts every certificate, but not a broken handshake: whoever shows one must hold its key.
#[derive(Debug)]
struct Everybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Everybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pem: &str) -> Result<ClientConfig, TrustError> {
        config(&Trust {
            everybody: false,
            anchors: vec![("clusters[0].ca".into(), pem.into())],
        })
    }

    #[test]
    fn a_text_without_certificate_is_refused_by_its_origin() {
        let error = with("").unwrap_err().to_string();
        assert!(
            error.starts_with("clusters[0].ca holds no certificate"),
            "{error}"
        );
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert!(
            with(broken)
                .unwrap_err()
                .to_string()
                .contains("clusters[0].ca is not valid PEM")
        );
        let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(
            with(no_x509)
                .unwrap_err()
                .to_string()
                .contains("cannot be a trust anchor")
        );
    }

    #[test]
    fn trusting_everybody_needs_no_anchor() {
        config(&Trust {
            everybody: true,
            anchors: vec![],
        })
        .unwrap();
    }
}
