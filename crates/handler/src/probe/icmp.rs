//! One echo request and its reply (RFC 792, RFC 4443), bound to an interface.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::ask::until_answered;
use crate::packet::in_tokio;

/// Longest reply we look at: IP header with all options, ICMP header and our payload fit several times.
const LONGEST: usize = 512;

const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// Asks `address`, over `interface` and no other, and waits for a second.
///
/// # Errors
/// No reply in time, or the request cannot be sent.
pub(super) async fn echo(address: IpAddr, interface: &str) -> io::Result<()> {
    let (socket, raw) = open(address, interface)?;
    let token = RandomState::new().hash_one(address).to_be_bytes();
    let (socket, request) = (in_tokio(socket)?, request(address, token));
    until_answered(
        async || socket.send(&request).await.map(drop),
        reply(&socket, address, raw, token),
    )
    .await
}

/// Connected to `address`, so that nobody else is heard. True when a raw one, which gives the IPv4 header, too.
fn open(address: IpAddr, interface: &str) -> io::Result<(Socket, bool)> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let make = |kind: Type| Socket::new(domain, kind.cloexec(), Some(protocol));
    // Ping sockets need no capability, but a group the sysctl net.ipv4.ping_group_range names; mostly it names none.
    let (socket, raw) = match make(Type::RAW) {
        Ok(socket) => (socket, true),
        Err(_) => (make(Type::DGRAM)?, false),
    };
    socket.bind_device(Some(interface.as_bytes()))?;
    let scope = if_nametoindex(interface)?;
    let peer = match address {
        IpAddr::V4(address) => SocketAddr::from((address, 0)),
        IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, scope).into(),
    };
    socket.connect(&peer.into())?;
    Ok((socket, raw))
}

async fn reply(socket: &UdpSocket, address: IpAddr, raw: bool, token: [u8; 8]) -> io::Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let message = buffer.get(..length).unwrap_or_default();
        if is_reply(message, address, raw, token) {
            return Ok(());
        }
    }
}

/// Type, code, check sum, identifier, sequence number, token. The kernel fills in the check sum of ICMPv6, and the
/// identifier of ping sockets; replies are told apart by the token.
fn request(address: IpAddr, token: [u8; 8]) -> Vec<u8> {
    let kind = match address {
        IpAddr::V4(_) => ECHO_REQUEST_V4,
        IpAddr::V6(_) => ECHO_REQUEST_V6,
    };
    let [high, low, ..] = token;
    let mut message = vec![kind, 0, 0, 0, high, low, 0, 1];
    message.extend(token);
    if address.is_ipv4() {
        let sum = checksum(&message).to_be_bytes();
        message.splice(2..4, sum);
    }
    message
}

fn is_reply(packet: &[u8], address: IpAddr, raw: bool, token: [u8; 8]) -> bool {
    let (kind, message) = match address {
        IpAddr::V4(_) if raw => (ECHO_REPLY_V4, payload(packet)),
        IpAddr::V4(_) => (ECHO_REPLY_V4, packet),
        IpAddr::V6(_) => (ECHO_REPLY_V6, packet),
    };
    message.first() == Some(&kind) && message.get(8..16) == Some(&token)
}

/// What follows an IPv4 header.
fn payload(packet: &[u8]) -> &[u8] {
    let words = packet.first().map_or(0, |first| usize::from(first & 0x0f));
    packet.get(words * 4..).unwrap_or_default()
}

/// The Internet check sum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks::<2>().0.iter();
    !words.fold(0_u16, |sum, word| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes(*word));
        sum + u16::from(carry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn a_request_carries_its_check_sum_in_ipv4_alone() {
        let v4 = request("192.0.2.1".parse().unwrap(), TOKEN);
        assert_eq!(checksum(&v4), 0, "with its own sum in it, the sum is zero");
        let v6 = request("2001:db8::1".parse().unwrap(), TOKEN);
        assert_eq!(v6[..4], [128, 0, 0, 0]);
        assert_eq!(v6[8..], TOKEN);
    }

    #[test]
    fn only_a_reply_with_our_token_counts() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let reply = [&[0, 0, 0, 0, 9, 9, 0, 1][..], &TOKEN].concat();
        let header = [&[0x46][..], &[0; 23]].concat();
        let packet = [header, reply.clone()].concat();
        assert!(is_reply(&packet, v4, true, TOKEN), "an IPv4 header with options");
        assert!(is_reply(&reply, v4, false, TOKEN));
        assert!(
            !is_reply(&packet, v4, true, [0; 8]),
            "the reply to another program"
        );
        assert!(!is_reply(&packet[..30], v4, true, TOKEN));
        assert!(!is_reply(&[], v4, true, TOKEN));
        let own_request = [&[8, 0, 0, 0, 9, 9, 0, 1][..], &TOKEN].concat();
        assert!(
            !is_reply(&own_request, v4, false, TOKEN),
            "our own request over loopback"
        );
    }
}
