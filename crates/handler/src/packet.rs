//! Whole Ethernet frames of one protocol on one interface (`AF_PACKET`, packet(7)).

use std::io::{self, Read as _};
use std::net::UdpSocket as StdUdpSocket;
use std::os::fd::AsRawFd as _;

use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::sockopt::SetStruct;
use nix::sys::socket::{LinkAddr, SetSockOpt as _, bind};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::UdpSocket;

use crate::lldp::frame::Mac;

/// `ARPHRD_ETHER` of if_arp.h: links whose addresses and headers are Ethernet's.
const ETHERNET: u16 = 1;

/// `PACKET_MR_MULTICAST` in the width the structure has.
const MULTICAST: u16 = 0;

/// Longest frame we take, bytes: what a jumbo frame may carry, and its header.
pub(crate) const LONGEST_FRAME: usize = 9216 + 14;

/// Joins a group of Ethernet addresses for as long as the socket lives.
#[derive(Clone, Copy)]
struct AddMembership;

// rustix and socket2 have no call for this option; nix leaves options it does not know to this macro, which holds the
// system call. The kernel reads exactly one `packet_mreq`.
nix::setsockopt_impl!(
    AddMembership,
    libc::SOL_PACKET,
    libc::PACKET_ADD_MEMBERSHIP,
    libc::packet_mreq,
    SetStruct<'_, libc::packet_mreq>
);

/// An interface as the kernel describes it.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// `None` for links that are not Ethernet.
    pub(crate) mac: Option<Mac>,
    /// Up and with carrier.
    pub(crate) running: bool,
    /// For binding: the kernel made it, so it is right.
    address: LinkAddr,
}

/// All interfaces of this network namespace. Cost: one dump of all links and addresses.
pub(crate) fn interfaces() -> io::Result<Vec<Interface>> {
    let entries = getifaddrs()?;
    Ok(entries
        .filter_map(|entry| {
            let address = *entry.address?.as_link_addr()?;
            let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
            Some(Interface {
                index: u32::try_from(address.ifindex()).ok()?,
                mac: address
                    .addr()
                    .filter(|_| address.hatype() == ETHERNET && address.halen() == 6)
                    .map(Mac),
                running: entry.flags.contains(up),
                name: entry.interface_name,
                address,
            })
        })
        .collect())
}

/// The interface of that name.
///
/// # Errors
/// When there is none, or the kernel does not list its interfaces.
pub(crate) fn interface(name: &str) -> io::Result<Interface> {
    interfaces()?
        .into_iter()
        .find(|interface| interface.name == name)
        .ok_or_else(|| {
            let words = format!("interface {name} does not exist");
            io::Error::new(io::ErrorKind::NotFound, words)
        })
}

/// One instruction of a filter of the kernel (classic BPF): code, jump if true, jump if false, operand.
pub(crate) type Instruction = (u16, u8, u8, u32);

/// Instruction codes of linux/bpf_common.h, as far as filters here use them.
pub(crate) mod code {
    /// Load the word at a fixed offset.
    pub(crate) const LOAD_WORD: u16 = 0x20;
    /// Load the half word at a fixed offset.
    pub(crate) const LOAD_HALF: u16 = 0x28;
    /// Compare with the operand.
    pub(crate) const JUMP_EQUAL: u16 = 0x15;
    /// Keep that many bytes of the frame, 0 for none of it.
    pub(crate) const RETURN: u16 = 0x06;

    /// Operand of [`RETURN`]: more bytes than any frame has.
    pub(crate) const WHOLE: u32 = 0x4_0000;
}

/// Hands a datagram socket of any family to tokio.
///
/// As a `UdpSocket`, whose `send` and `recv` are the plain system calls: tokio's own type for foreign descriptors,
/// `AsyncFd`, can only be made in `unsafe` code.
pub(crate) fn in_tokio(socket: Socket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(StdUdpSocket::from(socket))
}

/// A socket that receives what its filter lets through and sends whole frames. For use inside a tokio runtime.
#[derive(Debug)]
pub(crate) struct PacketSocket(UdpSocket);

impl PacketSocket {
    /// Opens one for frames of `protocol` on `interface`, and joins `groups` there.
    ///
    /// # Errors
    /// Without `CAP_NET_RAW`, or when the interface has gone.
    pub(crate) fn open(
        interface: &Interface,
        protocol: u16,
        filter: &[Instruction],
        groups: &[Mac],
    ) -> io::Result<Self> {
        let number = Protocol::from(i32::from(protocol.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW.cloexec(), Some(number))?;
        let filter: Vec<SockFilter> = filter
            .iter()
            .map(|&(code, yes, no, operand)| SockFilter::new(code, yes, no, operand))
            .collect();
        socket.attach_filter(&filter)?;
        // The address names no protocol; the socket keeps the one it was made with.
        bind(socket.as_raw_fd(), &interface.address)?;
        for group in groups {
            AddMembership.set(&socket, &membership(interface, *group))?;
        }
        forget(&socket)?;
        in_tokio(socket).map(Self)
    }

    /// The next frame, header included; what does not fit into `buffer` is cut off. Cancel safe.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface was set down or has gone.
    pub(crate) async fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let length = self.0.recv(buffer).await?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Sends a whole frame, header included.
    ///
    /// # Errors
    /// When the interface is down or its queue is full.
    pub(crate) async fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).await.map(drop)
    }
}

/// Drops what has come already: between its creation and the bind a socket hears all interfaces. Where a frame came from
/// does not tell them apart, because one of a bond or a VLAN names another interface than the one that was bound.
fn forget(mut socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    while socket.read(&mut [0]).is_ok() {}
    Ok(())
}

fn membership(interface: &Interface, group: Mac) -> libc::packet_mreq {
    let mut address = [0; 8];
    for (place, byte) in address.iter_mut().zip(group.0) {
        *place = byte;
    }
    libc::packet_mreq {
        mr_ifindex: interface.index.cast_signed(),
        mr_type: MULTICAST,
        mr_alen: 6,
        mr_address: address,
    }
}
