use super::Glob;
use crate::plan::facts::{GuestInterface, Mac};

/// Interfaces that are never a way to a Node: of containers, services and tunnels (§5.3, D12).
pub const BUILT_IN: &[&str] = &[
    "lo",
    "dummy*",
    "cilium_*",
    "lxc*",
    "cali*",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
    "tunl0",
    "cni0",
    "cni-*",
    "cbr0",
    "flannel*",
    "docker*",
    "podman*",
    "cni-podman*",
    "nerdctl*",
    "br-????????????",
    "virbr*",
    "lxdbr*",
    "lxcbr*",
    "veth*",
    "vnet*",
    "tap*",
    "fwbr*",
    "fwln*",
    "fwpr*",
    "kube-ipvs0",
    "kube-dummy-if",
    "kube-bridge",
    "nodelocaldns",
    "antrea-gw*",
    "ovn-k8s-*",
    "ovn0",
    "genev_sys_*",
    "vxlan_sys_*",
    "weave",
    "sit0",
    "ip6tnl0",
    "gre0",
    "gretap0",
    "erspan0",
    "ifb*",
];

/// The few interfaces that the replaced controller leaves out: the built-in list with `exclude_defaults: false`.
pub const MINIMAL: &[&str] = &["lo", "cilium_net", "cilium_host", "dummy*"];

/// Which interfaces of a guest count, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFilter {
    /// Use [`BUILT_IN`]; else [`MINIMAL`].
    pub exclude_defaults: bool,
    /// Never these.
    pub exclude: Vec<Glob>,
    /// If not empty, only these; it does not bring back what a list excludes.
    pub include: Vec<Glob>,
}

impl Default for InterfaceFilter {
    fn default() -> Self {
        Self {
            exclude_defaults: true,
            exclude: Vec::new(),
            include: Vec::new(),
        }
    }
}

impl InterfaceFilter {
    /// Why an interface of this name does not count; `None` when it does.
    #[must_use]
    pub fn refusal(&self, name: &str) -> Option<String> {
        self.configured_refusal(name)
            .or_else(|| self.built_in_refusal(name))
    }

    /// What people wrote themselves; it also holds for interfaces that were chosen by hardware address.
    fn configured_refusal(&self, name: &str) -> Option<String> {
        if let Some(glob) = self.exclude.iter().find(|glob| glob.matches(name)) {
            return Some(format!("skipped: interfaces.exclude has {glob}"));
        }
        let included = self.include.is_empty() || self.include.iter().any(|glob| glob.matches(name));
        (!included).then(|| "skipped: not in interfaces.include".to_owned())
    }

    fn built_in_refusal(&self, name: &str) -> Option<String> {
        let list = if self.exclude_defaults { BUILT_IN } else { MINIMAL };
        let glob = list.iter().find(|pattern| Glob::new(pattern).matches(name))?;
        Some(format!("skipped: the built-in exclude list has {glob}"))
    }
}

/// Decides which interfaces count: by hardware address if any fits, else by name (`nic_match`, §2).
pub(super) struct Choice<'a> {
    filter: &'a InterfaceFilter,
    macs: Option<&'a [Mac]>,
}

impl<'a> Choice<'a> {
    /// `macs` are the machine's hardware addresses, or `None` when names decide.
    pub(super) fn new(filter: &'a InterfaceFilter, macs: Option<&'a [Mac]>, all: &[GuestInterface]) -> Self {
        let fits = |macs: &&[Mac]| {
            all.iter()
                .any(|one| one.mac.is_some_and(|mac| macs.contains(&mac)))
        };
        Self {
            filter,
            macs: macs.filter(fits),
        }
    }

    /// Why this interface does not count; `None` when it does.
    pub(super) fn refusal(&self, interface: &GuestInterface) -> Option<String> {
        let Some(macs) = self.macs else {
            return self.filter.refusal(&interface.name);
        };
        if interface.mac.is_some_and(|mac| macs.contains(&mac)) {
            self.filter.configured_refusal(&interface.name)
        } else {
            Some("skipped: its hardware address is none of the machine's".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, mac: &str) -> GuestInterface {
        GuestInterface {
            name: name.into(),
            mac: mac.parse().ok(),
            addresses: Vec::new(),
        }
    }

    #[test]
    fn the_built_in_list_and_its_switch() {
        let ours = InterfaceFilter::default();
        let theirs = InterfaceFilter {
            exclude_defaults: false,
            ..InterfaceFilter::default()
        };
        for (name, with_list, without) in [
            ("eth0", true, true),
            ("Lo", true, true),
            ("lo", false, false),
            ("dummy0", false, false),
            ("cilium_net", false, false),
            ("cilium_vxlan", false, true),
            ("kube-ipvs0", false, true),
            ("br-lan", true, true),
            ("Ethernet Instance 0", true, true),
        ] {
            assert_eq!(ours.refusal(name).is_none(), with_list, "{name}");
            assert_eq!(theirs.refusal(name).is_none(), without, "{name}");
        }
    }

    #[test]
    fn include_narrows_and_never_brings_back_what_is_excluded() {
        let filter = InterfaceFilter {
            include: vec![Glob::new("docker0"), Glob::new("eth*")],
            exclude: vec![Glob::new("eth9")],
            ..InterfaceFilter::default()
        };
        assert!(filter.refusal("docker0").is_some());
        assert_eq!(
            InterfaceFilter {
                exclude_defaults: false,
                ..filter.clone()
            }
            .refusal("docker0"),
            None
        );
        assert_eq!(filter.refusal("eth0"), None);
        assert!(filter.refusal("ens18").is_some());
        assert!(filter.refusal("eth9").is_some());
    }

    #[test]
    fn hardware_addresses_decide_only_if_one_fits() {
        let (ours, other) = ("bc:24:11:2e:c4:0a", "bc:24:11:2e:c4:0b");
        let macs: Vec<Mac> = vec!["BC:24:11:2E:C4:0A".parse().unwrap()];
        let filter = InterfaceFilter::default();
        let all = [
            interface("veth-like-name", ours),
            interface("eth1", other),
            interface("tunl9", ""),
        ];
        let choice = Choice::new(&filter, Some(&macs), &all);
        assert_eq!(choice.refusal(&all[0]), None);
        assert!(choice.refusal(&all[1]).is_some() && choice.refusal(&all[2]).is_some());
        let fallback = Choice::new(&filter, Some(&macs), &all[1..]);
        assert_eq!(fallback.refusal(&all[1]), None);
        assert!(fallback.refusal(&all[0]).is_some(), "by name now: veth*");
    }
}
