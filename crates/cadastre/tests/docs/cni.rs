//! Tables of the page about the CNI against the code of the plugins: nothing missing, nothing invented.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{markdown, reference};

const PAGE: &str = "docs/cni.md";

/// How a key of the `ipam` section is asked for in the sources.
const READS: [&str; 5] = [
    "(ipam, \"ipam\", \"",
    "text(ipam, \"",
    "boolean(\"",
    "ipam.get(\"",
    "(of, path, \"",
];

/// Keys of other objects that are read in the same ways: elements of a route, of requested addresses, of a result.
const OF_OTHERS: [&str; 10] = [
    "dst",
    "gw",
    "mtu",
    "advmss",
    "priority",
    "table",
    "scope",
    "ips",
    "address",
    "containerID",
];

/// All sources of the plugins but their tests, with strings that go on in the next line made whole.
fn sources() -> String {
    let mut text = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../cni/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources are readable") {
            let path = entry.expect("sources are readable").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if name != "tests" {
                    folders.push(path);
                }
            } else if name != "tests.rs" {
                text += &fs::read_to_string(path).expect("sources are text");
            }
        }
    }
    let whole = text.split("\\\n").map(str::trim_start);
    whole.collect::<Vec<_>>().concat()
}

/// What stands between `before` and the next quotation mark, wherever it does.
fn after<'a>(text: &'a str, before: &str) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

/// The names in the first cells of a table; a cell may hold several.
fn names(page: &str, heading: &str) -> BTreeSet<String> {
    let rows = reference::rows(page, heading);
    let cells = rows.iter().map(|row| row[0]);
    cells
        .flat_map(|cell| cell.split(", "))
        .map(|name| name.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn every_key_is_explained_and_read() {
    let (page, sources) = (markdown::read(PAGE), sources());
    let explained = names(&page, "Options");
    let mut read: BTreeSet<&str> = READS.iter().flat_map(|call| after(&sources, call)).collect();
    // The path of the section stands before the key in some calls.
    read.remove("ipam");
    assert!(read.len() > 20, "the sources are read wrongly: {read:?}");
    for key in &read {
        assert!(
            explained.contains(*key) || OF_OTHERS.contains(key),
            "`{key}` is read, but {PAGE} does not explain it"
        );
    }
    for key in &explained {
        assert!(
            sources.contains(&format!("\"{key}\"")),
            "{PAGE} explains `{key}`, which nobody reads"
        );
    }
}

#[test]
fn every_option_of_the_commands_is_explained() {
    let help = Command::new(env!("CARGO_BIN_EXE_cadastre"))
        .args(["cni", "--help"])
        .output()
        .expect("it starts");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let options = help.lines().filter_map(|line| {
        let name = line.strip_prefix("  -")?.split(' ').next()?;
        Some(format!("-{name}"))
    });
    let options: BTreeSet<String> = options.collect();
    assert!(options.len() > 10, "the help is read wrongly: {help}");
    assert_eq!(names(&markdown::read(PAGE), "Options of the commands"), options);
    // Each command is named somewhere on the page.
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        let command = line.split_whitespace().next().expect("a command has a name");
        let page = markdown::read(PAGE);
        assert!(
            page.contains(&format!("cni {command}")),
            "{PAGE} never says `cni {command}`"
        );
    }
}

#[test]
fn every_command_of_node_annotation_is_explained() {
    let sources = sources();
    let page = markdown::read(PAGE);
    let table = page
        .lines()
        .skip_while(|line| !line.starts_with("| command |"))
        .take_while(|line| line.starts_with('|'))
        .collect::<String>();
    let help = after(&sources, "node-annotation [command] [--opt=value] [args]").next();
    let help = help.expect("the help of node-annotation begins so");
    let commands: Vec<&str> = help
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands.len(), 4, "{help}");
    for command in commands {
        assert!(
            table.contains(&format!("| `{command}")),
            "{command} is not explained"
        );
    }
}

/// A message that nobody prints any more helps nobody: every text of the table is in the sources. Where it has a value,
/// the parts around it are; values are digits, and what stands for any text. `FAILED: ` is put before messages.
#[test]
fn every_message_that_is_explained_exists() {
    let (page, sources) = (markdown::read(PAGE), sources());
    let rows = reference::rows(&page, "Troubleshooting");
    assert!(rows.len() > 30, "the table is read wrongly: {} rows", rows.len());
    for row in rows {
        let quoted = row[0].split('`').skip(1).step_by(2);
        for message in quoted {
            let parts = message
                .trim_start_matches("FAILED: ")
                .split("[...]")
                .flat_map(|part| part.split(|c: char| c.is_ascii_digit() || c == '.' || c == '/'))
                .map(str::trim)
                .filter(|part| part.len() > 3);
            for part in parts {
                assert!(
                    sources.contains(part),
                    "{PAGE} explains {message:?}; nobody says {part:?}"
                );
            }
        }
    }
}
