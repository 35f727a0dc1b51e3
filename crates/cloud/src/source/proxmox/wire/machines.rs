use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use runtime::clock::BootTime;
use serde::Deserialize;

use super::super::call::is_host_name;
use super::super::failure::{Failure, Kind};
use super::super::http::Reply;
use super::Scalar;
use crate::plan::facts::{
    Machine, MachineConfig, MachineId, MachineKind, MachineList, MachineStatus, Region,
};
use crate::plan::instance::parse_config;

/// What messages call this answer.
const WHAT: &str = "the list of machines";

/// An entry of `GET /cluster/resources?type=vm`.
#[derive(Deserialize)]
struct Entry {
    #[serde(default, rename = "type")]
    kind: Scalar,
    #[serde(default)]
    vmid: Scalar,
    #[serde(default)]
    node: Scalar,
    #[serde(default)]
    name: Scalar,
    #[serde(default)]
    status: Scalar,
    #[serde(default)]
    template: Scalar,
    #[serde(default)]
    maxcpu: Scalar,
    #[serde(default)]
    maxmem: Scalar,
    #[serde(default)]
    uptime: Scalar,
    #[serde(default)]
    hastate: Scalar,
}

/// Reads the list of machines that was asked for at `taken`.
///
/// # Errors
///
/// Also when a single entry cannot be told apart from others: leaving it out would make its machine look gone.
pub(in crate::source::proxmox) fn machines(
    reply: &Reply,
    region: &Region,
    taken: BootTime,
) -> Result<MachineList, Failure> {
    let entries: Vec<Entry> = super::data(reply, WHAT)?;
    let mut hosts = HashSet::new();
    let mut machines = Vec::with_capacity(entries.len());
    for entry in &entries {
        if let Some(kind) = kind(entry)? {
            machines.push(machine(entry, kind, region, &mut hosts)?);
        }
    }
    Ok(MachineList::new(taken, machines))
}

/// `None` for what is known to be no guest at all. What is neither may be a machine.
fn kind(entry: &Entry) -> Result<Option<MachineKind>, Failure> {
    match entry.kind.text().as_deref() {
        Some("qemu") if entry.template.flag() => Ok(Some(MachineKind::Template)),
        Some("qemu") => Ok(Some(MachineKind::Qemu)),
        Some("lxc" | "openvz") => Ok(Some(MachineKind::Lxc)),
        Some("node" | "storage" | "pool" | "sdn" | "network") => Ok(None),
        _ => {
            let what = format!("unusable type {:?} of machine {:?}", entry.kind, entry.vmid);
            Err(malformed(&what))
        }
    }
}

fn malformed(what: &str) -> Failure {
    Failure::new(Kind::Malformed, format!("{what} in {WHAT}"))
}

fn machine(
    entry: &Entry,
    kind: MachineKind,
    region: &Region,
    hosts: &mut HashSet<Arc<str>>,
) -> Result<Machine, Failure> {
    let vmid = entry
        .vmid
        .whole()
        .ok_or_else(|| malformed(&format!("unusable vmid {:?}", entry.vmid)))?;
    let host = entry.node.text().filter(|host| is_host_name(host));
    let host = host.ok_or_else(|| malformed(&format!("unusable host {:?} of machine {vmid}", entry.node)))?;
    Ok(Machine {
        id: MachineId::new(region, vmid),
        kind,
        host: shared(hosts, &host),
        name: boxed(&entry.name),
        status: status(&entry.status),
        max_cpu: entry.maxcpu.whole().and_then(|cpus| u32::try_from(cpus).ok()),
        max_mem: entry.maxmem.whole(),
        uptime: entry.uptime.whole(),
        ha_state: boxed(&entry.hastate),
    })
}

/// One allocation per host and not per machine: lists have thousands of machines on a few dozen hosts.
fn shared(hosts: &mut HashSet<Arc<str>>, host: &str) -> Arc<str> {
    if let Some(known) = hosts.get(host) {
        return known.clone();
    }
    let host: Arc<str> = host.into();
    hosts.insert(host.clone());
    host
}

fn boxed(scalar: &Scalar) -> Option<Box<str>> {
    scalar.text().filter(|text| !text.is_empty()).map(Into::into)
}

/// Without a status nothing is known of the machine, as with `unknown`.
fn status(scalar: &Scalar) -> MachineStatus {
    match scalar.text().as_deref() {
        Some("running") => MachineStatus::Running,
        Some("stopped") => MachineStatus::Stopped,
        None | Some("unknown") => MachineStatus::Unknown,
        Some(_) => MachineStatus::Other,
    }
}

