//! `probes`, of the installation and of a policy (spec §10).

use std::net::IpAddr;

use api::nmstate::Probes;
use api::nmstate::probes::{DnsMode, GatewayMode, InternalMode};

use crate::plan::document::Problem;

/// The name looked up unless another is given; its name servers are asked for, of any other name the addresses.
pub const DEFAULT_DNS_HOST: &str = "root-servers.net";

/// Probe settings complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Budget after applying, in seconds.
    pub timeout_seconds: u32,
    /// Budget before applying, in seconds.
    pub preflight_seconds: u32,
    /// How the gateway is asked.
    pub gateway: GatewayMode,
    /// Whether name resolution counts.
    pub dns: DnsMode,
    /// The name looked up.
    pub dns_host: String,
    /// Whether the API server counts.
    pub api_server: InternalMode,
    /// Whether the Node being Ready counts.
    pub node_ready: InternalMode,
    /// Further hosts.
    pub tcp: Vec<(IpAddr, u16)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout_seconds: 60,
            preflight_seconds: 5,
            gateway: GatewayMode::default(),
            dns: DnsMode::default(),
            dns_host: DEFAULT_DNS_HOST.to_owned(),
            api_server: InternalMode::default(),
            node_ready: InternalMode::default(),
            tcp: Vec::new(),
        }
    }
}

/// Every value of a `probes` block at `path` that is out of its range.
#[must_use]
pub fn check(probes: &Probes, path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut complain =
        |key: &str, message: String| problems.push(Problem::new(format!("{path}.{key}"), message));
    if let Some(seconds) = probes
        .timeout_seconds
        .filter(|seconds| !(5..=600).contains(seconds))
    {
        complain("timeoutSeconds", format!("{seconds} is not between 5 and 600"));
    }
    if let Some(seconds) = probes
        .preflight_seconds
        .filter(|seconds| !(0..=120).contains(seconds))
    {
        complain("preflightSeconds", format!("{seconds} is not between 0 and 120"));
    }
    let disabled = probes
        .api_server
        .as_ref()
        .is_some_and(|api| api.mode == InternalMode::Disabled);
    if disabled && probes.allow_unsafe != Some(true) {
        let message =
            "Disabled needs allowUnsafe: true: without this probe a node can lose its cluster for good";
        complain("apiServer.mode", message.to_owned());
    }
    if let Some(host) = probes
        .dns
        .as_ref()
        .and_then(|dns| dns.host.as_ref())
        .filter(|host| !is_domain(host))
    {
        complain("dns.host", format!("{host:?} is not a domain name"));
    }
    for (index, tcp) in probes.tcp.iter().enumerate() {
        // A name would need the resolution that may just have gone.
        if tcp.host.parse::<IpAddr>().is_err() {
            complain(
                &format!("tcp[{index}].host"),
                format!("{:?} is not an IP address", tcp.host),
            );
        }
        if tcp.port == 0 {
            complain(
                &format!("tcp[{index}].port"),
                "0 is not between 1 and 65535".to_owned(),
            );
        }
    }
    problems
}

fn is_domain(text: &str) -> bool {
    let name = text.trim_end_matches('.');
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl Settings {
    /// Block by block, the policy's counts, then that of the installation, then the default; `dns_host` is the
    /// environment's (`PROBE_DNS_HOST`), if any. Values out of range, which admission refuses, are cut to it.
    #[must_use]
    pub fn merge(policy: &Probes, global: &Probes, dns_host: Option<&str>) -> Self {
        let default = Self::default();
        let seconds = |own: Option<i32>, other: Option<i32>, default: u32, least: u32, most: u32| {
            let given = own.or(other).map(|seconds| u32::try_from(seconds).unwrap_or(0));
            given.map_or(default, |seconds| seconds.clamp(least, most))
        };
        let gateway = policy.gateway.as_ref().or(global.gateway.as_ref());
        let dns = policy.dns.as_ref().or(global.dns.as_ref());
        let host = [&policy.dns, &global.dns]
            .into_iter()
            .flatten()
            .find_map(|dns| dns.host.as_deref());
        let host = host.or(dns_host).filter(|host| !host.is_empty());
        let api_server = policy.api_server.as_ref().or(global.api_server.as_ref());
        let node_ready = policy.node_ready.as_ref().or(global.node_ready.as_ref());
        let tcp = if policy.tcp.is_empty() {
            &global.tcp
        } else {
            &policy.tcp
        };
        Self {
            timeout_seconds: seconds(
                policy.timeout_seconds,
                global.timeout_seconds,
                default.timeout_seconds,
                5,
                600,
            ),
            preflight_seconds: seconds(
                policy.preflight_seconds,
                global.preflight_seconds,
                default.preflight_seconds,
                0,
                120,
            ),
            gateway: gateway.map(|block| block.mode).unwrap_or_default(),
            dns: dns.map(|block| block.mode).unwrap_or_default(),
            dns_host: host.map_or(default.dns_host, str::to_owned),
            api_server: api_server.map(|block| block.mode).unwrap_or_default(),
            node_ready: node_ready.map(|block| block.mode).unwrap_or_default(),
            tcp: tcp
                .iter()
                .filter_map(|tcp| Some((tcp.host.parse().ok()?, tcp.port)))
                .collect(),
        }
    }

    /// How long a checkpoint must live, in seconds: twice the sum of the budgets of external and internal probes, at
    /// least 60 (spec §9.2).
    #[must_use]
    pub fn checkpoint_seconds(&self) -> u32 {
        const AT_LEAST: u32 = 60;
        (2 * (self.timeout_seconds + self.timeout_seconds)).max(AT_LEAST)
    }
}
