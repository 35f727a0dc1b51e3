//! `Cluster`: read only to learn whether it exists and whether it is paused.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use serde::Deserialize;

use super::ClusterVersion;
use crate::names::CLUSTER_GROUP;

/// A `Cluster` as far as we read it.
#[derive(Clone, Debug, Deserialize)]
pub struct Cluster {
    /// Standard metadata, without managed fields.
    #[serde(deserialize_with = "crate::meta::slim")]
    pub metadata: ObjectMeta,
    /// Only the pause switch.
    #[serde(default)]
    pub spec: Option<ClusterSpec>,
}

/// The pause switch of a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ClusterSpec {
    /// Nothing that belongs to the cluster is reconciled while true.
    #[serde(default)]
    pub paused: Option<bool>,
}

impl Cluster {
    /// Paused by `spec.paused` or by the annotation (spec §11.3 step 4).
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.spec.as_ref().and_then(|s| s.paused).unwrap_or(false) || crate::meta::is_paused(&self.metadata)
    }
}

impl Resource for Cluster {
    type DynamicType = ClusterVersion;
    type Scope = DynamicResourceScope;

    fn kind(_: &ClusterVersion) -> Cow<'_, str> {
        "Cluster".into()
    }

    fn group(_: &ClusterVersion) -> Cow<'_, str> {
        CLUSTER_GROUP.into()
    }

    fn version(version: &ClusterVersion) -> Cow<'_, str> {
        version.0.as_str().into()
    }

    fn plural(_: &ClusterVersion) -> Cow<'_, str> {
        "clusters".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
