use std::collections::{BTreeMap, BTreeSet};

use crate::backend::kernel::net::{Goal, Link};

/// Names of the goals and of what stands on them, each after the link it stands on: the order to make them in. The
/// reverse is the order to delete them in.
pub(super) fn bases_first<'a>(
    goals: &'a BTreeMap<String, Goal>,
    links: &'a BTreeMap<String, Link>,
) -> Vec<&'a String> {
    let names: BTreeSet<&String> = goals.keys().chain(links.keys()).collect();
    let base = |name: &str| -> Option<&'a str> {
        let wished = goals
            .get(name)
            .and_then(Goal::shape)
            .and_then(|shape| shape.kind.as_ref());
        wished
            .and_then(|kind| kind.base())
            .or_else(|| links.get(name)?.kind.base())
    };
    let depth = |name: &str| {
        let mut depth = 0_usize;
        let mut at = base(name);
        // A circle cannot exist in the kernel, but it can be wished.
        while let Some(next) = at.filter(|_| depth < names.len()) {
            depth += 1;
            at = base(next);
        }
        depth
    };
    let mut order: Vec<(usize, &String)> = names
        .iter()
        .filter(|name| goals.contains_key(**name) || base(name).is_some())
        .map(|name| (depth(name), *name))
        .collect();
    order.sort();
    order.into_iter().map(|(_, name)| name).collect()
}
