//! Loading YAML.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use serde_json::Value;

use super::ControlPlane;
use crate::assets::{self, CapiVersion, capi_crds};

/// Field manager of what we apply.
const MANAGER: &str = "testkit";

/// How long a definition may take to be served.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look.
const POLL: Duration = Duration::from_millis(20);

impl ControlPlane {
    /// Server-side apply of all documents of a YAML text, in their order, as `kubectl apply --server-side --force-conflicts`
    /// does; objects without a namespace go to `default`. Custom resource definitions are served on return, and
    /// before the first object that is not one. Returns what the server made of them.
    ///
    /// # Errors
    /// Bad YAML, an unknown kind, or the server's refusal, with the object's kind and name.
    pub async fn apply_yaml(&self, yaml: &str) -> Result<Vec<DynamicObject>> {
        self.apply_yaml_in("default", yaml).await
    }

    /// [`ControlPlane::apply_yaml`] with another namespace for objects that name none.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_yaml_in(&self, namespace: &str, yaml: &str) -> Result<Vec<DynamicObject>> {
        self.apply_values(namespace, parse(yaml)?).await
    }

    /// Loads the definitions of Cluster, IPAddress and IPAddressClaim of a release, also over those of another one,
    /// as an upgrade does. Their conversion strategy becomes `None`: Cluster API's webhook does not run here.
    ///
    /// # Errors
    /// The definitions cannot be had (see [`crate::capi_crds`]) or applied.
    pub async fn apply_capi(&self, version: CapiVersion) -> Result<()> {
        apply_capi(self.client(), version).await
    }

    async fn apply_values(&self, namespace: &str, values: Vec<Value>) -> Result<Vec<DynamicObject>> {
        apply_values(self.client(), namespace, values).await
    }
}

/// [`ControlPlane::apply_capi`] on any cluster.
///
/// # Errors
/// As there.
pub async fn apply_capi(client: Client, version: CapiVersion) -> Result<()> {
    let crds = tokio::task::spawn_blocking(move || capi_crds(version, &mut assets::to_stderr))
        .await
        .context("fetching the definitions of Cluster API panicked")??;
    let mut values = Vec::new();
    for file in crds.files() {
        let yaml = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        values.extend(parse(&yaml)?);
    }
    for value in &mut values {
        if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("conversion".to_owned(), serde_json::json!({"strategy": "None"}));
        }
    }
    apply_values(client, "default", values).await.map(|_| ())
}

/// [`ControlPlane::apply_yaml_in`] on any cluster.
///
/// # Errors
/// As there.
pub async fn apply_yaml(client: Client, namespace: &str, yaml: &str) -> Result<Vec<DynamicObject>> {
    apply_values(client, namespace, parse(yaml)?).await
}

/// Applies objects that are JSON already, in their order.
///
/// # Errors
/// As [`ControlPlane::apply_yaml_in`].
pub async fn apply_values(client: Client, namespace: &str, values: Vec<Value>) -> Result<Vec<DynamicObject>> {
    let mut applier = Applier {
        client,
        namespace,
        kinds: HashMap::new(),
        pending: Vec::new(),
    };
    let mut applied = Vec::new();
    for value in values {
        applied.push(applier.apply(value).await?);
    }
    applier.wait_for_definitions().await?;
    Ok(applied)
}

/// The documents of a YAML text that hold something.
///
/// # Errors
/// Bad YAML.
pub fn parse(yaml: &str) -> Result<Vec<Value>> {
    let values: Vec<Value> = serde_saphyr::from_multiple(yaml).context("bad YAML")?;
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// One call's state: what was looked up, and which definitions nobody has waited for yet.
struct Applier<'a> {
    client: Client,
    namespace: &'a str,
    kinds: HashMap<GroupVersionKind, (ApiResource, ApiCapabilities)>,
    pending: Vec<String>,
}

impl Applier<'_> {
    async fn apply(&mut self, value: Value) -> Result<DynamicObject> {
        let mut object: DynamicObject = serde_json::from_value(value).context("not a Kubernetes object")?;
        let types = object
            .types
            .clone()
            .context("an object lacks apiVersion and kind")?;
        let name = object
            .metadata
            .name
            .clone()
            .with_context(|| format!("a {} lacks metadata.name", types.kind))?;
        let what = || format!("{} {name}", types.kind);
        let gvk = GroupVersionKind::try_from(&types).with_context(what)?;
        let is_definition = gvk.group == "apiextensions.k8s.io" && gvk.kind == "CustomResourceDefinition";
        if !is_definition {
            self.wait_for_definitions().await?;
        }
        let (resource, capabilities) = self.kind(&gvk).await.with_context(what)?;
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => {
                let namespace = object
                    .metadata
                    .namespace
                    .get_or_insert_with(|| self.namespace.to_owned());
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
        };
        // Server-side apply refuses them, and files dumped from a cluster have them.
        object.metadata.managed_fields = None;
        let applied = api
            .patch(
                &name,
                &PatchParams::apply(MANAGER).force(),
                &Patch::Apply(&object),
            )
            .await
            .with_context(|| format!("cannot apply {}", what()))?;
        if is_definition {
            self.pending.push(name);
        }
        Ok(applied)
    }

    async fn kind(&mut self, gvk: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
        if let Some(known) = self.kinds.get(gvk) {
            return Ok(known.clone());
        }
        let found = pinned_kind(&self.client, gvk)
            .await
            .context("the server does not serve this kind")?;
        self.kinds.insert(gvk.clone(), found.clone());
        Ok(found)
    }

    async fn wait_for_definitions(&mut self) -> Result<()> {
        for name in std::mem::take(&mut self.pending) {
            wait_served(&self.client, &name).await?;
        }
        Ok(())
    }
}

/// Waits until the definition is established and discovery lists its kind in every version it serves.
async fn wait_served(client: &Client, name: &str) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let end = Instant::now() + PATIENCE;
    loop {
        let definition = definitions
            .get(name)
            .await
            .with_context(|| format!("cannot read definition {name}"))?;
        let Err(reason) = check_served(client, &definition).await else {
            return Ok(());
        };
        if Instant::now() >= end {
            bail!("definition {name} is not served after {PATIENCE:?}: {reason}");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn check_served(client: &Client, definition: &CustomResourceDefinition) -> Result<(), String> {
    let conditions = definition
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut conditions = conditions.map(|condition| (condition.type_.as_str(), condition.status.as_str()));
    if !conditions.any(|condition| condition == ("Established", "True")) {
        return Err("it is not established".to_owned());
    }
    let spec = &definition.spec;
    for version in spec.versions.iter().filter(|version| version.served) {
        let gvk = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
        pinned_kind(client, &gvk)
            .await
            .map_err(|error| format!("{}: {error}", version.name))?;
    }
    Ok(())
}
