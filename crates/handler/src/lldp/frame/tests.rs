//! Frames are put together TLV by TLV, as 802.1AB and 802.1Q, annex D, describe them.

use serde_json::json;

use super::*;

const SOURCE: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];

/// A TLV of up to 511 bytes.
fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    let head = kind << 9 | u16::try_from(value.len()).unwrap();
    [&head.to_be_bytes()[..], value].concat()
}

fn chassis() -> Vec<u8> {
    tlv(1, &[4, 0x00, 0x1b, 0x21, 0xab, 0xcd, 0xef])
}

fn port() -> Vec<u8> {
    tlv(2, b"\x05swp7")
}

fn ttl(seconds: u16) -> Vec<u8> {
    tlv(3, &seconds.to_be_bytes())
}

fn frame(tlvs: &[Vec<u8>]) -> Vec<u8> {
    let header = [&GROUPS[0].0[..], &SOURCE, &ETHERTYPE.to_be_bytes()].concat();
    [header, tlvs.concat()].concat()
}

/// A frame with these optional TLVs and the end.
fn with(optional: &[Vec<u8>]) -> Neighbour {
    let tlvs = [&[chassis(), port(), ttl(120)], optional, &[tlv(0, &[])]].concat();
    parse(&frame(&tlvs)).expect("the frame is right").neighbour
}

#[test]
fn the_whole_of_what_nmstate_knows_has_nmstates_form() {
    let neighbour = with(&[
        tlv(4, b"a port description, which nmstate does not show"),
        tlv(5, b"sw1.example.com"),
        tlv(6, b"Switch OS\r\nversion 7\0"),
        tlv(7, &[0x00, 0x14, 0x00, 0x04]),
        tlv(8, &[5, 1, 192, 0, 2, 9, 2, 0, 0, 0, 17, 0]),
        tlv(8, &[7, 6, 0x00, 0x1b, 0x21, 0xab, 0xcd, 0xef, 1, 0, 0, 0, 0, 0]),
        tlv(127, &[0x00, 0x80, 0xc2, 1, 0, 101]),
        tlv(127, &[0x00, 0x80, 0xc2, 2, 0x06, 0, 202]),
        tlv(127, b"\x00\x80\xc2\x03\x00\x65\x05green"),
        tlv(127, b"\x00\x80\xc2\x03\x00\x66\x00"),
        tlv(127, &[0x00, 0x12, 0x0f, 1, 0x03, 0x6c, 0x11, 0x00, 0x10]),
        tlv(127, &[0x00, 0x12, 0x0f, 4, 0x23, 0xf2]),
    ]);
    let expected = json!([
        {"type": 5, "system-name": "sw1.example.com"},
        {"type": 6, "system-description": "Switch OS\nversion 7"},
        {"type": 7, "system-capabilities": ["MAC Bridge component", "Router"]},
        {"type": 1, "chassis-id": "00:1B:21:AB:CD:EF", "chassis-id-type": 4, "_description": "MAC address"},
        {"type": 2, "port-id": "swp7", "port-id-type": 5, "_description": "Interface name"},
        {"type": 127, "oui": "00:80:c2", "subtype": 1, "ieee-802-1-pvid": 101},
        {"type": 127, "oui": "00:80:c2", "subtype": 3,
         "ieee-802-1-vlans": [{"name": "green", "vid": 101}, {"name": "", "vid": 102}]},
        {"type": 127, "oui": "00:12:0f", "subtype": 1, "ieee-802-3-mac-phy-conf":
         {"autoneg": true, "operational-mau-type": 16, "pmd-autoneg-cap": 27665}},
        {"type": 127, "oui": "00:80:c2", "subtype": 2, "ieee-802-1-ppvids": [202]},
        {"type": 8, "management-addresses": [
         {"address": "192.0.2.9", "address-subtype": "IPv4", "interface-number": 17, "interface-number-subtype": 2},
         {"address": "00:1B:21:AB:CD:EF", "address-subtype": "MAC", "interface-number": 0,
          "interface-number-subtype": 1}]},
        {"type": 127, "oui": "00:12:0f", "subtype": 4, "ieee-802-3-max-frame-size": 9202},
    ]);
    assert_eq!(neighbour.to_json(), expected);
}

