use std::collections::BTreeSet;

use nispor::{
    BondConf, BondInfo, BondPortConf, BridgeConf, BridgeInfo, BridgePortConf, BridgePortInfo,
    BridgeVlanEntry, Iface, IfaceFlag, IfaceType, VlanConf, VlanInfo, VrfConf, VxlanConf, VxlanInfo,
};

use crate::backend::kernel::net::{Kind, Link, Vlans};

/// A link as nispor reports it. Whether IPv6 is on is not part of that.
pub(in crate::backend::kernel) fn read(iface: &Iface) -> Link {
    let filtering =
        |vlans: &Option<Vec<BridgeVlanEntry>>| vlans.as_deref().map(vlan_list).unwrap_or_default();
    let vlans = match (&iface.bridge_port, &iface.bridge) {
        (Some(port), _) => filtering(&port.vlans),
        (None, Some(bridge)) => filtering(&bridge.vlans),
        (None, None) => Vec::new(),
    };
    Link {
        index: iface.index,
        kind: kind(iface),
        up: iface.flags.contains(&IfaceFlag::Up),
        mtu: u32::try_from(iface.mtu).unwrap_or_default(),
        mac: iface.mac_address.to_uppercase(),
        controller: iface.controller.clone(),
        bridge_port: iface.bridge_port.as_ref().map(bridge_port),
        bond_port: iface.bond_port.as_ref().map(|port| {
            let mut conf = BondPortConf::default();
            conf.prio = Some(port.prio);
            conf.queue_id = Some(port.queue_id);
            conf
        }),
        vlans,
        alt_names: iface.alt_names.iter().cloned().collect::<BTreeSet<_>>(),
        ipv6: None,
    }
}

fn kind(iface: &Iface) -> Kind {
    // A link below that is in another network namespace is known by a number that means nothing here.
    let here = iface.link_netnsid.is_none();
    match iface.iface_type {
        IfaceType::Loopback => Kind::Loopback,
        IfaceType::Ethernet => Kind::Ethernet,
        IfaceType::Dummy => Kind::Dummy,
        IfaceType::Veth => {
            let peer = iface.veth.as_ref().map(|veth| veth.peer.clone());
            Kind::Veth {
                peer: peer.filter(|peer| here && !peer.is_empty() && peer.parse::<u32>().is_err()),
            }
        }
        IfaceType::Bridge => Kind::Bridge(iface.bridge.as_ref().map(bridge).unwrap_or_default()),
        IfaceType::Bond => Kind::Bond(iface.bond.as_ref().map(bond).unwrap_or_default()),
        IfaceType::Vlan if here => Kind::Vlan(iface.vlan.as_ref().map(vlan).unwrap_or_default()),
        IfaceType::Vxlan if here => Kind::Vxlan(iface.vxlan.as_ref().map(vxlan).unwrap_or_default()),
        IfaceType::Vrf => {
            let mut conf = VrfConf::default();
            conf.table_id = iface.vrf.as_ref().map(|vrf| vrf.table_id);
            Kind::Vrf(conf)
        }
        ref other => Kind::Other {
            name: other.to_string(),
            base: base(iface).filter(|_| here),
        },
    }
}

/// The link below one of a kind we do not make.
fn base(iface: &Iface) -> Option<String> {
    let bases = [
        iface.mac_vlan.as_ref().map(|info| &info.base_iface),
        iface.mac_vtap.as_ref().map(|info| &info.base_iface),
        iface.macsec.as_ref().and_then(|info| info.base_iface.as_ref()),
        iface.ip_vlan.as_ref().map(|info| &info.base_iface),
    ];
    bases.into_iter().flatten().next().cloned()
}

fn vlan_list(entries: &[BridgeVlanEntry]) -> Vec<Vlans> {
    let range = |entry: &BridgeVlanEntry| entry.vid_range.or(entry.vid.map(|id| (id, id)));
    let mut list: Vec<Vlans> = entries
        .iter()
        .filter_map(|entry| {
            let (first, last) = range(entry)?;
            Some(Vlans {
                first,
                last,
                pvid: entry.is_pvid,
                untagged: entry.is_egress_untagged,
            })
        })
        .collect();
    list.sort_by_key(|vlans| vlans.first);
    list
}

