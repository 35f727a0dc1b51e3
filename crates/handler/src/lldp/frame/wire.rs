//! Bytes in order: TLVs of a frame, and fields of a TLV.

use super::Refused;

/// The TLVs up to the one that ends the frame, or up to the end of the bytes (802.1AB-2016 made the last one optional).
/// Ends after the first error.
pub(super) struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    fn read(&mut self) -> Option<Result<(u8, &'a [u8]), Refused>> {
        let (head, rest) = self.0.split_first_chunk::<2>()?;
        let head = u16::from_be_bytes(*head);
        let [kind, _] = (head & 0xfe00).to_be_bytes();
        let (kind, length) = (kind >> 1, usize::from(head & 0x01ff));
        if kind == 0 {
            return None;
        }
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return Some(Err(Refused::Truncated));
        };
        self.0 = rest;
        Some(Ok((kind, value)))
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<(u8, &'a [u8]), Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read();
        if !matches!(item, Some(Ok(_))) {
            self.0 = &[];
        }
        item
    }
}

/// Fields from front to back. Every read is `None` when too little is left.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}
