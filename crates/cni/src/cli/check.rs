//! `cni check`: what is wrong with the reservations of this node. Changes nothing.

use std::ffi::OsString;

use super::args::{Args, Fail, NO};
use super::findings::{Finding, Severity, findings};
use super::list::SPEC;
use super::output::Format;
use super::render;
use super::survey::Survey;

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(SPEC, written)?;
    let format = Format::read(&args)?;
    let survey = Survey::read(&args)?;
    let found = findings(&survey);
    format.print(|| render::findings(&found), || text(&survey, &found))?;
    let failed = found.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if failed { NO } else { 0 })
}

fn text(survey: &Survey, found: &[Finding]) -> String {
    let mut text = String::new();
    for finding in found {
        let (severity, kind) = (render::severity(finding.severity), finding.kind);
        text.push_str(&format!(
            "{severity:<8} {kind}\n         {}: {}\n",
            finding.network, finding.text
        ));
        text.push_str(&format!("         -> {}\n", kind.remedy()));
    }
    if !found.is_empty() {
        text.push('\n');
    }
    let count = |severity| {
        found
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (errors, warnings, notes) = (
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
    );
    let (networks, addresses) = (survey.networks.len(), survey.held().count());
    let (errors, warnings, notes) = (
        plural(errors, "error"),
        plural(warnings, "warning"),
        plural(notes, "note"),
    );
    let (networks, addresses) = (plural(networks, "network"), plural(addresses, "reservation"));
    text.push_str(&format!(
        "{errors}, {warnings}, {notes} in {networks}, {addresses}\n"
    ));
    text
}

/// `1 error`, `2 errors`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}
