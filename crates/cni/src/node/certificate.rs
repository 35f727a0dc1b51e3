//! The common name in a certificate's subject (RFC 5280 §4.1.2.6): the kubelet's says which node it is.
//!
//! Only the way from the outside of the structure to the subject is read; nothing is verified, for the
//! certificate is our own.

/// `2.5.4.3`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const VERSION: u8 = 0xa0;

/// The common name of the subject; `None` when there is none, or this is no certificate.
pub(super) fn common_name(der: &[u8]) -> Option<String> {
    let mut certificate = Der(Der(der).of(SEQUENCE)?);
    let mut fields = Der(certificate.of(SEQUENCE)?);
    if fields.tag() == Some(VERSION) {
        fields.next()?;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        fields.next()?;
    }
    let mut subject = Der(fields.of(SEQUENCE)?);
    while let Some(set) = subject.of(SET) {
        let mut set = Der(set);
        while let Some(pair) = set.of(SEQUENCE) {
            let mut pair = Der(pair);
            if pair.of(OBJECT_IDENTIFIER)? == COMMON_NAME {
                let (tag, value) = pair.next()?;
                let is_text = matches!(tag, UTF8_STRING | PRINTABLE_STRING);
                return std::str::from_utf8(value)
                    .ok()
                    .filter(|_| is_text)
                    .map(str::to_owned);
            }
        }
    }
    None
}

/// What is left of a row of DER values (X.690 §8.1).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, if it has this tag.
    fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.tag() == Some(tag) {
            self.next().map(|(_, value)| value)
        } else {
            None
        }
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let octets = usize::from(first & 0x7f);
            if octets == 0 || octets > 4 {
                return None;
            }
            let length = rest
                .get(..octets)?
                .iter()
                .fold(0, |length, octet| (length << 8) | usize::from(*octet));
            (length, rest.get(octets..)?)
        };
        let value = rest.get(..length)?;
        self.0 = rest.get(length..)?;
        Some((*tag, value))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::common_name;

    #[test]
    fn the_name_is_found_behind_other_attributes() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "system:nodes");
        params
            .distinguished_name
            .push(DnType::CommonName, "system:node:worker-1");
        let der = params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec();
        assert_eq!(common_name(&der).as_deref(), Some("system:node:worker-1"));
        for length in 0..der.len().min(200) {
            assert_eq!(common_name(&der[..length]), None, "{length}");
        }
    }

    #[test]
    fn no_name_is_none() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let der = params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec();
        assert_eq!(common_name(&der), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            common_name(&bytes);
        }
    }
}