/// The same values, given to the types of the nmstate crate, are written the same way.
#[test]
fn the_form_is_that_of_the_nmstate_crate() {
    use nmstate::{
        LldpChassisId, LldpChassisIdType, LldpMacPhy, LldpMaxFrameSize, LldpPortId, LldpPortIdType,
        LldpPpvids, LldpSystemCapabilities, LldpSystemDescription, LldpSystemName,
    };
    fn value(tlv: impl serde::Serialize) -> serde_json::Value {
        serde_json::to_value(tlv).unwrap()
    }
    let theirs = json!([
        value(LldpSystemName::new("sw1".to_owned())),
        value(LldpSystemDescription::new("Switch OS".to_owned())),
        value(LldpSystemCapabilities::from(0x07ff)),
        value(LldpChassisId::new(
            "00:1B:21:AB:CD:EF".to_owned(),
            LldpChassisIdType::MacAddress
        )),
        value(LldpPortId::new("swp7".to_owned(), LldpPortIdType::InterfaceName)),
        value(LldpMacPhy::new(true, 16, 0x6c11)),
        value(LldpPpvids::new(vec![202])),
        value(LldpMaxFrameSize::new(9202)),
    ]);
    let ours = with(&[
        tlv(5, b"sw1"),
        tlv(6, b"Switch OS"),
        tlv(7, &[0x07, 0xff, 0x00, 0x04]),
        tlv(127, &[0x00, 0x12, 0x0f, 1, 0x03, 0x6c, 0x11, 0x00, 0x10]),
        tlv(127, &[0x00, 0x80, 0xc2, 2, 0x06, 0, 202]),
        tlv(127, &[0x00, 0x12, 0x0f, 4, 0x23, 0xf2]),
    ]);
    assert_eq!(ours.to_json(), theirs);
}

#[test]
fn every_kind_of_chassis_and_port_has_nmstates_number_and_words() {
    use nmstate::{LldpChassisId, LldpChassisIdType, LldpPortId};
    for kind in 0..=9 {
        let chassis = Identifier {
            kind,
            text: "x".to_owned(),
        };
        let neighbour = Neighbour {
            port: chassis.clone(),
            chassis,
            ..Neighbour::default()
        };
        let theirs = LldpChassisId::new("x".to_owned(), LldpChassisIdType::from(kind));
        let ours = neighbour.to_json();
        assert_eq!(ours[0], serde_json::to_value(theirs).unwrap());
        // nmstate reads port kind 1 as reserved although it has a name for it; we use the name.
        if kind != 1 {
            let theirs = LldpPortId::new("x".to_owned(), kind.into());
            assert_eq!(ours[1], serde_json::to_value(theirs).unwrap());
        }
    }
}

#[test]
fn ids_are_shown_by_their_kind() {
    let cases: [(&[u8], &str, &str); 7] = [
        (b"\x07rack 5", "rack 5", "rack 5"),
        (&[4, 1, 192, 0, 2, 1], "01:C0:00:02:01", "192.0.2.1"),
        (&[5, 1, 192, 0, 2, 1], "192.0.2.1", "\u{1}\u{c0}"),
        (&[3, 0, 1, 2, 3, 4, 5], "", "00:01:02:03:04:05"),
        (&[5, 9, 1, 2], "09:01:02", ""),
        (&[99, 1, 2], "01:02", "01:02"),
        (b"\x06eth0\0", "eth0", "eth0"),
    ];
    for (value, as_chassis, as_port) in cases {
        let chassis = Identifier::chassis(value).unwrap().text;
        let port = Identifier::port(value).unwrap().text;
        if !as_chassis.is_empty() {
            assert_eq!(chassis, as_chassis, "{value:?}");
        }
        if !as_port.is_empty() && !as_port.contains('\u{1}') {
            assert_eq!(port, as_port, "{value:?}");
        }
    }
}

