use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use nispor::{BondPortConf, BridgePortConf, BridgeVlanEntry};

use super::order;
use crate::backend::kernel::net::{
    Address, Difference, Goal, Kind, Link, Net, Resolver, Route, Rule, Same, Shape, Target, Vlans, missing,
};

/// One change of the network, small enough to be made or not made.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Take a rule away.
    RemoveRule(Rule),
    /// Take a route away.
    RemoveRoute(Route),
    /// Take an address away.
    RemoveAddress(Address),
    /// Take a port out of its controller.
    Detach {
        /// The port.
        name: String,
        /// Whether it is switched on, before and after.
        up: bool,
    },
    /// Delete a link.
    Delete {
        /// The link.
        name: String,
    },
    /// Make a link, switched off.
    Create {
        /// The link.
        name: String,
        /// What it is.
        kind: Kind,
        /// Hardware address.
        mac: Option<String>,
        /// Largest packet. Unit: bytes.
        mtu: Option<u32>,
    },
    /// Change options, hardware address or MTU.
    Configure {
        /// The link.
        name: String,
        /// Options to change, and only those.
        kind: Option<Kind>,
        /// Hardware address.
        mac: Option<String>,
        /// Largest packet. Unit: bytes.
        mtu: Option<u32>,
        /// Whether it is switched on, before and after.
        up: bool,
    },
    /// Change the other names.
    Rename {
        /// The link.
        name: String,
        /// Names to give.
        add: Vec<String>,
        /// Names to take.
        remove: Vec<String>,
    },
    /// Make a link a port.
    Attach {
        /// The port.
        name: String,
        /// Of this bridge, bond or VRF.
        controller: String,
        /// Whether it is switched on, before and after.
        up: bool,
    },
    /// Change what a port is to its bridge or bond, or the VLANs of a bridge itself.
    Port {
        /// The port, or the bridge.
        name: String,
        /// Options of a port of a bridge.
        bridge: Option<Box<BridgePortConf>>,
        /// Options of a port of a bond.
        bond: Option<BondPortConf>,
        /// VLANs to take and to give.
        vlans: Option<Vec<BridgeVlanEntry>>,
        /// The link is the bridge itself.
        itself: bool,
    },
    /// Switch a link on or off.
    Switch {
        /// The link.
        name: String,
        /// On.
        up: bool,
    },
    /// Switch IPv6 of a link on or off.
    Ipv6 {
        /// The link.
        name: String,
        /// On.
        on: bool,
    },
    /// Give an address.
    AddAddress(Address),
    /// Give a route.
    AddRoute(Route),
    /// Give a rule.
    AddRule(Rule),
    /// Write, or delete, the resolver's file.
    Resolver(Resolver),
}

/// What has to be done for `target` to be true, given what is there `now`, in the order it has to be done in.
///
/// Empty exactly when the target is reached. A step may have effects the kernel adds on its own (a link that is
/// switched off loses its routes); they show in the next call, with what is there then.
#[must_use]
pub fn steps(target: &Target, now: &Net) -> Vec<Step> {
    let plan = Links::new(target, now);
    let mut steps = Vec::new();
    steps.extend(gone(&target.rules.remove, &now.rules).map(Step::RemoveRule));
    let mut routes: Vec<_> = gone(&target.routes.remove, &now.routes).collect();
    routes.sort_by_key(|route| !route.needs_another());
    steps.extend(routes.into_iter().map(Step::RemoveRoute));
    steps.extend(gone(&target.addresses.remove, &now.addresses).map(Step::RemoveAddress));
    plan.detach(&mut steps);
    plan.delete(&mut steps);
    plan.create(&mut steps);
    plan.configure(&mut steps);
    plan.attach(&mut steps);
    plan.ports(&mut steps);
    plan.switch(&mut steps);
    steps.extend(lacking(&target.addresses.ensure, &now.addresses).map(Step::AddAddress));
    let mut routes: Vec<_> = lacking(&target.routes.ensure, &now.routes).collect();
    routes.sort_by_key(Route::needs_another);
    steps.extend(routes.into_iter().map(Step::AddRoute));
    steps.extend(lacking(&target.rules.ensure, &now.rules).map(Step::AddRule));
    steps.extend(resolver(target, now).map(Step::Resolver));
    steps
}

