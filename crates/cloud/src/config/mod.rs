//! The configuration file (§2): text in, settings out, with every problem at once.
//!
//! | file | what it does |
//! |---|---|
//! | `yaml` | the first document of a text as a tree that knows its lines |
//! | `section` | one mapping, read key by key; what nobody read is an unknown key |
//! | `features`, `network` | what decisions read |
//! | `clusters` | where the regions are, and who we are there |
//! | `describe` | the settings in force, for people |
//!
//! Nothing here reads a file: token files and trust anchors are read by the source.

mod clusters;
mod describe;
mod features;
mod network;
mod report;
mod section;
mod yaml;

#[cfg(test)]
mod props;

use crate::plan::settings::{NetworkSettings, Settings};
use crate::source::proxmox;

pub use report::ConfigError;

use report::Report;
use section::Section;

/// A configuration file that can be worked with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What decisions read.
    pub settings: Settings,
    /// One per cluster, in the order of the file; names are unique. Never empty.
    pub regions: Vec<proxmox::Settings>,
    /// `features.network` as the replaced controller reads the same file, or why it does not start with it.
    pub upstream_network: Result<NetworkSettings, String>,
    /// What a person should know about the file: unknown and misplaced keys, texts without effect.
    pub warnings: Vec<String>,
}

/// Reads a configuration file. Only its first YAML document counts.
///
/// # Errors
/// With everything that is wrong, not just the first. Secrets are never in a message.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    let mut report = Report::default();
    let root = match yaml::parse(text) {
        Ok(Some(root)) if root.can_be_mapping() => root,
        Ok(Some(other)) => {
            let problem = format!("the file has to be a mapping of keys, and it is {}", other.what());
            return Err(ConfigError::single(problem));
        }
        Ok(None) => {
            return Err(ConfigError::single(
                "the file is empty; it needs at least `clusters`",
            ));
        }
        Err(problem) => return Err(ConfigError::single(problem)),
    };
    let mut section = Section::new("", Some(&root), &mut report);
    let mut features = section.section("features", &mut report);
    let (settings, upstream_network) = features::read(&mut features, &mut report);
    features.finish(&mut report);
    let clusters = section.list("clusters", &mut report);
    let timeout = settings.network.guest_timeout;
    let regions = clusters
        .map(|list| clusters::read(list, timeout, &mut report))
        .unwrap_or_default();
    section.finish(&mut report);
    report.result(|warnings| Config {
        settings,
        regions,
        upstream_network,
        warnings,
    })
}
