//! Our own announcement, for switches that want to know who is there (`report.lldpTransmit`). Pure.

use std::time::Duration;

use super::frame::{ETHERTYPE, GROUPS, Mac};

/// Time between two announcements (802.1AB: `msgTxInterval`).
pub const INTERVAL: Duration = Duration::from_secs(30);

/// How long one holds, seconds: four intervals and one second (802.1AB: `msgTxHold`).
pub const TTL: u16 = 121;

/// The longest value of a TLV whose text we fill in, bytes (802.1AB, 8.5.3 and 8.5.6; a subtype comes before an id).
const LONGEST: usize = 255;

/// Smallest frame of Ethernet without its check sum, bytes.
const SHORTEST_FRAME: usize = 60;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Name of the node: the system name, and locally assigned chassis id, the same on every port.
    pub node: String,
}

impl Announcement {
    /// A whole frame for one interface: `source` is its address, `interface` becomes the port id. `ttl` seconds, 0 to
    /// say goodbye.
    #[must_use]
    pub fn frame(&self, source: Mac, interface: &str, ttl: u16) -> Vec<u8> {
        let mut frame = Vec::with_capacity(SHORTEST_FRAME);
        let [nearest_bridge, ..] = GROUPS;
        frame.extend(nearest_bridge.0);
        frame.extend(source.0);
        frame.extend(ETHERTYPE.to_be_bytes());
        push(&mut frame, 1, &[&[7], cut(&self.node, LONGEST)]);
        push(&mut frame, 2, &[&[5], cut(interface, LONGEST)]);
        push(&mut frame, 3, &[&ttl.to_be_bytes()]);
        if ttl > 0 {
            push(&mut frame, 5, &[cut(&self.node, LONGEST)]);
        }
        push(&mut frame, 0, &[]);
        frame.resize(frame.len().max(SHORTEST_FRAME), 0);
        frame
    }
}

/// At most `longest` bytes, and never half a character.
fn cut(text: &str, longest: usize) -> &[u8] {
    text.get(..text.floor_char_boundary(longest))
        .unwrap_or(text)
        .as_bytes()
}

fn push(frame: &mut Vec<u8>, kind: u16, value: &[&[u8]]) {
    let value = value.concat();
    // At most 256 bytes come here, nine bits hold 511.
    let length = u16::try_from(value.len()).unwrap_or(0x1ff) & 0x1ff;
    frame.extend((kind << 9 | length).to_be_bytes());
    frame.extend(value);
}
