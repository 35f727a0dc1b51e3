//! TLS towards the API server: rustls with ring, set up only when a request is really made.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::{
    access::{Access, Material},
    credentials::read_limited,
    secret::Secret,
    url::Host,
};

/// Where operating systems keep the certificates they trust, for a kubeconfig without a certificate authority.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A client certificate and its key, both PEM.
pub(super) struct Identity {
    pub(super) certificate: Secret,
    pub(super) key: Secret,
}

/// What a TLS connection to the server of `access` needs.
///
/// # Errors
/// The key of the kubeconfig whose certificate or key cannot be read or used.
pub(super) fn client_config(
    access: &Access,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if access.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    } else {
        builder.with_root_certificates(authorities(access)?)
    };
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = certificates(&identity.certificate)
                .map_err(|problem| format!("client-certificate: {problem}"))?;
            let key = PrivateKeyDer::from_pem_slice(identity.key.reveal().as_bytes()).map_err(
                |_| "client-key: no private key in PEM form (PKCS#8, PKCS#1 or SEC1, not encrypted)",
            )?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("client certificate and key: {error}"))?
        }
    };
    Ok(Arc::new(config))
}

/// The name the server's certificate must have.
pub(super) fn server_name(access: &Access) -> Result<ServerName<'static>, String> {
    if let Some(name) = &access.server_name {
        return ServerName::try_from(name.clone()).map_err(|_| "tls-server-name: not a host name".to_owned());
    }
    match &access.server.host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_| format!("{name} is not a host name"))
        }
    }
}

/// The text of a certificate or key.
pub(super) fn load(material: &Material, key: &str) -> Result<Secret, String> {
    match material {
        Material::Inline(text) => Ok(text.clone()),
        Material::File(path) => {
            let text = read_limited(path)
                .map_err(|error| format!("{key}: cannot read {}: {error}", path.display()))?;
            Ok(Secret::new(text))
        }
    }
}

/// The first certificate of a chain: that of the client itself.
pub(super) fn first_certificate(pem: &Secret) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.reveal().as_bytes()).ok()
}

fn authorities(access: &Access) -> Result<RootCertStore, String> {
    let pem = match &access.authorities {
        Some(material) => load(material, "certificate-authority")?,
        None => system_bundle()?,
    };
    let found = certificates(&pem).map_err(|problem| format!("certificate-authority: {problem}"))?;
    let mut store = RootCertStore::empty();
    // A bundle may hold certificates that cannot be used; what counts is that one can.
    let (usable, _) = store.add_parsable_certificates(found);
    if usable == 0 {
        Err("certificate-authority: no usable certificate".to_owned())
    } else {
        Ok(store)
    }
}

fn system_bundle() -> Result<Secret, String> {
    for bundle in SYSTEM_BUNDLES {
        match read_limited(Path::new(bundle)) {
            Ok(text) => return Ok(Secret::new(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot read {bundle}: {error}")),
        }
    }
    Err("certificate-authority is missing, and the system has no certificate bundle".to_owned())
}

fn certificates(pem: &Secret) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.reveal().as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate in PEM form".to_owned()),
        Ok(found) => Ok(found),
        Err(_) => Err("broken PEM text".to_owned()),
    }
}

/// `insecure-skip-tls-verify`: any certificate will do, but the handshake must still be signed with it.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
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
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
