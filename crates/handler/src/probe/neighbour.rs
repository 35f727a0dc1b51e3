//! Does an address belong to a machine on the link: ARP (RFC 826) and neighbour discovery (RFC 4861).
//!
//! Asked afresh, not read from the kernel's table, which also holds what was true minutes ago.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::ask::until_answered;
use crate::lldp::frame::Mac;
use crate::packet::{self, Instruction, Interface, PacketSocket, code};

const ARP: u16 = 0x0806;
const BROADCAST: Mac = Mac([0xff; 6]);
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// Messages of neighbour discovery are good only if no router forwarded them (RFC 4861, 7.1).
const MOST_HOPS: u32 = 255;

/// Longest message we look at, bytes.
const LONGEST: usize = 512;

/// ARP replies and nothing else: their operation is 2.
const REPLIES: [Instruction; 6] = [
    (code::LOAD_HALF, 0, 0, 12),
    (code::JUMP_EQUAL, 0, 2, ARP as u32),
    (code::LOAD_HALF, 0, 0, 20),
    (code::JUMP_EQUAL, 1, 0, 2),
    (code::RETURN, 0, 0, 0),
    (code::RETURN, 0, 0, code::WHOLE),
];

/// Asks who has `address` on `interface`.
///
/// # Errors
/// Nobody says so in time, or it cannot be asked there.
pub(super) async fn arp(address: Ipv4Addr, interface: &str) -> io::Result<()> {
    let interface = packet::interface(interface)?;
    let mac = ethernet(&interface)?;
    let socket = PacketSocket::open(&interface, ARP, &REPLIES, &[])?;
    let question = request(mac, source(address, &interface.name), address);
    let answer = async {
        let mut buffer = [0; LONGEST];
        loop {
            if sender(socket.receive(&mut buffer).await?) == Some(address) {
                return Ok(());
            }
        }
    };
    until_answered(async || socket.send(&question).await, answer).await
}

fn ethernet(interface: &Interface) -> io::Result<Mac> {
    interface
        .mac
        .ok_or_else(|| io::Error::other(format!("{} is no Ethernet interface", interface.name)))
}

/// The address from which this host would talk to `address`; without one the question is that of RFC 5227, which is
/// answered as well.
fn source(address: Ipv4Addr, interface: &str) -> Ipv4Addr {
    let ask = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM.cloexec(), None)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        // Nothing is sent by that.
        socket.connect(&SocketAddr::from((address, 9)).into())?;
        io::Result::Ok(socket.local_addr()?.as_socket_ipv4())
    };
    match ask() {
        Ok(Some(own)) => *own.ip(),
        _ => Ipv4Addr::UNSPECIFIED,
    }
}

fn request(mac: Mac, source: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(60);
    frame.extend(BROADCAST.0);
    frame.extend(mac.0);
    frame.extend(ARP.to_be_bytes());
    // Ethernet, IPv4, lengths of their addresses, operation "request".
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac.0);
    frame.extend(source.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame.resize(60, 0);
    frame
}

/// Whose addresses a reply tells.
fn sender(frame: &[u8]) -> Option<Ipv4Addr> {
    let address: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    Some(address.into())
}

/// Asks who has `address` on `interface`, IPv6.
///
/// # Errors
/// Nobody says so in time, or it cannot be asked there.
pub(super) async fn solicit(address: Ipv6Addr, interface: &str) -> io::Result<()> {
    let interface = packet::interface(interface)?;
    let mac = ethernet(&interface)?;
    let socket = Socket::new(Domain::IPV6, Type::RAW.cloexec(), Some(Protocol::ICMPV6))?;
    socket.bind_device(Some(interface.name.as_bytes()))?;
    socket.set_multicast_if_v6(interface.index)?;
    socket.set_multicast_hops_v6(MOST_HOPS)?;
    let socket = packet::in_tokio(socket)?;
    let group = SocketAddrV6::new(solicited_node(address), 0, 0, interface.index);
    let question = solicitation(mac, address);
    until_answered(
        async || socket.send_to(&question, group).await.map(drop),
        advertisement(&socket, address),
    )
    .await
}

/// `ff02::1:ffXX:XXXX` with the last three bytes of the address (RFC 4291, 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits();
    Ipv6Addr::from_bits(group | (address.to_bits() & 0x00ff_ffff))
}

/// The kernel fills in the check sum.
fn solicitation(mac: Mac, target: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    // Option "source link-layer address", one unit of eight bytes.
    message.extend([1, 1]);
    message.extend(mac.0);
    message
}

async fn advertisement(socket: &UdpSocket, address: Ipv6Addr) -> io::Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if advertised(buffer.get(..length).unwrap_or_default()) == Some(address) {
            return Ok(());
        }
    }
}

/// The address an advertisement speaks for.
fn advertised(message: &[u8]) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    (message.first() == Some(&ADVERTISEMENT)).then(|| octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_an_address_has_its_last_three_bytes() {
        let address = "2001:db8::abcd:12:3456".parse().unwrap();
        assert_eq!(solicited_node(address).to_string(), "ff02::1:ff12:3456");
    }

    #[test]
    fn a_request_asks_for_the_target_in_our_name() {
        let (own, target) = (Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 1));
        let frame = request(Mac([2; 6]), own, target);
        assert_eq!(frame.len(), 60);
        assert_eq!(sender(&frame), Some(own));
        assert_eq!(frame[38..42], target.octets());
    }

    #[test]
    fn short_or_foreign_messages_are_nobodys() {
        assert_eq!(sender(&[0; 31]), None);
        assert_eq!(advertised(&[ADVERTISEMENT; 23]), None);
        assert_eq!(advertised(&[SOLICITATION; 24]), None);
    }
}
