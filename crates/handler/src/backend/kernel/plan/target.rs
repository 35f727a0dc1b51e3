use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::refuse::{Problem, Problems};
use super::{address, kind, port, resolver, route, rule};
use crate::backend::kernel::net::{Goal, Kind, Link, Net, Route, Shape, Target};

/// What a policy allows beyond what is safe for every host (specification §19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// `takeover: true`: also change links that systemd-networkd looks after.
    pub takeover: bool,
    /// `dnsMode: File`: write the resolver's file.
    pub resolver_file: bool,
}

/// Keys of an interface that say nothing to a kernel: records of NetworkManager, and what a link has by nature.
const SILENT: [&str; 14] = [
    "name",
    "type",
    "state",
    "identifier",
    "profile-name",
    "description",
    "wait-ip",
    "driver",
    "permanent-mac-address",
    "pci-address",
    "min-mtu",
    "max-mtu",
    "controller-type",
    "veth",
];

/// What a delta document of nmstate asks of the kernel.
///
/// `delta` is what differs, `desired` the whole document it was made from (nmstate forgets in the delta that an
/// ethernet link is an end of a pair).
///
/// # Errors
/// Everything in it that this back end will not do, each with its path.
pub fn target(delta: &Value, desired: &Value, now: &Net, allowance: Allowance) -> Result<Target, Problems> {
    let mut reading = Reading {
        now,
        desired,
        target: Target::default(),
        problems: Problems::default(),
        flushed: BTreeSet::new(),
    };
    for (section, value) in delta.as_object().into_iter().flatten() {
        if is_empty(value) {
            continue;
        }
        match section.as_str() {
            "interfaces" => value
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|item| reading.interface(item)),
            "routes" => route::read(value, &mut reading),
            "route-rules" => rule::read(value, &mut reading),
            "dns-resolver" => resolver::read(value, allowance, &mut reading),
            "description" => {}
            other => reading.refuse(other, "the kernel back end does not do this; NetworkManager does"),
        }
    }
    reading.flush_ports();
    reading.keep_what_is_disturbed();
    reading.check_links();
    reading.problems.into_result(reading.target)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The work in progress.
pub(super) struct Reading<'a> {
    pub(super) now: &'a Net,
    pub(super) desired: &'a Value,
    pub(super) target: Target,
    pub(super) problems: Problems,
    /// Ports that are new at a bridge or bond: their own addresses and routes go.
    pub(super) flushed: BTreeSet<String>,
}

