//! Kubelet's annotation, which is read twice: leniently for candidates (§5.2), strictly for the rule (§5.7).

use std::net::IpAddr;

use super::unmapped;
use crate::plan::facts::{AddressKind, NodeAddress};

/// What kubelet was told with `--node-ip`, read for one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provided {
    /// No annotation, an empty one, or a single unspecified address: nothing was provided.
    Absent,
    /// These addresses, in order: one, or one of each family.
    Given(Vec<IpAddr>),
}

/// An annotation that cannot be followed; the Node is not initialised, or keeps its addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "annotation alpha.kubernetes.io/provided-node-ip is \"{value}\": {problem}; \
     start kubelet with --node-ip set to one address, or to one IPv4 and one IPv6 address"
)]
pub struct ProvidedError {
    /// The annotation as it stands.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Provided {
    /// Reads the annotation as we do: blanks are trimmed, an empty or unspecified value is no value (D30).
    ///
    /// # Errors
    /// When a part is no address, there are more than two, two of one family, or an unspecified one in a pair.
    pub fn read(annotation: Option<&str>) -> Result<Self, ProvidedError> {
        let Some(text) = annotation.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Self::Absent);
        };
        let given = parse_strict(text.split(',').map(str::trim)).map_err(|problem| refused(text, problem))?;
        match given.as_slice() {
            [one] if one.is_unspecified() => Ok(Self::Absent),
            _ => Ok(Self::Given(given)),
        }
    }

    /// The addresses, none when nothing was provided.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Absent => &[],
            Self::Given(addresses) => addresses,
        }
    }
}

fn refused(value: &str, problem: impl Into<String>) -> ProvidedError {
    ProvidedError {
        value: value.to_owned(),
        problem: problem.into(),
    }
}

/// The strict reading of the Kubernetes library: every part an address (IPv4 may have leading zeros), one or one per family,
/// none unspecified in a pair. Addresses come back unmapped.
pub(in crate::plan) fn parse_strict<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<IpAddr>, String> {
    let parse = |part: &'a str| sloppy(part).ok_or_else(|| format!("\"{part}\" is no IP address"));
    let addresses: Vec<IpAddr> = parts.map(parse).collect::<Result<_, _>>()?;
    match addresses.as_slice() {
        [_] => {}
        [a, b] if a.is_ipv4() == b.is_ipv4() => return Err(format!("{a} and {b} are of one family")),
        [a, b] if a.is_unspecified() || b.is_unspecified() => {
            return Err("an unspecified address cannot be one of two".to_owned());
        }
        [_, _] => {}
        more => return Err(format!("it has {} addresses, and two is the most", more.len())),
    }
    Ok(addresses)
}

/// An address, also IPv4 with leading zeros, which count as decimal.
fn sloppy(text: &str) -> Option<IpAddr> {
    let strict = text.parse().ok().map(unmapped);
    strict.or_else(|| {
        let octets = text.split('.').map(|octet| match octet.trim_start_matches('0') {
            "" if !octet.is_empty() => "0",
            rest => rest,
        });
        octets.collect::<Vec<_>>().join(".").parse().ok().map(IpAddr::V4)
    })
}

/// The lenient reading that makes candidates: parts are trimmed, what does not parse is left out. Returns the rest too.
pub(in crate::plan) fn parse_lenient(text: &str) -> (Vec<IpAddr>, Vec<&str>) {
    let (mut addresses, mut refused) = (Vec::new(), Vec::new());
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.parse::<IpAddr>() {
            Ok(address) => addresses.push(unmapped(address)),
            Err(_) => refused.push(part),
        }
    }
    (addresses, refused)
}

/// The provided-node-ip rule (§5.7): provided addresses first, then everything of types they do not have.
///
/// # Errors
/// With the first provided address that no candidate equals.
pub fn apply_rule(candidates: &[NodeAddress], provided: &[IpAddr]) -> Result<Vec<NodeAddress>, IpAddr> {
    if provided.is_empty() {
        return Ok(candidates.to_vec());
    }
    let mut chosen: Vec<NodeAddress> = Vec::with_capacity(candidates.len());
    let mut kinds: Vec<&AddressKind> = Vec::new();
    for wanted in provided {
        let equal = |entry: &&NodeAddress| {
            entry
                .address
                .parse::<IpAddr>()
                .is_ok_and(|ip| unmapped(ip) == *wanted)
        };
        let before = chosen.len();
        for entry in candidates.iter().filter(equal) {
            kinds.push(&entry.kind);
            chosen.push(entry.clone());
        }
        if chosen.len() == before {
            return Err(*wanted);
        }
    }
    chosen.extend(
        candidates
            .iter()
            .filter(|entry| !kinds.contains(&&entry.kind))
            .cloned(),
    );
    Ok(chosen)
}

/// Both readings for a plan: the rule's addresses, and the candidates they make.
pub(super) fn candidates(annotation: Option<&str>, provided: &Provided) -> Vec<IpAddr> {
    match (provided, annotation) {
        (Provided::Absent, _) | (_, None) => Vec::new(),
        (Provided::Given(_), Some(text)) => parse_lenient(text).0,
    }
}

/// The error for a provided address that is not among the candidates: its text was accepted by one reading only.
pub(super) fn unmatched(annotation: Option<&str>, address: IpAddr) -> ProvidedError {
    refused(
        annotation.unwrap_or_default(),
        format!(
            "{address} is not among the Node's addresses (is it written with leading zeros, or ignored by a rule?)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_empty_values_are_tolerated() {
        for text in ["", "  ", "0.0.0.0", "::", " :: "] {
            assert_eq!(Provided::read(Some(text)), Ok(Provided::Absent), "{text:?}");
        }
        assert_eq!(Provided::read(None), Ok(Provided::Absent));
        let pair = Provided::read(Some(" 10.0.0.5 , 2001:DB8::A ")).unwrap();
        assert_eq!(
            pair.addresses(),
            [
                "10.0.0.5".parse::<IpAddr>().unwrap(),
                "2001:db8::a".parse().unwrap()
            ]
        );
    }

    #[test]
    fn every_refusal_names_the_value_and_the_problem() {
        for (text, problem) in [
            ("abc", "\"abc\" is no IP address"),
            ("10.0.0.5,", "\"\" is no IP address"),
            ("10.0.0.5,10.0.0.6", "of one family"),
            ("::ffff:10.0.0.5,10.0.0.6", "of one family"),
            ("10.0.0.5,::", "unspecified"),
            ("10.0.0.5,2001:db8::5,10.0.0.6", "3 addresses"),
        ] {
            let message = Provided::read(Some(text)).unwrap_err().to_string();
            assert!(
                message.contains(problem) && message.contains(&format!("is \"{text}\"")),
                "{message}"
            );
        }
    }
}
