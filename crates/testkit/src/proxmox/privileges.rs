//! Who may do what, as Proxmox VE resolves it.

use std::collections::BTreeMap;

/// Privileges per path of the object tree (`/`, `/vms`, `/vms/100`), with or without propagation to what is below.
///
/// The entry nearest to an object decides alone: a grant on `/vms/100` hides what `/` would give there, unless the
/// nearer one is empty or does not reach (Proxmox VE administration guide, "Permission Management").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Path → privilege → whether it reaches what is below.
    acl: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Privileges {
    /// None at all. Such an account may still log in, read `/version`, and see empty lists.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// All a cloud controller needs, on `/` with propagation: `VM.Audit`, `Sys.Audit`, and the guest query of both
    /// PVE 8 (`VM.Monitor`) and PVE 9 (`VM.GuestAgent.Audit`).
    #[must_use]
    pub fn all() -> Self {
        ["VM.Audit", "Sys.Audit", "VM.Monitor", "VM.GuestAgent.Audit"]
            .into_iter()
            .fold(Self::none(), |all, privilege| all.grant("/", privilege))
    }

    /// Also `privilege` on `path` and everything below.
    #[must_use]
    pub fn grant(self, path: &str, privilege: &str) -> Self {
        self.with(path, privilege, true)
    }

    /// Also `privilege` on `path`, but on nothing below.
    #[must_use]
    pub fn grant_here(self, path: &str, privilege: &str) -> Self {
        self.with(path, privilege, false)
    }

    /// The same without `privilege` on any path.
    #[must_use]
    pub fn without(mut self, privilege: &str) -> Self {
        self.revoke(privilege);
        self
    }

    /// Takes `privilege` away on every path.
    pub fn revoke(&mut self, privilege: &str) {
        for granted in self.acl.values_mut() {
            granted.remove(privilege);
        }
    }

    /// Whether `privilege` is held on `path`.
    #[must_use]
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        self.effective(path).contains_key(privilege)
    }

    /// What is held on `path`, and whether it reaches further down.
    pub(super) fn effective(&self, path: &str) -> BTreeMap<&str, bool> {
        let mut held = BTreeMap::new();
        for step in steps(path) {
            let Some(granted) = self.acl.get(step) else {
                continue;
            };
            let here: BTreeMap<&str, bool> = granted
                .iter()
                .filter(|(_, reaches)| **reaches || step == path)
                .map(|(privilege, reaches)| (privilege.as_str(), *reaches))
                .collect();
            if !here.is_empty() {
                held = here;
            }
        }
        held
    }

    /// The paths that something is granted on.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.acl.keys().map(String::as_str)
    }

    fn with(mut self, path: &str, privilege: &str, propagate: bool) -> Self {
        let granted = self.acl.entry(path.to_owned()).or_default();
        granted.insert(privilege.to_owned(), propagate);
        self
    }
}

/// `/`, `/vms` and `/vms/100` for `/vms/100`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.match_indices('/').skip(1).map(|(end, _)| &path[..end]);
    let last = (path != "/").then_some(path);
    std::iter::once("/").chain(inner).chain(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_grant_decides_and_only_propagating_ones_reach_down() {
        let privileges = Privileges::none()
            .grant("/", "VM.Audit")
            .grant("/vms/100", "VM.Monitor")
            .grant_here("/vms", "VM.Console");
        for (path, privilege, expected) in [
            ("/", "VM.Audit", true),
            ("/vms/101", "VM.Audit", true),
            ("/vms/100", "VM.Audit", false),
            ("/vms/100", "VM.Monitor", true),
            ("/vms", "VM.Console", true),
            ("/vms", "VM.Audit", false),
            ("/vms/101", "VM.Console", false),
        ] {
            assert_eq!(privileges.has(path, privilege), expected, "{privilege} on {path}");
        }
    }

    #[test]
    fn a_revoked_privilege_is_gone_everywhere() {
        let privileges = Privileges::all().grant("/vms/7", "VM.Audit").without("VM.Audit");
        assert!(!privileges.has("/", "VM.Audit") && !privileges.has("/vms/7", "VM.Audit"));
        assert!(
            privileges.has("/vms/7", "VM.Monitor"),
            "an emptied grant hides nothing"
        );
    }
}
