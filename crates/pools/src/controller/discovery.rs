//! Which versions of Cluster API's kinds are served (spec §14).

use std::time::Duration;

use api::{
    capi::{ClusterVersion, Version},
    names::{CLUSTER_GROUP, GROUP},
};
use kube::Client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Config;
use crate::plan::facts::ConditionHome;

/// Time between two looks while something is missing.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// What the API server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Version of claims and addresses.
    pub version: Version,
    /// Version of clusters.
    pub cluster_version: ClusterVersion,
    /// Where claims keep their conditions.
    pub conditions: ConditionHome,
}

/// Looks until everything is served; `None` when stopped.
pub(super) async fn wait(config: &Config, stop: &CancellationToken) -> Option<Served> {
    let mut last = String::new();
    loop {
        let missing = match discover(&config.client).await {
            Ok(Ok(served)) => return Some(served),
            Ok(Err(missing)) => missing,
            Err(error) => format!("cannot ask the API server which kinds it serves: {error}"),
        };
        (config.readiness)(Err(missing.clone()));
        if missing != last {
            tracing::warn!(missing, "not ready");
            last = missing;
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(RETRY_EVERY) => {}
        }
    }
}

/// Asks once. The inner error names what is missing.
///
/// # Errors
/// When the API server did not answer.
pub async fn discover(client: &Client) -> Result<Result<Served, String>, kube::Error> {
    let Some(version) = newest_served(client).await? else {
        return Ok(Err(format!(
            "no IPAddressClaim is served in {GROUP}; install Cluster API's CRDs (clusterctl init)"
        )));
    };
    let Some(cluster_version) = cluster_version(client).await? else {
        return Ok(Err(format!(
            "no Cluster is served in {CLUSTER_GROUP}; install Cluster API's CRDs (clusterctl init)"
        )));
    };
    let conditions = match version {
        Version::V1Beta2 => ConditionHome::Status,
        Version::V1Beta1 if has_nested_conditions(client).await? => ConditionHome::Nested,
        Version::V1Beta1 | Version::V1Alpha1 => ConditionHome::Old,
    };
    Ok(Ok(Served {
        version,
        cluster_version,
        conditions,
    }))
}

async fn newest_served(client: &Client) -> Result<Option<Version>, kube::Error> {
    for version in Version::PREFERRED {
        let names = resources(client, GROUP, version.as_str()).await?;
        if ["ipaddressclaims", "ipaddresses"]
            .iter()
            .all(|n| names.iter().any(|x| x == n))
        {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

async fn cluster_version(client: &Client) -> Result<Option<ClusterVersion>, kube::Error> {
    let groups = client.list_api_groups().await?;
    let Some(group) = groups.groups.into_iter().find(|g| g.name == CLUSTER_GROUP) else {
        return Ok(None);
    };
    let preferred = group.preferred_version.map(|v| v.version);
    let others = group.versions.into_iter().map(|v| v.version);
    for version in preferred.into_iter().chain(others) {
        if resources(client, CLUSTER_GROUP, &version)
            .await?
            .iter()
            .any(|n| n == "clusters")
        {
            return Ok(Some(ClusterVersion(version)));
        }
    }
    Ok(None)
}

async fn resources(client: &Client, group: &str, version: &str) -> Result<Vec<String>, kube::Error> {
    match client
        .list_api_group_resources(&format!("{group}/{version}"))
        .await
    {
        Ok(list) => Ok(list.resources.into_iter().map(|r| r.name).collect()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether `v1beta1` claims have `status.v1beta2` (Cluster API 1.10): only the published schema tells.
async fn has_nested_conditions(client: &Client) -> Result<bool, kube::Error> {
    let path = format!("/openapi/v3/apis/{GROUP}/v1beta1");
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let schema: Value = match client.request(request).await {
        Ok(schema) => schema,
        Err(kube::Error::Api(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let schemas = schema.pointer("/components/schemas").and_then(Value::as_object);
    Ok(schemas.into_iter().flatten().any(|(name, schema)| {
        name.ends_with(".IPAddressClaim")
            && schema
                .pointer("/properties/status/properties/v1beta2/properties/conditions")
                .is_some()
    }))
}
