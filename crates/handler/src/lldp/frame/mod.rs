//! One LLDP frame as a value (IEEE 802.1AB-2016, clauses 8 and 9.2.7.7).
//!
//! Pure, and it never panics: what comes here was sent by whoever is at the other end of the cable. Needs nothing but
//! std and `serde_json`, so the fuzz target compiles this folder by itself.

mod identifier;
mod json;
mod optional;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;

pub use identifier::{Identifier, Mac};
pub use optional::{Address, MacPhy, Management, Vlan};

/// Protocol number of LLDP in the Ethernet header.
pub const ETHERTYPE: u16 = 0x88cc;

/// Bytes of the header before the first TLV: two addresses and the protocol.
const HEADER: usize = 14;

/// The three groups LLDP is sent to: nearest bridge, nearest non-TPMR bridge, nearest customer bridge (802.1AB table 7-1).
pub const GROUPS: [Mac; 3] = [
    Mac([0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]),
    Mac([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]),
    Mac([0x01, 0x80, 0xc2, 0x00, 0x00, 0x00]),
];

/// What one frame says, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Source address of the Ethernet header: the sending port, not necessarily its chassis.
    pub source: Mac,
    /// Seconds for which it holds, `0..=65535`; 0 means the sender is going away.
    pub ttl: u16,
    /// The facts.
    pub neighbour: Neighbour,
}

/// The facts about one port at the other end, without how long they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Chassis ID, TLV 1. Together with the port it names the neighbour (802.1AB, 8.2).
    pub chassis: Identifier,
    /// Port ID, TLV 2.
    pub port: Identifier,
    /// System name, TLV 5.
    pub system_name: Option<String>,
    /// System description, TLV 6.
    pub system_description: Option<String>,
    /// What the system can do, TLV 7: bit 0 is "Other".
    pub capabilities: Option<u16>,
    /// Management addresses, TLV 8, in the order sent.
    pub management: Vec<Management>,
    /// VLAN of untagged frames, TLV 127/00:80:c2/1, `1..=4094`.
    pub pvid: Option<u16>,
    /// Port and protocol VLAN ids, TLV 127/00:80:c2/2, in the order sent.
    pub ppvids: Vec<u16>,
    /// VLAN names, TLV 127/00:80:c2/3, in the order sent. A name may be empty.
    pub vlans: Vec<Vlan>,
    /// Speed negotiation, TLV 127/00:12:0f/1.
    pub mac_phy: Option<MacPhy>,
    /// Largest frame, TLV 127/00:12:0f/4, bytes.
    pub max_frame_size: Option<u16>,
}

impl Neighbour {
    /// Who it is: a later frame with the same key replaces the facts of the earlier one.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            chassis: self.chassis.clone(),
            port: self.port.clone(),
        }
    }
}

/// What tells neighbours of one interface apart (802.1AB calls it the MSAP identifier).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    chassis: Identifier,
    port: Identifier,
}

/// Why a frame is thrown away as a whole. A bad optional TLV alone does not do that: it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No LLDP: another protocol, or shorter than an Ethernet header.
    NotLldp,
    /// A TLV says it is longer than what is left of the frame.
    Truncated,
    /// The first three TLVs are not chassis, port and time to live, each once and with a value.
    Mandatory,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLldp => "no LLDP frame",
            Self::Truncated => "a TLV of the LLDP frame ends after the frame",
            Self::Mandatory => "the LLDP frame does not begin with chassis, port and time to live",
        })
    }
}

impl std::error::Error for Refused {}

/// Reads a frame as an `AF_PACKET` socket of kind raw gives it, header included.
///
/// # Errors
/// When the whole frame must be thrown away (802.1AB, 9.2.7.7.1), see [`Refused`].
pub fn parse(bytes: &[u8]) -> Result<Frame, Refused> {
    let (header, body) = bytes.split_at_checked(HEADER).ok_or(Refused::NotLldp)?;
    if header.get(12..) != Some(ETHERTYPE.to_be_bytes().as_slice()) {
        return Err(Refused::NotLldp);
    }
    let source = header.get(6..12).and_then(Mac::read).ok_or(Refused::NotLldp)?;

    let mut tlvs = wire::Tlvs::new(body);
    let chassis = mandatory(&mut tlvs, 1)?;
    let port = mandatory(&mut tlvs, 2)?;
    let ttl = mandatory(&mut tlvs, 3)?;
    let mut neighbour = Neighbour {
        chassis: Identifier::chassis(chassis).ok_or(Refused::Mandatory)?,
        port: Identifier::port(port).ok_or(Refused::Mandatory)?,
        ..Neighbour::default()
    };
    let ttl = wire::Cursor::new(ttl).u16().ok_or(Refused::Mandatory)?;
    for tlv in tlvs {
        let (kind, value) = tlv?;
        if matches!(kind, 1..=3) {
            return Err(Refused::Mandatory);
        }
        optional::read(&mut neighbour, kind, value);
    }
    Ok(Frame {
        source,
        ttl,
        neighbour,
    })
}

fn mandatory<'a>(tlvs: &mut wire::Tlvs<'a>, wanted: u8) -> Result<&'a [u8], Refused> {
    match tlvs.next() {
        Some(Ok((kind, value))) if kind == wanted => Ok(value),
        Some(Err(refused)) => Err(refused),
        _ => Err(Refused::Mandatory),
    }
}
