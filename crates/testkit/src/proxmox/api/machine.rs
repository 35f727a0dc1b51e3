//! `/nodes/{host}/qemu/{vmid}/...`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Ask, Context};
use crate::dice::Dice;
use crate::proxmox::auth::Who;
use crate::proxmox::model::{Guest, HostState, Interface, Kind, Region, Release, Status, Vm};
use crate::proxmox::reply::{AgentQuery, Outcome, Reply};

/// How many bytes a digest of Proxmox VE has.
const DIGEST: usize = 20;

pub(super) fn config(
    region: &Region,
    who: &Who,
    ask: &Ask,
    context: &mut Context<'_>,
) -> Result<Reply, Reply> {
    let vm = find(region, who, ask, context, &["VM.Audit"])?;
    let mut config: Map<String, Value> = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    set("cores", number(vm.cpus.ceil(), context.dice));
    set("sockets", number(1.0, context.dice));
    set("memory", json!((vm.memory >> 20).to_string()));
    set("ostype", json!("l26"));
    set("boot", json!("order=scsi0"));
    set("onboot", number(1.0, context.dice));
    set("scsi0", json!(format!("local-zfs:vm-{}-disk-0,size=32G", vm.id)));
    set("scsihw", json!("virtio-scsi-single"));
    set("vmgenid", json!(format!("2c1c71a6-52f1-4c5e-8ac6-{:012}", vm.id)));
    set("meta", json!("creation-qemu=9.0.2,ctime=1757000000"));
    for (key, value) in [
        ("name", &vm.name),
        ("smbios1", &vm.smbios1),
        ("tags", &vm.tags),
        ("lock", &vm.lock),
    ] {
        if let Some(text) = value {
            set(key, json!(text));
        }
    }
    if vm.template {
        set("template", number(1.0, context.dice));
    }
    if has_agent(vm) {
        set("agent", json!("enabled=1,fstrim_cloned_disks=1"));
    }
    for (place, net) in vm.nets.iter().enumerate() {
        set(&format!("net{place}"), json!(net));
    }
    config.extend(vm.config.clone());
    if ask.query.get("current").is_none_or(|current| current == "0") {
        config.extend(vm.pending.clone());
    }
    config.retain(|_, value| !value.is_null());
    let digest = hex(&Sha256::digest(Value::from(config.clone()).to_string()));
    config.insert("digest".to_owned(), json!(digest));
    Ok(Reply::data(&config.into(), context.dice))
}

pub(super) fn status(
    region: &Region,
    who: &Who,
    ask: &Ask,
    context: &mut Context<'_>,
) -> Result<Reply, Reply> {
    let vm = find(region, who, ask, context, &["VM.Audit"])?;
    let running = vm.runs();
    let state = if running { "running" } else { "stopped" };
    let mut data = json!({
        "vmid": vm.id, "name": vm.shown_name(), "status": state,
        "qmpstatus": if vm.status == Status::Paused { "paused" } else { state },
        "cpus": vm.cores(), "cpu": if running { 0.02 } else { 0.0 }, "maxmem": vm.memory,
        "mem": if running { vm.memory / 8 * 3 } else { 0 }, "maxdisk": 34_359_738_368_u64, "disk": 0,
        "uptime": vm.up(context.now).as_secs(), "netin": 1, "netout": 1, "diskread": 1, "diskwrite": 1,
        "ha": {"managed": u8::from(vm.ha.is_some())},
    });
    if let Some(ha) = &vm.ha {
        data["ha"]["state"] = json!(ha.state);
        if let Some(group) = ha.group.as_ref().filter(|_| region.release == Release::V8) {
            data["ha"]["group"] = json!(group);
        }
    }
    if running {
        data["pid"] = json!(31_000 + vm.id);
        data["running-machine"] = json!("pc-i440fx-9.2+pve1");
        data["running-qemu"] = json!("10.0.2");
    }
    if has_agent(vm) {
        data["agent"] = json!(1);
    }
    for (key, value) in [("tags", &vm.tags), ("lock", &vm.lock)] {
        if let Some(text) = value {
            data[key] = json!(text);
        }
    }
    if vm.template {
        data["template"] = json!(1);
    }
    Ok(Reply::data(&data, context.dice))
}

