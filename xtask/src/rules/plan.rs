//! Plans are pure: no client, no async, no clock, no files. So is everything in `addr`.

use std::path::{Component, Path};

use super::Breach;

/// What may not appear in pure code, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("tokio", "nothing in a plan waits"),
    ("async", "nothing in a plan waits"),
    (".await", "nothing in a plan waits"),
    ("kube::Client", "reading belongs to observe, writing to act"),
    ("kube::Api", "reading belongs to observe, writing to act"),
    ("kube::client", "reading belongs to observe, writing to act"),
    ("kube::runtime", "reading belongs to observe, writing to act"),
    ("SystemTime::now", "time comes in with the snapshot"),
    ("Instant::now", "time comes in with the snapshot"),
    ("Timestamp::now", "time comes in with the snapshot"),
    ("Zoned::now", "time comes in with the snapshot"),
    ("std::fs", "files belong to observe and act"),
    ("std::env", "settings come in as values"),
    ("std::process", "nothing in a plan starts or ends a process"),
    ("std::thread", "nothing in a plan waits"),
    ("TcpStream", "reading belongs to observe, writing to act"),
    ("UdpSocket", "reading belongs to observe, writing to act"),
    (
        "rand",
        "chance comes in as a value, or nobody can repeat the plan",
    ),
    (
        "fastrand",
        "chance comes in as a value, or nobody can repeat the plan",
    ),
    (
        "getrandom",
        "chance comes in as a value, or nobody can repeat the plan",
    ),
    // The crate, not the field of that name in SMBIOS.
    (
        "uuid::Uuid",
        "chance comes in as a value, or nobody can repeat the plan",
    ),
];

/// Names of `kube` that talk to a cluster when they stand inside `use kube::{…}`.
const KUBE_SHELL: &[&str] = &["Api", "Client", "client", "runtime"];

/// Whether a file of a room has to be pure: below a `plan` folder or called `plan.rs`, or the sources of `addr`.
pub(super) fn applies(file: &Path) -> bool {
    let rust = file.extension().is_some_and(|extension| extension == "rs");
    let in_plan = file
        .components()
        .any(|part| part == Component::Normal("plan".as_ref()));
    rust && file.starts_with("crates")
        && (in_plan || file.ends_with("plan.rs") || file.starts_with("crates/addr/src"))
}

/// Returns every impure word outside comments, with its line.
pub(super) fn breaches(file: &Path, content: &str) -> Vec<Breach> {
    let code: Vec<&str> = content.lines().map(without_comment).collect();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(&code) {
        for (word, instead) in FORBIDDEN {
            if has_word(line, word) {
                found.push(format!(
                    "{}:{number}: `{word}` in pure code: {instead}",
                    file.display()
                ));
            }
        }
    }
    for (number, name) in grouped_imports(&code) {
        found.push(format!(
            "{}:{number}: `kube::{{{name}}}` in pure code: reading belongs to observe, writing to act",
            file.display()
        ));
    }
    found
}

/// The line up to `//`. A `//` inside a string cuts too much; plans hold no URLs.
fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Whether `word` stands in `line` with no letter, digit or underscore touching it.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        (word.starts_with('.') || !before.is_some_and(inside)) && !after.is_some_and(inside)
    })
}

/// Names from [`KUBE_SHELL`] inside `use kube::{…};`, also over several lines, with the line of the `use`.
fn grouped_imports(code: &[&str]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (index, line) in code.iter().enumerate() {
        if !line.trim_start().contains("use kube::{") {
            continue;
        }
        let mut statement = String::new();
        for part in &code[index..] {
            statement.push_str(part);
            statement.push('\n');
            if part.contains(';') {
                break;
            }
        }
        let names = KUBE_SHELL.iter().filter(|name| has_word(&statement, name));
        found.extend(names.map(|name| (index + 1, *name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str) -> Vec<Breach> {
        breaches(Path::new("crates/pools/src/plan/choose.rs"), content)
    }

    #[test]
    fn plan_folders_plan_files_and_addr_are_pure() {
        for file in [
            "crates/pools/src/plan/a/b.rs",
            "crates/pools/src/claim/plan.rs",
            "crates/addr/src/set.rs",
        ] {
            assert!(applies(Path::new(file)), "{file}");
        }
        for file in [
            "crates/pools/src/act.rs",
            "crates/pools/src/planner.rs",
            "docs/plan/a.md",
            "xtask/src/plan.rs",
            "crates/addr/benches/x.rs",
        ] {
            assert!(!applies(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn impure_words_are_found_with_their_line() {
        for line in [
            "use tokio::sync::Mutex;",
            "pub async fn plan() {}",
            "let x = ask().await;",
            "let now = jiff::Timestamp::now();",
            "let now = std::time::Instant::now();",
            "fn act(client: &kube::Client) {}",
            "use std::fs;",
            "use kube::{Resource, Api};",
            "use kube::{\n    Resource,\n    runtime::watcher,\n};",
        ] {
            let found = check(&format!("\n{line}\n"));
            assert!(!found.is_empty(), "{line} passed");
            assert!(
                found[0].starts_with("crates/pools/src/plan/choose.rs:2: "),
                "{found:?}"
            );
        }
    }

    #[test]
    fn pure_code_passes() {
        for line in [
            "// no tokio, no async, no kube::Api here",
            "/// Time comes in; `Timestamp::now` is for the shell.",
            "use kube::{Resource, ResourceExt};",
            "use jiff::Timestamp;",
            "fn awaiting(asynchronous: bool, now: Timestamp) {}",
            "let tokio_like = 1;",
        ] {
            assert_eq!(check(line), Vec::<Breach>::new(), "{line}");
        }
    }
}
