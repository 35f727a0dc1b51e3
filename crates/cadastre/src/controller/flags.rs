//! Flags of `cadastre controller`: those of the manager it replaces, with their defaults (spec §16), and ours.

use std::{ffi::OsString, time::Duration};

use clap::{ArgAction, Args};

use crate::go::{go_bool, go_duration};

/// Run the controllers and webhooks (also started as `/manager`)
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "All flags of the in-cluster IPAM provider's manager are accepted with the same meaning and \
defaults.\n\nExample:\n  cadastre controller --leader-elect --webhook-port 9443"
)]
pub(crate) struct Flags {
    /// Write only while holding the leader lease, so that several replicas can run
    #[arg(long, default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) leader_elect: bool,

    /// Serve only claims and namespaced pools of this namespace; empty serves all
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) namespace: String,

    /// Serve only claims with this value of the label cluster.x-k8s.io/watch-filter; empty serves all
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) watch_filter: String,

    /// Port of admission and conversion webhooks; 0 turns both off
    #[arg(long, default_value_t = 9443)]
    pub(crate) webhook_port: u16,

    /// Address the webhooks listen on; empty listens on all
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) webhook_host: String,

    /// Directory of the webhook certificate; empty is /tmp/k8s-webhook-server/serving-certs
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) webhook_cert_dir: String,

    /// File name of the certificate; empty is tls.crt
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) webhook_cert_name: String,

    /// File name of the key; empty is tls.key
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) webhook_key_name: String,

    /// Create and rotate the webhook certificate ourselves and put its CA into the webhook configurations and CRDs, so
    /// that cert-manager is not needed
    #[arg(long, default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) webhook_cert_self_managed: bool,

    /// Address of /healthz and /readyz; 0 turns them off
    #[arg(long, alias = "health-addr", default_value = ":8081")]
    pub(crate) health_probe_bind_address: String,

    /// Address of /metrics and /debug, over https with authentication and authorisation; 0 turns them off
    #[arg(long, default_value = ":8443")]
    pub(crate) diagnostics_address: String,

    /// Serve /metrics over plain http without authentication, and nothing else
    #[arg(long, default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) insecure_diagnostics: bool,

    /// Additional address of plain http metrics, for manifests of older releases
    #[arg(
        long,
        alias = "metrics-bind-addr",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) metrics_bind_address: String,

    /// Lowest TLS version of webhooks and diagnostics: VersionTLS12 or VersionTLS13
    #[arg(long, default_value = "VersionTLS12")]
    pub(crate) tls_min_version: String,

    /// TLS 1.2 cipher suites, by their IANA names; empty is the library's choice
    #[arg(long, value_delimiter = ',', default_value = "", hide_default_value = true)]
    pub(crate) tls_cipher_suites: Vec<String>,

    /// Name of the leader lease
    #[arg(long, default_value = api::names::LEADER_LEASE)]
    pub(crate) leader_election_id: String,

    /// Namespace of the leader lease; empty is the namespace this process runs in
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) leader_election_namespace: String,

    /// How long others wait for a renewal before they take over
    #[arg(long, default_value = "15s", value_parser = go_duration)]
    pub(crate) leader_elect_lease_duration: Duration,

    /// How long the leader goes on without a successful renewal
    #[arg(long, default_value = "10s", value_parser = go_duration)]
    pub(crate) leader_elect_renew_deadline: Duration,

    /// Time between two attempts to get or renew the lease
    #[arg(long, default_value = "2s", value_parser = go_duration)]
    pub(crate) leader_elect_retry_period: Duration,

    /// How long an address must be without its claim before it is released; 0 never releases it
    #[arg(long, default_value = "10m", value_parser = go_duration)]
    pub(crate) orphan_delay: Duration,

    /// Claims worked on at the same time
    #[arg(long, default_value_t = 32)]
    pub(crate) max_concurrent_reconciles: u16,

    /// Warn about, or deny, a pool that overlaps another one: off, warn or deny
    #[arg(long, default_value = "off", value_parser = ["off", "warn", "deny"])]
    pub(crate) pool_overlap: String,

    /// Log verbosity; 4 and 5 show decisions, more shows everything
    #[arg(short, long, default_value_t = 0)]
    pub(crate) v: u8,

    /// Log as JSON lines
    #[arg(long)]
    pub(crate) log_json: bool,

    /// Accepted and ignored: there is no profiler to be reached without authentication
    #[arg(long, hide = true, default_value = "")]
    pub(crate) profiler_address: String,

    /// Accepted and ignored: watches need no periodic resync
    #[arg(long, hide = true, default_value = "")]
    pub(crate) sync_period: String,

    /// Accepted and ignored: there are no feature gates
    #[arg(long, hide = true, default_value = "")]
    pub(crate) feature_gates: String,
}

impl Flags {
    /// Flags that were given and have no effect, for one log line each.
    pub(crate) fn ignored(&self) -> Vec<&'static str> {
        let given = [
            ("--profiler-address", &self.profiler_address),
            ("--sync-period", &self.sync_period),
            ("--feature-gates", &self.feature_gates),
        ];
        given
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, _)| name)
            .collect()
    }
}

/// Takes `--<kind>-concurrency` out of the arguments: the Cluster API operator passes it for kinds we cannot know.
/// Returns the rest and what was taken. What is not UTF-8 is left to the parser, which refuses it in its own words.
pub(crate) fn without_kind_concurrency(
    args: impl IntoIterator<Item = OsString>,
) -> (Vec<OsString>, Vec<String>) {
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let name = text.split('=').next().unwrap_or_default();
        if name.starts_with("--") && name.ends_with("-concurrency") {
            taken.push(name.to_owned());
            let is_number = |next: &OsString| next.to_str().is_some_and(|next| next.parse::<u32>().is_ok());
            if !text.contains('=') && args.peek().is_some_and(is_number) {
                args.next();
            }
        } else {
            kept.push(arg);
        }
    }
    (kept, taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrency_of_unknown_kinds_is_taken_out() {
        let args = [
            "manager",
            "--leader-elect",
            "--foo-concurrency",
            "10",
            "--bar-concurrency=3",
            "--v=2",
        ];
        let (kept, taken) = without_kind_concurrency(args.map(OsString::from));
        assert_eq!(kept, ["manager", "--leader-elect", "--v=2"]);
        assert_eq!(taken, ["--foo-concurrency", "--bar-concurrency"]);
    }

    #[test]
    fn arguments_that_are_no_text_are_handed_on() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = OsString::from_vec(vec![b'-', 0xff]);
        let (kept, taken) = without_kind_concurrency([OsString::from("manager"), odd.clone()]);
        assert_eq!((kept, taken.len()), (vec![OsString::from("manager"), odd], 0));
    }
}
