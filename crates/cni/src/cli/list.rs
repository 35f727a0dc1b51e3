//! `cni list`: what is reserved on this node, by whom, and what is free.

use std::ffi::OsString;

use super::args::{Args, Fail, Spec};
use super::output::Format;
use super::state::Held;
use super::survey::Survey;
use super::{render, table};

pub(super) const SPEC: Spec = Spec {
    values: &["--data-dir", "--conf-dir", "--network", "-o"],
    flags: &[],
    arguments: 0,
};

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(SPEC, written)?;
    let format = Format::read(&args)?;
    let survey = Survey::read(&args)?;
    format.print(|| render::survey(&survey), || text(&survey))?;
    Ok(0)
}

fn text(survey: &Survey) -> String {
    let rows: Vec<_> = survey.held().map(row).collect();
    let mut text = table::render(
        ["NETWORK", "ADDRESS", "CONTAINER", "INTERFACE", "AGE", "SANDBOX"],
        &rows,
    );
    if rows.is_empty() {
        text.push_str("nothing is reserved\n");
    }
    let ranges = ranges(survey);
    if !ranges.is_empty() {
        text.push('\n');
        text.push_str(&ranges);
    }
    text
}

/// One reservation.
pub(super) fn row(held: &Held) -> [String; 6] {
    [
        held.network.clone(),
        held.address.to_string(),
        held.holder.short(),
        held.holder.ifname().unwrap_or_default().to_owned(),
        table::age(held.age),
        held.life.word().to_owned(),
    ]
}

fn ranges(survey: &Survey) -> String {
    let counted = survey
        .networks
        .iter()
        .flat_map(|network| network.ranges.iter().map(|counted| (&network.name, counted)));
    let rows: Vec<_> = counted
        .map(|(name, counted)| {
            let used = counted.total - counted.free;
            [
                name.clone(),
                counted.set.to_string(),
                counted.total.to_string(),
                used.to_string(),
                counted.free.to_string(),
            ]
        })
        .collect();
    table::render(["NETWORK", "RANGE", "TOTAL", "USED", "FREE"], &rows)
}
