//! The pages about the cloud controller: their configurations are read by its own parser, and their tables are those of
//! the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use cloud::{
    config::{self, Config},
    plan::{facts::GuestReason, notice::Reason},
};
use serde_json::Value;

use crate::{
    markdown::{self, Kind},
    reference::{flag_table, names, rows},
};

const PAGE: &str = "docs/cloud.md";
const PAGES: [&str; 2] = [PAGE, "docs/migrate/proxmox-ccm.md"];

/// What a block about something else leaves out.
const CLUSTERS: &str =
    "clusters: [{url: 'https://pve.example.net:8006', region: fsn, token_id: 'a@pve!b', token_secret: c}]";

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Reads a configuration, or the part of one that a page shows.
fn read(text: &str) -> Config {
    let whole = if yaml(text)["clusters"].is_null() {
        format!("{text}\n{CLUSTERS}\n")
    } else {
        text.to_owned()
    };
    config::parse(&whole).unwrap_or_else(|error| panic!("{error}\n{whole}"))
}

#[test]
fn every_configuration_is_read_without_a_warning() {
    let mut examples = BTreeSet::new();
    for page in PAGES {
        for block in markdown::blocks(page, &markdown::read(page)) {
            let Kind::Config { example, .. } = &block.kind else {
                continue;
            };
            let read = read(&block.text());
            match example {
                Some(example) => {
                    let file = markdown::read(&format!("deploy/examples/{example}"));
                    assert_eq!(
                        file,
                        block.text(),
                        "{page}:{}: differs from {example}",
                        block.line
                    );
                    examples.insert(example.clone());
                }
                None => assert!(
                    read.warnings.is_empty(),
                    "{page}:{}: {:?}",
                    block.line,
                    read.warnings
                ),
            }
        }
    }
    assert!(examples.len() >= 3, "the examples that are shown: {examples:?}");
}

#[test]
fn every_example_is_read() {
    for name in ["auto", "external-cidrs", "qemu", "sort-order"] {
        let read = read(&markdown::read(&format!("deploy/examples/cloud/{name}.yaml")));
        assert!(read.settings.network.mode.asks_guest(), "{name}");
    }
}

#[test]
fn every_value_shown_is_one_of_the_chart() {
    let known = yaml(&markdown::read("deploy/chart/values.yaml"));
    let mut seen = 0;
    for page in PAGES {
        for block in markdown::blocks(page, &markdown::read(page)) {
            if block.kind != Kind::Values {
                continue;
            }
            let values = yaml(&block.text());
            for (name, value) in values.as_object().expect("values are a mapping") {
                assert!(
                    known.get(name).is_some(),
                    "{page}:{}: the chart has no value {name}",
                    block.line
                );
                if name == "config" {
                    let text = serde_saphyr::to_string(value).expect("it was YAML before");
                    let warnings = read(&text).warnings;
                    assert!(warnings.is_empty(), "{page}:{}: {warnings:?}", block.line);
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 2, "the pages are read wrongly: {seen} blocks of values");
}

/// The table of keys with the default of each, as the program prints its settings.
#[test]
fn the_table_of_keys_is_that_of_the_program() {
    let mut printed = BTreeMap::from([("clusters[].url".to_owned(), String::new())]);
    for rest in [
        "token_id: a, token_secret: b, ca: '-----BEGIN'",
        "token_id_file: /a, token_secret_file: /b, ca_file: /c",
        "username: a, password: b",
    ] {
        let text = format!("clusters: [{{url: 'https://h', region: fsn, {rest}}}]");
        flatten("", &yaml(&read(&text).to_string()), &mut printed);
    }
    let page = markdown::read(PAGE);
    let mut documented = BTreeMap::new();
    for row in rows(&page, "Configuration") {
        let [key, default, ..] = row.as_slice() else {
            panic!("{row:?}")
        };
        documented.insert(
            key.trim_matches('`').to_owned(),
            default.trim_matches('`').to_owned(),
        );
    }
    let keys = |table: &BTreeMap<String, String>| table.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&documented), keys(&printed));
    let of_features = |table: BTreeMap<String, String>| -> Vec<_> {
        table
            .into_iter()
            .filter(|(key, _)| key.starts_with("features.") || key.ends_with(".timeout"))
            .collect()
    };
    let unquoted = |table: Vec<(String, String)>| -> Vec<_> {
        table
            .into_iter()
            .map(|(key, value)| (key, value.trim_matches('"').to_owned()))
            .collect()
    };
    assert_eq!(unquoted(of_features(documented)), unquoted(of_features(printed)));
}

/// Every leaf with its path; items of lists of mappings share `[]`.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, value, into);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items
                .iter()
                .for_each(|item| flatten(&format!("{path}[]"), item, into));
        }
        Value::Array(_) => drop(into.insert(path.to_owned(), "[]".to_owned())),
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}

