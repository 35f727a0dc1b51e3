//! `/cluster/resources`: one broadcast for everybody, each sees a part of it.

use std::sync::OnceLock;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Ask, Context};
use crate::proxmox::auth::Who;
use crate::proxmox::model::{HostState, Kind, Region, Status, Vm};
use crate::proxmox::pack::{WORTH_COMPRESSING, gzip};
use crate::proxmox::reply::{Content, Reply};

/// A finished list, for one account.
pub(crate) struct CachedList {
    plain: Bytes,
    /// Made when somebody asks for it.
    gzip: OnceLock<Bytes>,
    until: Instant,
}

/// `?type=`; all kinds when it is missing.
pub(super) fn resources(
    region: &mut Region,
    who: &Who,
    ask: &Ask,
    context: &mut Context<'_>,
) -> Result<Reply, Reply> {
    let kind = ask.query.get("type").map(String::as_str);
    match kind {
        Some("vm") => Ok(Reply::content(vms_cached(region, who, ask.gzip, context))),
        None => {
            let mut all = vms(region, who, context.now);
            all.extend(hosts(region));
            Ok(Reply::data(&all.into(), context.dice))
        }
        Some("node") => Ok(Reply::data(&hosts(region).into(), context.dice)),
        Some("storage" | "sdn") => Ok(Reply::data(&json!([]), context.dice)),
        Some(other) => Err(Reply::parameter(
            "type",
            &format!("value '{other}' does not have a value in the enumeration 'vm, storage, node, sdn'"),
        )),
    }
}

fn vms_cached(region: &mut Region, who: &Who, packed: bool, context: &mut Context<'_>) -> Content {
    if let Some(list) = region.lists.get(&who.id).filter(|list| list.until > context.now) {
        return list.content(packed);
    }
    let entries = vms(region, who, context.now);
    let Content::Text(plain) = Reply::data(&entries.into(), context.dice).content else {
        unreachable!("data is text");
    };
    let stale = region
        .vms
        .values()
        .filter_map(|vm| vm.stale.as_ref())
        .map(|stale| stale.until);
    let ends = stale.filter(|until| *until > context.now);
    let refresh = context.now + context.limits.list_refresh;
    let list = CachedList {
        plain,
        gzip: OnceLock::new(),
        until: ends.fold(refresh, Instant::min),
    };
    let content = list.content(packed);
    region.lists.insert(who.id.clone(), list);
    content
}

impl CachedList {
    fn content(&self, packed: bool) -> Content {
        if packed && self.plain.len() > WORTH_COMPRESSING {
            return Content::Packed(self.gzip.get_or_init(|| gzip(&self.plain)).clone());
        }
        Content::Text(self.plain.clone())
    }
}

/// The guests the asker may see. Sorted by number as text, as Perl sorts keys: 100, 1000, 101.
fn vms(region: &Region, who: &Who, now: Instant) -> Vec<Value> {
    let mut visible: Vec<(String, &Vm)> = region
        .vms
        .values()
        .map(|vm| (vm.id.to_string(), vm))
        .filter(|(id, _)| who.privileges.has(&format!("/vms/{id}"), "VM.Audit"))
        .collect();
    visible.sort_by(|(a, _), (b, _)| a.cmp(b));
    visible
        .into_iter()
        .map(|(_, vm)| entry(region, vm, now))
        .collect()
}

fn entry(region: &Region, vm: &Vm, now: Instant) -> Value {
    let stale = vm.stale.as_ref().filter(|stale| stale.until > now);
    let (host, status, uptime) = stale.map_or_else(
        || (&vm.host, vm.status, vm.up(now)),
        |stale| (&stale.host, stale.status, stale.uptime),
    );
    let kind = match vm.kind {
        Kind::Qemu => "qemu",
        Kind::Lxc => "lxc",
    };
    let mut entry = json!({"id": format!("{kind}/{}", vm.id), "type": kind, "vmid": vm.id, "node": host});
    for (key, value) in [
        ("tags", &vm.tags),
        ("lock", &vm.lock),
        ("pool", &vm.pool),
        ("hastate", &vm.ha.as_ref().map(|ha| ha.state.clone())),
    ] {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    let forgotten = region
        .hosts
        .iter()
        .any(|known| known.name == *host && known.state == HostState::Forgotten);
    if forgotten || status == Status::Unknown {
        entry["status"] = json!("unknown");
    } else {
        statistics(&mut entry, vm, status == Status::Stopped, uptime.as_secs());
    }
    entry
}

/// What only the host of a guest knows.
fn statistics(entry: &mut Value, vm: &Vm, stopped: bool, uptime: u64) {
    let busy = |value: u64| if stopped { 0 } else { value };
    let memory = busy(vm.memory / 8 * 3);
    for (key, value) in [
        ("name", json!(vm.shown_name())),
        ("status", json!(if stopped { "stopped" } else { "running" })),
        ("template", json!(u8::from(vm.template))),
        ("maxcpu", vm.cores()),
        ("cpu", if stopped { json!(0) } else { json!(0.0234) }),
        ("maxmem", json!(vm.memory)),
        ("mem", json!(memory)),
        ("maxdisk", json!(34_359_738_368_u64)),
        ("disk", json!(0)),
        ("uptime", json!(uptime)),
        ("netin", json!(busy(123_456_789))),
        ("netout", json!(busy(98_765_432))),
        ("diskread", json!(busy(1_048_576))),
        ("diskwrite", json!(busy(2_097_152))),
    ] {
        entry[key] = value;
    }
    if !stopped {
        entry["memhost"] = json!(memory + (1 << 28));
    }
}

fn hosts(region: &Region) -> Vec<Value> {
    let entries = region.hosts.iter().map(|host| {
        let name = &host.name;
        match host.state {
            HostState::Online | HostState::Hung => json!({
                "id": format!("node/{name}"), "type": "node", "node": name, "status": "online", "level": "",
                "maxcpu": 32, "cpu": 0.11, "maxmem": 274_877_906_944_u64, "mem": 68_719_476_736_u64, "uptime": 8_640_000,
            }),
            HostState::Dead | HostState::Forgotten => {
                json!({"id": format!("node/{name}"), "type": "node", "node": name, "status": "offline"})
            }
        }
    });
    entries.collect()
}
