use std::net::IpAddr;

use serde_json::Value;

use super::refuse::Problem;
use super::target::Reading;
use crate::backend::kernel::net::Address;

/// Keys that only mean something to a client of DHCP or router advertisements; harmless where there is none.
const DYNAMIC: [&str; 9] = [
    "auto-dns",
    "auto-gateway",
    "auto-routes",
    "auto-route-table-id",
    "auto-route-metric",
    "dhcp-client-id",
    "dhcp-duid",
    "dhcp-send-hostname",
    "dhcp-custom-hostname",
];

/// The sections `ipv4` and `ipv6` of an interface.
pub(super) fn read(name: &str, item: &Value, reading: &mut Reading<'_>) {
    for (section, ipv6) in [("ipv4", false), ("ipv6", true)] {
        let Some(ip) = item.get(section).filter(|ip| ip.is_object()) else {
            continue;
        };
        let path = |key: &str| format!("interfaces.{name}.{section}.{key}");
        for (key, value) in ip.as_object().into_iter().flatten() {
            let off = value.is_null() || value == &Value::Bool(false);
            match key.as_str() {
                "enabled" | "address" | "allow-extra-address" => {}
                "dhcp" | "autoconf" if off => {}
                "dhcp" | "autoconf" => {
                    reading.refuse(
                        &path(key),
                        "the kernel back end sets static addresses only; NetworkManager does this",
                    );
                }
                known if DYNAMIC.contains(&known) => {}
                _ if value.is_null() => {}
                other => reading.refuse(
                    &path(other),
                    "the kernel back end does not do this; NetworkManager does",
                ),
            }
        }
        family(name, ip, ipv6, &path("address"), reading);
    }
}

fn family(name: &str, ip: &Value, ipv6: bool, path: &str, reading: &mut Reading<'_>) {
    let enabled = ip.get("enabled").and_then(Value::as_bool);
    if enabled == Some(false) {
        remove(name, ipv6, |_| true, reading);
        if ipv6 {
            reading.shape(name).ipv6 = Some(false);
        }
        return;
    }
    if ipv6 && enabled == Some(true) {
        reading.shape(name).ipv6 = Some(true);
    }
    let Some(list) = ip.get("address").and_then(Value::as_array) else {
        return;
    };
    let mut wished = Vec::new();
    for entry in list {
        match address(name, entry) {
            Ok(address) => wished.push(address),
            Err(reason) => reading.problems.add(Problem::wrong(path.to_owned(), reason)),
        }
    }
    if ip.get("allow-extra-address") != Some(&Value::Bool(true)) {
        let keep = |address: &Address| wished.iter().any(|wish| same(wish, address));
        remove(name, ipv6, |address| !keep(address), reading);
    }
    for address in wished {
        reading.target.addresses.ensure(address);
    }
}

fn same(one: &Address, other: &Address) -> bool {
    use crate::backend::kernel::net::Same as _;
    one.same(other)
}

fn address(name: &str, entry: &Value) -> Result<Address, String> {
    let ip = entry.get("ip").and_then(Value::as_str).unwrap_or_default();
    let ip: IpAddr = ip.parse().map_err(|_| format!("`{ip}` is no IP address"))?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = entry.get("prefix-length").and_then(Value::as_u64);
    let length = length
        .and_then(|length| u8::try_from(length).ok())
        .filter(|length| *length <= most)
        .ok_or_else(|| format!("the prefix length of {ip} is not 0 to {most}"))?;
    Ok(Address::new(name, ip, length))
}

/// Takes addresses of one family away, but for those the kernel makes itself.
fn remove(name: &str, ipv6: bool, which: impl Fn(&Address) -> bool, reading: &mut Reading<'_>) {
    let now = reading.now;
    let mac = now
        .links
        .get(name)
        .map(|link| link.mac.as_str())
        .unwrap_or_default();
    for address in &now.addresses {
        let of_family = address.link == name && address.address.is_ipv6() == ipv6;
        if of_family && !address.is_generated(mac) && which(address) {
            reading.target.addresses.remove(address.clone());
        }
    }
}

/// Takes every address away that somebody gave.
pub(super) fn clear(name: &str, reading: &mut Reading<'_>) {
    remove(name, false, |_| true, reading);
    remove(name, true, |_| true, reading);
}
