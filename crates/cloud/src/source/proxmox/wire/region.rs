use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::failure::{Failure, Kind};
use super::super::http::Reply;
use super::Scalar;
use crate::plan::facts::{Affinity, Permissions, Quorum};

/// What PVE 9 puts in front of the name of a rule that it made of a group.
const MIGRATED: &str = "ha-group-";

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: Scalar,
}

/// Reads the version, as `9.0.3`.
pub(in crate::source::proxmox) fn version(reply: &Reply) -> Result<Arc<str>, Failure> {
    let version: Version = super::data(reply, "the version")?;
    let text = version.version.text().filter(|text| !text.is_empty());
    text.map(Into::into)
        .ok_or_else(|| Failure::new(Kind::Malformed, "the version is missing in its answer"))
}

/// An HA group or rule; a group has its name in `group`, a rule in `rule`.
#[derive(Deserialize)]
struct Entry {
    #[serde(default, rename = "type")]
    kind: Scalar,
    #[serde(default)]
    group: Scalar,
    #[serde(default)]
    rule: Scalar,
    #[serde(default)]
    nodes: Scalar,
    #[serde(default)]
    disable: Scalar,
}

/// Reads HA groups, in alphabetical order (PVE 8).
pub(in crate::source::proxmox) fn groups(reply: &Reply) -> Result<Arc<[Affinity]>, Failure> {
    let entries: Vec<Entry> = super::data(reply, "the HA groups")?;
    let groups = entries
        .iter()
        .filter(|entry| entry.kind.text().as_deref() == Some("group"));
    Ok(sorted(
        groups.filter_map(|entry| affinity(&entry.group.text()?, entry)),
    ))
}

/// Reads enabled node affinity rules, in alphabetical order, under the names their groups had (PVE 9).
pub(in crate::source::proxmox) fn rules(reply: &Reply) -> Result<Arc<[Affinity]>, Failure> {
    let entries: Vec<Entry> = super::data(reply, "the HA rules")?;
    let rules = entries
        .iter()
        .filter(|entry| entry.kind.text().as_deref() == Some("node-affinity"));
    let enabled = rules.filter(|entry| !entry.disable.flag());
    Ok(sorted(enabled.filter_map(|entry| {
        let name = entry.rule.text()?;
        affinity(name.strip_prefix(MIGRATED).unwrap_or(&name), entry)
    })))
}

fn affinity(name: &str, entry: &Entry) -> Option<Affinity> {
    let affinity = Affinity::new(name, &entry.nodes.text()?);
    (!name.is_empty()).then_some(affinity)
}

fn sorted(affinities: impl Iterator<Item = Affinity>) -> Arc<[Affinity]> {
    let mut all: Vec<Affinity> = affinities.collect();
    all.sort();
    all.into()
}

#[derive(Deserialize)]
struct Member {
    #[serde(default, rename = "type")]
    kind: Scalar,
    #[serde(default)]
    quorate: Scalar,
}

/// Reads the quorum. A host without a cluster decides alone (§4.1).
pub(in crate::source::proxmox) fn quorum(reply: &Reply) -> Result<Quorum, Failure> {
    let members: Vec<Member> = super::data(reply, "the cluster status")?;
    let of_kind = |kind| {
        members
            .iter()
            .find(move |member| member.kind.text().as_deref() == Some(kind))
    };
    match (of_kind("cluster"), of_kind("node")) {
        (Some(cluster), _) if cluster.quorate.flag() => Ok(Quorum::Quorate),
        (Some(_), _) => Ok(Quorum::Lost),
        (None, Some(_)) => Ok(Quorum::Quorate),
        (None, None) => Err(Failure::new(
            Kind::Malformed,
            "the cluster status names no member",
        )),
    }
}

