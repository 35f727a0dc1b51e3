//! Applies the examples and collects who got what.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use kube::{
    Api, Client,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use testkit::apply;

/// Time for all example claims to be bound.
const PATIENCE: Duration = Duration::from_secs(60);

/// One bound claim: its name, namespace and pool, then address, prefix length and gateway.
pub(crate) type Row = [String; 6];

/// Applies every pool of `deploy/examples/pools` with its claims, each file in a namespace of its own since all pools
/// carry one name, and waits until all claims are bound.
pub(crate) async fn apply(client: &Client) -> Result<Vec<Row>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/pools");
    let claims = fs::read_to_string(dir.join("claims.yaml")).context("cannot read the example claims")?;
    let mut files: Vec<_> = fs::read_dir(&dir)?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|e| e.path())
        .collect();
    files.retain(|f| {
        f.file_name().is_some_and(|n| n != "claims.yaml") && f.extension().is_some_and(|e| e == "yaml")
    });
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let namespace = format!("example-{stem}");
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        apply::apply_values(client.clone(), "default", vec![object]).await?;
        let pool = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        apply::apply_yaml(client.clone(), &namespace, &pool).await?;
        for claim in apply::apply_yaml(client.clone(), &namespace, &claims).await? {
            rows.push(bound(client, &namespace, &claim.metadata.name.unwrap_or_default()).await?);
        }
    }
    Ok(rows)
}

async fn bound(client: &Client, namespace: &str, claim: &str) -> Result<Row> {
    let api = |kind: &str, plural: &str| -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("ipam.cluster.x-k8s.io", "v1beta2", kind);
        Api::namespaced_with(
            client.clone(),
            namespace,
            &ApiResource::from_gvk_with_plural(&kind, plural),
        )
    };
    let (claims, addresses) = (
        api("IPAddressClaim", "ipaddressclaims"),
        api("IPAddress", "ipaddresses"),
    );
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let object = claims.get(claim).await?;
        if let Some(name) = object
            .data
            .pointer("/status/addressRef/name")
            .and_then(Value::as_str)
        {
            let address = addresses.get(name).await?;
            return Ok(row(namespace, claim, &address.data["spec"]));
        }
        if std::time::Instant::now() > end {
            bail!(
                "claim {namespace}/{claim} has no address after {PATIENCE:?}: status {}",
                object.data["status"]
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn row(namespace: &str, claim: &str, spec: &Value) -> Row {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    [
        claim.to_owned(),
        namespace.to_owned(),
        text(&spec["poolRef"]["name"]),
        text(&spec["address"]),
        text(&spec["prefix"]),
        text(&spec["gateway"]),
    ]
}
