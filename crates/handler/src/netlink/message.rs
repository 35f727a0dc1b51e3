//! Messages and attributes of rtnetlink(7), as far as we read them. Nothing here trusts a length.

/// Size of `struct nlmsghdr`.
const HEADER: usize = 16;

/// Size of the header of an attribute.
const ATTRIBUTE: usize = 4;

/// The bits of an attribute's type that are not its number: nested, network byte order.
const TYPE_BITS: u16 = 0x3fff;

/// Types of messages, of `linux/rtnetlink.h` and `linux/netlink.h`.
pub(super) mod kind {
    pub(in super::super) const ERROR: u16 = 2;
    pub(in super::super) const DONE: u16 = 3;
    pub(in super::super) const NEW_LINK: u16 = 16;
    pub(in super::super) const DEL_LINK: u16 = 17;
    pub(in super::super) const GET_LINK: u16 = 18;
    pub(in super::super) const NEW_ADDRESS: u16 = 20;
    pub(in super::super) const DEL_ADDRESS: u16 = 21;
    pub(in super::super) const GET_ADDRESS: u16 = 22;
    pub(in super::super) const NEW_ROUTE: u16 = 24;
    pub(in super::super) const DEL_ROUTE: u16 = 25;
    pub(in super::super) const GET_ROUTE: u16 = 26;
    pub(in super::super) const NEW_RULE: u16 = 32;
    pub(in super::super) const DEL_RULE: u16 = 33;
    pub(in super::super) const GET_RULE: u16 = 34;
}

/// Who made a route, of `linux/rtnetlink.h`: boot, static, router advertisement, DHCP, mrouted, keepalived, babel.
/// nmstate reports these alone; the tables of routing daemons are neither read nor a reason to wake.
const PROTOCOLS: [u8; 7] = [3, 4, 9, 16, 17, 18, 42];

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

impl Message<'_> {
    /// Whether it is about a route that nmstate does not report.
    pub(super) fn is_foreign_route(&self) -> bool {
        matches!(self.kind, kind::NEW_ROUTE | kind::DEL_ROUTE)
            // `rtm_protocol` of `struct rtmsg`.
            && self.body.get(5).is_none_or(|protocol| !PROTOCOLS.contains(protocol))
    }
}

/// The messages of one datagram, up to the first that is cut.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(datagram, 0)?).ok()?;
        let message = datagram.get(..length).filter(|_| length >= HEADER)?;
        datagram = datagram.get(aligned(length)..).unwrap_or_default();
        Some(Message {
            kind: u16_at(message, 4)?,
            flags: u16_at(message, 6)?,
            sequence: u32_at(message, 8)?,
            body: message.get(HEADER..)?,
        })
    })
}

/// Number and value of the attributes in a list, up to the first that is cut.
pub(super) fn attributes(mut list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(list, 0)?);
        let number = u16_at(list, 2)? & TYPE_BITS;
        let value = list.get(ATTRIBUTE..length)?;
        list = list.get(aligned(length)..).unwrap_or_default();
        Some((number, value))
    })
}

/// A request for a dump: header, body, and attributes of four bytes each.
pub(super) fn dump_request(kind: u16, sequence: u32, body: &[u8], attributes: &[(u16, u32)]) -> Vec<u8> {
    /// `NLM_F_REQUEST | NLM_F_DUMP`.
    const FLAGS: u16 = 0x301;
    let mut tail = body.to_vec();
    for (number, value) in attributes {
        tail.extend_from_slice(&8_u16.to_ne_bytes());
        tail.extend_from_slice(&number.to_ne_bytes());
        tail.extend_from_slice(&value.to_ne_bytes());
    }
    let length = u32::try_from(HEADER + tail.len()).expect("a request has less than a hundred bytes");
    let mut request = Vec::with_capacity(HEADER + tail.len());
    request.extend_from_slice(&length.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&FLAGS.to_ne_bytes());
    request.extend_from_slice(&sequence.to_ne_bytes());
    // Port 0: the kernel.
    request.extend_from_slice(&0_u32.to_ne_bytes());
    request.extend_from_slice(&tail);
    request
}

/// The number in an [`kind::ERROR`]: 0 or a negated errno.
pub(super) fn error_code(body: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(body.get(..4)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(
        bytes.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

/// Everything in netlink starts at a multiple of four.
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut datagram = dump_request(kind::GET_LINK, 7, &[0; 16], &[(29, 8)]);
        datagram.extend(dump_request(kind::GET_RULE, 8, &[0; 12], &[]));
        let read: Vec<Message<'_>> = messages(&datagram).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].kind, read[0].sequence), (kind::GET_LINK, 7));
        let attributes: Vec<_> = attributes(&read[0].body[16..]).collect();
        assert_eq!(attributes, [(29, 8_u32.to_ne_bytes().as_slice())]);
        assert_eq!((read[1].kind, read[1].body.len()), (kind::GET_RULE, 12));
    }

    #[test]
    fn no_length_is_trusted() {
        let whole = dump_request(kind::GET_LINK, 7, &[0; 16], &[(29, 8)]);
        for cut in 0..whole.len() {
            assert_eq!(messages(&whole[..cut]).count(), 0, "{cut}");
        }
        for length in [0_u32, 1, 15, 4096, u32::MAX] {
            let mut lying = whole.clone();
            lying[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&lying).count(), 0, "{length}");
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut lying = vec![0; 8];
            lying[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&lying).count(), 0, "{length}");
        }
    }

    #[test]
    fn routes_of_daemons_do_not_count() {
        let route = |protocol| {
            let body = [2, 24, 0, 0, 254, protocol, 0, 1, 0, 0, 0, 0];
            Message {
                kind: kind::NEW_ROUTE,
                flags: 0,
                sequence: 0,
                body: &body,
            }
            .is_foreign_route()
        };
        assert!(route(186), "bgp");
        assert!(route(2), "kernel");
        assert!(!route(4), "static");
        assert!(!route(16), "dhcp");
    }
}
