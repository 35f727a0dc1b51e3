//! `spec.providerID` (§3.1): reading, and writing a new one. An existing one is never changed.

use super::facts::{MachineId, SystemUuid};
use super::settings::Provider;
use crate::names::PROVIDER_SCHEME;

/// What a provider ID says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderId<'a> {
    /// It is not set.
    Empty,
    /// It belongs to another cloud.
    Foreign,
    /// Ours, and it names a machine: `proxmox://<region>/<vmid>`.
    Machine {
        /// The region's name, not yet known to be one.
        region: &'a str,
        /// The machine's number.
        vmid: u64,
    },
    /// Ours, but it names no machine by itself: `proxmox://<UUID>`, `proxmox:///100`, or an odd text.
    Unresolved,
}

impl<'a> ProviderId<'a> {
    /// Reads a provider ID.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        let Some(rest) = text.strip_prefix(PROVIDER_SCHEME) else {
            return Self::Foreign;
        };
        match rest.split_once('/') {
            Some((region, number)) if !region.is_empty() => match number.parse::<i64>().map(u64::try_from) {
                Ok(Ok(vmid)) if vmid != 0 => Self::Machine { region, vmid },
                _ => Self::Unresolved,
            },
            _ => Self::Unresolved,
        }
    }

    /// Whether a Node with it is ours to look after; one without any is, too.
    #[must_use]
    pub fn is_own(&self) -> bool {
        *self != Self::Foreign
    }

    /// Whether it says that the Node is one of our machines, so that the machine can be gone.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self, Self::Machine { .. } | Self::Unresolved)
    }
}

/// The provider ID of a machine that has none yet.
#[must_use]
pub fn write(provider: Provider, id: &MachineId, uuid: &SystemUuid) -> String {
    match provider {
        Provider::Default => format!("{PROVIDER_SCHEME}{}/{}", id.region, id.vmid),
        Provider::Capmox => format!("{PROVIDER_SCHEME}{uuid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_ids_are_read() {
        let machine = |region, vmid| ProviderId::Machine { region, vmid };
        for (text, expected) in [
            ("", ProviderId::Empty),
            ("proxmox://cluster-1/100", machine("cluster-1", 100)),
            ("proxmox://cluster-1/+100", machine("cluster-1", 100)),
            ("proxmox://cluster 1/100", machine("cluster 1", 100)),
            ("proxmox:///100", ProviderId::Unresolved),
            ("proxmox://cluster-1/0", ProviderId::Unresolved),
            ("proxmox://cluster-1/-5", ProviderId::Unresolved),
            ("proxmox://cluster-1/100/1", ProviderId::Unresolved),
            ("proxmox://cluster-1/99999999999999999999", ProviderId::Unresolved),
            ("proxmox://cluster-1/", ProviderId::Unresolved),
            (
                "proxmox://11833f4c-341f-4bd3-aad7-f7abed000001",
                ProviderId::Unresolved,
            ),
            ("proxmoxfoo://x/100", ProviderId::Foreign),
            ("proxmox:/x/100", ProviderId::Foreign),
            ("k3s://n1", ProviderId::Foreign),
        ] {
            assert_eq!(ProviderId::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn new_ones_have_the_form_of_their_provider() {
        let id = MachineId::new(&"fsn".parse().unwrap(), 100);
        let uuid = SystemUuid::new("11833F4C-341f-4bd3-aad7-f7abed000001").unwrap();
        assert_eq!(write(Provider::Default, &id, &uuid), "proxmox://fsn/100");
        assert_eq!(
            write(Provider::Capmox, &id, &uuid),
            "proxmox://11833F4C-341f-4bd3-aad7-f7abed000001"
        );
    }
}
