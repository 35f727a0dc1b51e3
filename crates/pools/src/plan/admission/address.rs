//! What admission has to know of address pools.

use addr::{AddrSet, parse_address};
use api::pool::AddressPoolSpec;

use super::{InUse, PatchOp, PoolSpec, Verdict};
use crate::plan::domain::{Domain, FieldError, Unit};

const MISSPELT: &str = "spec.excludeAddresses is not a field of the pool and is ignored; what you exclude belongs in \
                        spec.excludedAddresses";

impl PoolSpec for AddressPoolSpec {
    fn domain(&self) -> Result<Domain, Vec<FieldError>> {
        Domain::of_addresses(self)
    }

    fn stored_domain(&self) -> Result<Domain, Vec<FieldError>> {
        Domain::of_stored_addresses(self)
    }

    fn normalized(&self) -> Self {
        Self {
            addresses: self.addresses.clone(),
            prefix: self.prefix,
            gateway: self.gateway.clone().filter(|text| !text.is_empty()),
            allocate_reserved_ip_addresses: self.allocate_reserved_ip_addresses.filter(|on| *on),
            excluded_addresses: self.excluded_addresses.clone().filter(|list| !list.is_empty()),
            address_reuse_grace_period_seconds: self.address_reuse_grace_period_seconds.filter(|s| *s != 0),
            exclude_addresses: None,
        }
    }

    /// The API server of the provider we replace drops the misspelt field before anybody sees it; so do we, but say so.
    fn default_patch(&self) -> Verdict {
        match self.exclude_addresses {
            None => Verdict::allow(),
            Some(_) => Verdict::Allow {
                warnings: vec![MISSPELT.to_owned()],
                patch: vec![PatchOp::Remove("/spec/excludeAddresses")],
            },
        }
    }

    fn breaks_immutability(&self, _old: &Self) -> Option<String> {
        None
    }

    /// Merged, sorted ranges in square brackets (spec §10.3).
    fn show_orphans(orphans: &[&InUse]) -> String {
        orphans
            .iter()
            .filter_map(|o| parse_address(&o.address).ok())
            .collect::<AddrSet>()
            .to_string()
    }

    fn warnings(&self, domain: &Domain, changed: bool) -> Vec<String> {
        if !changed {
            return Vec::new();
        }
        let misspelt = self.exclude_addresses.is_some().then(|| MISSPELT.to_owned());
        [misspelt, empty(domain), stray_gateway(domain)]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn empty(domain: &Domain) -> Option<String> {
    domain.slots.is_empty().then(|| {
        "the pool has no address to hand out: all are reserved, excluded or the gateway; add addresses, or set \
         spec.allocateReservedIPAddresses for a subnet of one or two"
            .to_owned()
    })
}

fn stray_gateway(domain: &Domain) -> Option<String> {
    let Unit::Address { subnet } = domain.unit else {
        return None;
    };
    let text = domain.gateway.as_deref()?;
    let inside = parse_address(text).is_ok_and(|gateway| subnet.contains(gateway));
    (!inside).then(|| {
        format!(
            "spec.gateway `{text}` lies outside {subnet}, the subnet of the pool; check spec.gateway and spec.prefix"
        )
    })
}
