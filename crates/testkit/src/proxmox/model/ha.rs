//! High availability: groups until PVE 8, rules since PVE 9.

use serde_json::{Value, json};

/// A group of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaGroup {
    /// Its name.
    pub name: String,
    /// Hosts with or without priority: `pve-1:2,pve-2`.
    pub nodes: String,
}

/// A rule of PVE 9.
#[derive(Clone, Debug, PartialEq)]
pub struct HaRule {
    /// Its id.
    pub name: String,
    /// `node-affinity` or `resource-affinity`.
    pub kind: String,
    /// Hosts with or without priority; empty for resource affinity.
    pub nodes: String,
    /// Such as `vm:100,vm:101`.
    pub resources: String,
    /// Switched off.
    pub disabled: bool,
    /// Free text.
    pub comment: Option<String>,
    /// Why it cannot be followed, if so.
    pub errors: Option<Value>,
}

impl HaRule {
    /// These hosts are preferred.
    #[must_use]
    pub fn node_affinity(name: &str, nodes: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "node-affinity".to_owned(),
            nodes: nodes.to_owned(),
            resources: String::new(),
            disabled: false,
            comment: None,
            errors: None,
        }
    }

    /// These guests stay together.
    #[must_use]
    pub fn resource_affinity(name: &str, resources: &str) -> Self {
        Self {
            kind: "resource-affinity".to_owned(),
            ..Self::node_affinity(name, "").resources(resources)
        }
    }

    /// For these guests.
    #[must_use]
    pub fn resources(mut self, resources: &str) -> Self {
        resources.clone_into(&mut self.resources);
        self
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// With a comment.
    #[must_use]
    pub fn comment(mut self, comment: &str) -> Self {
        self.comment = Some(comment.to_owned());
        self
    }

    /// Cannot be followed, for this reason.
    #[must_use]
    pub fn infeasible(mut self, field: &str, reason: &str) -> Self {
        self.errors = Some(json!({ field: [reason] }));
        self
    }

    /// What the migration to PVE 9 makes of a group.
    pub(crate) fn from_group(group: &HaGroup, members: &[u32]) -> Self {
        let members: Vec<String> = members.iter().map(|id| format!("vm:{id}")).collect();
        Self::node_affinity(&format!("ha-group-{}", group.name), &group.nodes)
            .resources(&members.join(","))
            .comment(&format!("Generated from HA group '{}'.", group.name))
    }
}
