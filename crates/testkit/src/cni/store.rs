//! The files of host-local (spec cni-ipam §4.3), read back by somebody who was not told by the program under test.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};

/// Every regular file directly in a network directory by name, with its content; nothing when there is no directory.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn files(network: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = match fs::read_dir(network) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", network.display())),
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        // A file that another process removed since is no file.
        match fs::read(entry.path()) {
            Ok(content) => drop(files.insert(entry.file_name().to_string_lossy().into_owned(), content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", entry.path().display()));
            }
        }
    }
    Ok(files)
}

/// The reservations among [`files`]: those named like an address.
///
/// # Errors
/// As [`files`].
pub fn reservations(network: &Path) -> Result<BTreeMap<IpAddr, Vec<u8>>> {
    let named = |(name, content): (String, Vec<u8>)| Some((name.parse().ok()?, content));
    Ok(files(network)?.into_iter().filter_map(named).collect())
}

/// What a reservation of this attachment contains.
#[must_use]
pub fn content(id: &str, interface: &str) -> Vec<u8> {
    format!("{id}\r\n{interface}").into_bytes()
}
