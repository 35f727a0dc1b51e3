use nispor::{AltNameConf, BridgeConf, BridgePortConf, IfaceConf, IfaceState, IfaceType, VethConf};

use super::Step;
use crate::backend::kernel::net::Kind;

/// The step as a document of nispor; none for steps that nispor does not do.
#[must_use]
pub fn document(step: &Step) -> Option<IfaceConf> {
    let named = |name: &str| {
        let mut document = IfaceConf::default();
        document.name = name.to_owned();
        document
    };
    match step {
        Step::Delete { name } => {
            let mut document = named(name);
            document.state = IfaceState::Absent;
            Some(document)
        }
        Step::Create { name, kind, mac, mtu } => {
            let mut document = named(name);
            of_kind(&mut document, kind);
            document.mac_address.clone_from(mac);
            document.mtu = *mtu;
            Some(document)
        }
        Step::Configure {
            name,
            kind,
            mac,
            mtu,
            up,
        } => {
            let mut document = named(name);
            if let Some(kind) = kind {
                of_kind(&mut document, kind);
            }
            document.state = on(*up);
            document.mac_address.clone_from(mac);
            document.mtu = *mtu;
            Some(document)
        }
        Step::Rename { name, add, remove } => {
            let mut document = named(name);
            let gone = remove.iter().map(|name| AltNameConf::new(name.clone(), true));
            let new = add.iter().map(|name| AltNameConf::new(name.clone(), false));
            document.alt_names = gone.chain(new).collect();
            Some(document)
        }
        Step::Detach { name, up } => {
            let mut document = named(name);
            document.state = on(*up);
            document.controller = Some(String::new());
            Some(document)
        }
        Step::Attach { name, controller, up } => {
            let mut document = named(name);
            document.state = on(*up);
            document.controller = Some(controller.clone());
            Some(document)
        }
        Step::Port {
            name,
            bridge,
            bond,
            vlans,
            itself,
        } => {
            let mut document = named(name);
            if *itself {
                let mut conf = BridgeConf::default();
                conf.vlans.clone_from(vlans);
                document.iface_type = Some(IfaceType::Bridge);
                document.bridge = Some(conf);
            } else if bridge.is_some() || vlans.is_some() {
                let mut conf: BridgePortConf = bridge.as_deref().cloned().unwrap_or_default();
                conf.vlans.clone_from(vlans);
                document.bridge_port = Some(conf);
            }
            document.bond_port.clone_from(bond);
            Some(document)
        }
        Step::Switch { name, up } => {
            let mut document = named(name);
            document.state = on(*up);
            Some(document)
        }
        Step::RemoveRule(_)
        | Step::RemoveRoute(_)
        | Step::RemoveAddress(_)
        | Step::Ipv6 { .. }
        | Step::AddAddress(_)
        | Step::AddRoute(_)
        | Step::AddRule(_)
        | Step::Resolver(_) => None,
    }
}

/// nispor leaves a link it had to switch off that way unless told otherwise.
fn on(up: bool) -> IfaceState {
    if up { IfaceState::Up } else { IfaceState::Down }
}

fn of_kind(document: &mut IfaceConf, kind: &Kind) {
    document.iface_type = match kind {
        Kind::Ethernet | Kind::Loopback | Kind::Other { .. } => None,
        Kind::Veth { .. } => Some(IfaceType::Veth),
        Kind::Bridge(_) => Some(IfaceType::Bridge),
        Kind::Bond(_) => Some(IfaceType::Bond),
        Kind::Vlan(_) => Some(IfaceType::Vlan),
        Kind::Vxlan(_) => Some(IfaceType::Vxlan),
        Kind::Vrf(_) => Some(IfaceType::Vrf),
        Kind::Dummy => Some(IfaceType::Dummy),
    };
    match kind {
        Kind::Veth { peer: Some(peer) } => {
            let mut veth = VethConf::default();
            veth.peer.clone_from(peer);
            document.veth = Some(veth);
        }
        Kind::Bridge(bridge) => document.bridge = Some(bridge.clone()),
        Kind::Bond(bond) => document.bond = Some(bond.clone()),
        Kind::Vlan(vlan) => document.vlan = Some(vlan.clone()),
        Kind::Vxlan(vxlan) => document.vxlan = Some(vxlan.clone()),
        Kind::Vrf(vrf) => document.vrf = Some(vrf.clone()),
        Kind::Veth { peer: None } | Kind::Dummy | Kind::Ethernet | Kind::Loopback | Kind::Other { .. } => {}
    }
}
