//! Names that must be byte-identical to those of the provider we replace (spec §1), because objects written by one
//! are managed by the other.

/// The API group shared by Cluster API's claims and addresses and by our pools.
pub const GROUP: &str = "ipam.cluster.x-k8s.io";
/// The API group of Cluster API's `Cluster`.
pub const CLUSTER_GROUP: &str = "cluster.x-k8s.io";

/// Finalizer on claims: the claim stays until its address is released.
pub const RELEASE_ADDRESS: &str = "ipam.cluster.x-k8s.io/ReleaseAddress";
/// Finalizer on `IPAddress` objects: the address stays in use until its claim goes.
pub const PROTECT_ADDRESS: &str = "ipam.cluster.x-k8s.io/ProtectAddress";
/// Finalizer on pools: the pool stays until its last address is gone.
pub const PROTECT_POOL: &str = "ipam.cluster.x-k8s.io/ProtectPool";

/// Annotation on a pool that switches the delete guard off; its presence counts, not its value.
pub const SKIP_DELETE_GUARD: &str = "ipam.cluster.x-k8s.io/skip-validate-delete-webhook";
/// Annotation that pauses an object; its presence counts, not its value.
pub const PAUSED: &str = "cluster.x-k8s.io/paused";
/// Annotation that keeps what an older API version cannot express.
pub const CONVERSION_DATA: &str = "cluster.x-k8s.io/conversion-data";
/// Annotation on a pool that keeps [`crate::pool::Allocation`] where the installed CRD has no field for it.
pub const ALLOCATION: &str = "ipam.cadastre.dev/allocation";

/// Label that names the cluster an object belongs to.
pub const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";
/// Label that selects the manager instance serving a claim.
pub const WATCH_FILTER: &str = "cluster.x-k8s.io/watch-filter";

/// Name of the leader lease: an original manager and ours exclude each other.
pub const LEADER_LEASE: &str = "7bb7acb4.ipam.cluster.x-k8s.io";
