//! Pools that share addresses (an extension, off by default; spec §10.5).

use addr::AddrSet;

use super::{Context, Overlap, Verdict};
use crate::plan::domain::Domain;

/// Ranges worth repeating in a message; the API server cuts long warnings off.
const SHOWN: usize = 3;

/// Compares the pool with all others, if that is asked for.
pub(super) fn check(domain: &Domain, context: &Context<'_>) -> Verdict {
    if context.overlap == Overlap::Off {
        return Verdict::allow();
    }
    let Some(neighbours) = (context.neighbours)() else {
        let text = "other pools are not known yet, so overlap with them was not checked".to_owned();
        return match context.overlap {
            Overlap::Deny => Verdict::Unknown(format!("{text}; try again in a few seconds")),
            Overlap::Off | Overlap::Warn => Verdict::allow().and_warn(vec![text]),
        };
    };
    let addresses = domain.addresses();
    let shared = neighbours
        .iter()
        .map(|n| (&n.name, addresses.intersection(&n.addresses)));
    let overlaps: Vec<String> = shared
        .filter(|(_, shared)| !shared.is_empty())
        .map(|(name, shared)| {
            format!(
                "shares {} with {name}; exclude them in one of the two pools",
                shown(&shared)
            )
        })
        .collect();
    match context.overlap {
        Overlap::Deny if !overlaps.is_empty() => {
            Verdict::Refused(format!("the pool {}", overlaps.join("; it ")))
        }
        Overlap::Off | Overlap::Warn | Overlap::Deny => {
            Verdict::allow().and_warn(overlaps.iter().map(|text| format!("the pool {text}")).collect())
        }
    }
}

fn shown(set: &AddrSet) -> String {
    let some: AddrSet = set.ranges().take(SHOWN).collect();
    match set.range_count().saturating_sub(SHOWN) {
        0 => some.to_string(),
        more => format!("{some} and {more} more ranges"),
    }
}
