//! Which TCP ports a process listens on, as the kernel knows it.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
};

/// Ports of all listening sockets of a process, of both families (proc(5): `fd`, `net/tcp`).
pub(crate) fn ports(pid: u32) -> BTreeSet<u16> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
    let sockets: HashSet<String> = links
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let tables = tables.map(Result::unwrap_or_default);
    tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| port(line, &sockets))
        .collect()
}

/// The port of a line about a listening socket (state 0A) that is one of these.
fn port(line: &str, sockets: &HashSet<String>) -> Option<u16> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != "0A" || !sockets.contains(*inode) {
        return None;
    }
    u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()
}
