//! Puts the product's own manifests into a cluster whose API server calls webhooks on this machine's loopback.
//!
//! The manifests are those of the release; only the address of the webhooks changes, from a Service to a URL.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::Client;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::control_plane::apply::{apply_values, parse};

/// Where the webhooks of a `cadastre controller` on this machine listen, and whom the API server trusts for them.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// PEM of the CA.
    pub ca_pem: String,
}

impl Webhooks {
    /// Makes a CA, and `tls.crt` and `tls.key` for 127.0.0.1 in `dir`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn prepare(port: u16, dir: &Path) -> Result<Self> {
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)?.signed_by(&key, &ca)?;
        fs::write(dir.join("tls.crt"), leaf.pem()).context("cannot write the webhook certificate")?;
        fs::write(dir.join("tls.key"), key.serialize_pem()).context("cannot write the webhook key")?;
        Ok(Self {
            port,
            ca_pem: ca.pem(),
        })
    }

    fn client_config(&self, path: &str) -> Value {
        json!({
            "url": format!("https://127.0.0.1:{}{path}", self.port),
            "caBundle": STANDARD.encode(&self.ca_pem),
        })
    }
}

/// Applies the CRDs of the provider and, with `webhooks`, the webhook configurations. Without, conversion is off.
///
/// # Errors
/// When a manifest cannot be read or applied.
pub async fn install(client: Client, webhooks: Option<&Webhooks>) -> Result<()> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let mut objects = Vec::new();
    let mut files: Vec<_> = fs::read_dir(deploy.join("crds"))
        .context("cannot read deploy/crds; run cargo xtask gen")?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("ipam."))
        })
        .collect();
    files.sort();
    for file in files {
        for mut crd in read(&file)? {
            crd["spec"]["conversion"] = match webhooks {
                None => json!({"strategy": "None"}),
                Some(webhooks) => json!({"strategy": "Webhook", "webhook": {
                    "clientConfig": webhooks.client_config("/convert"),
                    "conversionReviewVersions": ["v1"],
                }}),
            };
            objects.push(crd);
        }
    }
    if let Some(webhooks) = webhooks {
        for mut configuration in read(&deploy.join("clusterctl/webhooks.yaml"))? {
            for webhook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
                let path = webhook["clientConfig"]["service"]["path"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                webhook["clientConfig"] = webhooks.client_config(&path);
            }
            objects.push(configuration);
        }
    }
    apply_values(client, "default", objects).await.map(|_| ())
}

fn read(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("in {}", file.display()))
}
