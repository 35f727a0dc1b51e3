//! The settings in force, as `--config-check` prints them.

use std::fmt;
use std::path::Path;

use super::Config;
use crate::plan::address::{BUILT_IN, CidrItem, CidrList, Glob, MINIMAL};
use crate::plan::settings::{
    Deletion, ForeignNodes, MatchName, NetworkSettings, NicMatch, Provider, Semantics, Settings,
};
use crate::source::proxmox::{self, Credentials};

/// The settings as a configuration file with nothing left out; secrets are redacted.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        features(f, &self.settings)?;
        network(f, &self.settings.network)?;
        writeln!(f, "clusters:")?;
        self.regions.iter().try_for_each(|region| cluster(f, region))
    }
}

fn features(f: &mut fmt::Formatter<'_>, settings: &Settings) -> fmt::Result {
    let provider = match settings.provider {
        Provider::Default => "default",
        Provider::Capmox => "capmox",
    };
    let match_name = match settings.match_name {
        MatchName::Prefix => "prefix",
        MatchName::Exact => "exact",
        MatchName::Off => "off",
    };
    let foreign = match settings.foreign_nodes {
        ForeignNodes::Ignore => "ignore",
        ForeignNodes::Untaint => "untaint",
    };
    let deletion = match settings.deletion {
        Deletion::Confirmed => "confirmed",
        Deletion::Upstream => "upstream",
    };
    writeln!(f, "features:")?;
    writeln!(f, "  provider: {provider}")?;
    writeln!(f, "  match_name: {match_name:?}")?;
    writeln!(f, "  foreign_nodes: {foreign}")?;
    writeln!(f, "  deletion: {deletion}")?;
    writeln!(f, "  ha_group: {}", settings.ha_group)?;
    writeln!(
        f,
        "  ha_group_fallback: {}",
        if settings.ha_group_fallback_host {
            "host"
        } else {
            "none"
        }
    )?;
    writeln!(f, "  ha_labels: {}", settings.ha_labels)?;
    writeln!(f, "  force_update_labels: {}", settings.force_update_labels)
}

fn network(f: &mut fmt::Formatter<'_>, network: &NetworkSettings) -> fmt::Result {
    let keep = |keep| if keep { "keep" } else { "drop" };
    writeln!(f, "  network:")?;
    writeln!(f, "    mode: {}", network.mode)?;
    writeln!(f, "    external_ip_cidrs: {:?}", list(&network.external))?;
    writeln!(f, "    ip_sort_order: {:?}", list(&network.sort))?;
    let semantics = match network.semantics {
        Semantics::Documented => "documented",
        Semantics::Upstream => "upstream",
    };
    writeln!(f, "    cidr_semantics: {semantics}")?;
    writeln!(f, "    ipv6_support_disabled: {}", network.ipv6_disabled)?;
    writeln!(f, "    ipv6_ula: {}", keep(network.keep_ula))?;
    writeln!(f, "    ipv4_link_local: {}", keep(network.keep_ipv4_link_local))?;
    writeln!(
        f,
        "    nic_match: {:?}",
        if network.nic_match == NicMatch::Mac {
            "mac"
        } else {
            "off"
        }
    )?;
    writeln!(f, "    guest_timeout: {:?}", network.guest_timeout)?;
    writeln!(f, "    interfaces:")?;
    let defaults = network.interfaces.exclude_defaults;
    let built_in = if defaults { BUILT_IN } else { MINIMAL };
    writeln!(f, "      exclude_defaults: {defaults} # {}", built_in.join(" "))?;
    writeln!(f, "      exclude: [{}]", globs(&network.interfaces.exclude))?;
    writeln!(f, "      include: [{}]", globs(&network.interfaces.include))
}

fn list(list: &CidrList) -> String {
    let normal = |item: &CidrItem| format!("{}{}", if item.negated { "!" } else { "" }, item.prefix);
    list.items().iter().map(normal).collect::<Vec<_>>().join(",")
}

fn globs(globs: &[Glob]) -> String {
    globs
        .iter()
        .map(|glob| quoted(&glob.to_string()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A text of the file as YAML that means just this text. JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same without quotes where nobody, no parser either, could take it for anything else.
fn plain(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if starts && text.bytes().all(is_plain) && !text.ends_with(':') && !is_word {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn cluster(f: &mut fmt::Formatter<'_>, region: &proxmox::Settings) -> fmt::Result {
    let urls: Vec<String> = region.urls.iter().map(|url| plain(url)).collect();
    writeln!(f, "- region: {}", plain(region.region.as_str()))?;
    writeln!(f, "  urls: [{}]", urls.join(", "))?;
    writeln!(f, "  insecure: {}", region.insecure)?;
    if let Some(path) = &region.ca_file {
        writeln!(f, "  ca_file: {}", file(path))?;
    }
    if region.ca.is_some() {
        writeln!(f, "  ca: (given)")?;
    }
    writeln!(f, "  timeout: {:?}", region.timeout)?;
    match &region.credentials {
        Credentials::Token { id, .. } => {
            writeln!(f, "  token_id: {}\n  token_secret: \"[redacted]\"", quoted(id))
        }
        Credentials::TokenFiles { id, secret } => {
            writeln!(
                f,
                "  token_id_file: {}\n  token_secret_file: {}",
                file(id),
                file(secret)
            )
        }
        Credentials::Password { username, .. } => {
            let username = quoted(username);
            writeln!(f, "  username: {username}\n  password: \"[redacted]\"")
        }
    }
}

fn file(path: &Path) -> String {
    plain(&path.display().to_string())
}
