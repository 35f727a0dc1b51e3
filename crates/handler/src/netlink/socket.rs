//! A socket to the kernel's tables of links, addresses, routes and rules.

use std::io;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, AsyncSocketExt as _, SocketAddr, TokioSocket};

use super::message::{Message, dump_request, error_code, kind, messages};

/// What the kernel puts into one datagram at most.
const DATAGRAM: usize = 64 * 1024;

/// `NLM_F_DUMP_INTR`: the table changed while it was read.
const INTERRUPTED: u16 = 0x10;

/// The socket.
pub(super) struct RouteSocket {
    socket: TokioSocket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl RouteSocket {
    /// Opens one in the network namespace of this thread, and joins these groups.
    pub(super) fn open(groups: &[u32], receive_buffer: Option<u32>) -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let inner = socket.socket_mut();
        if let Some(size) = receive_buffer {
            inner.set_rx_buf_sz(size)?;
        }
        inner.bind_auto()?;
        for group in groups {
            inner.add_membership(*group)?;
        }
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(DATAGRAM),
            sequence: 0,
        })
    }

    /// Waits for the next datagram. May be cancelled.
    pub(super) async fn receive(&mut self) -> io::Result<&[u8]> {
        self.buffer.clear();
        self.socket.recv(&mut self.buffer).await?;
        Ok(&self.buffer)
    }

    /// Reads a whole table and shows every entry. Returns whether it stood still meanwhile.
    pub(super) async fn dump(
        &mut self,
        what: u16,
        body: &[u8],
        attributes: &[(u16, u32)],
        mut each: impl FnMut(&Message<'_>),
    ) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let request = dump_request(what, sequence, body, attributes);
        self.socket.send_to(&request, &SocketAddr::new(0, 0)).await?;
        let mut still = true;
        loop {
            let datagram = self.receive().await?;
            for message in messages(datagram).filter(|message| message.sequence == sequence) {
                still &= message.flags & INTERRUPTED == 0;
                match message.kind {
                    kind::DONE => return Ok(still),
                    kind::ERROR => match error_code(message.body) {
                        Some(code) if code != 0 => {
                            return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                        }
                        _ => return Ok(still),
                    },
                    _ => each(&message),
                }
            }
        }
    }
}