#[test]
fn a_frame_is_refused_as_a_whole_when_what_every_frame_has_is_wrong() {
    let good = [chassis(), port(), ttl(120)];
    assert!(parse(&frame(&good)).is_ok(), "the end is optional");
    let cases = [
        ("empty", vec![], Refused::Mandatory),
        ("no port", vec![chassis(), ttl(120)], Refused::Mandatory),
        (
            "another order",
            vec![port(), chassis(), ttl(120)],
            Refused::Mandatory,
        ),
        (
            "two chassis",
            vec![chassis(), port(), ttl(120), chassis()],
            Refused::Mandatory,
        ),
        (
            "end too early",
            vec![chassis(), port(), tlv(0, &[]), ttl(9)],
            Refused::Mandatory,
        ),
        (
            "short time",
            vec![chassis(), port(), tlv(3, &[1])],
            Refused::Mandatory,
        ),
        (
            "no chassis id",
            vec![tlv(1, &[4]), port(), ttl(9)],
            Refused::Mandatory,
        ),
        (
            "chassis id too long",
            vec![tlv(1, &[7; 257]), port(), ttl(9)],
            Refused::Mandatory,
        ),
        (
            "cut off",
            vec![chassis(), port(), ttl(9), vec![10, 50, 1]],
            Refused::Truncated,
        ),
        (
            "cut off early",
            vec![chassis(), vec![4, 9, 5]],
            Refused::Truncated,
        ),
    ];
    for (what, tlvs, expected) in cases {
        assert_eq!(parse(&frame(&tlvs)), Err(expected), "{what}");
    }
    assert_eq!(parse(&frame(&good)[..13]), Err(Refused::NotLldp));
    let mut arp = frame(&good);
    arp[12..14].copy_from_slice(&[8, 6]);
    assert_eq!(parse(&arp), Err(Refused::NotLldp));
}

#[test]
fn a_malformed_optional_tlv_is_left_out_and_the_others_count() {
    let neighbour = with(&[
        tlv(7, &[0, 4]),
        tlv(8, &[9, 1, 192, 0, 2, 9]),
        tlv(8, &[5, 3, 1, 2, 3, 4, 2, 0, 0, 0, 1, 0]),
        tlv(127, &[0x00, 0x80]),
        tlv(127, &[0x00, 0x80, 0xc2, 1, 101]),
        tlv(127, &[0x00, 0x80, 0xc2, 3, 0, 101, 9, b'x']),
        tlv(127, &[0x00, 0x80, 0xc2, 3, 0x10, 0x65, 0]),
        tlv(
            127,
            &[[0x00, 0x80, 0xc2, 3, 0, 101, 33].as_slice(), &[b'x'; 33]].concat(),
        ),
        tlv(127, &[0x00, 0x12, 0x0f, 1, 3]),
        tlv(127, &[0xde, 0xad, 0x00, 1, 3]),
        tlv(9, b"reserved"),
        tlv(5, b"sw1"),
    ]);
    let expected = Neighbour {
        system_name: Some("sw1".to_owned()),
        ..with(&[])
    };
    assert_eq!(neighbour, expected);
}

#[test]
fn of_what_may_come_once_the_first_counts() {
    let neighbour = with(&[
        tlv(5, b"first"),
        tlv(5, b"second"),
        tlv(127, &[0x00, 0x80, 0xc2, 1, 0, 0]),
        tlv(127, &[0x00, 0x80, 0xc2, 1, 0, 7]),
        tlv(127, &[0x00, 0x80, 0xc2, 1, 0, 8]),
    ]);
    assert_eq!(neighbour.system_name.as_deref(), Some("first"));
    assert_eq!(neighbour.pvid, Some(7), "0 means that the port has none");
}

#[test]
fn text_of_switches_does_not_reach_terminals_as_it_is() {
    let neighbour = with(&[tlv(5, b"sw\x1b[2J\xff1\0\0")]);
    assert_eq!(neighbour.system_name.as_deref(), Some("sw\u{fffd}[2J\u{fffd}1"));
}

#[test]
fn ids_of_vlans_are_1_to_4094() {
    for (id, expected) in [
        (0_u16, None),
        (1, Some(1)),
        (4094, Some(4094)),
        (4095, None),
        (0x2065, None),
    ] {
        let [high, low] = id.to_be_bytes();
        let neighbour = with(&[tlv(127, &[0x00, 0x80, 0xc2, 1, high, low])]);
        assert_eq!(neighbour.pvid, expected, "{id}");
    }
}
