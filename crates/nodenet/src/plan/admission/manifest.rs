//! The objects admission consists of, as they are installed.

/// The `ValidatingAdmissionPolicy` and its binding (spec §3.1): names, V1 to V4. YAML, two documents.
pub const POLICY: &str = include_str!("../../../../../deploy/nodenet/admission-policy.yaml");

/// The webhook configurations (spec §3.2): one that sets the timestamp, one that checks. YAML, two documents.
pub const WEBHOOKS: &str = include_str!("../../../../../deploy/nodenet/webhooks.yaml");

/// Path of the webhook that sets the timestamp.
pub const MUTATE_POLICY: &str = "/nodenetworkconfigurationpolicies-timestamp-mutate";

/// Path of the webhook that checks policies.
pub const VALIDATE_POLICY: &str = "/nodenetworkconfigurationpolicies-validate";

/// Path of the webhook that checks what is wanted of one node alone.
pub const VALIDATE_STATE: &str = "/nodenetworkstates-validate";
