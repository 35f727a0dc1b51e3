//! What is seen of a Node.

use k8s_openapi::api::core::v1::Node;

/// `I 10.0.0.5, H n1`: the addresses of a Node in the words of the specification.
pub(crate) fn addresses(node: &Node) -> String {
    let all = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    let entry = |kind: &str, address: &str| {
        let kind = match kind {
            "InternalIP" => "I",
            "ExternalIP" => "E",
            "Hostname" => "H",
            other => other,
        };
        format!("{kind} {address}")
    };
    all.map(|one| entry(&one.type_, &one.address))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn provider_id(node: &Node) -> &str {
    node.spec
        .as_ref()
        .and_then(|spec| spec.provider_id.as_deref())
        .unwrap_or_default()
}

pub(crate) fn label<'a>(node: &'a Node, key: &str) -> &'a str {
    node.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(key))
        .map_or("(none)", String::as_str)
}

pub(crate) fn has_taint(node: &Node, key: &str) -> bool {
    let mut taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.any(|taint| taint.key == key)
}

pub(crate) fn is_tainted(node: &Node) -> bool {
    has_taint(node, cloud::names::TAINT_UNINITIALIZED)
}

/// A Node for a message.
pub(super) fn shown(node: &Node) -> String {
    let taints: Vec<&str> = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .map(|taint| taint.key.as_str())
        .collect();
    format!(
        "[{}] {} {taints:?} {:?}",
        addresses(node),
        provider_id(node),
        node.metadata.labels
    )
}
