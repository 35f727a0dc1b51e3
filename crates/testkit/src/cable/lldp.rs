//! A switch as LLDP shows it (IEEE 802.1AB): frames put together by hand, not by the code under test.

use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, bind};
use socket2::{Domain, Protocol, Socket, Type};

use crate::netns::Netns;

const ETHERTYPE: u16 = 0x88cc;

/// What one port of a switch says of itself.
#[derive(Clone, Debug)]
pub struct Announcement {
    destination: [u8; 6],
    source: [u8; 6],
    ttl: u16,
    tlvs: Vec<(u8, Vec<u8>)>,
}

impl Announcement {
    /// Port `port` (an interface name) of the switch with this address, good for 120 s, to the nearest bridge.
    #[must_use]
    pub fn new(switch: [u8; 6], port: &str) -> Self {
        Self {
            destination: [0x01, 0x80, 0xc2, 0, 0, 0x0e],
            source: switch,
            ttl: 120,
            tlvs: vec![
                (1, [&[4], &switch[..]].concat()),
                (2, [&[5], port.as_bytes()].concat()),
            ],
        }
    }

    /// The last byte of the group it is sent to: `0x0e`, `0x03` or `0x00`.
    #[must_use]
    pub fn group(mut self, last: u8) -> Self {
        let [.., place] = &mut self.destination;
        *place = last;
        self
    }

    /// Another source address than that of the switch.
    #[must_use]
    pub fn source(mut self, source: [u8; 6]) -> Self {
        self.source = source;
        self
    }

    /// Seconds it is good for; 0 says goodbye.
    #[must_use]
    pub fn ttl(mut self, seconds: u16) -> Self {
        self.ttl = seconds;
        self
    }

    /// The system name.
    #[must_use]
    pub fn system_name(self, name: &str) -> Self {
        self.tlv(5, name.as_bytes())
    }

    /// A VLAN with a name.
    #[must_use]
    pub fn vlan(self, id: u16, name: &str) -> Self {
        let length = u8::try_from(name.len()).expect("at most 32 bytes are a name");
        let id = id.to_be_bytes();
        self.tlv(
            127,
            &[&[0x00, 0x80, 0xc2, 3], &id[..], &[length], name.as_bytes()].concat(),
        )
    }

    /// The VLAN of untagged frames.
    #[must_use]
    pub fn pvid(self, id: u16) -> Self {
        self.tlv(127, &[&[0x00, 0x80, 0xc2, 1], &id.to_be_bytes()[..]].concat())
    }

    /// Any other TLV; `value` has at most 511 bytes.
    #[must_use]
    pub fn tlv(mut self, kind: u8, value: &[u8]) -> Self {
        self.tlvs.push((kind, value.to_vec()));
        self
    }

    /// The whole frame.
    ///
    /// # Panics
    /// When a value is longer than a TLV can be.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = [&self.destination[..], &self.source, &ETHERTYPE.to_be_bytes()].concat();
        let (mandatory, optional) = self.tlvs.split_at(2);
        let ttl = (3, self.ttl.to_be_bytes().to_vec());
        let end = (0, Vec::new());
        for (kind, value) in mandatory.iter().chain([&ttl]).chain(optional).chain([&end]) {
            let length = u16::try_from(value.len()).expect("nine bits");
            assert!(length < 512, "a TLV has at most 511 bytes");
            frame.extend((u16::from(*kind) << 9 | length).to_be_bytes());
            frame.extend(value);
        }
        frame.resize(frame.len().max(60), 0);
        frame
    }
}

/// Sends frames into one end of a cable.
#[derive(Debug)]
pub struct Switch {
    socket: Socket,
}

impl Switch {
    /// On `interface` in `namespace`, which must be up.
    ///
    /// # Errors
    /// Without root, or without the interface.
    pub fn on(namespace: &Netns, interface: &str) -> Result<Self> {
        let socket = namespace.run(|| {
            let link = getifaddrs()?
                .filter(|entry| entry.interface_name == interface)
                .find_map(|entry| entry.address?.as_link_addr().copied());
            let link: LinkAddr = link.with_context(|| format!("there is no interface {interface}"))?;
            let protocol = Protocol::from(i32::from(ETHERTYPE.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
            bind(socket.as_raw_fd(), &link)?;
            anyhow::Ok(socket)
        })??;
        Ok(Self { socket })
    }

    /// Says it once.
    ///
    /// # Errors
    /// When the interface is down.
    pub fn announce(&self, announcement: &Announcement) -> Result<()> {
        self.send(&announcement.frame())
    }

    /// Sends any frame.
    ///
    /// # Errors
    /// When the interface is down.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.socket.send(frame).context("cannot send a frame")?;
        Ok(())
    }

    /// The next frame LLDP carries to this end, within `patience`.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn receive(&self, patience: std::time::Duration) -> Result<Vec<u8>> {
        let mut buffer = vec![0; 2048];
        self.socket.set_read_timeout(Some(patience))?;
        let length = std::io::Read::read(&mut &self.socket, &mut buffer).context("no LLDP frame came")?;
        buffer.truncate(length);
        Ok(buffer)
    }
}