/// Those of `unwanted` that are there, as they are there.
fn gone<'a, T: Same + Clone>(unwanted: &'a [T], there: &'a [T]) -> impl Iterator<Item = T> + 'a {
    there
        .iter()
        .filter(|item| unwanted.iter().any(|other| other.same(item)))
        .cloned()
}

/// Those of `wanted` that are not there.
fn lacking<'a, T: Same + Clone>(wanted: &'a [T], there: &'a [T]) -> impl Iterator<Item = T> + 'a {
    wanted
        .iter()
        .filter(|item| !there.iter().any(|other| other.same(item)))
        .cloned()
}

fn resolver(target: &Target, now: &Net) -> Option<Resolver> {
    let wish = target.resolver.as_ref()?;
    let ours = wish.only_over.is_none() || wish.only_over == now.resolver;
    (ours && wish.content != now.resolver).then(|| wish.clone())
}

/// The part of the steps that is about links.
struct Links<'a> {
    goals: &'a BTreeMap<String, Goal>,
    now: &'a Net,
    /// Links that exist and will be deleted, also to be made anew; other ends of pairs included.
    doomed: BTreeSet<&'a str>,
}

impl<'a> Links<'a> {
    fn new(target: &'a Target, now: &'a Net) -> Self {
        let mut plan = Self {
            goals: &target.links,
            now,
            doomed: BTreeSet::new(),
        };
        plan.doomed = plan.find_doomed();
        plan
    }

