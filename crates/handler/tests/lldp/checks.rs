//! What must hold for any bytes whatever that come as a frame: run by proptest on stable (`fuzzed.rs`) and by cargo-fuzz
//! (`fuzz/`). Panics when something does not hold.

use serde_json::Value;

use super::frame::{Frame, parse};

/// Refused exactly when a naive reader refuses it; what is understood makes sense and has nmstate's form.
pub(crate) fn lldp_frame(bytes: &[u8]) {
    let naive = naive(bytes);
    match parse(bytes) {
        Ok(frame) => {
            let (source, ttl, name) = naive.expect("accepted, so the naive reader must, too");
            assert_eq!((frame.source.0, frame.ttl), (source, ttl));
            assert_eq!(frame.neighbour.system_name.is_some(), name, "{frame:?}");
            sensible(&frame);
        }
        Err(refused) => {
            assert_eq!(naive, None, "{refused}");
            assert!(!refused.to_string().is_empty());
        }
    }
}

fn sensible(frame: &Frame) {
    let neighbour = &frame.neighbour;
    let vlans = neighbour.vlans.iter().map(|vlan| vlan.id);
    let ids = vlans
        .chain(neighbour.ppvids.iter().copied())
        .chain(neighbour.pvid);
    for id in ids {
        assert!((1..=4094).contains(&id), "{id} is no VLAN");
    }
    let form = neighbour.to_json();
    let tlvs = form.as_array().expect("a neighbour is a list of TLVs");
    let kinds: Vec<u64> = tlvs.iter().filter_map(|tlv| tlv["type"].as_u64()).collect();
    assert_eq!(kinds.len(), tlvs.len(), "every TLV has a type: {form}");
    for kind in [1, 2] {
        let count = kinds.iter().filter(|other| **other == kind).count();
        assert_eq!(count, 1, "one TLV of type {kind}: {form}");
    }
    harmless(&form);
}

/// No text in it does anything to a terminal.
fn harmless(value: &Value) {
    match value {
        Value::String(text) => {
            let bad = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
            assert_eq!(bad, None, "{text:?}");
        }
        Value::Array(values) => values.iter().for_each(harmless),
        Value::Object(object) => object.values().for_each(harmless),
        _ => {}
    }
}

/// Source, time to live, and whether there is a system name; `None` when the frame must be refused.
fn naive(bytes: &[u8]) -> Option<([u8; 6], u16, bool)> {
    if bytes.len() < 14 || bytes[12] != 0x88 || bytes[13] != 0xcc {
        return None;
    }
    let mut tlvs = Vec::new();
    let mut at = 14;
    while at + 1 < bytes.len() {
        let kind = bytes[at] / 2;
        let length = usize::from(bytes[at] % 2) * 256 + usize::from(bytes[at + 1]);
        if kind == 0 {
            break;
        }
        at += 2;
        tlvs.push((kind, bytes.get(at..at + length)?));
        at += length;
    }
    let order: Vec<u8> = tlvs.iter().map(|(kind, _)| *kind).collect();
    let mandatory = order.iter().filter(|kind| **kind <= 3).count();
    if !order.starts_with(&[1, 2, 3]) || mandatory != 3 {
        return None;
    }
    if tlvs[..2].iter().any(|(_, id)| id.len() < 2 || id.len() > 256) || tlvs[2].1.len() < 2 {
        return None;
    }
    let ttl = u16::from(tlvs[2].1[0]) * 256 + u16::from(tlvs[2].1[1]);
    let name = tlvs.iter().any(|(kind, value)| *kind == 5 && value.len() <= 255);
    Some((bytes[6..12].try_into().ok()?, ttl, name))
}
