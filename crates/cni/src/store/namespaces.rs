//! Which network namespace a reservation was made for, so that it can be told when that is gone (spec §11.2).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::{Reservation, Session, boot, filesystem, journal};
use crate::clock;
use crate::error::Error;

const NAME: &str = "namespaces";

/// Younger reservations are never judged, in seconds: the runtime may still be setting up the sandbox.
const MIN_AGE: u64 = 10 * 60;

/// A network namespace as it was seen when an address was reserved for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Identity of the reservation's file: the entry speaks of this reservation and of no later one.
    file: u64,
    device: u64,
    inode: u64,
    /// From where we looked: elsewhere the path means something else.
    view: View,
    /// Seconds since the epoch.
    time: u64,
    path: String,
}

/// From where a path was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    /// Which start of the machine.
    boot: String,
    /// The mount namespace and what is mounted where the path's last folder is. The numbers of namespaces are used
    /// again; together with the other two, one that is used again hardly looks the same.
    place: String,
}

impl View {
    /// From where this process looks at a path; `None` when it cannot look at its folder.
    fn of(path: &Path) -> Option<Self> {
        let folder = path.parent()?;
        let mounts = fs::metadata("/proc/self/ns/mnt").ok()?.ino();
        let found = statx(CWD, folder, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
        let (major, minor) = (found.stx_dev_major, found.stx_dev_minor);
        // 0 before Linux 5.8, which does not say.
        let mount = found.stx_mnt_id;
        Some(Self {
            boot: boot::boot_id()?.to_owned(),
            place: format!("{mounts}/{major}:{minor}/{mount}"),
        })
    }
}

impl Session<'_> {
    /// Records for which namespace addresses were reserved, if it can be seen from here: a path may lead to a plain file
    /// that the namespace is mounted on elsewhere.
    ///
    /// # Errors
    /// Code 999 when a reservation cannot be read back.
    pub fn record_namespace(
        &self,
        addresses: impl Iterator<Item = IpAddr>,
        netns: &Path,
    ) -> Result<(), Error> {
        let written = netns.to_str().filter(|path| !path.contains('\n'));
        let seen = fs::metadata(netns)
            .ok()
            .filter(|_| filesystem::is_namespace(netns));
        let (Some(dir), Some(path), Some(seen), Some(view)) =
            (self.store.index_dir(), written, seen, View::of(netns))
        else {
            return Ok(());
        };
        let mut lines = String::new();
        for address in addresses {
            if let Some(reservation) = self.reservation(address)? {
                let namespace = Namespace {
                    file: reservation.identity,
                    device: seen.dev(),
                    inode: seen.ino(),
                    view: view.clone(),
                    time: clock::now(),
                    path: path.to_owned(),
                };
                lines.push_str(&format!("{address} {}\n", namespace.text()));
            }
        }
        journal::append(dir, NAME, &lines, |address, _| {
            self.addresses().contains(&address)
        });
        Ok(())
    }

    /// The reservations whose namespace is gone: seen when they were made, from where we look now, and no longer
    /// there. Whoever cannot be judged is not in the list.
    #[must_use]
    pub fn abandoned(&self) -> Vec<Reservation> {
        let Some(dir) = self.store.index_dir() else {
            return Vec::new();
        };
        let (entries, now) = (journal::read(dir, NAME), clock::now());
        let gone = self.addresses().iter().filter_map(|address| {
            let namespace = Namespace::parse(entries.get(address)?)?;
            let is_gone = now.saturating_sub(namespace.time) >= MIN_AGE && namespace.is_gone() == Some(true);
            is_gone.then_some((address, namespace.file))
        });
        // What cannot be read cannot be judged.
        let still = |address: &IpAddr| self.reservation(*address).ok().flatten();
        gone.filter_map(|(address, file)| still(address).filter(|found| found.identity == file))
            .collect()
    }
}

/// What has become of the sandbox that a reservation was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Its network namespace stands where it stood: the path.
    Alive(String),
    /// It does not: the path.
    Gone(String),
    /// Nobody can tell from here; why.
    Unknown(&'static str),
}

/// What was recorded about the sandboxes of a network.
pub(super) struct Sandboxes {
    entries: HashMap<IpAddr, String>,
}

impl Sandboxes {
    pub(super) fn read(dir: Option<BorrowedFd<'_>>) -> Self {
        Self {
            entries: dir.map(|dir| journal::read(dir, NAME)).unwrap_or_default(),
        }
    }

    /// What has become of the sandbox of the reservation whose file has this identity.
    pub(super) fn of(&self, address: IpAddr, identity: u64) -> Sandbox {
        let recorded = self.entries.get(&address).and_then(|text| Namespace::parse(text));
        let Some(namespace) = recorded.filter(|namespace| namespace.file == identity) else {
            return Sandbox::Unknown("no network namespace was recorded");
        };
        match namespace.is_gone() {
            None => Sandbox::Unknown("recorded before the last boot or in another mount namespace"),
            Some(true) => Sandbox::Gone(namespace.path),
            Some(false) => Sandbox::Alive(namespace.path),
        }
    }
}

impl Namespace {
    fn text(&self) -> String {
        let View { boot, place } = &self.view;
        let (file, device, inode, time, path) = (self.file, self.device, self.inode, self.time, &self.path);
        format!("{file} {device} {inode} {boot} {place} {time} {path}")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(7, ' ');
        let mut number = || words.next()?.parse().ok();
        let (file, device, inode) = (number()?, number()?, number()?);
        let view = View {
            boot: words.next()?.to_owned(),
            place: words.next()?.to_owned(),
        };
        Some(Self {
            file,
            device,
            inode,
            view,
            time: words.next()?.parse().ok()?,
            path: words.next()?.to_owned(),
        })
    }

    /// Nothing stands at the path any more, or something else does; `None` when it cannot be told from here.
    fn is_gone(&self) -> Option<bool> {
        let path = Path::new(&self.path);
        if View::of(path)? != self.view {
            return None;
        }
        match fs::metadata(path) {
            Ok(found) => Some((found.dev(), found.ino()) != (self.device, self.inode)),
            // Any other error is no proof of either.
            Err(e) => (e.kind() == io::ErrorKind::NotFound).then_some(true),
        }
    }
}
