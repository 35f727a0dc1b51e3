//! Flags of the replaced manager that have no meaning here: accepted, listed as such, and logged once when given.

use clap::{Arg, ArgMatches, parser::ValueSource};

/// Flags with a value.
const VALUES: [&str; 37] = [
    "authentication-kubeconfig",
    "authentication-token-webhook-cache-ttl",
    "authorization-kubeconfig",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "cert-dir",
    "client-ca-file",
    "cluster-cidr",
    "cluster-name",
    "concurrent-service-syncs",
    "controller-start-interval",
    "emulated-version",
    "external-cloud-volume-plugin",
    "feature-gates",
    "http2-max-streams-per-connection",
    "kube-api-content-type",
    "leader-migration-config",
    "log-flush-frequency",
    "log-json-info-buffer-size",
    "log-text-info-buffer-size",
    "min-resync-period",
    "node-sync-period",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
    "route-reconciliation-period",
    "tls-sni-cert-key",
    "vmodule",
    "webhook-bind-address",
    "webhook-cert-dir",
    "webhook-secure-port",
    "webhook-tls-cert-file",
    "webhook-tls-private-key-file",
    "webhooks",
];

/// Flags that are true when they stand alone.
const SWITCHES: [&str; 14] = [
    "allocate-node-cidrs",
    "allow-untagged-cloud",
    "authentication-skip-lookup",
    "authentication-tolerate-lookup-failure",
    "configure-cloud-routes",
    "contention-profiling",
    "disable-http2-serving",
    "enable-leader-migration",
    "log-json-split-stream",
    "log-text-split-stream",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "use-service-account-credentials",
];

/// All of them, under one heading of `--help`.
pub(crate) fn args() -> impl Iterator<Item = Arg> {
    let values = VALUES
        .into_iter()
        .map(|name| arg(name).num_args(1).allow_hyphen_values(true));
    let switches = SWITCHES.into_iter().map(|name| {
        arg(name)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    });
    values.chain(switches)
}

fn arg(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help("No effect")
        .help_heading("Accepted without effect")
        .hide_possible_values(true)
}

/// Those that were given.
pub(crate) fn given(matches: &ArgMatches) -> Vec<&'static str> {
    let is_given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    VALUES.into_iter().chain(SWITCHES).filter(is_given).collect()
}
