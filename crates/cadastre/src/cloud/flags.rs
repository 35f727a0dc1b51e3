//! Flags of `cadastre cloud`: those of the cloud controller manager it replaces, with their defaults (spec §1.1), and ours.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::{
    cli::output::Output,
    go::{go_bool, go_duration},
};

/// The only cloud provider there is.
const PROVIDER: &str = "proxmox";

/// Run the cloud controller for Proxmox VE (also started as `proxmox-cloud-controller-manager`)
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "All flags of the replaced cloud controller manager are accepted; those under \"Accepted without \
effect\" do nothing.\n\nExamples:\n  cadastre cloud --cloud-config /etc/proxmox/config.yaml\n  cadastre cloud --cloud-config \
config.yaml --config-check --compare-upstream\n  cadastre cloud --cloud-config config.yaml --explain worker-1"
)]
pub(crate) struct Flags {
    /// Name of the provider; only proxmox
    #[arg(long, default_value = PROVIDER, value_parser = provider)]
    pub(crate) cloud_provider: String,

    /// The configuration file (YAML)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) cloud_config: String,

    /// Kubeconfig; empty uses KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) kubeconfig: String,

    /// Address of the API server; wins over the one in the kubeconfig
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) master: String,

    /// Controllers to run: * is all, -NAME leaves one out. Known: cloud-node-controller (cloud-node),
    /// cloud-node-lifecycle-controller (cloud-node-lifecycle)
    #[arg(long, default_value = "*", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) controllers: Vec<String>,

    /// Write only while holding the leader lease, so that several replicas can run
    #[arg(long, default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) leader_elect: bool,

    /// How long others wait for a renewal before they take over
    #[arg(long, default_value = "15s", value_parser = go_duration)]
    pub(crate) leader_elect_lease_duration: Duration,

    /// How long the leader goes on without a successful renewal
    #[arg(long, default_value = "10s", value_parser = go_duration)]
    pub(crate) leader_elect_renew_deadline: Duration,

    /// Time between two attempts to get or renew the lease
    #[arg(long, default_value = "2s", value_parser = go_duration)]
    pub(crate) leader_elect_retry_period: Duration,

    /// Name of the leader lease
    #[arg(long, default_value = "cloud-controller-manager")]
    pub(crate) leader_elect_resource_name: String,

    /// Namespace of the leader lease
    #[arg(long, default_value = "kube-system")]
    pub(crate) leader_elect_resource_namespace: String,

    /// Kind of the leader lock; only leases
    #[arg(long, default_value = "leases", value_parser = ["leases"])]
    pub(crate) leader_elect_resource_lock: String,

    /// New Nodes worked on at once; 1 leaves the choice to us (32)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) concurrent_node_syncs: i32,

    /// Initialised Nodes looked at at once; 0 is the same as --concurrent-node-syncs
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) concurrent_node_status_updates: i32,

    /// Time between two looks at an initialised Node
    #[arg(long, default_value = "5m", value_parser = go_duration)]
    pub(crate) node_status_update_frequency: Duration,

    /// Time between two looks at Nodes that are not ready
    #[arg(long, default_value = "5s", value_parser = go_duration)]
    pub(crate) node_monitor_period: Duration,

    /// Writes to the API server per second; 50 when not given, no limit when negative
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) kube_api_qps: Option<f32>,

    /// Writes to the API server at once before that; 100 when not given
    #[arg(long)]
    pub(crate) kube_api_burst: Option<u32>,

    /// Port of /healthz, /livez, /readyz and /metrics over https; 0 turns them off
    #[arg(long, default_value_t = 10258)]
    pub(crate) secure_port: u16,

    /// Address of that port
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) bind_address: std::net::IpAddr,

    /// Serving certificate; without it one is made in memory
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        requires = "tls_private_key_file"
    )]
    pub(crate) tls_cert_file: String,

    /// Key of the serving certificate
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        requires = "tls_cert_file"
    )]
    pub(crate) tls_private_key_file: String,

    /// Lowest TLS version: VersionTLS12 or VersionTLS13
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) tls_min_version: String,

    /// TLS 1.2 cipher suites, by their IANA names; empty is the library's choice
    #[arg(long, value_delimiter = ',', default_value = "", hide_default_value = true)]
    pub(crate) tls_cipher_suites: Vec<String>,

    /// Paths that need no authorisation; a trailing * stands for anything
    #[arg(long, value_delimiter = ',', default_value = "/healthz,/readyz,/livez")]
    pub(crate) authorization_always_allow_paths: Vec<String>,

    /// Log verbosity: 2 and 3 add lines about single Nodes, 4 shows decisions, 5 everything
    #[arg(short, long, default_value_t = 0)]
    pub(crate) v: u8,

    /// Log as text or as JSON lines
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    pub(crate) logging_format: String,

    /// Check the configuration file, print what is in force, and exit
    #[arg(long, help_heading = "Instead of running", conflicts_with_all = ["once", "explain"])]
    pub(crate) config_check: bool,

    /// With --config-check: which Nodes would change when switching from the replaced controller
    #[arg(long, help_heading = "Instead of running", requires = "config_check")]
    pub(crate) compare_upstream: bool,

    /// Look at every Node once, write what differs, and exit
    #[arg(long, help_heading = "Instead of running", conflicts_with = "explain")]
    pub(crate) once: bool,

    /// Print what every source and rule says of one Node, and exit
    #[arg(long, help_heading = "Instead of running", value_name = "NODE")]
    pub(crate) explain: Option<String>,

    /// How --explain and --compare-upstream print
    #[command(flatten)]
    pub(crate) output: Output,
}

fn provider(text: &str) -> Result<String, String> {
    if text.is_empty() || text == PROVIDER {
        Ok(PROVIDER.to_owned())
    } else {
        Err(format!(
            "unknown cloud provider `{text}`; only {PROVIDER} is known"
        ))
    }
}