impl Reading<'_> {
    /// Refuses a path as not supported.
    pub(super) fn refuse(&mut self, path: &str, reason: &str) {
        self.problems
            .add(Problem::not_supported(path.to_owned(), reason.to_owned()));
    }

    /// The wish for a link, to be filled in.
    pub(super) fn shape(&mut self, name: &str) -> &mut Shape {
        let goal = self
            .target
            .links
            .entry(name.to_owned())
            .or_insert_with(|| Goal::Present(Box::default()));
        if *goal == Goal::Absent {
            *goal = Goal::Present(Box::default());
        }
        match goal {
            Goal::Present(shape) => shape,
            Goal::Absent => unreachable!("it was replaced two lines above"),
        }
    }

    fn interface(&mut self, item: &Value) {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let Some(name) = text("name") else {
            self.refuse("interfaces", "an interface without a name");
            return;
        };
        match text("state") {
            Some("absent") => return self.absent(name),
            Some("ignore") => return,
            Some("down") => self.shape(name).up = Some(false),
            _ => self.shape(name).up = Some(true),
        }
        let link = self.now.links.get(name);
        if let Some(wish) = kind::read(name, item, self.desired, link, &mut self.problems) {
            if let Some(peer) = wish.peer().filter(|peer| !self.now.links.contains_key(*peer)) {
                let peer = peer.to_owned();
                self.shape(&peer).up.get_or_insert(true);
            }
            self.shape(name).kind = Some(wish);
        }
        self.attributes(name, item);
        port::read(name, item, self);
        address::read(name, item, self);
    }

    fn attributes(&mut self, name: &str, item: &Value) {
        for (key, value) in item.as_object().into_iter().flatten() {
            let path = format!("interfaces.{name}.{key}");
            match key.as_str() {
                "mtu" => match value.as_u64().and_then(|mtu| u32::try_from(mtu).ok()) {
                    Some(mtu) => self.shape(name).mtu = Some(mtu),
                    None => self
                        .problems
                        .add(Problem::wrong(path, format!("{value} is no MTU"))),
                },
                "mac-address" => self.shape(name).mac = value.as_str().map(str::to_uppercase),
                "copy-mac-from" => self.copy_mac(name, value, path),
                "controller" => {
                    let controller = value.as_str().unwrap_or_default();
                    self.attach(name, controller);
                }
                "alt-names" => self.alt_names(name, value),
                "lldp" if value.get("enabled") != Some(&Value::Bool(true)) => {}
                "accept-all-mac-addresses" if value == &Value::Bool(false) => {}
                "lldp" => self.refuse(
                    &path,
                    "LLDP is received by the handler itself: set report.lldp instead",
                ),
                "ipv4" | "ipv6" => {}
                known if SILENT.contains(&known) || kind::SECTIONS.contains(&known) => {}
                _ if value.is_null() => {}
                _ => self.refuse(&path, "the kernel back end does not do this; NetworkManager does"),
            }
        }
    }

    fn copy_mac(&mut self, name: &str, value: &Value, path: String) {
        let from = value.as_str().unwrap_or_default();
        match self.now.links.get(from) {
            Some(link) => self.shape(name).mac = Some(link.mac.clone()),
            None => self.problems.add(Problem::not_found(
                path,
                format!("interface {from} does not exist"),
            )),
        }
    }

    fn alt_names(&mut self, name: &str, value: &Value) {
        let now = self.now.links.get(name);
        let mut names = now.map(|link| link.alt_names.clone()).unwrap_or_default();
        for entry in value.as_array().into_iter().flatten() {
            let Some(text) = entry.get("name").and_then(Value::as_str) else {
                continue;
            };
            if entry.get("state").and_then(Value::as_str) == Some("absent") {
                names.remove(text);
            } else {
                names.insert(text.to_owned());
            }
        }
        self.shape(name).alt_names = Some(names);
    }

    /// Makes a link a port of this controller; empty: of none.
    pub(super) fn attach(&mut self, name: &str, controller: &str) {
        let link = self.now.links.get(name);
        let is = link
            .and_then(|link| link.controller.as_deref())
            .unwrap_or_default();
        if is != controller && !controller.is_empty() {
            self.flushed.insert(name.to_owned());
        }
        self.shape(name).controller = Some(controller.to_owned());
    }

    fn absent(&mut self, name: &str) {
        let Some(link) = self.now.links.get(name) else {
            return;
        };
        if link.kind.can_be_made() {
            self.target.links.insert(name.to_owned(), Goal::Absent);
            if let Some(peer) = link.kind.peer() {
                self.target.links.insert(peer.to_owned(), Goal::Absent);
            }
            return;
        }
        if !matches!(link.kind, Kind::Ethernet | Kind::Loopback | Kind::Veth { .. }) {
            let path = format!("interfaces.{name}.state");
            let kind = link.kind.name().to_owned();
            self.refuse(
                &path,
                &format!("deleting a link of type {kind} could not be undone"),
            );
            return;
        }
        // A card stays: it is freed and switched off.
        let loopback = link.kind == Kind::Loopback;
        let shape = self.shape(name);
        shape.up = Some(loopback);
        shape.controller = Some(String::new());
        address::clear(name, self);
        self.remove_routes(name);
    }

    pub(super) fn remove_routes(&mut self, name: &str) {
        let of_link = |route: &&Route| route.uses(name) && !route.is_automatic();
        for route in self.now.routes.iter().filter(of_link) {
            self.target.routes.remove(route.clone());
        }
    }

    /// A port of a bridge or bond has no address of its own; nor has a VRF taken any away.
    fn flush_ports(&mut self) {
        for name in std::mem::take(&mut self.flushed) {
            let shape = self.target.links.get(&name).and_then(Goal::shape);
            let controller = shape
                .and_then(|shape| shape.controller.clone())
                .unwrap_or_default();
            if matches!(self.kind_of(&controller), Some(Kind::Vrf(_))) {
                continue;
            }
            let wished = self
                .target
                .addresses
                .ensure
                .iter()
                .any(|address| address.link == name);
            if !wished {
                address::clear(&name, self);
                self.remove_routes(&name);
            }
        }
    }

    /// The routing table of a VRF that is there or will be.
    pub(super) fn vrf_table(&self, name: &str) -> Option<u32> {
        let now = self.now.links.get(name).map(|link| &link.kind);
        let table = |kind: Option<&Kind>| match kind {
            Some(Kind::Vrf(vrf)) => vrf.table_id,
            _ => None,
        };
        table(self.kind_of(name)).or_else(|| table(now))
    }

    fn kind_of(&self, name: &str) -> Option<&Kind> {
        let wished = self.target.links.get(name).and_then(Goal::shape);
        wished
            .and_then(|shape| shape.kind.as_ref())
            .or_else(|| self.now.links.get(name).map(|link| &link.kind))
    }

    /// A link that is switched off on the way, or loses its first address, loses more than that: it shall have the
    /// rest again.
    fn keep_what_is_disturbed(&mut self) {
        let stays = |goal: &Goal| goal.shape().is_some_and(|shape| shape.up != Some(false));
        let names: Vec<String> = self
            .target
            .links
            .iter()
            .filter(|(_, goal)| stays(goal))
            .map(|(name, _)| name.clone())
            .collect();
        let now = self.now;
        for name in names {
            let mac = now
                .links
                .get(&name)
                .map(|link| link.mac.clone())
                .unwrap_or_default();
            let kept =
                |address: &&super::super::net::Address| address.link == name && !address.is_generated(&mac);
            for address in now.addresses.iter().filter(kept) {
                if !self.removes_address(address) {
                    self.target.addresses.ensure(address.clone());
                }
            }
            let kept = |route: &&Route| route.uses(&name) && !route.is_automatic() && route.opaque.is_none();
            for route in now.routes.iter().filter(kept) {
                if !self.target.routes.remove.contains(route) {
                    self.target.routes.ensure(route.clone());
                }
            }
        }
    }

    fn removes_address(&self, address: &super::super::net::Address) -> bool {
        use crate::backend::kernel::net::Same as _;
        self.target
            .addresses
            .remove
            .iter()
            .any(|other| other.same(address))
    }

    /// Every link that is named exists, or is made.
    fn check_links(&mut self) {
        let made: BTreeMap<&str, Option<&Kind>> = self
            .target
            .links
            .iter()
            .filter_map(|(name, goal)| Some((name.as_str(), goal.shape()?.kind.as_ref())))
            .collect();
        let peers: BTreeSet<&str> = made.values().flatten().filter_map(|kind| kind.peer()).collect();
        let exists = |name: &str| -> bool {
            let absent = self.target.links.get(name) == Some(&Goal::Absent);
            let now: Option<&Link> = self.now.links.get(name).filter(|_| !absent);
            let new = made.get(name).copied().flatten().is_some_and(Kind::can_be_made);
            now.is_some() || new || peers.contains(name)
        };
        let mut lost: Vec<(String, String)> = Vec::new();
        for (name, goal) in &self.target.links {
            let Some(shape) = goal.shape() else { continue };
            if !exists(name) {
                lost.push((format!("interfaces.{name}"), name.clone()));
            }
            let controller = shape.controller.iter().filter(|name| !name.is_empty());
            let base = shape
                .kind
                .as_ref()
                .and_then(|kind| kind.base().map(str::to_owned));
            for other in controller.cloned().chain(base).filter(|other| !exists(other)) {
                lost.push((format!("interfaces.{name}"), other));
            }
        }
        let by_route = self
            .target
            .routes
            .ensure
            .iter()
            .filter_map(|route| route.link.clone());
        lost.extend(
            by_route
                .filter(|name| !exists(name))
                .map(|name| ("routes.config".to_owned(), name)),
        );
        for (path, name) in lost {
            self.problems.add(Problem::not_found(
                path,
                format!("interface {name} does not exist"),
            ));
        }
    }
}