fn bridge(info: &BridgeInfo) -> BridgeConf {
    let mut conf = BridgeConf::default();
    conf.ageing_time = info.ageing_time.filter(|_| info.topology_change != Some(true));
    conf.group_fwd_mask = info.group_fwd_mask;
    conf.group_address = info.group_addr.as_deref().and_then(octets);
    conf.forward_delay = info.forward_delay;
    conf.hello_time = info.hello_time;
    conf.max_age = info.max_age;
    conf.stp_state.clone_from(&info.stp_state);
    conf.priority = info.priority;
    conf.vlan_filtering = info.vlan_filtering;
    conf.vlan_protocol = info.vlan_protocol;
    conf.vlan_default_pvid = info.default_pvid;
    conf.mcast_snooping = info.multicast_snooping;
    conf.mcast_router = info.multicast_router;
    conf.mcast_query_use_ifaddr = info.multicast_query_use_ifaddr;
    conf.mcast_querier = info.multicast_querier;
    conf.mcast_hash_max = info.multicast_hash_max;
    conf.mcast_last_member_count = info.multicast_last_member_count;
    conf.mcast_startup_query_count = info.multicast_startup_query_count;
    conf.mcast_last_member_interval = info.multicast_last_member_interval;
    conf.mcast_membership_interval = info.multicast_membership_interval;
    conf.mcast_querier_interval = info.multicast_querier_interval;
    conf.mcast_query_interval = info.multicast_query_interval;
    conf.mcast_query_response_interval = info.multicast_query_response_interval;
    conf.mcast_startup_query_interval = info.multicast_startup_query_interval;
    conf.mcast_igmp_version = info.multicast_igmp_version;
    conf.mcast_mld_version = info.multicast_mld_version;
    conf.nf_call_iptables = info.nf_call_iptables;
    conf.nf_call_ip6tables = info.nf_call_ip6tables;
    conf.nf_call_arptables = info.nf_call_arptables;
    conf
}

fn octets(mac: &str) -> Option<[u8; 6]> {
    let octets: Vec<u8> = mac
        .split(':')
        .map(|part| u8::from_str_radix(part, 16))
        .collect::<Result<_, _>>()
        .ok()?;
    octets.try_into().ok()
}

fn bridge_port(info: &BridgePortInfo) -> BridgePortConf {
    let mut conf = BridgePortConf::default();
    conf.stp_priority = Some(info.stp_priority);
    conf.stp_path_cost = Some(info.stp_path_cost);
    conf.hairpin_mode = Some(info.hairpin_mode);
    conf.bpdu_guard = Some(info.bpdu_guard);
    conf.root_block = Some(info.root_block);
    conf.multicast_fast_leave = Some(info.multicast_fast_leave);
    conf.learning = Some(info.learning);
    conf.unicast_flood = Some(info.unicast_flood);
    conf.proxy_arp = Some(info.proxy_arp);
    conf.proxy_arp_wifi = Some(info.proxy_arp_wifi);
    conf.multicast_router = Some(info.multicast_router);
    conf.multicast_flood = Some(info.multicast_flood);
    conf.multicast_to_unicast = Some(info.multicast_to_unicast);
    conf.vlan_tunnel = Some(info.vlan_tunnel);
    conf.broadcast_flood = Some(info.broadcast_flood);
    conf.group_fwd_mask = Some(info.group_fwd_mask);
    conf.neigh_suppress = Some(info.neigh_suppress);
    conf.isolated = Some(info.isolated);
    conf.locked = info.locked;
    conf.mac_authentication_bypass = info.mac_authentication_bypass;
    conf.neigh_vlan_suppress = info.neigh_vlan_suppress;
    conf
}

