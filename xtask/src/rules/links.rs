//! Links between our documents lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::Breach;

/// Whether a file is a document: Markdown.
pub(super) fn applies(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// Returns every relative link whose target, asked of `exists` by its path from the workspace, is not there.
pub(super) fn breaches(file: &Path, content: &str, exists: impl Fn(&Path) -> bool) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(content.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for link in links(line) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains(':') {
                continue;
            }
            let target = resolve(file.parent().unwrap_or(Path::new("")), path);
            if !target.as_deref().is_some_and(&exists) {
                found.push(format!(
                    "{}:{number}: the link to {link} leads nowhere",
                    file.display()
                ));
            }
        }
    }
    found
}

/// Targets of `[text](target)` in a line; a title after the target is cut off.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')')?.0.split_whitespace().next())
}

/// `link` as seen from `folder`, without `.` and `..`; `None` when it leaves the workspace.
fn resolve(folder: &Path, link: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str) -> Vec<Breach> {
        breaches(Path::new("docs/pools.md"), content, |path| {
            [Path::new("README.md"), Path::new("docs/a.md"), Path::new("docs")].contains(&path)
        })
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for text in [
            "[a](a.md), [b](../README.md#try-it \"title\") and [c](./a.md)",
            "[web](https://example.org/x) [here](#below) [mail](mailto:a@example.org)",
            "[folder](../docs)",
            "```\n[a](nowhere.md)\n```",
        ] {
            assert_eq!(check(text), Vec::<Breach>::new(), "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        for text in [
            "\n[a](b.md)",
            "\n[a](../../README.md)",
            "\n[a](/README.md)",
            "\n[a](a.md) [b](../a.md)",
        ] {
            let found = check(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("docs/pools.md:2: the link to "), "{found:?}");
        }
    }
}
