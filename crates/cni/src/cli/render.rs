//! Results as JSON. The names do not change.

use super::findings::{Finding, Severity};
use super::state::{Held, Holder};
use super::survey::{Counted, Survey};
use crate::json::{Json, Object};

/// An object of the members that have a value.
pub(super) fn object<const N: usize>(members: [(&str, Option<Json>); N]) -> Json {
    let present = members.into_iter().filter_map(|(key, value)| Some((key, value?)));
    Json::Object(present.collect::<Object>())
}

pub(super) fn text(text: impl Into<String>) -> Option<Json> {
    Some(Json::String(text.into()))
}

/// Counts above 2^64 are written as text: few programs read them as numbers.
fn count(number: u128) -> Option<Json> {
    Some(u64::try_from(number).map_or_else(
        |_| Json::String(number.to_string()),
        |number| Json::Number(number.into()),
    ))
}

/// What is reserved, and the ranges that are known.
pub(super) fn survey(survey: &Survey) -> Json {
    let networks = survey.networks.iter().map(|network| {
        object([
            ("network", text(&network.name)),
            ("dataDir", text(network.data_dir.to_string_lossy())),
            (
                "ranges",
                Some(Json::List(network.ranges.iter().map(counted).collect())),
            ),
            (
                "reservations",
                Some(Json::List(network.held.iter().map(held).collect())),
            ),
        ])
    });
    object([("networks", Some(Json::List(networks.collect())))])
}

fn counted(counted: &Counted) -> Json {
    object([
        ("rangeSet", Some(Json::Number(counted.set.number.into()))),
        ("range", text(counted.set.to_string())),
        ("total", count(counted.total)),
        ("free", count(counted.free)),
        ("source", text(counted.source.to_string_lossy())),
    ])
}

/// A reservation.
pub(super) fn held(held: &Held) -> Json {
    let problem = match &held.holder {
        Holder::Container { .. } => None,
        Holder::Nobody(content) => Some(format!("nobody's: {content}")),
        Holder::Torn => Some("torn".to_owned()),
        Holder::Blocked(why) => Some(format!("blocked: {why}")),
    };
    object([
        ("network", text(&held.network)),
        ("address", text(held.address.to_string())),
        ("containerID", held.holder.id().and_then(text)),
        ("ifname", held.holder.ifname().and_then(text)),
        ("ageSeconds", Some(Json::Number(held.age.into()))),
        ("sandbox", text(held.life.word())),
        ("evidence", text(held.life.why())),
        ("problem", problem.and_then(text)),
        ("file", text(held.file().to_string_lossy())),
    ])
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// What is wrong.
pub(super) fn findings(findings: &[Finding]) -> Json {
    let items = findings.iter().map(|finding| {
        object([
            ("severity", text(severity(finding.severity))),
            ("kind", text(finding.kind.to_string())),
            ("network", text(&finding.network)),
            ("message", text(&finding.text)),
            ("remedy", text(finding.kind.remedy())),
        ])
    });
    object([("findings", Some(Json::List(items.collect())))])
}
