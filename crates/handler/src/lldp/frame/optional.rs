//! The TLVs a frame may have. A malformed one is left out, the others count; of those that may come once, the first.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Neighbour;
use super::identifier::{Mac, text};
use super::wire::Cursor;

/// A VLAN announced by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlan {
    /// `1..=4094`.
    pub id: u16,
    /// Empty when the switch has none.
    pub name: String,
}

/// What TLV 127/00:12:0f/1 says about the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacPhy {
    /// Negotiation is supported or on. nmstate makes one value of the two bits.
    pub autonegotiation: bool,
    /// Advertised abilities, bits of `ifMauAutoNegAdvertisedCapability` (RFC 4836).
    pub advertised: u16,
    /// Number of the medium in `dot3MauType`.
    pub operational: u16,
}

/// One way to reach the management of the neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Management {
    /// The address.
    pub address: Address,
    /// How the interface is numbered: 1 unknown, 2 ifIndex, 3 system port number.
    pub numbering: u8,
    /// The interface there.
    pub interface: u32,
}

/// Families of management addresses nmstate can show; others are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// IANA family 1.
    V4(Ipv4Addr),
    /// IANA family 2.
    V6(Ipv6Addr),
    /// IANA family 6.
    Mac(Mac),
}

const IEEE_802_1: [u8; 3] = [0x00, 0x80, 0xc2];
const IEEE_802_3: [u8; 3] = [0x00, 0x12, 0x0f];

/// Longest value of the texts of 802.1AB, 8.5.6 and 8.5.7.
const LONGEST_TEXT: usize = 255;

/// Notes what the TLV says, or nothing.
pub(super) fn read(neighbour: &mut Neighbour, kind: u8, value: &[u8]) {
    match kind {
        5 => first(&mut neighbour.system_name, words(value)),
        6 => first(&mut neighbour.system_description, words(value)),
        7 => first(&mut neighbour.capabilities, capabilities(value)),
        8 => neighbour.management.extend(management(value)),
        127 => organisation(neighbour, value),
        _ => {}
    }
}

fn organisation(neighbour: &mut Neighbour, value: &[u8]) {
    let mut fields = Cursor::new(value);
    let (Some(owner), Some(subtype)) = (fields.array::<3>(), fields.u8()) else {
        return;
    };
    let value = fields.rest();
    match (owner, subtype) {
        (IEEE_802_1, 1) => first(&mut neighbour.pvid, Cursor::new(value).u16().and_then(vlan_id)),
        (IEEE_802_1, 2) => neighbour.ppvids.extend(ppvid(value)),
        (IEEE_802_1, 3) => neighbour.vlans.extend(vlan(value)),
        (IEEE_802_3, 1) => first(&mut neighbour.mac_phy, mac_phy(value)),
        (IEEE_802_3, 4) => first(&mut neighbour.max_frame_size, Cursor::new(value).u16()),
        _ => {}
    }
}

/// Duplicates are an error of the sender; the first one counts (802.1AB, 9.2.7.7.2).
fn first<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

fn words(value: &[u8]) -> Option<String> {
    (value.len() <= LONGEST_TEXT).then(|| text(value))
}

/// The enabled ones follow; nmstate shows what is there, enabled or not.
fn capabilities(value: &[u8]) -> Option<u16> {
    let mut fields = Cursor::new(value);
    let present = fields.u16()?;
    fields.u16().map(|_enabled| present)
}

fn management(value: &[u8]) -> Option<Management> {
    let mut fields = Cursor::new(value);
    let length = usize::from(fields.u8()?);
    let (&family, address) = fields.take(length)?.split_first()?;
    let address = match family {
        1 => Address::V4(<[u8; 4]>::try_from(address).ok()?.into()),
        2 => Address::V6(<[u8; 16]>::try_from(address).ok()?.into()),
        6 => Address::Mac(Mac::read(address)?),
        _ => return None,
    };
    Some(Management {
        address,
        numbering: fields.u8()?,
        interface: fields.u32()?,
    })
}

/// 0 says "none", 4095 is reserved, and more than twelve bits are no VLAN.
fn vlan_id(id: u16) -> Option<u16> {
    (1..=4094).contains(&id).then_some(id)
}

fn ppvid(value: &[u8]) -> Option<u16> {
    let mut fields = Cursor::new(value);
    let _flags = fields.u8()?;
    fields.u16().and_then(vlan_id)
}

fn vlan(value: &[u8]) -> Option<Vlan> {
    let mut fields = Cursor::new(value);
    let id = fields.u16().and_then(vlan_id)?;
    let length = usize::from(fields.u8()?);
    // 802.1Q, D.2.3.4: at most 32 bytes.
    let name = fields.take(length).filter(|name| name.len() <= 32)?;
    Some(Vlan { id, name: text(name) })
}

fn mac_phy(value: &[u8]) -> Option<MacPhy> {
    let mut fields = Cursor::new(value);
    Some(MacPhy {
        autonegotiation: fields.u8()? > 0,
        advertised: fields.u16()?,
        operational: fields.u16()?,
    })
}