/// Reads our own privileges: path to privilege to "goes down to what lies below".
pub(in crate::source::proxmox) fn permissions(reply: &Reply) -> Result<Permissions, Failure> {
    let paths: BTreeMap<String, BTreeMap<String, Scalar>> = super::data(reply, "the permissions")?;
    let at = |path: &str, name: &str| paths.get(path).and_then(|privileges| privileges.get(name));
    // What stands nearer to the machines decides alone; it is of no use unless it goes down to them.
    let nearest = if paths.contains_key("/vms") { "/vms" } else { "/" };
    let on_machines = |name| at(nearest, name).is_some_and(Scalar::flag);
    Ok(Permissions {
        vm_audit: on_machines("VM.Audit"),
        // Whoever asked before knows.
        vm_audit_lost: false,
        sys_audit: at("/", "Sys.Audit").is_some(),
        guest_agent: on_machines("VM.GuestAgent.Audit") || on_machines("VM.GuestAgent.Unrestricted"),
        vm_monitor: on_machines("VM.Monitor"),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            reason: "OK".into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn groups_are_sorted_and_only_groups() {
        let groups = groups(&reply(
            r#"{"data":[{"group":"zeta","type":"group","nodes":"pve-1:2,pve-2"},{"group":"alpha","type":"group","nodes":"pve-2,pve-1"},
            {"group":"x","type":"other","nodes":"pve-1"},{"type":"group","nodes":"pve-1"}]}"#,
        ))
        .unwrap();
        let names: Vec<_> = groups.iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["alpha", "zeta"]);
        assert_eq!(groups[1].hosts, ["pve-1".into(), "pve-2".into()]);
    }

    #[test]
    fn rules_count_when_enabled_and_lose_the_mark_of_migration() {
        let rules = rules(&reply(
            r#"{"data":[{"rule":"ha-group-g1","type":"node-affinity","nodes":"pve-1:2,pve-3","strict":1},
            {"rule":"off","type":"node-affinity","nodes":"pve-1","disable":1},
            {"rule":"on","type":"node-affinity","nodes":"pve-1","disable":"0"},
            {"rule":"apart","type":"resource-affinity","affinity":"negative"}]}"#,
        ))
        .unwrap();
        let names: Vec<_> = rules.iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["g1", "on"]);
    }

    #[test]
    fn quorum_is_the_clusters_and_a_host_alone_has_it() {
        let node = r#"{"type":"node","name":"pve-1","online":1}"#;
        let read = |body: String| quorum(&reply(&body));
        assert_eq!(
            read(format!(r#"{{"data":[{node},{{"type":"cluster","quorate":1}}]}}"#)),
            Ok(Quorum::Quorate)
        );
        assert_eq!(
            read(format!(r#"{{"data":[{{"type":"cluster","quorate":0}},{node}]}}"#)),
            Ok(Quorum::Lost)
        );
        assert_eq!(
            read(format!(r#"{{"data":[{{"type":"cluster"}},{node}]}}"#)),
            Ok(Quorum::Lost)
        );
        assert_eq!(read(format!(r#"{{"data":[{node}]}}"#)), Ok(Quorum::Quorate));
        assert_eq!(read(r#"{"data":[]}"#.into()).unwrap_err().kind, Kind::Malformed);
    }

    #[test]
    fn privileges_count_where_they_reach_machines() {
        let read = |body: &str| permissions(&reply(body)).unwrap();
        let all = read(
            r#"{"data":{"/":{"Sys.Audit":1},"/vms":{"VM.Audit":1,"VM.GuestAgent.Audit":1,"VM.Monitor":0}}}"#,
        );
        assert_eq!(
            all,
            Permissions {
                vm_audit: true,
                vm_audit_lost: false,
                sys_audit: true,
                guest_agent: true,
                vm_monitor: false
            }
        );
        let root = read(r#"{"data":{"/":{"Sys.Audit":0,"VM.Audit":1,"VM.GuestAgent.Unrestricted":1}}}"#);
        assert_eq!(
            root,
            Permissions {
                vm_audit: true,
                vm_audit_lost: false,
                sys_audit: true,
                guest_agent: true,
                vm_monitor: false
            }
        );
        let hidden = read(r#"{"data":{"/":{"VM.Audit":1},"/vms":{"VM.Monitor":1}}}"#);
        assert!(
            !hidden.vm_audit && hidden.vm_monitor,
            "the list is empty in spite of the privilege on /"
        );
        assert_eq!(read(r#"{"data":{"/":{"VM.Audit":0}}}"#), Permissions::default());
        assert_eq!(read(r#"{"data":{}}"#), Permissions::default());
    }

    #[test]
    fn the_version_is_a_text() {
        let reply = reply(r#"{"data":{"version":"9.0.3","release":"9.0","repoid":"025864202ebb6109"}}"#);
        assert_eq!(&*version(&reply).unwrap(), "9.0.3");
    }
}
