//! How much may be in `cadastre-cni`, which is started for every pod.

use std::collections::BTreeSet;

use super::Breach;

/// The crate that becomes the program.
pub(super) const PACKAGE: &str = "cni";

/// The most crates that may be linked into it, its own included.
const LIMIT: usize = 25;

/// What a program that lives for a millisecond must not start, with what it does instead.
const HEAVY: &[(&str, &str)] = &[
    ("tokio", "it is synchronous; wait with poll(2)"),
    ("kube", "it reads one object; see crates/cni/src/node"),
    ("clap", "its commands are few; see crates/cni/src/cli/args.rs"),
];

/// Reads what `cargo tree --edges normal,no-proc-macro --prefix none` printed: one crate a line, name and version
/// first.
pub(super) fn breaches(tree: &str) -> Vec<Breach> {
    let crates: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    let mut found = Vec::new();
    if !crates.iter().any(|(name, _)| *name == PACKAGE) {
        found.push(format!(
            "cargo tree does not list {PACKAGE}; repair xtask/src/rules/crates.rs"
        ));
    }
    if crates.len() > LIMIT {
        let names: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
        found.push(format!(
            "cadastre-cni links {} crates ({}); at most {LIMIT} may be in it, so take one out for each that comes in",
            crates.len(),
            names.join(", ")
        ));
    }
    for (heavy, instead) in HEAVY {
        if crates.iter().any(|(name, _)| name == heavy) {
            found.push(format!("cadastre-cni links {heavy}: {instead}; find who asks with `cargo tree -p {PACKAGE} -i {heavy}`"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(count: usize, more: &str) -> String {
        let others: String = (1..count)
            .map(|number| format!("crate-{number} v1.0.{number}\n"))
            .collect();
        format!("cni v0.1.0 (/w/crates/cni)\n{others}crate-1 v1.0.1 (*)\n\n{more}")
    }

    #[test]
    fn twenty_five_crates_pass_and_one_more_does_not() {
        assert_eq!(breaches(&tree(25, "")), Vec::<Breach>::new());
        let found = breaches(&tree(26, ""));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("links 26 crates") && found[0].contains("crate-7"),
            "{found:?}"
        );
    }

    #[test]
    fn two_versions_of_a_crate_are_two() {
        assert_eq!(breaches(&tree(25, "crate-1 v2.0.0\n")).len(), 1);
    }

    #[test]
    fn what_is_too_heavy_is_named_even_alone() {
        for heavy in ["tokio", "kube", "clap"] {
            let found = breaches(&tree(2, &format!("{heavy} v1.2.3\n")));
            assert_eq!(found.len(), 1, "{heavy}: {found:?}");
            assert!(found[0].contains(heavy), "{found:?}");
        }
        assert!(breaches(&tree(2, "clap_lex v1.2.3\n")).is_empty());
    }

    #[test]
    fn an_empty_answer_proves_nothing() {
        assert_eq!(breaches("").len(), 1);
    }
}
