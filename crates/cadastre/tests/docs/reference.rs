//! Tables of the pages against the code: nothing missing, nothing invented.

use std::{collections::BTreeSet, process::Command};

use api::capi::ReadyReason;
use pools::plan::{audit::FindingKind, pool::PoolReason};

use crate::markdown::{self, Kind};

/// First cells of the table rows below a heading, up to the next heading; without backticks.
pub(crate) fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let mut lines = page
        .lines()
        .skip_while(|line| line.trim_start_matches('#').trim() != heading);
    assert!(lines.next().is_some(), "the page has no heading `{heading}`");
    let body = lines.take_while(|line| !line.starts_with('#'));
    let cells = |line: &'a str| -> Vec<&'a str> {
        line.trim_start_matches("| ")
            .trim_end_matches(" |")
            .split(" | ")
            .map(str::trim)
            .collect()
    };
    body.filter(|line| line.starts_with("| `")).map(cells).collect()
}

pub(crate) fn names(page: &str, heading: &str) -> BTreeSet<String> {
    rows(page, heading)
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect()
}

fn set<T: ToString>(items: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

#[test]
fn every_reason_is_explained() {
    let page = markdown::read("docs/pools.md");
    assert_eq!(names(&page, "Conditions of a claim"), set(ReadyReason::ALL));
    assert_eq!(
        names(&page, "Conditions of a pool"),
        set(PoolReason::ALL.map(PoolReason::as_str))
    );
    assert_eq!(
        names(&page, "Findings of `cadastre check`"),
        set(FindingKind::ALL)
    );
}

#[test]
fn every_event_is_explained() {
    let page = markdown::read("docs/pools.md");
    let source = markdown::read("crates/pools/src/announce.rs");
    let claims = names(&page, "Events");
    // The first text handed to `send` is the reason; `refused` hands over that of the condition instead.
    let reason = |call: &str| {
        let (before, rest) = call.split_once('"')?;
        let (text, _) = rest.split_once('"')?;
        (!before.contains("reason.as_str()")).then(|| text.to_owned())
    };
    let sent = source.split("self.send(").skip(1).filter_map(reason);
    let refusals = ReadyReason::ALL
        .into_iter()
        .filter(|reason| !reason.is_ready())
        .map(|reason| reason.to_string());
    let sent: BTreeSet<String> = sent.chain(refusals).collect();
    assert!(sent.len() > 5, "announce.rs is read wrongly: {sent:?}");
    assert_eq!(claims, sent);
}

#[test]
fn flag_table_is_that_of_the_program() {
    let help = Command::new(env!("CARGO_BIN_EXE_cadastre"))
        .args(["controller", "--help"])
        .output();
    let help = String::from_utf8(help.expect("our own program runs").stdout).expect("help is text");
    let table = flag_table(&help, "Options:");
    assert!(table.lines().count() > 10, "the help is read wrongly:\n{table}");
    let page = markdown::read("docs/pools.md");
    let documented: Vec<String> = rows(&page, "Flags of `cadastre controller`")
        .iter()
        .map(|row| format!("| {} |\n", row.join(" | ")))
        .collect();
    assert!(
        documented.concat() == table,
        "docs/pools.md should have these rows:\n{table}"
    );
}

/// Flag, default and meaning as table rows, from what clap's help has below a heading.
pub(crate) fn flag_table(help: &str, heading: &str) -> String {
    let mut flags: Vec<String> = Vec::new();
    for line in help
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.is_empty())
    {
        let words = line.trim_start();
        match flags.last_mut() {
            // The help of a flag is indented further than its name, and wrapped.
            Some(flag) if line.starts_with("        ") => *flag = format!("{flag} {words}"),
            _ => flags.push(words.to_owned()),
        }
    }
    let row = |flag: &String| {
        let start = flag.find("--")?;
        let (name, text) = flag[start..].split_once(' ')?;
        let name = name.split(['=', '[']).next()?;
        let text = text
            .strip_prefix('<')
            .and_then(|text| text.split_once("> "))
            .map_or(text, |(_, text)| text);
        let default = text
            .split_once("[default: ")
            .and_then(|(_, rest)| rest.split_once(']'))
            .map(|(text, _)| text);
        let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
        let meaning = text.split(" [").next()?.trim();
        (name != "--help").then(|| format!("| `{name}` | {default} | {meaning} |\n"))
    };
    flags.iter().filter_map(row).collect()
}

/// Every metric of ours has a row, every row is a metric, and the alert rules use nothing else.
pub(crate) fn metrics(page: &str, served: &str) {
    let types = served.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: BTreeSet<String> = types
        .filter_map(|line| {
            let (name, kind) = line.split_once(' ')?;
            let is_ours = ["ipam_", "cadastre_"].iter().any(|ours| name.starts_with(ours));
            // OpenMetrics leaves the suffix of counters to their samples.
            let suffix = if kind == "counter" && !name.ends_with("_total") {
                "_total"
            } else {
                ""
            };
            is_ours.then(|| format!("{name}{suffix}"))
        })
        .collect();
    let documented: BTreeSet<String> = &names(page, "Pools") | &names(page, "The process");
    assert_eq!(documented, served);
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map(str::to_owned)
            .collect()
    };
    let rules = markdown::blocks("docs/metrics.md", page)
        .into_iter()
        .filter(|block| block.kind == Kind::Rules);
    let mut seen = 0;
    for block in rules {
        let rules: serde_json::Value = serde_saphyr::from_str(&block.text()).expect("alert rules are YAML");
        for rule in rules["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|group| group["rules"].as_array())
            .flatten()
        {
            let expression = rule["expr"].as_str().expect("a rule has an expression");
            for word in words(expression).iter().filter(|word| word.starts_with("ipam_")) {
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|s| word.strip_suffix(s))
                    .unwrap_or(word);
                assert!(served.contains(base), "{expression}: there is no metric {word}");
                seen += 1;
            }
        }
    }
    assert!(
        seen >= 5,
        "the alert rules are read wrongly: {seen} metrics in them"
    );
}
