//! Certificates of one control plane.

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// X.520 organizationName.
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// One authority for servers and clients alike: everything is on loopback and lives as long as one test process.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "cadastre-testkit");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
        })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// For a server on loopback that is also known as `kubernetes` inside a cluster.
    pub(crate) fn server(&self) -> Result<Identity> {
        let names = [
            "127.0.0.1",
            "::1",
            "10.96.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default.svc",
        ];
        let mut params = CertificateParams::new(names.map(str::to_owned))?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a client that Kubernetes knows as `user` in `groups` (common name and organizations, see the Kubernetes
    /// documentation on X.509 client certificates).
    pub(crate) fn client(&self, user: &str, groups: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::default();
        // rcgen keeps one value per kind of name; the same kind by number is a second one.
        let kinds = [
            DnType::OrganizationName,
            DnType::CustomDnType(ORGANIZATION.to_vec()),
        ];
        if groups.len() > kinds.len() {
            bail!(
                "user {user:?} is in {} groups; a client certificate made here carries at most 2",
                groups.len()
            );
        }
        for (kind, group) in kinds.into_iter().zip(groups) {
            params.distinguished_name.push(kind, *group);
        }
        params.distinguished_name.push(DnType::CommonName, user);
        self.sign(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// How a kubeconfig says who one is.
pub(crate) enum Credential<'a> {
    Certificate(&'a Identity),
    Token(&'a str),
}

/// A kubeconfig with everything inside, so that the file may be copied anywhere.
pub(crate) fn kubeconfig(server: &str, authority: &str, credential: &Credential<'_>) -> String {
    let authority = STANDARD.encode(authority);
    let user = match credential {
        Credential::Certificate(identity) => format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            STANDARD.encode(&identity.certificate),
            STANDARD.encode(&identity.key)
        ),
        Credential::Token(token) => format!("token: {token}"),
    };
    format!(
        "\
apiVersion: v1
kind: Config
current-context: testkit
clusters:
- name: testkit
  cluster:
    server: {server}
    certificate-authority-data: {authority}
contexts:
- name: testkit
  context:
    cluster: testkit
    user: testkit
users:
- name: testkit
  user:
    {user}
"
    )
}
