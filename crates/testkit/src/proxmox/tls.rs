//! Certificates of the end points.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// How the end points prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// By a certificate of the test authority.
    Authority,
    /// By a certificate that nobody else has signed.
    SelfSigned,
    /// Not at all: plain HTTP.
    None,
}

/// What clients must trust, and what servers show.
pub(super) struct Certificates {
    /// PEM; empty without TLS.
    pub(super) trust: String,
    pub(super) acceptor: Option<TlsAcceptor>,
}

impl Certificates {
    /// One certificate for all end points: these addresses and host names, and `localhost`.
    pub(super) fn new(security: Security, addresses: &[IpAddr], hosts: &[String]) -> Result<Self> {
        let mut names = vec!["localhost".to_owned()];
        names.extend(addresses.iter().map(ToString::to_string));
        names.extend(hosts.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let mut params = CertificateParams::new(names).context("names of the end points")?;
        params.distinguished_name.push(DnType::CommonName, "pve-1");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().context("key of the end points")?;
        let (trust, certificate) = match security {
            Security::None => {
                return Ok(Self {
                    trust: String::new(),
                    acceptor: None,
                });
            }
            Security::SelfSigned => {
                let certificate = params
                    .self_signed(&key)
                    .context("certificate of the end points")?;
                (certificate.pem(), certificate)
            }
            Security::Authority => {
                let authority = authority()?;
                let certificate = params
                    .signed_by(&key, &authority)
                    .context("certificate of the end points")?;
                (authority.pem(), certificate)
            }
        };
        let acceptor = acceptor(certificate.der().clone(), key.serialize_der())?;
        Ok(Self {
            trust,
            acceptor: Some(acceptor),
        })
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "Proxmox Virtual Environment");
    name.push(DnType::OrganizationName, "PVE Cluster Manager CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().context("key of the authority")?;
    CertifiedIssuer::self_signed(params, key).context("certificate of the authority")
}

fn acceptor(certificate: CertificateDer<'static>, key: Vec<u8>) -> Result<TlsAcceptor> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("certificate of the end points")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
