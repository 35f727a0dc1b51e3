//! What is read of objects of other owners: most of their bytes are skipped while they are read.

use std::borrow::Cow;

use api::nmstate::operator::Compatibility;
use api::nmstate::{Condition, Enactment, EnactmentStatus, GROUP, NmstateKind};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Resource;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use serde::Deserialize;

use crate::plan::rollout::EnactmentView;

/// Makes a type that is watched in place of a bigger one.
macro_rules! stands_for {
    ($name:ident, $scope:ty, $group:expr, $version:literal, $kind:expr, $plural:expr) => {
        impl Resource for $name {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

/// A Node without images, volumes and addresses.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimNode {
    /// Name and labels.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct NodeStatus {
    conditions: Option<Vec<Condition>>,
}

impl SlimNode {
    /// Its condition Ready is True.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let conditions = self.status.conditions.as_deref().unwrap_or_default();
        Condition::find(conditions, "Ready").is_some_and(Condition::is_true)
    }
}

stands_for!(SlimNode, ClusterResourceScope, "", "v1", "Node", "nodes");

/// A Pod: only where it runs.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimPod {
    /// Name and labels.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
}

impl SlimPod {
    /// The node it runs on, once there is one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.spec.node_name.as_deref()
    }
}

stands_for!(SlimPod, NamespaceResourceScope, "", "v1", "Pod", "pods");

/// A Lease: only when it was renewed.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimLease {
    /// Name.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: LeaseSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseSpec {
    renew_time: Option<MicroTime>,
}

impl SlimLease {
    /// When it was last renewed.
    #[must_use]
    pub fn renewed(&self) -> Option<Timestamp> {
        self.spec.renew_time.as_ref().map(|time| time.0)
    }
}

stands_for!(
    SlimLease,
    NamespaceResourceScope,
    "coordination.k8s.io",
    "v1",
    "Lease",
    "leases"
);

/// A report without the report: only whether its node is managed.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimState {
    /// Name, which is that of the node.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: Option<StateSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct StateSpec {
    managed: Option<bool>,
}

impl SlimState {
    /// Only an explicit `false` makes a node hands-off.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.spec.as_ref().and_then(|spec| spec.managed) != Some(false)
    }
}

stands_for!(
    SlimState,
    ClusterResourceScope,
    GROUP,
    "v1beta1",
    NmstateKind::State.kind(),
    NmstateKind::State.plural()
);

/// The settings of the installation that change what a policy says.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimOperator {
    /// Name and age: the oldest counts.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: Option<SettingsSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct SettingsSpec {
    compatibility: Option<Compatibility>,
}

impl SlimOperator {
    /// `spec.compatibility.degradedWhileRetrying`.
    #[must_use]
    pub fn degraded_while_retrying(&self) -> bool {
        let compatibility = self.spec.as_ref().and_then(|spec| spec.compatibility.as_ref());
        compatibility.and_then(|c| c.degraded_while_retrying) == Some(true)
    }
}

stands_for!(
    SlimOperator,
    ClusterResourceScope,
    GROUP,
    "v1",
    NmstateKind::Operator.kind(),
    NmstateKind::Operator.plural()
);

/// An enactment without documents: metadata, conditions and what else roll-outs read.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimEnactment {
    /// Name, labels, annotations.
    #[serde(deserialize_with = "api::meta::slim")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: Option<SlimStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlimStatus {
    conditions: Option<Vec<Condition>>,
    policy_generation: Option<i64>,
    conflicts: Option<Vec<api::nmstate::enactment::Conflict>>,
    honoured: Option<std::collections::BTreeMap<String, String>>,
}

impl SlimEnactment {
    /// What roll-outs read of it.
    #[must_use]
    pub fn view(self) -> EnactmentView {
        let status = self.status.map(|status| EnactmentStatus {
            conditions: status.conditions.unwrap_or_default(),
            policy_generation: status.policy_generation,
            conflicts: status.conflicts.unwrap_or_default(),
            honoured: status.honoured.unwrap_or_default(),
            ..EnactmentStatus::default()
        });
        EnactmentView::of(&Enactment {
            metadata: self.metadata,
            status,
            ..Enactment::default()
        })
    }
}

stands_for!(
    SlimEnactment,
    ClusterResourceScope,
    GROUP,
    "v1beta1",
    NmstateKind::Enactment.kind(),
    NmstateKind::Enactment.plural()
);
