//! One question to one server.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::message::{Question, Reply};
use crate::probe::target::NameServer;

/// Port of name servers.
const PORT: u16 = 53;

/// Time one server has. A resolver that must ask further answers the next attempt from its cache.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest answer without extensions, bytes (RFC 1035, 4.2.1).
const LONGEST: usize = 512;

/// Waits for the answer, two seconds at most.
///
/// # Errors
/// No answer in time, or one that says no.
pub(super) async fn ask(question: &Question, server: &NameServer) -> io::Result<()> {
    timeout(PATIENCE, exchange(question, server))
        .await
        .unwrap_or_else(|_| {
            let words = format!("no answer within {} s", PATIENCE.as_secs());
            Err(io::Error::other(words))
        })
}

async fn exchange(question: &Question, server: &NameServer) -> io::Result<()> {
    let local: IpAddr = match server.address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    // From now on the kernel drops what others send.
    socket.connect(address(server)?).await?;
    let [high, low, ..] = RandomState::new().hash_one(server.address).to_be_bytes();
    let id = u16::from_be_bytes([high, low]);
    socket.send(&question.message(id)).await?;
    let mut buffer = [0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match question.reply(id, buffer.get(..length).unwrap_or_default()) {
            Reply::Answered => return Ok(()),
            Reply::Refused(words) => return Err(io::Error::other(words)),
            Reply::Other => {}
        }
    }
}

fn address(server: &NameServer) -> io::Result<SocketAddr> {
    let scope = match &server.interface {
        Some(interface) => if_nametoindex(interface.as_str())?,
        None => 0,
    };
    Ok(match server.address {
        IpAddr::V4(address) => (address, PORT).into(),
        IpAddr::V6(address) => SocketAddrV6::new(address, PORT, 0, scope).into(),
    })
}
