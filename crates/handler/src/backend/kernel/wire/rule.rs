use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::RouteHeader;
use rtnetlink::packet_route::rule::{RuleAttribute, RuleFlags, RuleHeader, RuleMessage};

use crate::backend::kernel::net::{Prefix, Rule};

/// `RTPROT_KERNEL`: rules the kernel keeps itself.
const BY_KERNEL: u8 = 2;
/// Action of rules that name a table.
const LOOK_UP: u8 = 1;

/// None for what the kernel keeps itself.
pub(in crate::backend::kernel) fn read(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let ipv6 = match header.family {
        AddressFamily::Inet => false,
        AddressFamily::Inet6 => true,
        _ => return None,
    };
    let mut rule = Rule {
        ipv6,
        priority: 0,
        action: header.action.into(),
        table: header.table.into(),
        from: None,
        to: None,
        input: None,
        mark: None,
        mask: None,
        suppress_length: None,
        protocol: 0,
        opaque: None,
    };
    let mut opaque = None;
    if header.tos != 0 {
        opaque = Some("a type of service");
    }
    if header.flags.contains(RuleFlags::Invert) {
        opaque = Some("a negation");
    }
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Source(address) => {
                rule.from = Some(Prefix {
                    address: *address,
                    length: header.src_len,
                });
            }
            RuleAttribute::Destination(address) => {
                rule.to = Some(Prefix {
                    address: *address,
                    length: header.dst_len,
                });
            }
            RuleAttribute::Iifname(name) => rule.input = Some(name.clone()),
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::FwMark(mark) => rule.mark = Some(*mark),
            RuleAttribute::FwMask(mask) => rule.mask = Some(*mask).filter(|mask| *mask != u32::MAX),
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::Protocol(by) => rule.protocol = (*by).into(),
            RuleAttribute::SuppressPrefixLen(length) => {
                rule.suppress_length = Some(*length).filter(|length| *length != u32::MAX);
            }
            RuleAttribute::SuppressIfGroup(group) if *group == u32::MAX => {}
            RuleAttribute::Oifname(_) => opaque = Some("an output interface"),
            RuleAttribute::SuppressIfGroup(_) => opaque = Some("an interface group"),
            RuleAttribute::Goto(_) => opaque = Some("a jump"),
            RuleAttribute::TunId(_) => opaque = Some("a tunnel"),
            RuleAttribute::L3MDev(true) => opaque = Some("VRF look-up"),
            RuleAttribute::UidRange(_) => opaque = Some("users"),
            RuleAttribute::IpProtocol(_)
            | RuleAttribute::SourcePortRange(_)
            | RuleAttribute::DestinationPortRange(_) => opaque = Some("ports"),
            _ => {}
        }
    }
    if rule.action != LOOK_UP {
        rule.table = 0;
    }
    rule.opaque = opaque.map(str::to_owned);
    (rule.protocol != BY_KERNEL).then_some(rule)
}

/// The message that adds it, or removes it.
pub(in crate::backend::kernel) fn write(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header = RuleHeader {
        family: if rule.ipv6 {
            AddressFamily::Inet6
        } else {
            AddressFamily::Inet
        },
        dst_len: rule.to.map_or(0, |to| to.length),
        src_len: rule.from.map_or(0, |from| from.length),
        tos: 0,
        table: u8::try_from(rule.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        action: rule.action.into(),
        flags: RuleFlags::empty(),
    };
    let attributes = &mut message.attributes;
    attributes.push(RuleAttribute::Priority(rule.priority));
    attributes.extend(rule.from.map(|from| RuleAttribute::Source(from.address)));
    attributes.extend(rule.to.map(|to| RuleAttribute::Destination(to.address)));
    attributes.extend(rule.input.clone().map(RuleAttribute::Iifname));
    attributes.extend(rule.mark.map(RuleAttribute::FwMark));
    attributes.extend(rule.mask.map(RuleAttribute::FwMask));
    attributes.extend(rule.suppress_length.map(RuleAttribute::SuppressPrefixLen));
    attributes.push(RuleAttribute::Protocol(rule.protocol.into()));
    if rule.action == LOOK_UP {
        attributes.push(RuleAttribute::Table(rule.table));
    }
    message
}
