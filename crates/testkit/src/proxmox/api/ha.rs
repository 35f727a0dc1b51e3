//! `/cluster/ha/...`: groups until PVE 8, rules since PVE 9.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Ask, Context};
use crate::proxmox::auth::Who;
use crate::proxmox::model::{HaRule, HostState, Region};
use crate::proxmox::reply::Reply;

pub(super) fn groups(region: &Region, who: &Who, context: &mut Context<'_>) -> Result<Reply, Reply> {
    who.require("/", &["Sys.Audit"])?;
    if region.has_rules() && region.ha_migrated {
        let message = "cannot index groups: ha groups have been migrated to rules";
        return Err(Reply::error(500, message));
    }
    let digest = digest("groups", region);
    let groups: Vec<Value> = region
        .ha_groups
        .iter()
        .map(|group| {
            json!({
                "group": group.name, "type": "group", "nodes": group.nodes, "nofailback": 0, "restricted": 1,
                "digest": digest,
            })
        })
        .collect();
    Ok(Reply::data(&groups.into(), context.dice))
}

/// `?type=`; all kinds when it is missing.
pub(super) fn rules(
    region: &Region,
    who: &Who,
    ask: &Ask,
    context: &mut Context<'_>,
) -> Result<Reply, Reply> {
    who.require("/", &["Sys.Audit"])?;
    let wanted = ask.query.get("type");
    if let Some(other) =
        wanted.filter(|kind| !["node-affinity", "resource-affinity"].contains(&kind.as_str()))
    {
        let problem = format!(
            "value '{other}' does not have a value in the enumeration 'node-affinity, resource-affinity'"
        );
        return Err(Reply::parameter("type", &problem));
    }
    let migrated = region
        .ha_groups
        .iter()
        .filter(|_| region.ha_migrated)
        .map(|group| {
            let members = region.vms.values().filter(|vm| {
                let name = vm.ha.as_ref().and_then(|ha| ha.group.as_ref());
                name == Some(&group.name)
            });
            HaRule::from_group(group, &members.map(|vm| vm.id).collect::<Vec<_>>())
        });
    let digest = digest("rules", region);
    let rules: Vec<Value> = migrated
        .chain(region.ha_rules.iter().cloned())
        .enumerate()
        .filter(|(_, rule)| wanted.is_none_or(|kind| *kind == rule.kind))
        .map(|(place, rule)| rule_entry(&rule, place + 1, &digest))
        .collect();
    Ok(Reply::data(&rules.into(), context.dice))
}

fn rule_entry(rule: &HaRule, order: usize, digest: &str) -> Value {
    let mut entry = json!({
        "rule": rule.name, "type": rule.kind, "resources": rule.resources, "order": order, "digest": digest,
    });
    if rule.kind == "node-affinity" {
        entry["nodes"] = json!(rule.nodes);
        entry["strict"] = json!(0);
    } else {
        entry["affinity"] = json!("positive");
    }
    if rule.disabled {
        entry["disable"] = json!(1);
    }
    if let Some(comment) = &rule.comment {
        entry["comment"] = json!(comment);
    }
    if let Some(errors) = &rule.errors {
        entry["errors"] = errors.clone();
    }
    entry
}

pub(super) fn resources(region: &Region, who: &Who, context: &mut Context<'_>) -> Result<Reply, Reply> {
    who.require("/", &["Sys.Audit"])?;
    let digest = digest("resources", region);
    let with_groups = !(region.has_rules() && region.ha_migrated);
    let managed = region.vms.values().filter_map(|vm| Some((vm, vm.ha.as_ref()?)));
    let entries: Vec<Value> = managed
        .map(|(vm, ha)| {
            let mut entry = json!({
                "sid": format!("vm:{}", vm.id), "type": "vm", "state": requested(&ha.state), "failback": 1,
                "digest": digest,
            });
            if let Some(group) = ha.group.as_ref().filter(|_| with_groups) {
                entry["group"] = json!(group);
            }
            entry
        })
        .collect();
    Ok(Reply::data(&entries.into(), context.dice))
}

pub(super) fn status(region: &Region, who: &Who, context: &mut Context<'_>) -> Result<Reply, Reply> {
    who.require("/", &["Sys.Audit"])?;
    let first = region
        .hosts
        .first()
        .map_or("localhost", |host| host.name.as_str());
    let quorum = if region.quorate {
        "OK"
    } else {
        "No quorum on node!"
    };
    let mut entries = vec![
        json!({"id": "quorum", "type": "quorum", "node": first, "status": quorum, "quorate": u8::from(region.quorate)}),
        json!({
            "id": "master", "type": "master", "node": first,
            "status": format!("{first} (active, Thu Jan  1 00:00:00 2026)"), "timestamp": 1_767_225_600,
        }),
    ];
    for host in &region.hosts {
        let (name, online) = (
            &host.name,
            matches!(host.state, HostState::Online | HostState::Hung),
        );
        let manner = if online { "idle" } else { "old timestamp - dead?" };
        entries.push(json!({
            "id": format!("lrm:{name}"), "type": "lrm", "node": name,
            "status": format!("{name} ({manner}, Thu Jan  1 00:00:00 2026)"), "timestamp": 1_767_225_600,
        }));
    }
    for vm in region.vms.values() {
        let Some(ha) = &vm.ha else { continue };
        let (sid, host, state) = (format!("vm:{}", vm.id), &vm.host, &ha.state);
        entries.push(json!({
            "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": host, "state": state,
            "crm_state": state, "request_state": requested(state), "status": format!("{sid} ({host}, {state})"),
        }));
    }
    Ok(Reply::data(&entries.into(), context.dice))
}

/// What somebody asked for, while the manager is on its way there.
fn requested(state: &str) -> &str {
    match state {
        "stopped" | "disabled" | "ignored" => state,
        _ => "started",
    }
}

/// Forty hexadecimal digits, other ones after a change.
fn digest(file: &str, region: &Region) -> String {
    let text = format!("{file} {:?} {:?}", region.ha_groups, region.ha_rules);
    super::machine::hex(&Sha256::digest(text))
}
