//! What the configuration file lets people choose, as far as a decision reads it (§2).

use std::fmt;
use std::time::Duration;

use super::address::{CidrList, InterfaceFilter};

/// `features.provider`: which form a new provider ID has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// `proxmox://<region>/<vmid>`.
    #[default]
    Default,
    /// `proxmox://<UUID>`, as the Cluster API provider for Proxmox writes it.
    Capmox,
}

/// `features.network.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Only what kubelet was told.
    #[default]
    Default,
    /// Kubelet's addresses and those of the guest. The same as [`Mode::Qemu`] (D4).
    Auto,
    /// Kubelet's addresses and those of the guest.
    Qemu,
}

impl Mode {
    /// Whether guests are asked for their addresses.
    #[must_use]
    pub const fn asks_guest(self) -> bool {
        matches!(self, Self::Auto | Self::Qemu)
    }

    /// The text in the configuration file, and the metric label `node_mode`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Auto => "auto",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `features.network.cidr_semantics`: what the two lists of networks mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantics {
    /// As documented: plain items of `ip_sort_order` are priorities, `!` items of both keys drop.
    #[default]
    Documented,
    /// As the replaced controller does it: exchanged in `ip_sort_order`, `!` without effect in `external_ip_cidrs`.
    Upstream,
}

/// `features.match_name`: whether a machine's name must fit the Node's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchName {
    /// The machine's name starts with the Node's.
    #[default]
    Prefix,
    /// Both names are equal.
    Exact,
    /// The UUID decides alone.
    Off,
}

/// `features.foreign_nodes`: what happens to Nodes of other clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignNodes {
    /// Nothing.
    #[default]
    Ignore,
    /// The taint is removed unless kubelet was given an address (D7).
    Untaint,
}

/// `features.deletion`: when a machine counts as gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// Only when it is certain (§4.1).
    #[default]
    Confirmed,
    /// At the first sight, as the replaced controller does it (D9). Discouraged.
    Upstream,
}

/// `features.network.nic_match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NicMatch {
    /// Interfaces are chosen by name.
    #[default]
    Off,
    /// Interfaces are those with a hardware address of the machine, if there is any.
    Mac,
}

/// `features.network`: which addresses a Node gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Where addresses come from.
    pub mode: Mode,
    /// `external_ip_cidrs`.
    pub external: CidrList,
    /// `ip_sort_order`.
    pub sort: CidrList,
    /// What both lists mean.
    pub semantics: Semantics,
    /// Drop IPv6 addresses of guests.
    pub ipv6_disabled: bool,
    /// Which interfaces count.
    pub interfaces: InterfaceFilter,
    /// Whether interfaces are chosen by hardware address.
    pub nic_match: NicMatch,
    /// Publish unique-local IPv6 addresses of guests.
    pub keep_ula: bool,
    /// Publish 169.254.0.0/16 of guests.
    pub keep_ipv4_link_local: bool,
    /// Limit for one guest query.
    pub guest_timeout: Duration,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            external: CidrList::default(),
            sort: CidrList::default(),
            semantics: Semantics::default(),
            ipv6_disabled: false,
            interfaces: InterfaceFilter::default(),
            nic_match: NicMatch::default(),
            keep_ula: false,
            keep_ipv4_link_local: false,
            guest_timeout: Duration::from_secs(10),
        }
    }
}

/// `features`: everything a decision reads of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch per key of the configuration file"
)]
pub struct Settings {
    /// Form of new provider IDs.
    pub provider: Provider,
    /// How names take part in identity.
    pub match_name: MatchName,
    /// Nodes of other clouds.
    pub foreign_nodes: ForeignNodes,
    /// When Nodes are deleted.
    pub deletion: Deletion,
    /// The zone is the first HA group instead of the host.
    pub ha_group: bool,
    /// With `ha_group`: a new Node whose host is in no group gets the host as its zone.
    pub ha_group_fallback_host: bool,
    /// Groups become labels.
    pub ha_labels: bool,
    /// Labels of Kubernetes follow a machine that moved.
    pub force_update_labels: bool,
    /// Addresses.
    pub network: NetworkSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: Provider::default(),
            match_name: MatchName::default(),
            foreign_nodes: ForeignNodes::default(),
            deletion: Deletion::default(),
            ha_group: false,
            ha_group_fallback_host: false,
            ha_labels: true,
            force_update_labels: false,
            network: NetworkSettings::default(),
        }
    }
}

impl Settings {
    /// Whether HA groups or rules have to be read at all (§9).
    #[must_use]
    pub const fn needs_affinity(&self) -> bool {
        self.ha_group || self.ha_labels
    }
}