/// Reads a machine's configuration.
pub(in crate::source::proxmox) fn config(reply: &Reply) -> Result<MachineConfig, Failure> {
    let options: BTreeMap<String, Scalar> = super::data(reply, "the configuration")?;
    let texts = options
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.text()?)))
        .collect();
    Ok(parse_config(&texts))
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

    fn list(body: &str) -> Result<MachineList, Failure> {
        machines(&reply(body), &"fsn".parse().unwrap(), BootTime::ZERO)
    }

    #[test]
    fn the_list_of_the_appendix_is_read() {
        let list = list(
            r#"{"data":[
            {"id":"qemu/100","type":"qemu","vmid":100,"node":"pve-1","name":"n1","status":"running","template":0,"maxcpu":4,
             "maxmem":8589934592,"uptime":86412,"tags":"k8s;prod","pool":"k8s","hastate":"started","new":{"a":[1]}},
            {"id":"qemu/101","type":"qemu","vmid":101,"node":"pve-4","status":"unknown"},
            {"id":"lxc/200","type":"lxc","vmid":200,"node":"pve-1","name":"ct","status":"running","template":0},
            {"id":"qemu/9000","type":"qemu","vmid":"9000","node":"pve-1","name":"tmpl","status":"stopped","template":"1",
             "maxcpu":1.5,"maxmem":"2147483648"}]}"#,
        )
        .unwrap();
        let n1 = list.get(100).unwrap();
        assert_eq!(
            (n1.name.as_deref(), n1.status, n1.kind),
            (Some("n1"), MachineStatus::Running, MachineKind::Qemu)
        );
        assert_eq!(
            (n1.max_cpu, n1.max_mem, n1.uptime),
            (Some(4), Some(8_589_934_592), Some(86412))
        );
        assert_eq!(n1.ha_state.as_deref(), Some("started"));
        let lost = list.get(101).unwrap();
        assert_eq!(
            (lost.status, lost.name.as_deref(), lost.max_cpu),
            (MachineStatus::Unknown, None, None)
        );
        assert_eq!(list.get(200).unwrap().kind, MachineKind::Lxc);
        let template = list.get(9000).unwrap();
        assert_eq!(
            (template.kind, template.max_cpu),
            (MachineKind::Template, Some(2))
        );
        assert!(Arc::ptr_eq(&n1.host, &template.host));
    }

    #[test]
    fn an_entry_that_cannot_be_identified_spoils_the_list_instead_of_vanishing() {
        for entry in [
            r#"{"type":"qemu","node":"pve-1","status":"running"}"#,
            r#"{"vmid":100,"node":"pve-1","status":"running"}"#,
            r#"{"type":null,"vmid":100,"node":"pve-1","status":"running"}"#,
            r#"{"type":"qemu2","vmid":100,"node":"pve-1","status":"running"}"#,
            "{}",
            r#"{"type":"qemu","vmid":"x","node":"pve-1","status":"running"}"#,
            r#"{"type":"qemu","vmid":100,"status":"running"}"#,
            r#"{"type":"qemu","vmid":100,"node":"../x","status":"running"}"#,
        ] {
            let failure = list(&format!(r#"{{"data":[{entry}]}}"#)).unwrap_err();
            assert_eq!(failure.kind, Kind::Malformed, "{entry}");
        }
        assert!(
            list(r#"{"data":[{"type":"storage","node":"pve-1"}]}"#)
                .unwrap()
                .machines
                .is_empty()
        );
        assert!(list(r#"{"data":[]}"#).unwrap().machines.is_empty());
    }

    #[test]
    fn the_configuration_of_the_appendix_is_read() {
        let config = config(&reply(
            r#"{"data":{"name":"n1","cores":4,"memory":"8192","agent":"enabled=1,fstrim_cloned_disks=1",
            "net0":"virtio=BC:24:11:2E:C4:0A,bridge=vmbr0","net1":"virtio=BC:24:11:2E:C4:0B,bridge=vmbr1","odd":[1],
            "smbios1":"uuid=11833f4c-341f-4bd3-aad7-f7abed000001,sku=YzEubWVkaXVt,base64=1","digest":"5a1f"}}"#,
        ))
        .unwrap();
        assert_eq!(
            config.uuid.unwrap().as_str(),
            "11833f4c-341f-4bd3-aad7-f7abed000001"
        );
        assert_eq!(config.macs.len(), 2);
    }
}
