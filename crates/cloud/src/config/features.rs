use super::network;
use super::report::Report;
use super::section::Section;
use crate::plan::settings::{Deletion, ForeignNodes, MatchName, NetworkSettings, Provider, Settings};

/// Reads `features`; also `features.network` as the replaced controller reads it.
pub(super) fn read(
    features: &mut Section<'_>,
    report: &mut Report,
) -> (Settings, Result<NetworkSettings, String>) {
    let (network, upstream) = network::read(features, report);
    let settings = Settings {
        provider: provider(features, report),
        match_name: features
            .choice(
                "match_name",
                &[
                    ("prefix", MatchName::Prefix),
                    ("exact", MatchName::Exact),
                    ("off", MatchName::Off),
                ],
                report,
            )
            .unwrap_or_default(),
        foreign_nodes: features
            .choice(
                "foreign_nodes",
                &[
                    ("ignore", ForeignNodes::Ignore),
                    ("untaint", ForeignNodes::Untaint),
                ],
                report,
            )
            .unwrap_or_default(),
        deletion: deletion(features, report),
        ha_group: features.switch("ha_group", false, report),
        ha_group_fallback_host: features
            .choice("ha_group_fallback", &[("none", false), ("host", true)], report)
            .unwrap_or_default(),
        ha_labels: features.switch("ha_labels", true, report),
        force_update_labels: features.switch("force_update_labels", false, report),
        network,
    };
    (settings, upstream)
}

/// Any other word than the two has always meant `default` (D19).
fn provider(features: &mut Section<'_>, report: &mut Report) -> Provider {
    match features.text("provider", report) {
        None | Some("" | "default") => Provider::Default,
        Some("capmox") => Provider::Capmox,
        Some(other) => {
            report.warning(format!(
                "line {}: features.provider is \"{other}\", which is unknown and treated as default; use default or capmox",
                features.line("provider")
            ));
            Provider::Default
        }
    }
}

fn deletion(features: &mut Section<'_>, report: &mut Report) -> Deletion {
    let words = [
        ("confirmed", Deletion::Confirmed),
        ("upstream", Deletion::Upstream),
    ];
    let deletion = features.choice("deletion", &words, report).unwrap_or_default();
    if deletion == Deletion::Upstream {
        report.warning(format!(
            "line {}: features.deletion is upstream: a lost privilege or a renamed machine deletes Nodes; remove the key",
            features.line("deletion")
        ));
    }
    deletion
}
