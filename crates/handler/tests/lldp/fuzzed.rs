//! The check of the fuzz target on stable: over arbitrary bytes, and over frames that are nearly right.

use proptest::prelude::*;

use super::checks::lldp_frame;

/// A TLV with its true length, or now and then another one.
fn tlv() -> impl Strategy<Value = Vec<u8>> {
    let owner = prop::sample::select(vec![[0x00, 0x80, 0xc2], [0x00, 0x12, 0x0f], [1, 2, 3]]);
    let organisation = (owner, 0_u8..6, prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(owner, subtype, value)| (127, [&owner[..], &[subtype], &value].concat()));
    let management = (0_u8..8, 0_u8..20, prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(family, length, value)| (8, [&[length, family][..], &value].concat()));
    let any_kind = (0_u8..128, prop::collection::vec(any::<u8>(), 0..300));
    let content = prop_oneof![4 => organisation, 2 => management, 2 => any_kind];
    (content, prop::option::weighted(0.05, 0_usize..512)).prop_map(|((kind, value), lie)| {
        let length = lie.unwrap_or(value.len());
        let head = u16::from(kind) << 9 | u16::try_from(length).expect("below 512");
        [&head.to_be_bytes()[..], &value].concat()
    })
}

fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    let begin = prop::sample::select(vec![
        b"\x02\x07\x04\x00\x1b\x21\xab\xcd\xef\x04\x03\x05p1\x06\x02\x00\x78".to_vec(),
        b"\x02\x06\x05\x01\xc0\x00\x02\x01\x04\x03\x07p2\x06\x03\x00\x00\x00".to_vec(),
        b"\x02\x01\x04\x04\x03\x05p1\x06\x02\x00\x78".to_vec(),
        Vec::new(),
    ]);
    (begin, prop::collection::vec(tlv(), 0..6)).prop_map(|(begin, tlvs)| {
        let header = [
            &[1, 0x80, 0xc2, 0, 0, 0x0e][..],
            &[2, 0, 0, 0, 0, 1],
            &[0x88, 0xcc],
        ]
        .concat();
        [header, begin, tlvs.concat()].concat()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        lldp_frame(&bytes);
    }

    #[test]
    fn frames_that_are_nearly_right_are_read_or_refused(bytes in nearly_right(), cut in prop::option::weighted(0.2, 0_usize..120)) {
        lldp_frame(bytes.get(..cut.unwrap_or(bytes.len())).unwrap_or(&bytes));
    }
}
