//! Which room may know which: dependencies point one way, along the way of an address.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Breach;

/// A room, and the rooms it may depend on. A crate that is not listed here is a breach: add it with thought.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
}

const fn room(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use }
}

/// In the order of the flow; a room names only rooms above it.
const ROOMS: &[Room] = &[
    room("addr", &[]),
    room("api", &["addr"]),
    room("runtime", &["addr", "api"]),
    room("pools", &["addr", "api", "runtime"]),
    room("cloud", &["addr", "api", "runtime"]),
    room("nodenet", &["addr", "api", "runtime"]),
    // The only room that links nmstate.
    room("handler", &["addr", "api", "runtime", "nodenet"]),
    // Synchronous and tiny: it speaks to the API server itself, so neither `api` nor `runtime`.
    room("cni", &["addr"]),
    room(
        "cadastre",
        &["addr", "api", "runtime", "pools", "cloud", "nodenet", "cni"],
    ),
    room("testkit", &["addr", "api", "runtime", "pools"]),
    room("xtask", &["testkit"]),
];

/// Rooms that stay free of the test kit even in their tests: they are pure, so there is nothing to start.
const NO_TESTKIT: &[&str] = &["addr"];

/// Reads `cargo metadata --no-deps` and returns every dependency that points the wrong way.
///
/// # Errors
/// When the metadata is not what cargo documents.
pub(super) fn breaches(metadata: &str) -> Result<Vec<Breach>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let mut found = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            found.push(format!(
                "crate {name} is not in the list of rooms; add it to xtask/src/rules/layers.rs"
            ));
            continue;
        };
        let used = package["dependencies"]
            .as_array()
            .context("a package has no dependencies")?;
        for dependency in used.iter().filter(|dependency| dependency["path"].is_string()) {
            let target = dependency["name"].as_str().context("a dependency has no name")?;
            let test_only = dependency["kind"].as_str() == Some("dev");
            if !room.may(target, test_only) {
                found.push(format!(
                    "crate {name} depends on {target}; it may use {}; move what both need up the list",
                    listed(room.may_use)
                ));
            }
        }
    }
    Ok(found)
}

impl Room {
    fn may(&self, target: &str, test_only: bool) -> bool {
        let for_tests = test_only && target == "testkit" && !NO_TESTKIT.contains(&self.name);
        // A crate may name itself in its dev-dependencies, to switch features on for its tests.
        for_tests || (test_only && target == self.name) || self.may_use.contains(&target)
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "no other room".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(edges: &[(&str, &str, Option<&str>)]) -> String {
        let packages: Vec<Value> = edges
            .iter()
            .map(|(from, to, kind)| {
                json!({
                    "name": from,
                    "dependencies": [
                        {"name": "serde", "kind": null},
                        {"name": to, "kind": kind, "path": format!("/x/crates/{to}")},
                    ],
                })
            })
            .collect();
        json!({ "packages": packages }).to_string()
    }

    #[test]
    fn dependencies_that_point_up_pass() {
        let good = metadata(&[
            ("pools", "runtime", None),
            ("cadastre", "pools", None),
            ("pools", "testkit", Some("dev")),
            ("xtask", "testkit", None),
            ("testkit", "testkit", Some("dev")),
        ]);
        assert_eq!(breaches(&good).unwrap(), Vec::<Breach>::new());
    }

    #[test]
    fn dependencies_that_point_down_are_named() {
        for (from, to, kind) in [
            ("addr", "api", None),
            ("addr", "testkit", Some("dev")),
            ("runtime", "pools", None),
            ("runtime", "pools", Some("dev")),
            ("api", "runtime", Some("build")),
            ("pools", "testkit", None),
            ("cadastre", "xtask", Some("dev")),
        ] {
            let found = breaches(&metadata(&[(from, to, kind)])).unwrap();
            assert_eq!(found.len(), 1, "{from} -> {to} ({kind:?}) passed");
            assert!(
                found[0].starts_with(&format!("crate {from} depends on {to}")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_crate_nobody_placed_is_named() {
        let found = breaches(&metadata(&[("shed", "addr", None)])).unwrap();
        assert!(
            found[0].contains("crate shed is not in the list of rooms"),
            "{found:?}"
        );
    }

    #[test]
    fn the_list_itself_points_up() {
        for (place, room) in ROOMS.iter().enumerate() {
            for used in room.may_use {
                let above = ROOMS[..place].iter().any(|other| other.name == *used);
                assert!(above, "{} may use {used}, which is not above it", room.name);
            }
        }
    }
}
