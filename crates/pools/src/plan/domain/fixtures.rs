//! Specs for tests, written the way spec §19 writes them.

use api::pool::{AddressPoolSpec, PrefixPoolSpec};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// `[addresses]/prefix`
pub(crate) fn pool(addresses: &[&str], prefix: i64) -> AddressPoolSpec {
    AddressPoolSpec {
        addresses: strings(addresses),
        prefix,
        ..AddressPoolSpec::default()
    }
}

/// `gw`, `excl` and `res` of spec §19.
pub(crate) trait AddressPoolExt {
    fn gw(self, gateway: &str) -> Self;
    fn excl(self, excluded: &[&str]) -> Self;
    fn res(self) -> Self;
    fn grace(self, seconds: i32) -> Self;
}

impl AddressPoolExt for AddressPoolSpec {
    fn gw(self, gateway: &str) -> Self {
        Self {
            gateway: Some(gateway.into()),
            ..self
        }
    }

    fn excl(self, excluded: &[&str]) -> Self {
        Self {
            excluded_addresses: Some(strings(excluded)),
            ..self
        }
    }

    fn res(self) -> Self {
        Self {
            allocate_reserved_ip_addresses: Some(true),
            ..self
        }
    }

    fn grace(self, seconds: i32) -> Self {
        Self {
            address_reuse_grace_period_seconds: Some(seconds),
            ..self
        }
    }
}

/// `[prefixes]` with the default length.
pub(crate) fn prefixes(prefixes: &[&str]) -> PrefixPoolSpec {
    PrefixPoolSpec {
        prefixes: strings(prefixes),
        ..PrefixPoolSpec::default()
    }
}

/// `length`, `gw` and `excl` of spec §19.
pub(crate) trait PrefixPoolExt {
    fn length(self, length: i64) -> Self;
    fn gw(self, gateway: &str) -> Self;
    fn excl(self, excluded: &[&str]) -> Self;
}

impl PrefixPoolExt for PrefixPoolSpec {
    fn length(self, length: i64) -> Self {
        Self {
            allocation_prefix_length: Some(length),
            ..self
        }
    }

    fn gw(self, gateway: &str) -> Self {
        Self {
            gateway: Some(gateway.into()),
            ..self
        }
    }

    fn excl(self, excluded: &[&str]) -> Self {
        Self {
            excluded_prefixes: Some(strings(excluded)),
            ..self
        }
    }
}
