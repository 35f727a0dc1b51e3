//! What a pool says about itself (spec §3, §9, §18) and the allocator's journal kept in it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the pool says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// How many addresses (or prefixes) the pool has, and where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_addresses: Option<AddressCounts>,
    /// `Ready` says whether the pool can hand out addresses, and why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::crds::conditions_schema")]
    pub conditions: Vec<Condition>,
    /// The generation of the spec these numbers were computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::int64_schema")]
    pub observed_generation: Option<i64>,
    /// Journal of the allocator. Not for people or other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
}

/// Counts of spec §9; every number saturates at 2^63 - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressCounts {
    /// Addresses the pool may hand out.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub total: i64,
    /// Addresses nobody uses.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub free: i64,
    /// IPAddress objects that refer to the pool.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub used: i64,
    /// Addresses in use that the pool does not contain (any more).
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub out_of_range: i64,
}

/// Reserve–write–confirm: addresses promised to claims before their IPAddress objects are written.
///
/// Written under the pool's resourceVersion, so two processes that both believe they lead cannot promise one address
/// to two claims: the second write fails, and its author reads here what the first one promised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// The process that wrote last, and how often it did. A change by somebody else tells an allocator to look again.
    #[serde(flatten)]
    pub by: Holder,
    /// Promises whose outcome the writer had not seen yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
}

/// Who wrote an [`Allocation`]: the pair is unique per write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Identity of the process, unique per start.
    pub holder: String,
    /// Counts the writes of this holder to this pool, from 1.
    #[schemars(schema_with = "crate::crds::int64_schema")]
    pub sequence: i64,
}

/// One promise: this address belongs to that claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The address, or the base address of the prefix.
    pub address: String,
    /// Namespace of the claim.
    pub namespace: String,
    /// Name of the claim.
    pub name: String,
    /// UID of the claim; a claim of the same name created later has no right to the address.
    pub uid: String,
}
