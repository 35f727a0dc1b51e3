//! `cargo xtask check`: everything that can be judged without running the product. Fast checks come first; all of
//! them run, so that one round shows every problem.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{debian, deny, generated, project, rules, step::Step};

/// A check and its name on the command line.
struct Check {
    name: &'static str,
    run: fn(&Path) -> Result<()>,
}

const CHECKS: &[Check] = &[
    Check {
        name: "fmt",
        run: format,
    },
    Check {
        name: "rules",
        run: house_rules,
    },
    Check {
        name: "deny",
        run: deny::run,
    },
    Check {
        name: "gen",
        run: generated::check,
    },
    Check {
        name: "clippy",
        run: clippy,
    },
    Check {
        name: "fuzz",
        run: fuzz,
    },
    Check {
        name: "doc",
        run: doc,
    },
];

/// Runs the checks called `names`, or all.
///
/// # Errors
/// When a name is unknown, or with the names of the checks that failed.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    debian::ensure(&[debian::CC, debian::GIT])?;
    let mut failed = Vec::new();
    for check in &chosen {
        if let Err(error) = (check.run)(root) {
            eprintln!("[{}] FAILED: {error:#}", check.name);
            failed.push((check.name, error));
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        [(_, error)] => bail!("{error:#}"),
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            bail!(
                "{} failed; each has a line `FAILED` above that says what to do",
                names.join(", ")
            )
        }
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Check>> {
    if names.is_empty() {
        return Ok(CHECKS.iter().collect());
    }
    let find = |name: &String| {
        CHECKS.iter().find(|check| check.name == name).ok_or_else(|| {
            let known: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
            anyhow::anyhow!("there is no check `{name}`; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

fn format(root: &Path) -> Result<()> {
    Step::new("fmt", "run `cargo fmt --all`").run(project::cargo(root).args(["fmt", "--all", "--check"]))
}

fn house_rules(root: &Path) -> Result<()> {
    let breaches = rules::breaches(root)?;
    for breach in &breaches {
        eprintln!("{breach}");
    }
    match breaches.len() {
        0 => Ok(()),
        count => bail!("{count} breaches of the house rules; each line above says what to do instead"),
    }
}

fn clippy(root: &Path) -> Result<()> {
    Step::new("clippy", "repair the lints above").run(
        project::cargo(root)
            .args(["clippy", "--locked", "--workspace", "--all-targets"])
            .args(["--", "-D", "warnings"]),
    )
}

/// The fuzz targets are a workspace of their own, which nothing else builds. They compile on the stable compiler; only
/// running them needs a nightly one.
fn fuzz(root: &Path) -> Result<()> {
    Step::new(
        "fuzz",
        "repair the fuzz targets; they use what is public in addr and cni",
    )
    .run(
        project::cargo(root)
            .args(["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
            .arg("--target-dir")
            .arg(project::built(root, None, "fuzz", ""))
            // Nothing is linked, so the fuzzer's own library, a minute of C++, is not needed.
            .env("CUSTOM_LIBFUZZER_PATH", "/not/linked/libfuzzer.a"),
    )
}

fn doc(root: &Path) -> Result<()> {
    Step::new("doc", "repair the documentation above").run(
        project::cargo(root)
            .args(["doc", "--locked", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_names_every_check_runs() {
        assert_eq!(choose(&[]).unwrap().len(), CHECKS.len());
        assert_eq!(choose(&["doc".to_owned()]).unwrap()[0].name, "doc");
    }

    #[test]
    fn an_unknown_check_lists_the_known_ones() {
        let error = choose(&["taste".to_owned()]).err().unwrap().to_string();
        assert_eq!(
            error,
            "there is no check `taste`; there are fmt, rules, deny, gen, clippy, fuzz, doc"
        );
    }
}