fn bond(info: &BondInfo) -> BondConf {
    let mut conf = BondConf::default();
    let targets = info.arp_ip_target.as_deref().unwrap_or_default();
    let targets: Vec<_> = targets
        .split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    conf.mode = Some(info.mode);
    conf.miimon = info.miimon;
    conf.updelay = info.updelay;
    conf.downdelay = info.downdelay;
    conf.use_carrier = info.use_carrier;
    conf.arp_interval = info.arp_interval;
    conf.arp_ip_target = Some(targets).filter(|targets| !targets.is_empty());
    conf.arp_all_targets = info.arp_all_targets;
    conf.arp_validate = info.arp_validate;
    conf.primary.clone_from(&info.primary);
    conf.primary_reselect = info.primary_reselect;
    conf.fail_over_mac = info.fail_over_mac;
    conf.xmit_hash_policy = info.xmit_hash_policy;
    conf.resend_igmp = info.resend_igmp;
    conf.num_unsol_na = info.num_unsol_na.or(info.num_grat_arp);
    conf.all_ports_active = info.all_ports_active;
    conf.min_links = info.min_links;
    conf.lp_interval = info.lp_interval;
    conf.packets_per_port = info.packets_per_port;
    conf.lacp_rate = info.lacp_rate;
    conf.ad_select = info.ad_select;
    conf.ad_actor_sys_prio = info.ad_actor_sys_prio;
    conf.ad_user_port_key = info.ad_user_port_key;
    conf.ad_actor_system.clone_from(&info.ad_actor_system);
    conf.tlb_dynamic_lb = info.tlb_dynamic_lb;
    conf.peer_notif_delay = info.peer_notif_delay;
    conf.lacp_active = info.lacp_active;
    conf.arp_missed_max = info.arp_missed_max;
    conf.ns_ip6_target = info.ns_ip6_target.clone().filter(|targets| !targets.is_empty());
    conf
}

fn vlan(info: &VlanInfo) -> VlanConf {
    let mut conf = VlanConf::default();
    conf.vlan_id = Some(info.vlan_id);
    conf.base_iface = Some(info.base_iface.clone());
    conf.protocol = Some(info.protocol);
    conf.is_reorder_hdr = Some(info.is_reorder_hdr);
    conf.is_gvrp = Some(info.is_gvrp);
    conf.is_loose_binding = Some(info.is_loose_binding);
    conf.is_mvrp = Some(info.is_mvrp);
    conf.is_bridge_binding = Some(info.is_bridge_binding);
    conf.ingress_qos_map = Some(info.ingress_qos_map.clone());
    conf.egress_qos_map = Some(info.egress_qos_map.clone());
    conf
}

fn vxlan(info: &VxlanInfo) -> VxlanConf {
    let mut conf = VxlanConf::default();
    conf.vxlan_id = Some(info.vxlan_id);
    conf.base_iface = Some(info.base_iface.clone()).filter(|base| !base.is_empty());
    conf.remote = info.remote.parse().ok();
    conf.local = info.local.parse().ok();
    conf.dst_port = Some(info.dst_port);
    conf.learning = Some(info.learning);
    conf.ttl = Some(info.ttl);
    conf.tos = Some(info.tos);
    conf.ageing = Some(info.ageing);
    conf.max_address = Some(info.max_address).filter(|most| *most > 0);
    conf.src_port_min = Some(info.src_port_min).filter(|port| *port > 0);
    conf.src_port_max = Some(info.src_port_max).filter(|port| *port > 0);
    conf.proxy = Some(info.proxy);
    conf.rsc = Some(info.rsc);
    conf.l2miss = Some(info.l2miss);
    conf.l3miss = Some(info.l3miss);
    conf.udp_check_sum = Some(info.udp_check_sum);
    conf.udp6_zero_check_sum_tx = Some(info.udp6_zero_check_sum_tx);
    conf.udp6_zero_check_sum_rx = Some(info.udp6_zero_check_sum_rx);
    conf.remote_check_sum_tx = Some(info.remote_check_sum_tx);
    conf.remote_check_sum_rx = Some(info.remote_check_sum_rx);
    conf.gbp = Some(info.gbp);
    conf.remote_check_sum_no_partial = Some(info.remote_check_sum_no_partial);
    conf.collect_metadata = Some(info.collect_metadata);
    conf.gpe = Some(info.gpe);
    conf.ttl_inherit = Some(info.ttl_inherit);
    conf
}
