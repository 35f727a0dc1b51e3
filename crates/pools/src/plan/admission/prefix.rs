//! What admission has to know of prefix pools.

use std::collections::BTreeSet;

use addr::parse_address;
use api::pool::PrefixPoolSpec;
use serde_json::json;

use super::{InUse, PatchOp, PoolSpec, Verdict};
use crate::plan::domain::{Domain, FieldError};

impl PoolSpec for PrefixPoolSpec {
    fn domain(&self) -> Result<Domain, Vec<FieldError>> {
        Domain::of_prefixes(self)
    }

    fn stored_domain(&self) -> Result<Domain, Vec<FieldError>> {
        Domain::of_stored_prefixes(self)
    }

    fn normalized(&self) -> Self {
        Self {
            prefixes: self.prefixes.clone(),
            allocation_prefix_length: Some(self.effective_length()),
            gateway: self.gateway.clone().filter(|text| !text.is_empty()),
            excluded_prefixes: self.excluded_prefixes.clone().filter(|list| !list.is_empty()),
        }
    }

    fn default_patch(&self) -> Verdict {
        let patch = match self.allocation_prefix_length {
            None | Some(0) => vec![PatchOp::Set(
                "/spec/allocationPrefixLength",
                json!(Self::DEFAULT_LENGTH),
            )],
            Some(_) => Vec::new(),
        };
        Verdict::Allow {
            warnings: Vec::new(),
            patch,
        }
    }

    /// Comes before the field rules: with another length, prefixes that were fine may look too small, which is not
    /// what has to be corrected. A length that is none at all is left to the field rules.
    fn breaks_immutability(&self, old: &Self) -> Option<String> {
        let (before, after) = (old.effective_length(), self.effective_length());
        let comparable = [before, after].iter().all(|length| (1..=128).contains(length));
        (comparable && before != after).then(|| {
            format!(
                "spec.allocationPrefixLength cannot change from {before} to {after}; set it back to {before}, or \
                 create another pool"
            )
        })
    }

    /// Their `spec.address` values, sorted as texts, in square brackets (spec §10.5).
    fn show_orphans(orphans: &[&InUse]) -> String {
        let texts: BTreeSet<&str> = orphans.iter().map(|o| o.address.as_str()).collect();
        format!("[{}]", texts.into_iter().collect::<Vec<_>>().join(" "))
    }

    fn warnings(&self, domain: &Domain, _changed: bool) -> Vec<String> {
        if domain.space.length() != 128 {
            return Vec::new();
        }
        let single = "spec.allocationPrefixLength is 128, so every prefix is a single address; an address pool may fit \
                      better";
        let gateway = domain
            .gateway
            .as_deref()
            .filter(|text| parse_address(text).is_ok_and(|gateway| domain.union.contains(gateway)));
        let handed_out = gateway.map(|text| {
            format!("spec.gateway `{text}` lies in spec.prefixes and may be handed out; add it to spec.excludedPrefixes")
        });
        std::iter::once(single.to_owned()).chain(handed_out).collect()
    }
}
