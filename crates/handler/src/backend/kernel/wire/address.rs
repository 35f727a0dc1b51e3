use std::net::IpAddr;

use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, CacheInfo,
};

use super::Names;
use crate::backend::kernel::net::Address;

/// `IFA_F_TEMPORARY`, for IPv6: a privacy address, which the kernel makes from another one.
const TEMPORARY: u32 = 0x01;
/// nodad, home address, manage temporary ones, no prefix route, join multicast groups: what people set.
const BY_PEOPLE: u32 = 0x02 | 0x10 | 0x100 | 0x200 | 0x400;
/// No end of life.
const FOREVER: u32 = u32::MAX;

/// None for what is no address of ours to keep: of an unknown link, or made by the kernel from another one.
pub(in crate::backend::kernel) fn read(message: &AddressMessage, names: &Names) -> Option<Address> {
    let link = names.name(message.header.index)?;
    let (mut address, mut local) = (None, None);
    let mut found = Address::new(link, IpAddr::from([0, 0, 0, 0]), message.header.prefix_len);
    found.scope = message.header.scope.into();
    let mut flags = u32::from(message.header.flags.bits());
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Label(label) => found.label = Some(label.clone()).filter(|label| label != link),
            AddressAttribute::Broadcast(ip) => found.broadcast = Some(*ip),
            AddressAttribute::Flags(all) => flags = all.bits(),
            AddressAttribute::RoutePriority(metric) => {
                found.metric = Some(*metric).filter(|metric| *metric > 0);
            }
            AddressAttribute::Protocol(by) => found.protocol = Some((*by).into()).filter(|by| *by > 0),
            AddressAttribute::CacheInfo(life) => {
                found.valid = Some(life.ifa_valid).filter(|seconds| *seconds != FOREVER);
                found.preferred = Some(life.ifa_preferred).filter(|seconds| *seconds != FOREVER);
            }
            _ => {}
        }
    }
    found.address = local.or(address)?;
    found.peer = address.filter(|peer| *peer != found.address);
    found.flags = flags & BY_PEOPLE;
    let temporary = found.address.is_ipv6() && flags & TEMPORARY != 0;
    (!temporary).then_some(found)
}

/// The message that adds it, or removes it.
pub(in crate::backend::kernel) fn write(address: &Address, names: &Names) -> Result<AddressMessage, String> {
    let mut message = AddressMessage::default();
    message.header.index = names.number(&address.link)?;
    message.header.prefix_len = address.length;
    message.header.family = match address.address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.scope = address.scope.into();
    message.header.flags = AddressHeaderFlags::from_bits_retain((address.flags & 0xff) as u8);
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Local(address.address));
    attributes.push(AddressAttribute::Address(address.peer.unwrap_or(address.address)));
    if let Some(ip) = address.broadcast {
        attributes.push(AddressAttribute::Broadcast(ip));
    }
    if let Some(label) = &address.label {
        attributes.push(AddressAttribute::Label(label.clone()));
    }
    if address.flags != 0 {
        attributes.push(AddressAttribute::Flags(AddressFlags::from_bits_retain(
            address.flags,
        )));
    }
    if let Some(metric) = address.metric {
        attributes.push(AddressAttribute::RoutePriority(metric));
    }
    if let Some(by) = address.protocol {
        attributes.push(AddressAttribute::Protocol(by.into()));
    }
    if address.valid.is_some() || address.preferred.is_some() {
        let mut life = CacheInfo::default();
        life.ifa_valid = address.valid.unwrap_or(FOREVER);
        life.ifa_preferred = address.preferred.unwrap_or(life.ifa_valid);
        attributes.push(AddressAttribute::CacheInfo(life));
    }
    Ok(message)
}
