//! `/cluster/status`.

use serde_json::{Value, json};

use super::Context;
use crate::proxmox::auth::Who;
use crate::proxmox::model::{HostState, Region};
use crate::proxmox::reply::Reply;

pub(super) fn status(region: &Region, who: &Who, context: &mut Context<'_>) -> Result<Reply, Reply> {
    who.require("/", &["Sys.Audit"])?;
    let mut entries: Vec<Value> = Vec::new();
    if !region.standalone {
        entries.push(json!({
            "type": "cluster", "id": "cluster", "name": region.name, "nodes": region.hosts.len(),
            "quorate": u8::from(region.quorate), "version": region.hosts.len(),
        }));
    }
    for (place, host) in region.hosts.iter().enumerate() {
        entries.push(json!({
            "type": "node", "id": format!("node/{}", host.name), "name": host.name,
            "nodeid": if region.standalone { 0 } else { place + 1 },
            "online": u8::from(matches!(host.state, HostState::Online | HostState::Hung)),
            "local": u8::from(place == context.endpoint), "ip": host.ip.to_string(), "level": "",
        }));
    }
    Ok(Reply::data(&entries.into(), context.dice))
}
