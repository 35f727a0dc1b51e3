use std::collections::BTreeSet;

use super::refuse::{Problem, Problems};
use crate::backend::kernel::net::{Difference, Edit, Goal, Kind, Net, Resolver, Route, Same as _, Target};

/// What puts everything back that carrying out `target` changes in `before`, directly or as an effect of the kernel.
///
/// # Errors
/// When something would be lost that could not be put back: a link of a kind we cannot make, a route with attributes
/// we cannot write.
pub fn inverse(target: &Target, before: &Net) -> Result<Target, Problems> {
    let disturbed = disturbed(target, before);
    let mut problems = Problems::default();
    let mut back = Target::default();
    for name in &disturbed {
        let goal = match before.links.get(name) {
            None => Goal::Absent,
            Some(link) => {
                check_can_be_made_again(name, target, before, &mut problems);
                let controller = link.controller.as_ref().and_then(|name| before.links.get(name));
                let in_bond = controller.is_some_and(|controller| matches!(controller.kind, Kind::Bond(_)));
                Goal::Present(Box::new(link.to_shape(in_bond)))
            }
        };
        back.links.insert(name.clone(), goal);
    }
    addresses(target, before, &disturbed, &mut back);
    routes(target, before, &disturbed, &mut back, &mut problems);
    rules(target, before, &mut back);
    if let Some(wish) = &target.resolver {
        back.resolver = Some(Resolver {
            content: before.resolver.clone(),
            only_over: wish.content.clone(),
        });
    }
    problems.into_result(back)
}

/// Links that change, and links that are changed by the kernel because others change.
fn disturbed(target: &Target, before: &Net) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = target.links.keys().cloned().collect();
    let addresses = target.addresses.remove.iter().chain(&target.addresses.ensure);
    names.extend(addresses.map(|address| address.link.clone()));
    loop {
        let mut more = BTreeSet::new();
        for (name, link) in &before.links {
            let base = link.kind.base().is_some_and(|base| names.contains(base));
            let controller = link
                .controller
                .as_ref()
                .is_some_and(|name| goes_away(name, target, before));
            if base || controller {
                more.insert(name.clone());
            }
            if names.contains(name) {
                // A bridge or bond takes hardware address and MTU from its ports.
                more.extend(link.controller.clone());
                if goes_away(name, target, before) {
                    more.extend(link.kind.peer().map(str::to_owned));
                }
            }
        }
        for (name, goal) in &target.links {
            let shape = goal.shape();
            let joined = shape.and_then(|shape| shape.controller.clone());
            more.extend(joined.filter(|controller| !controller.is_empty()));
            let made = !before.links.contains_key(name);
            let kind = shape.and_then(|shape| shape.kind.as_ref()).filter(|_| made);
            more.extend(kind.and_then(Kind::peer).map(str::to_owned));
        }
        let known = names.len();
        names.extend(more);
        if names.len() == known {
            return names;
        }
    }
}

/// Whether a link is deleted on the way, for good or to be made anew.
fn goes_away(name: &str, target: &Target, before: &Net) -> bool {
    let (Some(goal), Some(link)) = (target.links.get(name), before.links.get(name)) else {
        return false;
    };
    goal.shape().is_none_or(|shape| {
        let kind = shape.kind.as_ref();
        kind.is_some_and(|kind| kind.difference(&link.kind) == Difference::Anew)
    })
}

fn check_can_be_made_again(name: &str, target: &Target, before: &Net, problems: &mut Problems) {
    let mut at = Some(name);
    // It goes if it, its other end or something below it goes.
    while let Some(link) = at.and_then(|name| before.links.get(name)) {
        let other = link
            .kind
            .peer()
            .is_some_and(|peer| goes_away(peer, target, before));
        if at.is_some_and(|name| goes_away(name, target, before)) || other {
            let Some(lost) = before.links.get(name) else {
                return;
            };
            if !lost.kind.can_be_made() {
                let kind = lost.kind.name();
                problems.add(Problem::not_supported(
                    format!("interfaces.{name}"),
                    format!("deleting a link of type {kind} could not be undone"),
                ));
            }
            return;
        }
        at = link.kind.base();
    }
}

fn addresses(target: &Target, before: &Net, disturbed: &BTreeSet<String>, back: &mut Target) {
    for address in &before.addresses {
        let link = before.links.get(&address.link);
        let generated = link.is_some_and(|link| address.is_generated(&link.mac));
        if disturbed.contains(&address.link) && !generated {
            back.addresses.ensure(address.clone());
        }
    }
    for address in &target.addresses.ensure {
        back.addresses.remove(address.clone());
    }
}

fn routes(
    target: &Target,
    before: &Net,
    disturbed: &BTreeSet<String>,
    back: &mut Target,
    problems: &mut Problems,
) {
    let lost = |route: &Route| {
        let removed = target.routes.remove.iter().any(|other| other.same(route));
        let by_link = disturbed.iter().any(|name| route.uses(name));
        (removed || by_link) && !route.is_automatic()
    };
    for route in before.routes.iter().filter(|route| lost(route)) {
        if let Some(what) = &route.opaque {
            problems.add(Problem::not_supported(
                "routes.config".to_owned(),
                format!("route {route} could not be put back: it has {what}"),
            ));
        }
        back.routes.ensure(route.clone());
    }
    for route in &target.routes.ensure {
        back.routes.remove(route.clone());
    }
}

fn rules(target: &Target, before: &Net, back: &mut Target) {
    let removed =
        |rule: &&crate::backend::kernel::net::Rule| target.rules.remove.iter().any(|other| other.same(rule));
    back.rules = Edit {
        ensure: before.rules.iter().filter(removed).cloned().collect(),
        remove: Vec::new(),
    };
    for rule in &target.rules.ensure {
        if !before.rules.iter().any(|other| other.same(rule)) {
            back.rules.remove(rule.clone());
        }
    }
}
