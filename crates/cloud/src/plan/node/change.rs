use crate::plan::address::AddressPlan;
use crate::plan::facts::{NodeAddress, NodeFacts};
use crate::plan::identity::Found;
use crate::plan::instance::InstanceType;
use crate::plan::labels::{self, LabelChanges, Wanted};
use crate::plan::provider_id;
use crate::plan::settings::{Provider, Settings};
use crate::plan::topology::Topology;

/// What to write to a Node: only what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// `spec.providerID`, only ever for a Node that has none.
    pub provider_id: Option<String>,
    /// Labels to set or remove.
    pub labels: LabelChanges,
    /// The annotation with the machine's number.
    pub instance_id: Option<String>,
    /// `status.addresses`, the whole list.
    pub addresses: Option<Vec<NodeAddress>>,
}

impl Change {
    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything a new Node gets.
pub(super) fn initial(
    settings: &Settings,
    node: &NodeFacts,
    found: &Found,
    topology: &Topology,
    instance_type: &InstanceType,
    planned: &AddressPlan,
) -> Change {
    let uuid = found.uuid().filter(|_| node.provider_id.is_empty());
    Change {
        provider_id: uuid.map(|uuid| provider_id::write(settings.provider, &found.machine.id, uuid)),
        labels: labels::initial(node, &wanted(found, topology, instance_type)),
        instance_id: instance_id(settings, node, found),
        addresses: changed(node, planned),
    }
}

/// What differs on an initialised Node. `None` for addresses that cannot be told.
pub(super) fn update(
    settings: &Settings,
    node: &NodeFacts,
    found: &Found,
    topology: &Topology,
    instance_type: &InstanceType,
    planned: Option<&AddressPlan>,
) -> Change {
    let wanted = wanted(found, topology, instance_type);
    Change {
        provider_id: None,
        labels: labels::update(node, &wanted, settings.force_update_labels),
        instance_id: instance_id(settings, node, found),
        addresses: planned.and_then(|planned| changed(node, planned)),
    }
}

fn wanted<'a>(found: &'a Found, topology: &'a Topology, instance_type: &'a InstanceType) -> Wanted<'a> {
    Wanted {
        region: found.machine.id.region.as_str(),
        topology,
        instance_type: instance_type.name.as_deref(),
    }
}

/// With Cluster API the number is an annotation; it turns a search into a look-up, so it is always right (§8.2).
fn instance_id(settings: &Settings, node: &NodeFacts, found: &Found) -> Option<String> {
    let vmid = found.machine.id.vmid.to_string();
    let differs = node.instance_id.as_deref() != Some(&vmid);
    (settings.provider == Provider::Capmox && differs).then_some(vmid)
}

/// The new list if it differs, in entries or in their order (§6.4).
fn changed(node: &NodeFacts, planned: &AddressPlan) -> Option<Vec<NodeAddress>> {
    (node.addresses != planned.addresses).then(|| planned.addresses.clone())
}
