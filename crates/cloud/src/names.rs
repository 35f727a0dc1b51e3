//! Strings that must be byte-identical to the controller we replace (specification, appendix D), and those of Kubernetes
//! that both read and write.

/// Taint of a Node that no cloud controller has initialised yet.
pub const TAINT_UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";
/// Taint of a Node whose machine is switched off; effect `NoSchedule`, no value.
pub const TAINT_SHUTDOWN: &str = "node.cloudprovider.kubernetes.io/shutdown";

/// Annotation with the addresses kubelet was given with `--node-ip`.
pub const PROVIDED_NODE_IP: &str = "alpha.kubernetes.io/provided-node-ip";
/// Annotation with the machine's number in decimal text.
pub const INSTANCE_ID: &str = "proxmox.sinextra.dev/instance-id";

/// Scheme of every provider ID that is ours.
pub const PROVIDER_SCHEME: &str = "proxmox://";

/// Region label of Kubernetes.
pub const REGION: &str = "topology.kubernetes.io/region";
/// Zone label of Kubernetes.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// Instance type label of Kubernetes.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// Region label of Kubernetes before 1.17, still written and read as the master copy.
pub const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
/// Zone label of Kubernetes before 1.17, still written and read as the master copy.
pub const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
/// Instance type label of Kubernetes before 1.17, still written and read as the master copy.
pub const BETA_INSTANCE_TYPE: &str = "beta.kubernetes.io/instance-type";

/// Region label that follows the machine.
pub const PROXMOX_REGION: &str = "topology.proxmox.sinextra.dev/region";
/// Zone label that follows the machine.
pub const PROXMOX_ZONE: &str = "topology.proxmox.sinextra.dev/zone";
/// Start of the labels that name the HA groups of the machine's host; the value is empty.
pub const GROUP_PREFIX: &str = "group.topology.proxmox.sinextra.dev/";

/// `(master copy, label that follows it)`: the pairs of §6.3.
pub const LABEL_PAIRS: [(&str, &str); 3] = [
    (BETA_ZONE, ZONE),
    (BETA_REGION, REGION),
    (BETA_INSTANCE_TYPE, INSTANCE_TYPE),
];

/// Whether a decision ever looks at this label; all others need not be kept in memory.
#[must_use]
pub fn is_label_of_interest(key: &str) -> bool {
    key.starts_with(GROUP_PREFIX)
        || key == PROXMOX_REGION
        || key == PROXMOX_ZONE
        || LABEL_PAIRS
            .iter()
            .any(|(beta, stable)| key == *beta || key == *stable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_a_decision_are_kept_and_others_are_not() {
        let group = format!("{GROUP_PREFIX}rack-a");
        for key in [
            REGION,
            ZONE,
            BETA_INSTANCE_TYPE,
            PROXMOX_REGION,
            PROXMOX_ZONE,
            &group,
        ] {
            assert!(is_label_of_interest(key), "{key}");
        }
        for key in ["kubernetes.io/hostname", "topology.kubernetes.io/zoned", "app"] {
            assert!(!is_label_of_interest(key), "{key}");
        }
    }
}
