//! A CA and a certificate kept in a Secret.

mod plan;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::bundle::{self, BundleTargets};
use super::{Publisher, pem};
use crate::answer::{chain, describe};
use crate::clock::jitter;
use plan::{Material, Step, plan};

/// How often Secret and bundles are looked at. Wall clock and not a timer to the expiry, because timers
/// stand still while a machine sleeps; and a manifest applied again drops the bundle, which has to come back soon.
const PERIOD: Duration = Duration::from_secs(60);

/// After an error or a lost race.
const RETRY: Duration = Duration::from_secs(2);

const KEYS: [&str; 4] = ["ca.crt", "ca.key", "tls.crt", "tls.key"];

/// Settings of [`super::CertSource::SelfManaged`].
#[derive(Clone)]
pub struct SelfManaged {
    /// Client that may get, create and patch the Secret and get and patch the targets.
    pub client: Client,
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret. Must not be one that cert-manager fills.
    pub secret: String,
    /// Names clients use, e.g. `<service>.<namespace>.svc`. The first becomes the common name.
    pub dns_names: Vec<String>,
    /// Where the CA has to be known.
    pub targets: BundleTargets,
}

impl std::fmt::Debug for SelfManaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfManaged")
            .field("namespace", &self.namespace)
            .field("secret", &self.secret)
            .field("dns_names", &self.dns_names)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

/// Keeps Secret, served certificate and bundles in step until `stop`.
pub(super) async fn run(settings: SelfManaged, publish: Publisher, stop: CancellationToken) {
    let secrets: Api<Secret> = Api::namespaced(settings.client.clone(), &settings.namespace);
    let mut served = None;
    let rounds = async {
        loop {
            let pause = match round(&settings, &secrets, &publish, &mut served).await {
                Ok(()) => {
                    publish.announced();
                    PERIOD
                }
                Err(problem) => {
                    publish.warn(problem);
                    RETRY
                }
            };
            sleep(jitter(pause)).await;
        }
    };
    stop.run_until_cancelled(rounds).await;
}

async fn round(
    settings: &SelfManaged,
    secrets: &Api<Secret>,
    publish: &Publisher,
    served: &mut Option<Material>,
) -> Result<(), String> {
    let name = format!("secret {}/{}", settings.namespace, settings.secret);
    let material = agree(settings, secrets)
        .await
        .map_err(|problem| format!("{name}: {problem}"))?;
    if served.as_ref() != Some(&material) {
        let key = pem::certified_key(&material.cert, &material.key)
            .map_err(|error| format!("{name}: {}; delete it to get a new one", chain(&error)))?;
        publish.serve_unannounced(key, material.ca.clone());
        *served = Some(material.clone());
    }
    bundle::patch_all(&settings.client, &settings.targets, &material.ca).await
}

/// Reads the Secret, and creates or renews what it lacks. All replicas end with the same material.
async fn agree(settings: &SelfManaged, secrets: &Api<Secret>) -> Result<Material, String> {
    // Losing a race means that another replica did the work; the next look sees it.
    for _ in 0..5 {
        let current = secrets
            .get_opt(&settings.secret)
            .await
            .map_err(|error| describe(&error))?;
        let stored = current.as_ref().and_then(read);
        let step = plan(stored.as_ref(), &settings.dns_names, Timestamp::now())?;
        let (why, material) = match step {
            Step::Keep => return stored.ok_or_else(|| "has no certificate".to_owned()),
            Step::Write { why, material } => (why, material),
        };
        match write(settings, secrets, current.as_ref(), &material).await {
            Ok(()) => {
                tracing::info!(
                    secret = settings.secret,
                    namespace = settings.namespace,
                    why,
                    "certificate written"
                );
                return Ok(material);
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(describe(&error)),
        }
    }
    Err("other processes keep changing it".to_owned())
}

fn read(secret: &Secret) -> Option<Material> {
    let data = secret.data.as_ref()?;
    let text = |key: &str| {
        data.get(key)
            .and_then(|bytes| String::from_utf8(bytes.0.clone()).ok())
    };
    let [ca, ca_key, cert, key] = KEYS.map(text);
    Some(Material {
        ca: ca?,
        ca_key: ca_key?,
        cert: cert?,
        key: key?,
    })
}

async fn write(
    settings: &SelfManaged,
    secrets: &Api<Secret>,
    current: Option<&Secret>,
    material: &Material,
) -> Result<(), kube::Error> {
    let texts = [&material.ca, &material.ca_key, &material.cert, &material.key];
    let data: BTreeMap<String, ByteString> = KEYS
        .into_iter()
        .zip(texts)
        .map(|(key, text)| (key.to_owned(), ByteString(text.clone().into_bytes())))
        .collect();
    let Some(current) = current else {
        let metadata = ObjectMeta {
            name: Some(settings.secret.clone()),
            ..ObjectMeta::default()
        };
        let secret = Secret {
            metadata,
            data: Some(data),
            ..Secret::default()
        };
        return secrets.create(&PostParams::default(), &secret).await.map(|_| ());
    };
    let patch = json!({ "metadata": { "resourceVersion": current.resource_version() }, "data": data });
    secrets
        .patch(&settings.secret, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(|_| ())
}
