//! Which addresses are configured on this machine right now, in any network namespace that has a process.
//!
//! It proves that somebody is alive; it never proves the opposite: a namespace without a process is not seen, nor are
//! processes of the host from inside a pod without `hostPID`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

/// Addresses with the process in whose namespace each was seen.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    seen: HashMap<IpAddr, String>,
}

impl Evidence {
    /// Looks through /proc. What cannot be read is not seen.
    pub(super) fn gather() -> Self {
        let mut evidence = Self::default();
        let mut namespaces = HashSet::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(pid) = name
                .to_str()
                .filter(|name| name.bytes().all(|c| c.is_ascii_digit()))
            else {
                continue;
            };
            let folder = entry.path();
            let Ok(namespace) = fs::read_link(folder.join("ns/net")) else {
                continue;
            };
            if namespaces.insert(namespace) {
                evidence.look(&folder, pid);
            }
        }
        evidence
    }

    fn look(&mut self, folder: &Path, pid: &str) {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let process = format!("process {pid} ({})", read("comm").trim());
        let found = ipv4(&read("net/fib_trie"))
            .into_iter()
            .chain(ipv6(&read("net/if_inet6")));
        for address in found {
            self.seen.entry(address).or_insert_with(|| process.clone());
        }
    }

    /// The process in whose namespace the address is configured.
    pub(super) fn of(&self, address: IpAddr) -> Option<&str> {
        self.seen.get(&address.to_canonical()).map(String::as_str)
    }
}

/// `/proc/net/fib_trie` (proc_net(5)): an address on a line of its own, then what it is; `host LOCAL` is ours.
fn ipv4(text: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in text.lines().map(str::trim_start) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = addr::parse_address(address.trim_end()).ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last);
        }
    }
    found
}

/// `/proc/net/if_inet6`: 32 hexadecimal digits first.
fn ipv6(text: &str) -> Vec<IpAddr> {
    let digits = text.lines().filter_map(|line| line.split_whitespace().next());
    let number = digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok());
    number.map(|number| IpAddr::V6(Ipv6Addr::from(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_from_the_tables_of_the_kernel() {
        let trie = "Main:\n  +-- 10.0.0.0/24 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        \
                    /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        assert_eq!(ipv4(trie), ["10.0.0.7".parse::<IpAddr>().unwrap()]);
        let table = "20010db8000000000000000000000007 02 40 00 80 eth0\nnonsense\n";
        assert_eq!(ipv6(table), ["2001:db8::7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn loopback_of_this_machine_is_seen() {
        let evidence = Evidence::gather();
        assert!(
            evidence
                .of("127.0.0.1".parse().unwrap())
                .is_some_and(|process| process.starts_with("process "))
        );
        assert_eq!(evidence.of("192.0.2.199".parse().unwrap()), None);
    }
}
