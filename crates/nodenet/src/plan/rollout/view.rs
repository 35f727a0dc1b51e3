//! What is known when a roll-out is decided.

use std::collections::BTreeMap;

use api::nmstate::enactment::Conflict;
use api::nmstate::{Condition, Enactment, Policy};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::names;
use crate::plan::condition::enactment::{Said, said};
use crate::plan::selector::Labels;

/// A node, as far as roll-outs care.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// Its labels.
    pub labels: Labels,
    /// Its condition Ready is True.
    pub ready: bool,
    /// A pod of our process is there, in whatever phase (spec §6).
    pub handler: bool,
    /// Not hands-off (spec §17.1).
    pub managed: bool,
    /// When its process last renewed its lease.
    pub sign: Option<Timestamp>,
}

/// Nodes by name.
pub type Nodes = BTreeMap<String, NodeView>;

/// An enactment, as far as roll-outs care: metadata and conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnactmentView {
    /// Its name.
    pub name: String,
    /// Unique over time, for writes that must hit this very object.
    pub uid: String,
    /// The node it is about.
    pub node: String,
    /// The policy it is about.
    pub policy: String,
    /// The generation of the policy its conditions are about; 0 before it has any.
    pub generation: i64,
    /// What it says.
    pub said: Said,
    /// All it says.
    pub conditions: Vec<Condition>,
    /// The permission it carries.
    pub slot: Option<String>,
    /// It is being deleted.
    pub deleting: bool,
    /// What policies of the same priority set differently there.
    pub conflicts: Vec<Conflict>,
    /// A retry was asked for by annotation: on the enactment itself, and the pair that was honoured last.
    pub retry: (Option<String>, Option<String>),
}

impl EnactmentView {
    /// Reads what is needed. The annotations with full names count before the labels, which may be shortened.
    #[must_use]
    pub fn of(enactment: &Enactment) -> Self {
        let meta = &enactment.metadata;
        let status = enactment.status.as_ref();
        let conditions = status.map(|s| s.conditions.clone()).unwrap_or_default();
        Self {
            name: enactment.name().to_owned(),
            uid: meta.uid.clone().unwrap_or_default(),
            node: full(meta, names::NODE_NAME_ANNOTATION, names::NODE_LABEL),
            policy: full(meta, names::POLICY_NAME_ANNOTATION, names::POLICY_LABEL),
            generation: status.and_then(|s| s.policy_generation).unwrap_or_default(),
            said: said(&conditions),
            conditions,
            slot: enactment.annotation(names::SLOT_ANNOTATION).map(str::to_owned),
            deleting: meta.deletion_timestamp.is_some(),
            conflicts: status.map(|s| s.conflicts.clone()).unwrap_or_default(),
            retry: (
                enactment.annotation(names::RETRY_ANNOTATION).map(str::to_owned),
                status.and_then(|s| s.honoured.get("retry")).cloned(),
            ),
        }
    }

    /// Whether it carries the permission for this generation.
    #[must_use]
    pub fn is_granted(&self, generation: i64) -> bool {
        self.slot.as_deref() == Some(generation.to_string().as_str())
    }

    /// Whether somebody asked for new attempts and the node has not seen it yet: it has not failed for good.
    ///
    /// What a node honoured is kept as `<policy's value>/<enactment's value>`.
    #[must_use]
    pub fn retry_is_due(&self, policy: &Policy) -> bool {
        let asked = policy.annotation(names::RETRY_ANNOTATION).unwrap_or_default();
        let own = self.retry.0.as_deref().unwrap_or_default();
        let honoured = self.retry.1.as_deref();
        honoured.is_some_and(|honoured| honoured != format!("{asked}/{own}"))
    }
}

fn full(meta: &ObjectMeta, annotation: &str, label: &str) -> String {
    let annotated = meta.annotations.as_ref().and_then(|a| a.get(annotation));
    let named = annotated
        .map(String::as_str)
        .or_else(|| api::meta::label(meta, label));
    named.unwrap_or_default().to_owned()
}

/// Settings of the installation that change what a policy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `spec.compatibility.degradedWhileRetrying` of the NMState object (spec §6).
    pub degraded_while_retrying: bool,
}

/// All a decision about one policy needs, read once.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The policy, as the server last answered.
    pub policy: &'a Policy,
    /// Every node of the cluster.
    pub nodes: &'a Nodes,
    /// The enactments of this policy, in any order.
    pub enactments: &'a [&'a EnactmentView],
    /// Settings of the installation.
    pub settings: Settings,
    /// The time.
    pub now: Timestamp,
}

impl<'a> Snapshot<'a> {
    /// The enactment of a node, unless it is on its way out.
    #[must_use]
    pub fn enactment(&self, node: &str) -> Option<&'a EnactmentView> {
        self.enactments
            .iter()
            .copied()
            .find(|e| e.node == node && !e.deleting)
    }
}
