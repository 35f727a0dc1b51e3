//! Every string that must be byte-identical to the replaced operator, and ours beside them (spec appendix B).

/// The API group of all four kinds.
pub const GROUP: &str = "nmstate.io";

/// Label of an enactment: the node it is about, shortened above 63 characters (spec §2.2).
pub const NODE_LABEL: &str = "nmstate.io/node";

/// Label of an enactment: the policy it is about.
pub const POLICY_LABEL: &str = "nmstate.io/policy";

/// Label of a report; added or changed, it asks for a fresh report (spec §11.1).
pub const FORCE_REFRESH_LABEL: &str = "nmstate.io/force-nns-refresh";

/// Annotation of an enactment: its node's full name.
pub const NODE_NAME_ANNOTATION: &str = "nmstate.io/node-name";

/// Annotation of an enactment: its policy's full name.
pub const POLICY_NAME_ANNOTATION: &str = "nmstate.io/policy-name";

/// Annotation of a policy, set at admission: nanoseconds since the epoch, decimal (spec §3.2).
pub const TIMESTAMP_ANNOTATION: &str = "nmstate.io/webhook-mutating-timestamp";

/// Annotation of an enactment, written by the coordinator: the policy generation that may be applied now (spec §5.4).
pub const SLOT_ANNOTATION: &str = "nmstate.io/slot";

/// Annotation of a policy or an enactment: any new value starts the attempts anew (spec §5.4).
pub const RETRY_ANNOTATION: &str = "nmstate.io/retry";

/// Annotation of a policy: any new value releases interfaces that no longer match (spec §17.2).
pub const REMATCH_ANNOTATION: &str = "nmstate.io/rematch";

/// Annotation of a Node or of the NMState object: asks for one run on demand (spec §17.5).
pub const RUN_ANNOTATION: &str = "nmstate.io/run";

/// Annotation of a policy: `"true"` writes the plan and applies nothing (spec §22.19).
pub const DRY_RUN_ANNOTATION: &str = "nmstate.io/dry-run";

/// Annotation of a policy: `"true"` keeps captured states over a change of the captures (spec §3.1).
pub const KEEP_CAPTURES_ANNOTATION: &str = "nmstate.io/keep-captures";

/// Annotation of a policy: `"true"` adds current addresses that no policy ever set (spec §18.7).
pub const MERGE_ADDRESSES_ANNOTATION: &str = "nmstate.io/merge-addresses";

/// Annotation of a policy: `"none"` leaves bridge ports without VLAN filtering (spec §16, D25).
pub const BRIDGE_VLAN_DEFAULT_ANNOTATION: &str = "nmstate.io/bridge-vlan-default";

/// The policy name of a node's own desired state (spec §17.1); no policy may have it.
pub const NODE_DESIRED_STATE: &str = "node-desired-state";

/// Finalizer of a policy that is to be undone when it goes (spec §22.1).
pub const REVERT_FINALIZER: &str = "nmstate.io/revert";

/// Label of the process that runs on every node, by which its pods are counted (spec §6).
pub const HANDLER_COMPONENT: (&str, &str) = ("component", "kubernetes-nmstate-handler");
