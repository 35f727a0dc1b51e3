//! Version `v1alpha1` of the address pools: served for old manifests, deprecated, converted by our webhook.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Fields: spec §3.1; conversion rules: spec §4. Not rustdoc, which ends up in the CRD as its description.

/// A pool of single addresses, in the old version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AddressPoolSpecV1Alpha1 {
    /// Addresses, ranges and subnets the pool consists of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::strings_schema")]
    pub addresses: Option<Vec<String>>,
    /// A subnet; its inner addresses belong to the pool, or those from start to end.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub subnet: String,
    /// First address.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub start: String,
    /// Last address.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub end: String,
    /// Prefix length written to every IPAddress.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(schema_with = "crate::crds::prefix_v1alpha1_schema")]
    pub prefix: i64,
    /// Gateway written to every IPAddress.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub gateway: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}
