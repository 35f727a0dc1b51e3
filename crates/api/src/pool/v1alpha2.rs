//! Version `v1alpha2`: the stored version of every pool kind.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::json;

use super::{PoolKind, PoolStatus, VERSION};
use crate::names::GROUP;

/// A pool of one of the four kinds; `S` is its spec.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool<S> {
    /// `ipam.cluster.x-k8s.io/v1alpha2`; empty inside lists.
    pub api_version: String,
    /// Kind of the pool; empty inside lists.
    pub kind: String,
    /// Standard metadata, without managed fields.
    pub metadata: ObjectMeta,
    /// What the user asks for.
    pub spec: S,
    /// What we answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PoolStatus>,
}

impl<'de, S: Deserialize<'de>> Deserialize<'de> for Pool<S> {
    /// The schema does not insist on a spec, so with admission off a pool without one can be stored. It reads as a
    /// pool of nothing, which is unusable and says so; refused, it would keep all other pools from being read.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<S> {
            #[serde(default)]
            api_version: String,
            #[serde(default)]
            kind: String,
            #[serde(deserialize_with = "crate::meta::slim")]
            metadata: ObjectMeta,
            spec: Option<S>,
            status: Option<PoolStatus>,
        }
        let wire = Wire::deserialize(deserializer)?;
        // The required fields of every kind; each reads its own.
        let nothing = || S::deserialize(json!({"addresses": [], "prefix": 0, "prefixes": []}));
        Ok(Self {
            api_version: wire.api_version,
            kind: wire.kind,
            metadata: wire.metadata,
            spec: wire.spec.map_or_else(nothing, Ok).map_err(de::Error::custom)?,
            status: wire.status,
        })
    }
}

/// `InClusterIPPool` or `GlobalInClusterIPPool`.
pub type AddressPool = Pool<AddressPoolSpec>;
/// `InClusterPrefixPool` or `GlobalInClusterPrefixPool`.
pub type PrefixPool = Pool<PrefixPoolSpec>;

/// A pool of single addresses of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressPoolSpec {
    /// Addresses, ranges ("10.0.0.10-10.0.0.20") and subnets ("10.0.0.0/24") the pool consists of; one family only.
    #[schemars(schema_with = "crate::crds::strings_schema")]
    pub addresses: Vec<String>,
    /// Prefix length written to every IPAddress. With the numerically lowest address it defines the subnet that
    /// all addresses must share.
    #[schemars(schema_with = "crate::crds::prefix_schema")]
    pub prefix: i64,
    /// Gateway written to every IPAddress. It is never handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub gateway: Option<String>,
    /// Also hand out the first address of the subnet (network, or IPv6 subnet-router anycast) and, for IPv4, the
    /// last one (broadcast).
    #[serde(
        default,
        rename = "allocateReservedIPAddresses",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub allocate_reserved_ip_addresses: Option<bool>,
    /// Addresses, ranges and subnets that are not handed out. They need not lie inside the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::strings_schema")]
    pub excluded_addresses: Option<Vec<String>>,
    /// Seconds that a released address stays with its deleted claim before somebody else may get it. Absent or 0:
    /// free at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::seconds_schema")]
    pub address_reuse_grace_period_seconds: Option<i32>,
    /// Not a setting: a common misspelling of excludedAddresses. It is ignored, and writing it gets a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::ignored_schema")]
    pub exclude_addresses: Option<serde_json::Value>,
}

/// A pool of IPv6 prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrefixPoolSpec {
    /// Network-aligned IPv6 prefixes ("fd00::/48") the pool consists of.
    #[schemars(schema_with = "crate::crds::strings_schema")]
    pub prefixes: Vec<String>,
    /// Length of every prefix handed out. Cannot be changed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::allocation_length_schema")]
    pub allocation_prefix_length: Option<i64>,
    /// Gateway written to every IPAddress. It blocks nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub gateway: Option<String>,
    /// IPv6 addresses, ranges and prefixes; a prefix that touches one of them is not handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::strings_schema")]
    pub excluded_prefixes: Option<Vec<String>>,
}

impl PrefixPoolSpec {
    /// Length used when `allocationPrefixLength` is absent or 0 (spec §10.1).
    pub const DEFAULT_LENGTH: i64 = 64;

    /// The length every handed-out prefix has, after defaulting. Not checked: 1..=128 is admission's business.
    #[must_use]
    pub fn effective_length(&self) -> i64 {
        match self.allocation_prefix_length {
            None | Some(0) => Self::DEFAULT_LENGTH,
            Some(length) => length,
        }
    }
}

impl<S> Resource for Pool<S> {
    type DynamicType = PoolKind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &PoolKind) -> Cow<'_, str> {
        kind.kind().into()
    }

    fn group(_: &PoolKind) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version(_: &PoolKind) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural(kind: &PoolKind) -> Cow<'_, str> {
        kind.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