    fn find_doomed(&self) -> BTreeSet<&'a str> {
        let mut doomed = BTreeSet::new();
        for (name, goal) in self.goals {
            let Some(link) = self.now.links.get(name) else {
                continue;
            };
            let anew = |shape: &Shape| {
                let kind = shape.kind.as_ref();
                kind.is_some_and(|kind| kind.difference(&link.kind) == Difference::Anew)
            };
            if goal.shape().is_none_or(anew) {
                doomed.insert(name.as_str());
                doomed.extend(link.kind.peer());
            }
        }
        // What stands on a link that is deleted goes with it.
        loop {
            let before = doomed.len();
            for (name, link) in &self.now.links {
                if link.kind.base().is_some_and(|base| doomed.contains(base)) {
                    doomed.insert(name);
                }
            }
            if doomed.len() == before {
                return doomed;
            }
        }
    }

    /// The link as far as it will still be there when links are made.
    fn kept(&self, name: &str) -> Option<&'a Link> {
        self.now.links.get(name).filter(|_| !self.doomed.contains(name))
    }

    /// The controller it will still have when links are made.
    fn controller(&self, name: &str) -> Option<&'a str> {
        let controller = self.kept(name)?.controller.as_deref()?;
        (!self.doomed.contains(controller)).then_some(controller)
    }

    fn shapes(&self) -> impl Iterator<Item = (&'a String, &'a Shape)> {
        let order = order::bases_first(self.goals, &self.now.links);
        order
            .into_iter()
            .filter_map(|name| Some((name, self.goals.get(name)?.shape()?)))
    }

    fn detach(&self, steps: &mut Vec<Step>) {
        for (name, shape) in self.shapes() {
            let Some(wish) = &shape.controller else { continue };
            let (Some(link), Some(controller)) = (self.kept(name), self.controller(name)) else {
                continue;
            };
            if controller != wish {
                steps.push(Step::Detach {
                    name: name.clone(),
                    up: link.up,
                });
            }
        }
    }

    fn delete(&self, steps: &mut Vec<Step>) {
        let mut order = order::bases_first(self.goals, &self.now.links);
        order.reverse();
        let mut deleted = BTreeSet::new();
        for name in order {
            let Some(link) = self.now.links.get(name) else {
                continue;
            };
            let goes = self.doomed.contains(name.as_str()) && link.kind.can_be_made();
            if goes && !deleted.contains(name.as_str()) {
                deleted.insert(name.as_str());
                deleted.extend(link.kind.peer());
                steps.push(Step::Delete { name: name.clone() });
            }
        }
    }

    fn create(&self, steps: &mut Vec<Step>) {
        let mut made: BTreeSet<&str> = BTreeSet::new();
        for (name, shape) in self.shapes() {
            let Some(kind) = &shape.kind else { continue };
            if self.kept(name).is_some() || made.contains(name.as_str()) || !kind.can_be_made() {
                continue;
            }
            made.insert(name);
            made.extend(kind.peer());
            steps.push(Step::Create {
                name: name.clone(),
                kind: kind.to_make(),
                mac: shape.mac.clone(),
                mtu: shape.mtu,
            });
        }
    }

    fn configure(&self, steps: &mut Vec<Step>) {
        for (name, shape) in self.shapes() {
            let link = self.kept(name);
            let kind = link.and_then(|link| match shape.kind.as_ref()?.difference(&link.kind) {
                Difference::Options(part) => Some(*part),
                Difference::None | Difference::Anew => None,
            });
            // A link that was just made has both already; the other end of a pair has not.
            let made_as_wished =
                link.is_none() && shape.kind.as_ref().is_none_or(|kind| kind.peer().is_none());
            let differs = |wish: &&String| link.is_none_or(|link| !link.mac.eq_ignore_ascii_case(wish));
            let mac = shape.mac.as_ref().filter(differs).filter(|_| !made_as_wished);
            let mtu = shape
                .mtu
                .filter(|mtu| link.is_none_or(|link| link.mtu != *mtu) && !made_as_wished);
            if kind.is_some() || mac.is_some() || mtu.is_some() {
                steps.push(Step::Configure {
                    name: name.clone(),
                    kind,
                    mac: mac.cloned(),
                    mtu,
                    up: link.is_some_and(|link| link.up),
                });
            }
            self.rename(name, shape, steps);
        }
    }

    fn rename(&self, name: &str, shape: &Shape, steps: &mut Vec<Step>) {
        let Some(wish) = &shape.alt_names else { return };
        let none = BTreeSet::new();
        let now = self.kept(name).map_or(&none, |link| &link.alt_names);
        if wish != now {
            steps.push(Step::Rename {
                name: name.to_owned(),
                add: wish.difference(now).cloned().collect(),
                remove: now.difference(wish).cloned().collect(),
            });
        }
    }

    fn attach(&self, steps: &mut Vec<Step>) {
        for (name, shape) in self.shapes() {
            let Some(wish) = shape.controller.as_ref().filter(|wish| !wish.is_empty()) else {
                continue;
            };
            if self.controller(name) != Some(wish) {
                steps.push(Step::Attach {
                    name: name.clone(),
                    controller: wish.clone(),
                    up: shape
                        .up
                        .unwrap_or_else(|| self.kept(name).is_some_and(|link| link.up)),
                });
            }
        }
    }

    fn ports(&self, steps: &mut Vec<Step>) {
        for (name, shape) in self.shapes() {
            // What a port is to a controller is lost when it leaves it.
            let stays = shape
                .controller
                .as_deref()
                .is_none_or(|wish| self.controller(name).unwrap_or_default() == wish);
            let link = self.kept(name).filter(|_| stays);
            let bridge = shape.bridge_port.as_ref().and_then(|wish| {
                let now = link.and_then(|link| link.bridge_port.clone()).unwrap_or_default();
                missing(wish, &now).map(Box::new)
            });
            let bond = shape.bond_port.as_ref().and_then(|wish| {
                let now = link.and_then(|link| link.bond_port.clone()).unwrap_or_default();
                missing(wish, &now)
            });
            let vlans = shape.vlans.as_ref().and_then(|wish| {
                let now = link.map(|link| link.vlans.as_slice()).unwrap_or_default();
                Vlans::changes(wish, now)
            });
            if bridge.is_some() || bond.is_some() || vlans.is_some() {
                let kind = shape.kind.as_ref().or(link.map(|link| &link.kind));
                steps.push(Step::Port {
                    name: name.clone(),
                    bridge,
                    bond,
                    vlans,
                    itself: matches!(kind, Some(Kind::Bridge(_))),
                });
            }
        }
    }

    fn switch(&self, steps: &mut Vec<Step>) {
        for (name, shape) in self.shapes() {
            let link = self.kept(name);
            // The flag of the kernel starts as "on" for every new link.
            let now = link.map_or(Some(true), |link| link.ipv6);
            if let Some(on) = shape.ipv6.filter(|wish| now.is_some_and(|now| now != *wish)) {
                steps.push(Step::Ipv6 {
                    name: name.clone(),
                    on,
                });
            }
            if let Some(up) = shape.up.filter(|wish| link.is_some_and(|link| link.up) != *wish) {
                steps.push(Step::Switch {
                    name: name.clone(),
                    up,
                });
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoveRule(rule) => write!(f, "remove rule {rule}"),
            Self::RemoveRoute(route) => write!(f, "remove route {route}"),
            Self::RemoveAddress(a) => write!(f, "remove address {}/{} from {}", a.address, a.length, a.link),
            Self::Detach { name, .. } => write!(f, "detach {name}"),
            Self::Delete { name } => write!(f, "delete {name}"),
            Self::Create { name, kind, .. } => write!(f, "create {} {name}", kind.name()),
            Self::Configure { name, .. } => write!(f, "configure {name}"),
            Self::Rename { name, .. } => write!(f, "change the other names of {name}"),
            Self::Attach { name, controller, .. } => write!(f, "attach {name} to {controller}"),
            Self::Port { name, .. } => write!(f, "configure port {name}"),
            Self::Switch { name, up } => write!(f, "switch {name} {}", if *up { "on" } else { "off" }),
            Self::Ipv6 { name, on } => write!(f, "switch IPv6 of {name} {}", if *on { "on" } else { "off" }),
            Self::AddAddress(a) => write!(f, "add address {}/{} to {}", a.address, a.length, a.link),
            Self::AddRoute(route) => write!(f, "add route {route}"),
            Self::AddRule(rule) => write!(f, "add rule {rule}"),
            Self::Resolver(_) => write!(f, "write the name servers"),
        }
    }
}

