use std::ffi::CStr;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd as _, BorrowedFd};

use addr::AddrSet;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, fstat, openat, statat};
use rustix::io::Errno;

use super::hash;

/// One getdents call takes this much, in bytes: 500 names. More would be fewer calls and more memory to touch, which
/// costs the process its first pages.
const BUFFER: usize = 16 << 10;

/// The names in a network directory that are addresses (spec §4.3); nothing else there concerns us.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files under the canonical text of their address.
    pub(super) files: Vec<IpAddr>,
    /// Regular files under another spelling, such as `fd00:0::2`: reservations, but the address is not taken.
    pub(super) odd: Vec<String>,
    /// Anything else under the canonical text: takes the address, is not a reservation.
    pub(super) blocked: Vec<IpAddr>,
    /// Sum of [`hash::entry`] over `files`.
    pub(super) sum: u64,
    /// Modification time of the directory, seconds and nanoseconds.
    pub(super) modified: (i64, u64),
}

impl Listing {
    /// One pass over the directory, names only.
    pub(super) fn read(dir: BorrowedFd<'_>) -> Result<Self, Errno> {
        // A second handle: the pass moves the position of the one it uses.
        let pass = openat(
            dir,
            ".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut entries = RawDir::new(&pass, buffer.spare_capacity_mut());
        let mut listing = Self::default();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            listing.add(dir, entry.file_name(), entry.file_type(), entry.ino());
        }
        listing.modified = modified(pass.as_fd())?;
        Ok(listing)
    }

    fn add(&mut self, dir: BorrowedFd<'_>, name: &CStr, kind: FileType, inode: u64) {
        let Some((text, address)) = address(name) else {
            return;
        };
        let canonical = is_canonical(text, address);
        let kind = if kind == FileType::Unknown {
            file_type(dir, name)
        } else {
            kind
        };
        match (kind == FileType::RegularFile, canonical) {
            (true, true) => {
                self.files.push(address);
                self.sum = self.sum.wrapping_add(hash::entry(address, inode));
            }
            (true, false) => self.odd.push(text.to_owned()),
            (false, true) => self.blocked.push(address),
            (false, false) => {}
        }
    }

    /// Addresses whose name is taken.
    #[must_use]
    pub fn taken(&self) -> AddrSet {
        self.files.iter().chain(&self.blocked).copied().collect()
    }
}

/// Modification time of an open directory.
pub(super) fn modified(dir: BorrowedFd<'_>) -> Result<(i64, u64), Errno> {
    let stat = fstat(dir)?;
    Ok((stat.st_mtime, stat.st_mtime_nsec))
}

/// The address that is a file's name, with the name as text.
fn address(name: &CStr) -> Option<(&str, IpAddr)> {
    /// More than the longest address has.
    const TOO_LONG: usize = 46;
    let bytes = name.to_bytes();
    let is_possible = |c: &u8| c.is_ascii_hexdigit() || matches!(c, b'.' | b':');
    // Most foreign names end here.
    if bytes.len() >= TOO_LONG || !bytes.iter().all(is_possible) {
        return None;
    }
    let text = name.to_str().ok()?;
    let address = match bytes.contains(&b':') {
        true => addr::parse_address(text).ok()?,
        false => IpAddr::V4(dotted(bytes)?),
    };
    Some((text, address))
}

/// Four numbers as `addr::parse_address` reads them. Every name goes through here at every call, and that is the most a
/// call does about it.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut bits, mut parts) = (0_u32, 0);
    for part in text.split(|c| *c == b'.') {
        let digits = matches!(
            part,
            [b'0'..=b'9'] | [b'1'..=b'9', b'0'..=b'9'] | [b'1' | b'2', b'0'..=b'9', b'0'..=b'9']
        );
        if !digits {
            return None;
        }
        let value = part
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit & 0xf));
        if value > 255 {
            return None;
        }
        bits = (bits << 8) | value;
        parts += 1;
    }
    (parts == 4).then(|| Ipv4Addr::from_bits(bits))
}

/// Whether the address is written as we and the reference write it. IPv4 text has one spelling only.
fn is_canonical(text: &str, address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else {
        return true;
    };
    if v6.to_ipv4_mapped().is_some() {
        return false;
    }
    let mut rest = Comparison(text);
    write!(rest, "{v6}").is_ok() && rest.0.is_empty()
}

/// Compares what is written into it with a text, without making another one.
struct Comparison<'a>(&'a str);

impl std::fmt::Write for Comparison<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.0 = self.0.strip_prefix(part).ok_or(std::fmt::Error)?;
        Ok(())
    }
}

/// Some file systems do not tell the kind in the listing.
fn file_type(dir: BorrowedFd<'_>, name: &CStr) -> FileType {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::address;

    fn read(text: &str) -> Option<IpAddr> {
        address(&CString::new(text).unwrap()).map(|(_, address)| address)
    }

    proptest! {
        #[test]
        fn names_are_read_as_addresses_are_everywhere(text in "[0-9]{0,4}(\\.[0-9]{0,4}){2,4}|[0-9a-f.:]{0,20}") {
            prop_assert_eq!(read(&text), addr::parse_address(&text).ok(), "{}", text);
        }

        #[test]
        fn every_address_is_read(bits: u32, wide: u128) {
            for address in [IpAddr::V4(bits.into()), IpAddr::V6(wide.into())] {
                prop_assert_eq!(read(&address.to_string()), Some(address));
            }
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        for name in [
            "lock",
            "last_reserved_ip.0",
            "10.0.0.1 ",
            "10.0.0.01",
            "10.0.0.256",
            "1.2.3",
            "",
        ] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
