//! Kubernetes manifests as values: read, put together for a release, written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Where the image of a release lives; the tag is `v` and the version.
pub(crate) const IMAGE: &str = "registry.cadastre.dev/cadastre";

/// Annotation that asks cert-manager to fill in `caBundle`.
const INJECT_CA: &str = "cert-manager.io/inject-ca-from";

/// Flag that makes the controller create, rotate and publish its own webhook certificates.
const SELF_MANAGED_FLAG: &str = "--webhook-cert-self-managed";

/// Who makes the webhook certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// cert-manager, as in the provider we replace.
    CertManager,
    /// The controller itself: nothing else to install.
    SelfManaged,
}

/// Reads all objects of a YAML text; each must name its `apiVersion` and `kind`.
///
/// # Errors
/// When the text is not YAML or a document is not a Kubernetes object.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let objects: Vec<Value> = documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect();
    for (number, object) in (1..).zip(&objects) {
        for field in ["apiVersion", "kind"] {
            if object[field].as_str().is_none_or(str::is_empty) {
                bail!("document {number} has no {field}; every object needs one");
            }
        }
    }
    Ok(objects)
}

/// Writes objects as one YAML stream.
///
/// # Errors
/// When a value cannot be written as YAML, which a value read from YAML never causes.
pub(crate) fn to_yaml(objects: &[Value]) -> Result<String> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(serde_saphyr::to_string(object)?.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// The objects of `ipam-components.yaml` for one release, in an order that can be applied from top to bottom.
///
/// # Errors
/// When a file below `deploy` is missing or not a manifest.
pub(crate) fn components(root: &Path, version: &str, certificates: Certificates) -> Result<Vec<Value>> {
    let ours = root.join("deploy/clusterctl");
    let mut objects = read(&ours.join("namespace.yaml"))?;
    objects.extend(crds(root)?);
    objects.extend(read(&ours.join("rbac.yaml"))?);
    objects.extend(match certificates {
        Certificates::CertManager => read(&ours.join("certificate.yaml"))?,
        Certificates::SelfManaged => read(&ours.join("self-managed/rbac.yaml"))?,
    });
    for name in ["services.yaml", "deployment.yaml", "webhooks.yaml"] {
        objects.extend(read(&ours.join(name))?);
    }
    for object in &mut objects {
        if object["kind"] == "Deployment" {
            set_image(object, version)?;
        }
        if certificates == Certificates::SelfManaged {
            manage_own_certificates(object)?;
        }
    }
    Ok(objects)
}

/// The objects of `cadastre-cni.yaml` for one release, in an order that can be applied from top to bottom.
///
/// # Errors
/// When a file below `deploy/cni` is missing or not a manifest.
pub(crate) fn plugins(root: &Path, version: &str) -> Result<Vec<Value>> {
    let ours = root.join("deploy/cni");
    let mut objects = read(&ours.join("rbac.yaml"))?;
    for mut object in read(&ours.join("daemonset.yaml"))? {
        for kind in ["initContainers", "containers"] {
            set_images(&mut object, kind, version)?;
        }
        objects.push(object);
    }
    Ok(objects)
}

fn set_images(workload: &mut Value, kind: &str, version: &str) -> Result<()> {
    let containers = workload
        .pointer_mut(&format!("/spec/template/spec/{kind}"))
        .and_then(Value::as_array_mut);
    for container in containers.with_context(|| format!("the DaemonSet has no {kind}"))? {
        container["image"] = json!(format!("{IMAGE}:v{version}"));
    }
    Ok(())
}

/// The generated CRDs of the provider, by file name; those of other rooms are installed by their own manifests.
fn crds(root: &Path) -> Result<Vec<Value>> {
    let dir = root.join("deploy/crds");
    let list = fs::read_dir(&dir)
        .with_context(|| format!("cannot read {}; run `cargo xtask gen`", dir.display()))?;
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("ipam.") && name.ends_with(".yaml"))
    };
    paths.retain(ours);
    paths.sort();
    if paths.is_empty() {
        bail!("{} holds no CRD; run `cargo xtask gen`", dir.display());
    }
    paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>>>()
        .map(|files| files.concat())
}

fn read(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a manifest", path.display()))
}

fn set_image(deployment: &mut Value, version: &str) -> Result<()> {
    let image = deployment.pointer_mut("/spec/template/spec/containers/0/image");
    *image.context("the Deployment has no container image")? = json!(format!("{IMAGE}:v{version}"));
    Ok(())
}

/// Takes cert-manager out of one object and, in the Deployment, tells the controller to do its work.
fn manage_own_certificates(object: &mut Value) -> Result<()> {
    if let Some(metadata) = object["metadata"].as_object_mut()
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.remove(INJECT_CA);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    if object["kind"] != "Deployment" {
        return Ok(());
    }
    let pod = object
        .pointer_mut("/spec/template/spec")
        .and_then(Value::as_object_mut);
    let pod = pod.context("the Deployment has no pod")?;
    pod.remove("volumes");
    let container = pod
        .get_mut("containers")
        .and_then(|list| list.get_mut(0))
        .and_then(Value::as_object_mut);
    let container = container.context("the Deployment has no container")?;
    container.remove("volumeMounts");
    let args = container
        .get_mut("args")
        .and_then(Value::as_array_mut)
        .context("the container has no args")?;
    args.push(json!(SELF_MANAGED_FLAG));
    Ok(())
}

#[cfg(test)]
mod tests;
