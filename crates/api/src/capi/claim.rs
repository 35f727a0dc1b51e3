//! `IPAddressClaim`: somebody wants an address from a pool.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use serde::{Deserialize, Serialize};

use super::Version;
use crate::names::GROUP;

/// An `IPAddressClaim` as far as we read it.
#[derive(Clone, Debug, Deserialize)]
pub struct Claim {
    /// Standard metadata, without managed fields.
    #[serde(deserialize_with = "crate::meta::slim")]
    pub metadata: ObjectMeta,
    /// What is wanted. `v1beta1` does not insist on it: an object without refers to no pool, and must not keep the
    /// others from being read.
    #[serde(default)]
    pub spec: ClaimSpec,
    /// What was given.
    #[serde(default)]
    pub status: Option<ClaimStatus>,
}

/// Spec of a claim; immutable by Cluster API's admission.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSpec {
    /// The cluster the claim belongs to; absent in `v1alpha1` and in `v1beta1` before Cluster API 1.8.
    #[serde(default)]
    pub cluster_name: Option<String>,
    /// The pool to draw from.
    #[serde(default)]
    pub pool_ref: PoolRef,
}

/// Reference to a pool by group, kind and name. An empty kind is none of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolRef {
    /// API group; may be absent in `v1beta1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// Kind of the pool.
    #[serde(default)]
    pub kind: String,
    /// Name of the pool.
    #[serde(default)]
    pub name: String,
}

/// Status of a claim. The condition lists of old and new style are read alike.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimStatus {
    /// The IPAddress given; in `v1beta1` it may be an empty object.
    #[serde(default)]
    pub address_ref: Option<NameRef>,
    /// New style in `v1beta2`, old style (with `severity`) in `v1beta1`.
    #[serde(default)]
    pub conditions: Option<Vec<AnyCondition>>,
    /// New-style conditions of `v1beta1`, served by Cluster API 1.10 and later.
    #[serde(default)]
    pub v1beta2: Option<NestedConditions>,
}

/// `status.v1beta2` of a `v1beta1` claim.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NestedConditions {
    /// New-style conditions.
    #[serde(default)]
    pub conditions: Option<Vec<AnyCondition>>,
}

/// A reference by name within the namespace; an empty name means none.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NameRef {
    /// Name of the object.
    #[serde(default)]
    pub name: String,
}

/// A condition of either style. Only `type` and `status` are common to both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyCondition {
    /// Condition type, e.g. `Ready`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// `CamelCase` word; required in the new style.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `Error`, `Warning` or `Info`; old style only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// RFC 3339 time of the last change of `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// Generation the condition was computed from; new style only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Resource for Claim {
    type DynamicType = Version;
    type Scope = DynamicResourceScope;

    fn kind(_: &Version) -> Cow<'_, str> {
        "IPAddressClaim".into()
    }

    fn group(_: &Version) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version(version: &Version) -> Cow<'_, str> {
        version.as_str().into()
    }

    fn plural(_: &Version) -> Cow<'_, str> {
        "ipaddressclaims".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