impl Step {
    /// The place in nmstate's document that this step is about, e.g. `interfaces.eth1.mtu`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::RemoveRule(rule) | Self::AddRule(rule) => format!("route-rules.config ({rule})"),
            Self::RemoveRoute(route) | Self::AddRoute(route) => format!("routes.config ({route})"),
            Self::RemoveAddress(a) | Self::AddAddress(a) => {
                let family = if a.address.is_ipv4() { "ipv4" } else { "ipv6" };
                format!("interfaces.{}.{family}.address", a.link)
            }
            Self::Detach { name, .. } | Self::Attach { name, .. } => format!("interfaces.{name}.controller"),
            Self::Delete { name } | Self::Create { name, .. } => format!("interfaces.{name}"),
            Self::Configure {
                name, kind, mac, mtu, ..
            } => match (kind, mac, mtu) {
                (Some(kind), ..) => format!("interfaces.{name}.{}", section(kind)),
                (None, Some(_), _) => format!("interfaces.{name}.mac-address"),
                (None, None, _) => format!("interfaces.{name}.mtu"),
            },
            Self::Rename { name, .. } => format!("interfaces.{name}.alt-names"),
            Self::Port {
                name, bond: Some(_), ..
            } => format!("interfaces.{name}.link-aggregation"),
            Self::Port { name, .. } => format!("interfaces.{name}.bridge"),
            Self::Switch { name, .. } => format!("interfaces.{name}.state"),
            Self::Ipv6 { name, .. } => format!("interfaces.{name}.ipv6.enabled"),
            Self::Resolver(_) => "dns-resolver.config".to_owned(),
        }
    }
}

fn section(kind: &Kind) -> &str {
    match kind {
        Kind::Bridge(_) => "bridge",
        Kind::Bond(_) => "link-aggregation",
        other => other.name(),
    }
}
