//! `/version` and `/access/permissions`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Context;
use crate::proxmox::auth::Who;
use crate::proxmox::model::{Region, Release};
use crate::proxmox::reply::Reply;

/// Paths that are always looked at.
const PATHS: [&str; 8] = [
    "/",
    "/access",
    "/access/groups",
    "/nodes",
    "/pool",
    "/sdn",
    "/storage",
    "/vms",
];

pub(super) fn version(region: &Region, context: &mut Context<'_>) -> Reply {
    let data = match region.release {
        Release::V8 => json!({"version": "8.4.1", "release": "8.4", "repoid": "2a5fa54a8503f96d"}),
        Release::V9 => json!({"version": "9.0.3", "release": "9.0", "repoid": "025864202ebb6109"}),
    };
    Reply::data(&data, context.dice)
}

/// What the asker holds, per path; the value says whether it reaches further down.
pub(super) fn permissions(region: &Region, who: &Who, context: &mut Context<'_>) -> Reply {
    let paths: BTreeSet<&str> = PATHS.into_iter().chain(who.privileges.paths()).collect();
    let mut data = Map::new();
    for path in paths {
        let held: Map<String, Value> = who
            .privileges
            .effective(path)
            .into_iter()
            .filter(|(privilege, _)| exists(privilege, region.release))
            .map(|(privilege, reaches)| (privilege.to_owned(), json!(u8::from(reaches))))
            .collect();
        if !held.is_empty() {
            data.insert(path.to_owned(), held.into());
        }
    }
    Reply::data(&data.into(), context.dice)
}

/// PVE 9 replaced `VM.Monitor` by the privileges of the guest agent.
fn exists(privilege: &str, release: Release) -> bool {
    match release {
        Release::V8 => !privilege.starts_with("VM.GuestAgent."),
        Release::V9 => privilege != "VM.Monitor",
    }
}