#[test]
fn every_event_and_every_reason_is_explained() {
    let page = markdown::read(PAGE);
    assert_eq!(
        names(&page, "Events"),
        Reason::ALL.iter().map(ToString::to_string).collect()
    );
    assert_eq!(
        names(&page, "When a guest does not answer"),
        GuestReason::ALL.iter().map(ToString::to_string).collect()
    );
}

#[test]
fn every_metric_is_explained_and_alerts_use_nothing_else() {
    let registered = runtime::metrics::Metrics::new(|registry| {
        let (nodes, sources) = (
            cloud::metrics::Metrics::default(),
            cloud::source::metrics::Metrics::default(),
        );
        nodes.register(registry);
        sources.register(registry);
        let region = "fsn".parse().expect("a region name");
        // Families without a member are not shown.
        nodes.address_source("qemu", "guest");
        nodes.guest_unavailable(&region, GuestReason::Timeout);
        nodes.deleted("NotListed");
        sources.request(&region, "version", "200", std::time::Duration::ZERO);
        sources.list(&region, Some(runtime::clock::BootTime::now()));
        sources.question(
            cloud::source::metrics::Question::Config,
            std::time::Duration::ZERO,
            true,
        );
    });
    let types = registered.encode();
    let served: BTreeSet<String> = types
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .filter(|(name, _)| !name.starts_with("process_"))
        .map(|(name, kind)| {
            if kind == "counter" {
                format!("{name}_total")
            } else {
                name.to_owned()
            }
        })
        .collect();
    let page = markdown::read(PAGE);
    assert_eq!(names(&page, "Metrics"), served);
    let mut used = 0;
    for block in markdown::blocks(PAGE, &page)
        .iter()
        .filter(|block| block.kind == Kind::Rules)
    {
        for rule in yaml(&block.text())["groups"][0]["rules"]
            .as_array()
            .expect("a list of rules")
        {
            let expression = rule["expr"].as_str().expect("a rule has an expression");
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| word.starts_with("proxmox_") || word.starts_with("ccm_")) {
                assert!(served.contains(word), "{expression}: there is no metric {word}");
                used += 1;
            }
        }
    }
    assert!(
        used >= 4,
        "the alert rules are read wrongly: {used} metrics in them"
    );
}

/// The numbered differences are complete, each cause that `--compare-upstream` names is one of them with the same switch,
/// and the switches are settings.
#[test]
fn every_difference_is_listed_with_its_switch() {
    let page = markdown::read("docs/migrate/proxmox-ccm.md");
    let defects = rows(&page, "What is different");
    let besides = rows(&page, "And besides");
    let ids = |table: &[Vec<&str>]| -> Vec<String> {
        table
            .iter()
            .map(|row| row[0].trim_matches('`').to_owned())
            .collect()
    };
    let numbered = |letter: char, count: usize| (1..=count).map(move |number| format!("{letter}{number}"));
    assert_eq!(ids(&defects), numbered('D', 30).collect::<Vec<_>>());
    let causes = causes();
    let plain = causes
        .iter()
        .map(|cause| cause.0.clone())
        .filter(|id| !id.starts_with('D'));
    let plain: BTreeSet<String> = plain.collect();
    assert!(plain.len() >= 4, "causes.rs is read wrongly: {plain:?}");
    let others = besides.len().saturating_sub(plain.len());
    let wanted: Vec<String> = plain.into_iter().chain(numbered('N', others)).collect();
    assert_eq!(ids(&besides), wanted);

    let table = [defects, besides].concat();
    for (id, switch) in &causes {
        let row = table.iter().find(|row| row[0].trim_matches('`') == id);
        let row = row.unwrap_or_else(|| panic!("{id} is in no table"));
        let documented = row.last().copied().unwrap_or_default();
        match switch {
            Some(switch) => assert!(
                documented.starts_with(&format!("`{switch}`")),
                "{id}: {documented}, not {switch}"
            ),
            None => assert_eq!(documented, "none", "{id}"),
        }
    }
    assert!(
        causes.len() >= 16,
        "causes.rs is read wrongly: {} causes",
        causes.len()
    );
    for row in &table {
        let [_, _, _, switch] = row.as_slice() else {
            panic!("not four cells: {row:?}")
        };
        is_a_switch(switch);
    }
}

