//! Reading certificates and keys from PEM text.

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// The certificate text.
    #[error("the certificate is not valid PEM")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    /// No certificate in the text.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// The key text.
    #[error("the private key is not valid PEM of a PKCS#8, PKCS#1 or SEC1 key")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// The key is of a kind we cannot use, or belongs to another certificate.
    #[error("the private key cannot be used with the certificate")]
    Pair(#[source] rustls::Error),
    /// The certificate is not X.509.
    #[error("the certificate is not valid X.509: {0}")]
    X509(String),
}

/// All certificates of a PEM text, in order.
pub(super) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(PemError::Certificate)?;
    if all.is_empty() {
        Err(PemError::NoCertificate)
    } else {
        Ok(all)
    }
}

/// A chain and its key, checked to belong together.
pub(super) fn certified_key(cert: &str, key: &str) -> Result<CertifiedKey, PemError> {
    let chain = certificates(cert)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(PemError::Key)?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(PemError::Pair)
}

/// What we need to know of a certificate to decide about its renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) not_after: Timestamp,
    /// DNS names and IP addresses, sorted.
    pub(super) names: Vec<String>,
}

/// Reads the facts of one certificate.
pub(super) fn facts(der: &CertificateDer<'_>) -> Result<Facts, PemError> {
    let (_, cert) = X509Certificate::from_der(der).map_err(|error| PemError::X509(error.to_string()))?;
    let not_after = Timestamp::from_second(cert.validity().not_after.timestamp()).unwrap_or(Timestamp::MAX);
    let alternatives = cert
        .subject_alternative_name()
        .map_err(|error| PemError::X509(error.to_string()))?
        .map(|extension| extension.value.general_names.as_slice())
        .unwrap_or_default();
    let mut names: Vec<String> = alternatives.iter().filter_map(name).collect();
    names.sort();
    Ok(Facts { not_after, names })
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|b| std::net::Ipv4Addr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|b| std::net::Ipv6Addr::from(b).to_string()),
        },
        _ => None,
    }
}

/// True when `leaf` carries the signature of `ca` (its name and its key; time is not looked at).
pub(super) fn is_signed_by(leaf: &CertificateDer<'_>, ca: &CertificateDer<'_>) -> bool {
    let (Ok((_, leaf)), Ok((_, ca))) = (X509Certificate::from_der(leaf), X509Certificate::from_der(ca))
    else {
        return false;
    };
    leaf.issuer() == ca.subject() && leaf.verify_signature(Some(ca.public_key())).is_ok()
}
