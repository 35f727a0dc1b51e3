use std::net::IpAddr;

use super::args::{self, Args};
use super::fields;
use crate::error::Error;
use crate::json::{Json, Object};

/// The addresses asked for: `CNI_ARGS`, then `args.cni.ips`, then `runtimeConfig.ips`, without repetitions
/// (spec §4.5).
pub(super) fn requested(document: &Object, args: &Args) -> Result<Vec<IpAddr>, Error> {
    let mut addresses = Vec::from_iter(args.ip);
    if let Some(args) = fields::object(document, "", "args")?
        && let Some(cni) = fields::object(args, "args", "cni")?
    {
        add(&mut addresses, cni, "args.cni")?;
    }
    if let Some(runtime) = fields::object(document, "", "runtimeConfig")? {
        add(&mut addresses, runtime, "runtimeConfig")?;
    }
    Ok(addresses)
}

fn add(addresses: &mut Vec<IpAddr>, of: &Object, path: &str) -> Result<(), Error> {
    let items = fields::list(of, path, "ips")?.unwrap_or_default();
    fields::check_length(&format!("{path}.ips"), items.len())?;
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}.ips[{i}]");
        let address = match item {
            Json::String(text) => args::requested(text).map_err(|_| fields::invalid_ip(&path, text))?,
            other => return Err(fields::wrong_kind(&path, "an address", other)),
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(())
}