pub(super) fn guest(
    region: &Region,
    who: &Who,
    ask: &Ask,
    context: &mut Context<'_>,
) -> Result<Outcome, Reply> {
    let privileges: &[&str] = match region.release {
        Release::V8 => &["VM.Monitor"],
        Release::V9 => &["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"],
    };
    let vm = find(region, who, ask, context, privileges)?;
    if !has_agent(vm) {
        return Err(Reply::error(500, "No QEMU guest agent configured"));
    }
    if !vm.runs() {
        return Err(Reply::error(500, &format!("VM {} is not running", vm.id)));
    }
    let limits = context.limits;
    if vm.status == Status::Paused {
        return Err(Reply::agent_silent().after(limits.guest_ping));
    }
    let reply = match &vm.guest {
        Guest::Socket(socket) => {
            return Ok(Outcome::Agent(AgentQuery {
                socket: socket.clone(),
                vm: vm.id,
                release: region.release,
            }));
        }
        Guest::Interfaces(list) => {
            let list: Vec<Value> = list.iter().map(Interface::to_json).collect();
            Reply::agent_result(&list.into(), context.dice)
        }
        Guest::Result(value) => Reply::agent_result(value, context.dice),
        Guest::NoData | Guest::NotConfigured => Reply::data(&Value::Null, context.dice),
        Guest::NotRunning => Reply::agent_silent().after(limits.guest_ping),
        Guest::Timeout => Reply::agent_timeout(vm.id, region.release).after(limits.guest_command),
        Guest::Disabled => {
            let desc = "Command guest-network-get-interfaces has been disabled";
            agent_error("CommandNotFound", desc, context.dice)
        }
        Guest::Error { class, desc } => agent_error(class, desc, context.dice),
        Guest::Hung => Reply::bare(596, "Connection timed out").after(limits.forward),
    };
    Ok(Outcome::Reply(reply))
}

fn agent_error(class: &str, desc: &str, dice: &mut Dice) -> Reply {
    Reply::agent_result(&json!({"error": {"class": class, "desc": desc}}), dice)
}

/// The VM of a request, after all the checks that come before the work.
fn find<'a>(
    region: &'a Region,
    who: &Who,
    ask: &Ask,
    context: &Context<'_>,
    privileges: &[&str],
) -> Result<&'a Vm, Reply> {
    let (Some(host), Some(id)) = (&ask.route.host, &ask.route.vm) else {
        return Err(Reply::error(501, "Method not implemented"));
    };
    who.require(&format!("/vms/{id}"), privileges)?;
    reach(region, host, context)?;
    let wrong = || Reply::parameter("vmid", &format!("type check ('integer') failed - got '{id}'"));
    let number: u32 = id.parse().map_err(|_| wrong())?;
    if number < 100 {
        return Err(Reply::parameter("vmid", "value must have a minimum value of 100"));
    }
    let here = |vm: &&Vm| vm.host == *host && vm.kind == Kind::Qemu;
    region.vms.get(&number).filter(here).ok_or_else(|| {
        let file = format!("nodes/{host}/qemu-server/{number}.conf");
        Reply::error(500, &format!("Configuration file '{file}' does not exist"))
    })
}

/// Whether the host in the path answers.
fn reach(region: &Region, name: &str, context: &Context<'_>) -> Result<(), Reply> {
    let Some(host) = region.hosts.iter().find(|host| host.name == name) else {
        let why = format!("failed to get address info for: {name}: Name or service not known");
        return Err(Reply::error(
            500,
            &format!("hostname lookup '{name}' failed - {why}"),
        ));
    };
    match host.state {
        HostState::Online => Ok(()),
        HostState::Dead | HostState::Forgotten => Err(Reply::bare(595, "No route to host")),
        HostState::Hung => Err(Reply::bare(596, "Connection timed out").after(context.limits.forward)),
    }
}

fn has_agent(vm: &Vm) -> bool {
    !matches!(vm.guest, Guest::NotConfigured)
}

/// As a number or as text, as it happens: what the configuration file held when it was last written.
fn number(value: f64, dice: &mut Dice) -> Value {
    let text = value.to_string();
    if dice.once_in(2) {
        return text.into();
    }
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The first twenty bytes as hexadecimal digits: a digest as long as those of Proxmox VE.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().take(DIGEST).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
