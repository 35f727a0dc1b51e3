//! Which end point of the API a path belongs to.

use std::fmt;

use http::Method;

/// An end point of the API, without the names in its path: what counters, latencies and faults are keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Template {
    /// `GET /version`.
    Version,
    /// `POST /access/ticket`.
    Ticket,
    /// `GET /access/permissions`.
    Permissions,
    /// `GET /cluster/status`.
    ClusterStatus,
    /// `GET /cluster/resources`.
    Resources,
    /// `GET /cluster/ha/groups`.
    HaGroups,
    /// `GET /cluster/ha/rules`.
    HaRules,
    /// `GET /cluster/ha/resources`.
    HaResources,
    /// `GET /cluster/ha/status/current`.
    HaStatus,
    /// `GET /nodes/{host}/qemu/{vmid}/config`.
    Config,
    /// `GET /nodes/{host}/qemu/{vmid}/status/current`.
    Status,
    /// `GET /nodes/{host}/qemu/{vmid}/agent/network-get-interfaces`.
    GuestInterfaces,
    /// Anything else: answered with 501.
    Other,
}

impl Template {
    /// Every template once.
    pub const ALL: [Self; 13] = [
        Self::Version,
        Self::Ticket,
        Self::Permissions,
        Self::ClusterStatus,
        Self::Resources,
        Self::HaGroups,
        Self::HaRules,
        Self::HaResources,
        Self::HaStatus,
        Self::Config,
        Self::Status,
        Self::GuestInterfaces,
        Self::Other,
    ];

    /// The path without names, such as `nodes/qemu/config`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Ticket => "access/ticket",
            Self::Permissions => "access/permissions",
            Self::ClusterStatus => "cluster/status",
            Self::Resources => "cluster/resources",
            Self::HaGroups => "cluster/ha/groups",
            Self::HaRules => "cluster/ha/rules",
            Self::HaResources => "cluster/ha/resources",
            Self::HaStatus => "cluster/ha/status/current",
            Self::Config => "nodes/qemu/config",
            Self::Status => "nodes/qemu/status/current",
            Self::GuestInterfaces => "nodes/qemu/agent/network-get-interfaces",
            Self::Other => "other",
        }
    }

    /// Whether the privileged daemon of the VM's host does the work, one request per worker.
    pub(super) fn is_protected(self) -> bool {
        matches!(self, Self::Status | Self::GuestInterfaces)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A path taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) template: Template,
    /// The host the request is about.
    pub(super) host: Option<String>,
    /// The VM, as it stands in the path: not checked to be a number.
    pub(super) vm: Option<String>,
}

impl Route {
    /// `path` is what follows `/api2/json`.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        let plain = |template| Self {
            template,
            host: None,
            vm: None,
        };
        let template = match (method.as_str(), parts.as_slice()) {
            ("GET", ["", "version"]) => Template::Version,
            ("POST", ["", "access", "ticket"]) => Template::Ticket,
            ("GET", ["", "access", "permissions"]) => Template::Permissions,
            ("GET", ["", "cluster", "status"]) => Template::ClusterStatus,
            ("GET", ["", "cluster", "resources"]) => Template::Resources,
            ("GET", ["", "cluster", "ha", "groups"]) => Template::HaGroups,
            ("GET", ["", "cluster", "ha", "rules"]) => Template::HaRules,
            ("GET", ["", "cluster", "ha", "resources"]) => Template::HaResources,
            ("GET", ["", "cluster", "ha", "status", "current"]) => Template::HaStatus,
            ("GET", ["", "nodes", host, "qemu", vm, rest @ ..]) => {
                let template = match rest {
                    ["config"] => Template::Config,
                    ["status", "current"] => Template::Status,
                    ["agent", "network-get-interfaces"] => Template::GuestInterfaces,
                    _ => return plain(Template::Other),
                };
                return Self {
                    template,
                    host: Some((*host).to_owned()),
                    vm: Some((*vm).to_owned()),
                };
            }
            _ => Template::Other,
        };
        plain(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_template() {
        for (method, path, expected) in [
            ("GET", "/version", Template::Version),
            ("GET", "//version", Template::Other),
            ("GET", "/version/", Template::Other),
            ("POST", "/version", Template::Other),
            ("POST", "/access/ticket", Template::Ticket),
            ("GET", "/access/ticket", Template::Other),
            ("GET", "/nodes/pve-1/qemu/100/config", Template::Config),
            ("GET", "/nodes/pve-1/qemu/100/config/x", Template::Other),
            ("GET", "/nodes/pve-1/lxc/100/config", Template::Other),
            ("GET", "/nodes/pve-1/qemu/100/status/current", Template::Status),
        ] {
            let route = Route::of(&method.parse().expect("a method"), path);
            assert_eq!(route.template, expected, "{method} {path}");
        }
        let route = Route::of(&Method::GET, "/nodes/pve-1/qemu/x/agent/network-get-interfaces");
        assert_eq!(route.template, Template::GuestInterfaces);
        assert_eq!(
            (route.host.as_deref(), route.vm.as_deref()),
            (Some("pve-1"), Some("x"))
        );
    }

    #[test]
    fn templates_have_names_of_their_own() {
        let mut names: Vec<_> = Template::ALL.map(Template::as_str).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Template::ALL.len());
    }
}
