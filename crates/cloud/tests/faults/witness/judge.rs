//! What is wrong with a state of a Node, and with the step from the one before. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cloud::names;
use k8s_openapi::api::core::v1::Node;

use crate::ground::{has_taint, label, provider_id};
use crate::truth::Machine;

/// A taint of somebody else, on every Node of a test.
pub(crate) const FOREIGN_TAINT: &str = "example.com/dedicated";

/// Instance type of the machines of all tests.
const INSTANCE_TYPE: &str = "4VCPU-8GB";

/// Labels whose value a Node keeps for life.
const LASTING: [&str; 7] = [
    names::REGION,
    names::BETA_REGION,
    names::ZONE,
    names::BETA_ZONE,
    names::INSTANCE_TYPE,
    names::BETA_INSTANCE_TYPE,
    names::PROXMOX_REGION,
];

/// What is judged of a Node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    uid: String,
    pub(super) version: String,
    /// Type and address of each entry of `status.addresses`.
    addresses: BTreeSet<(String, String)>,
    tainted: bool,
    shut_down: bool,
    foreign_taint: bool,
    ready: bool,
    provider_id: String,
    labels: BTreeMap<&'static str, String>,
}

impl State {
    pub(super) fn of(node: &Node) -> Self {
        let status = node.status.iter();
        let addresses = status
            .clone()
            .flat_map(|status| status.addresses.iter().flatten())
            .map(|entry| (entry.type_.clone(), entry.address.clone()))
            .collect();
        let ready = status
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let labels = LASTING.into_iter().chain([names::PROXMOX_ZONE]);
        Self {
            uid: node.metadata.uid.clone().unwrap_or_default(),
            version: Self::version_of(node).1,
            addresses,
            tainted: has_taint(node, names::TAINT_UNINITIALIZED),
            shut_down: has_taint(node, names::TAINT_SHUTDOWN),
            foreign_taint: has_taint(node, FOREIGN_TAINT),
            ready,
            provider_id: provider_id(node).to_owned(),
            labels: labels
                .map(|key| (key, label(node, key)))
                .filter(|(_, value)| *value != "(none)")
                .map(|(key, value)| (key, value.to_owned()))
                .collect(),
        }
    }

    /// Name and resource version.
    pub(super) fn version_of(node: &Node) -> (String, String) {
        let metadata = &node.metadata;
        (
            metadata.name.clone().unwrap_or_default(),
            metadata.resource_version.clone().unwrap_or_default(),
        )
    }

