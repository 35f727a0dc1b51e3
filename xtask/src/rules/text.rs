//! Rules about the text of any file: no paths of somebody's machine, no skipped tests, a map that stays a map.

use std::path::Path;

use super::Breach;

/// Home folders of machines. Put together from halves, so that this file does not break its own rule.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Attributes that switch a test off or make it prove nothing.
const SKIPPED_TESTS: &[&str] = &[concat!("#[ig", "nore"), concat!("#[should", "_panic")];

/// `ARCHITECTURE.md` is a map; what does not fit belongs to rustdoc or docs/decisions.
const MAP_LINES: usize = 200;

/// Files whose text is not ours to shape.
const FOREIGN: &[&str] = &["Cargo.lock", "LICENSE", "tools/control-plane/go.sum"];

/// Returns every breach of the rules about text in one file.
pub(super) fn breaches(file: &Path, content: &str) -> Vec<Breach> {
    if FOREIGN.iter().any(|name| file == Path::new(name)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let rust = file.extension().is_some_and(|extension| extension == "rs");
    for (number, line) in (1..).zip(content.lines()) {
        for path in MACHINE_PATHS.iter().filter(|path| names_absolute(line, path)) {
            found.push(format!(
                "{}:{number}: `{path}` is a path of one machine; make it relative or a setting",
                file.display()
            ));
        }
        for attribute in SKIPPED_TESTS
            .iter()
            .filter(|attribute| rust && line.trim_start().starts_with(*attribute))
        {
            found.push(format!(
                "{}:{number}: `{attribute}`: a test runs and asserts, or it is not there",
                file.display()
            ));
        }
    }
    let lines = content.lines().count();
    if file == Path::new("ARCHITECTURE.md") && lines > MAP_LINES {
        found.push(format!(
            "ARCHITECTURE.md has {lines} lines; a map has at most {MAP_LINES}"
        ));
    }
    found
}

/// Whether `path` stands in `line` as the beginning of an absolute path, not inside a longer one or a URL.
fn names_absolute(line: &str, path: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || "._-~}$/".contains(c);
    line.match_indices(path)
        .any(|(start, _)| !line[..start].chars().next_back().is_some_and(continues))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_found_only_where_they_begin() {
        for path in MACHINE_PATHS {
            let found = breaches(Path::new("docs/a.md"), &format!("x\nsee {path}x/y\n"));
            assert_eq!(found.len(), 1, "{path}");
            assert!(found[0].starts_with("docs/a.md:2: "), "{found:?}");
            for fine in [
                format!("https://example.org{path}x"),
                format!("a{path}"),
                format!("$HOME{path}"),
            ] {
                assert!(breaches(Path::new("docs/a.md"), &fine).is_empty(), "{fine}");
            }
        }
    }

    #[test]
    fn foreign_files_are_left_alone() {
        assert!(breaches(Path::new("Cargo.lock"), MACHINE_PATHS[0]).is_empty());
    }

    #[test]
    fn skipped_tests_are_found_in_code_only() {
        for attribute in SKIPPED_TESTS {
            let text = format!("    {attribute}]\n    fn case_1() {{}}\n");
            assert_eq!(
                breaches(Path::new("crates/a/tests/b.rs"), &text).len(),
                1,
                "{attribute}"
            );
            assert!(breaches(Path::new("docs/b.md"), &text).is_empty());
            assert!(breaches(Path::new("b.rs"), &format!("// {attribute}]")).is_empty());
        }
    }

    #[test]
    fn the_map_has_at_most_two_hundred_lines() {
        let map = Path::new("ARCHITECTURE.md");
        assert!(breaches(map, &"x\n".repeat(200)).is_empty());
        assert_eq!(breaches(map, &"x\n".repeat(201)).len(), 1);
        assert!(breaches(Path::new("docs/pools.md"), &"x\n".repeat(500)).is_empty());
    }
}
