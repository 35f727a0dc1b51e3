//! The requests we send: nine reads, and the log-in.

use std::fmt;

/// Longest answer that is read where none is long. Unit: bytes.
pub(super) const SHORT_ANSWER: usize = 2 << 20;

/// A read of the API. `Display` is its path and query below the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// Which version answers (A.2).
    Version,
    /// Members and quorum (A.2).
    ClusterStatus,
    /// What our credentials may do (A.2).
    Permissions,
    /// All guests of the region (A.3).
    Machines,
    /// HA groups, up to PVE 8 (A.5).
    HaGroups,
    /// HA node affinity rules, from PVE 9 (A.5).
    HaRules,
    /// The configuration of one machine (A.4).
    Config { host: &'a str, vmid: u64 },
    /// The network interfaces inside one machine (A.6).
    Interfaces { host: &'a str, vmid: u64 },
}

impl Call<'_> {
    /// The path without names and numbers: label value `endpoint`.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::ClusterStatus => "cluster/status",
            Self::Permissions => "access/permissions",
            Self::Machines => "cluster/resources",
            Self::HaGroups => "cluster/ha/groups",
            Self::HaRules => "cluster/ha/rules",
            Self::Config { .. } => "nodes/qemu/config",
            Self::Interfaces { .. } => "nodes/qemu/agent/network-get-interfaces",
        }
    }

    /// Longest answer that is read. Unit: bytes.
    ///
    /// What grows with the cluster may be long; what one machine or its guest says, who may be hostile, may not.
    pub(super) const fn longest_answer(self) -> usize {
        match self {
            // 5,000 machines have about 2 MiB.
            Self::Machines => 64 << 20,
            // Rights on pools and single machines are listed one by one: 5,000 of them have about 4 MiB.
            Self::Permissions => 8 << 20,
            // A guest with 10,000 addresses has about 1 MiB.
            _ => SHORT_ANSWER,
        }
    }

    /// The host that has to answer; `None` when any member of the cluster can.
    pub(super) const fn host(&self) -> Option<&str> {
        match self {
            Self::Config { host, .. } | Self::Interfaces { host, .. } => Some(host),
            _ => None,
        }
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machines => f.write_str("/cluster/resources?type=vm"),
            Self::HaRules => f.write_str("/cluster/ha/rules?type=node-affinity"),
            // Without it the answer shows what will be true after the next restart: a UUID that nobody has yet (A.4).
            Self::Config { host, vmid } => write!(f, "/nodes/{host}/qemu/{vmid}/config?current=1"),
            Self::Interfaces { host, vmid } => {
                write!(f, "/nodes/{host}/qemu/{vmid}/agent/network-get-interfaces")
            }
            other => write!(f, "/{}", other.template()),
        }
    }
}

/// Whether a host's name can stand in a path as it is. PVE allows letters, digits, `-` and `.` only.
pub(super) fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let config = Call::Config {
            host: "pve-1",
            vmid: 100,
        };
        assert_eq!(config.to_string(), "/nodes/pve-1/qemu/100/config?current=1");
        assert_eq!(config.host(), Some("pve-1"));
        let guest = Call::Interfaces {
            host: "pve-1",
            vmid: 100,
        };
        assert_eq!(
            guest.to_string(),
            "/nodes/pve-1/qemu/100/agent/network-get-interfaces"
        );
        assert_eq!(Call::Machines.to_string(), "/cluster/resources?type=vm");
        assert_eq!(Call::HaGroups.to_string(), "/cluster/ha/groups");
        assert_eq!(Call::Version.host(), None);
    }

    #[test]
    fn a_host_name_cannot_leave_its_place_in_the_path() {
        assert!(is_host_name("pve-1.example"));
        for bad in ["", "..%2f", "pve/1", "pve 1", "pve?x"] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