/// Each cause with its switch.
fn causes() -> Vec<(String, Option<String>)> {
    let source = markdown::read("crates/cloud/src/plan/upstream/causes.rs");
    let cause = |call: &str| {
        let call = call.split(");").next().unwrap_or_default();
        let mut texts = call.split('"').skip(1).step_by(2);
        let id = texts.next()?.to_owned();
        let switch = texts.nth(1)?;
        Some((id, switch.split(" (").next().map(str::to_owned)))
    };
    let without = |call: &str| Some((call.split('"').nth(1)?.to_owned(), None));
    let calls = source.split(": Cause = cause(").skip(1);
    calls
        .filter_map(|call| cause(call).or_else(|| without(call)))
        .collect()
}

/// A row after an empty line is plain text to whoever reads the page.
#[test]
fn no_table_is_cut_in_two() {
    for page in PAGES {
        let text = markdown::read(page);
        let lines: Vec<&str> = text.lines().collect();
        for (number, three) in (2..).zip(lines.windows(3)) {
            let [before, line, after] = three else { continue };
            let starts = line.starts_with("| ") && !before.starts_with('|');
            assert!(
                !starts || after.starts_with("|---"),
                "{page}:{number}: rows without a head"
            );
        }
    }
}

/// What the last cell of a difference names must be in force when it is set, or be a flag or variable that the page has.
fn is_a_switch(cell: &str) {
    if ["none", "not needed"].contains(&cell) {
        return;
    }
    let text = cell
        .split('`')
        .nth(1)
        .unwrap_or_else(|| panic!("no switch: {cell}"));
    if let Some((path, value)) = text
        .strip_prefix("features.")
        .and_then(|rest| rest.split_once(": "))
    {
        let nested = path
            .split('.')
            .rev()
            .fold(value.to_owned(), |inner, key| format!("{{{key}: {inner}}}"));
        let mut printed = BTreeMap::new();
        flatten(
            "",
            &yaml(&read(&format!("features: {nested}")).to_string()),
            &mut printed,
        );
        let in_force = printed.get(&format!("features.{path}")).map(String::as_str);
        assert_eq!(in_force, Some(value), "{cell}");
    } else {
        let page = markdown::read(PAGE);
        for name in text.split(' ').filter_map(|word| word.split('=').next()) {
            assert!(
                page.contains(&format!("`{name}`")),
                "{cell}: {PAGE} has no {name}"
            );
        }
    }
}

#[test]
fn the_table_of_flags_is_that_of_the_program() {
    let help = Command::new(env!("CARGO_BIN_EXE_cadastre"))
        .args(["cloud", "-h"])
        .output();
    let help = String::from_utf8(help.expect("our own program runs").stdout).expect("help is text");
    let table = ["Options:", "Instead of running:"]
        .map(|heading| flag_table(&help, heading))
        .concat();
    let page = markdown::read(PAGE);
    let documented: Vec<String> = rows(&page, "Flags")
        .iter()
        .map(|row| format!("| {} |\n", row.join(" | ")))
        .collect();
    assert!(
        documented.concat() == table,
        "{PAGE} should have these rows:\n{table}"
    );
    let ignored = help
        .lines()
        .skip_while(|line| *line != "Accepted without effect:")
        .skip(1);
    let ignored: BTreeSet<&str> = ignored
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.trim().strip_prefix("--")?.split([' ', '[']).next())
        .collect();
    let named = page
        .lines()
        .skip_while(|line| *line != "### Accepted without effect");
    let named: BTreeSet<&str> = named
        .flat_map(|line| line.split("`--").skip(1))
        .filter_map(|rest| rest.split('`').next())
        .collect();
    assert_eq!(named, ignored);
}