    fn ips(&self) -> impl Iterator<Item = &(String, String)> {
        self.addresses.iter().filter(|(kind, _)| kind.ends_with("IP"))
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}

/// What is wrong with the end of a Node.
pub(super) fn deletion(machine: &Machine) -> Option<String> {
    (!machine.gone).then(|| "was deleted, and its machine exists".to_owned())
}

/// Everything that is wrong with `now`, by itself and after `before`.
pub(super) fn judge(before: Option<&State>, now: &State, machine: &Machine) -> Vec<String> {
    let mut said = Vec::new();
    standing(now, machine, &mut said);
    identity(now, machine, &mut said);
    if let Some(before) = before {
        step(before, now, machine, &mut said);
    }
    said
}

/// Addresses and taints.
fn standing(now: &State, machine: &Machine, said: &mut Vec<String>) {
    for (kind, address) in now.ips() {
        if !machine.has.contains(address) && !machine.had.contains(address) {
            said.push(format!("has {kind} {address}, which its machine never had"));
        }
    }
    if now.shut_down && !machine.off {
        said.push("has the shutdown taint, and its machine runs".to_owned());
    }
    if !now.foreign_taint {
        said.push(format!(
            "lost the taint {FOREIGN_TAINT}, which is somebody else's"
        ));
    }
}

/// Provider ID and labels: right whenever they are there, and there without the taint.
fn identity(now: &State, machine: &Machine, said: &mut Vec<String>) {
    let expected = machine.provider_id();
    if now.provider_id != expected && !(now.provider_id.is_empty() && now.tainted) {
        said.push(format!("has provider ID {:?}, not {expected}", now.provider_id));
    }
    for key in LASTING.into_iter().chain([names::PROXMOX_ZONE]) {
        let is_right = |value: &str| match key {
            names::ZONE | names::BETA_ZONE | names::PROXMOX_ZONE => {
                machine.hosts.iter().any(|host| host == value)
            }
            names::INSTANCE_TYPE | names::BETA_INSTANCE_TYPE => value == INSTANCE_TYPE,
            _ => value == machine.region,
        };
        match now.label(key) {
            None if now.tainted => {}
            None => said.push(format!("is initialised without label {key}")),
            Some(value) if is_right(value) => {}
            Some(value) => said.push(format!("has label {key}={value}")),
        }
    }
}

/// What must not get lost from one state to the next.
fn step(before: &State, now: &State, machine: &Machine, said: &mut Vec<String>) {
    if before.uid != now.uid {
        said.push("is another Node of the same name".to_owned());
        return;
    }
    for entry in before.addresses.difference(&now.addresses) {
        let (kind, address) = entry;
        if machine.has.contains(address) || *address == machine.name() {
            said.push(format!("lost {kind} {address}, which its machine still has"));
        }
    }
    if now.tainted && !before.tainted {
        said.push("is uninitialised again".to_owned());
    }
    if before.shut_down && !now.shut_down && machine.off && !now.ready {
        said.push("lost the shutdown taint, and its machine is off".to_owned());
    }
    for key in LASTING {
        let (old, new) = (before.label(key), now.label(key));
        if old.is_some() && old != new {
            said.push(format!("had label {key}={old:?}, now {new:?}"));
        }
    }
    let place = |state: &State| {
        let zone = state.label(names::PROXMOX_ZONE)?;
        machine.hosts.iter().position(|host| host == zone)
    };
    if place(now) < place(before) {
        said.push(format!(
            "went back to zone {:?}, where its machine is no more",
            now.label(names::PROXMOX_ZONE)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that was on `a`, is on `b`, has two addresses and had a third.
    fn machine() -> Machine {
        let mut machine = Machine::new(101, "north", "a");
        machine.hosts.push("b".to_owned());
        machine.had.insert("10.9.9.9".to_owned());
        machine
    }

    fn good() -> State {
        let machine = machine();
        let mut addresses: BTreeSet<_> = machine
            .has
            .iter()
            .map(|address| ("InternalIP".to_owned(), address.clone()))
            .collect();
        addresses.insert(("Hostname".to_owned(), machine.name()));
        let mut labels: BTreeMap<_, _> = LASTING.map(|key| (key, "north".to_owned())).into();
        for key in [names::ZONE, names::BETA_ZONE, names::PROXMOX_ZONE] {
            labels.insert(key, "a".to_owned());
        }
        for key in [names::INSTANCE_TYPE, names::BETA_INSTANCE_TYPE] {
            labels.insert(key, INSTANCE_TYPE.to_owned());
        }
        State {
            uid: "u".to_owned(),
            addresses,
            foreign_taint: true,
            provider_id: machine.provider_id(),
            labels,
            ..State::default()
        }
    }

    fn after(change: impl FnOnce(&mut State)) -> State {
        let mut state = good();
        change(&mut state);
        state
    }

    #[test]
    fn what_may_happen_is_approved() {
        let new = State {
            uid: "u".to_owned(),
            addresses: [("Hostname".to_owned(), "n101".to_owned())].into(),
            tainted: true,
            foreign_taint: true,
            ..State::default()
        };
        assert_eq!(judge(None, &new, &machine()), [""; 0]);
        assert_eq!(judge(Some(&new), &good(), &machine()), [""; 0]);
        let moved = after(|state| drop(state.labels.insert(names::PROXMOX_ZONE, "b".to_owned())));
        assert_eq!(judge(Some(&good()), &moved, &machine()), [""; 0]);
        let old = ("InternalIP".to_owned(), "10.9.9.9".to_owned());
        let late = after(|state| state.addresses.extend([old]));
        assert_eq!(judge(Some(&late), &good(), &machine()), [""; 0]);
        let mut gone = machine();
        gone.gone = true;
        assert_eq!(deletion(&gone), None);
        let mut off = machine();
        off.off = true;
        let shut = after(|state| state.shut_down = true);
        assert_eq!(judge(Some(&good()), &shut, &off), [""; 0]);
        assert_eq!(
            judge(Some(&shut), &after(|state| state.ready = true), &off),
            [""; 0]
        );
    }

    #[test]
    fn whatever_must_not_happen_is_told() {
        let moved = after(|state| drop(state.labels.insert(names::PROXMOX_ZONE, "b".to_owned())));
        let foreign = ("ExternalIP".to_owned(), "203.0.113.7".to_owned());
        let cases = [
            (
                good(),
                after(|state| drop(state.addresses.pop_first())),
                "lost Hostname n101",
            ),
            (
                good(),
                after(|state| drop(state.addresses.pop_last())),
                "still has",
            ),
            (
                good(),
                after(|state| state.addresses.extend([foreign])),
                "never had",
            ),
            (good(), after(|state| state.tainted = true), "uninitialised again"),
            (good(), after(|state| state.shut_down = true), "its machine runs"),
            (
                good(),
                after(|state| state.foreign_taint = false),
                "somebody else's",
            ),
            (good(), after(|state| state.provider_id.clear()), "provider ID"),
            (good(), after(|state| state.uid.clear()), "another Node"),
            (
                good(),
                after(|state| drop(state.labels.remove(names::REGION))),
                "without label",
            ),
            (moved, good(), "went back"),
        ];
        for (before, now, expected) in cases {
            let said = judge(Some(&before), &now, &machine()).join("; ");
            assert!(said.contains(expected), "{expected}: {said:?}");
        }
        for key in LASTING {
            let wrong = after(|state| drop(state.labels.insert(key, "south".to_owned())));
            let said = judge(None, &wrong, &machine()).join("; ");
            assert!(said.contains(&format!("{key}=south")), "{said:?}");
        }
        let zone = after(|state| drop(state.labels.insert(names::ZONE, "b".to_owned())));
        assert!(
            !judge(Some(&good()), &zone, &machine()).is_empty(),
            "the zone is for life"
        );
        let mut off = machine();
        off.off = true;
        let shut = after(|state| state.shut_down = true);
        assert!(
            !judge(Some(&shut), &good(), &off).is_empty(),
            "a machine that is off"
        );
        assert!(deletion(&machine()).is_some());
    }
}
