//! Which network namespace a reservation was made for, so that it can be told when that is gone (spec §11.2).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Reservation, Session, boot, journal};
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
    /// Identity of the system, and of the mount namespace we looked from: elsewhere the path means something else.
    view: View,
    /// Seconds since the epoch.
    time: u64,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    boot: String,
    mounts: u64,
}

impl View {
    fn current() -> Option<Self> {
        Some(Self {
            boot: boot::boot_id()?,
            mounts: fs::metadata("/proc/self/ns/mnt").ok()?.ino(),
        })
    }
}

impl Session<'_> {
    /// Records for which namespace addresses were reserved, if it can be seen from here.
    ///
    /// # Errors
    /// Code 999 when a reservation cannot be read back.
    pub fn record_namespace(
        &self,
        addresses: impl Iterator<Item = IpAddr>,
        netns: &Path,
    ) -> Result<(), Error> {
        let seen = fs::metadata(netns)
            .ok()
            .zip(netns.to_str())
            .filter(|(_, path)| !path.contains('\n'));
        let (Some(dir), Some((seen, path)), Some(view)) = (self.store.index_dir(), seen, View::current())
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
                    time: boot::now(),
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
    ///
    /// # Errors
    /// Code 999.
    pub fn abandoned(&self) -> Result<Vec<Reservation>, Error> {
        let (Some(dir), Some(view)) = (self.store.index_dir(), View::current()) else {
            return Ok(Vec::new());
        };
        let (entries, now) = (journal::read(dir, NAME), boot::now());
        let mut abandoned = Vec::new();
        for address in self.addresses() {
            let namespace = entries.get(address).and_then(|text| Namespace::parse(text));
            let Some(namespace) = namespace.filter(|namespace| namespace.view == view) else {
                continue;
            };
            if now.saturating_sub(namespace.time) < MIN_AGE || !namespace.is_gone() {
                continue;
            }
            let reservation = self.reservation(*address)?;
            abandoned.extend(reservation.filter(|found| found.identity == namespace.file));
        }
        Ok(abandoned)
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

/// What was recorded about the sandboxes of a network, and from where we look at it.
pub(super) struct Sandboxes {
    entries: HashMap<IpAddr, String>,
    view: Option<View>,
}

impl Sandboxes {
    pub(super) fn read(dir: Option<BorrowedFd<'_>>) -> Self {
        Self {
            entries: dir.map(|dir| journal::read(dir, NAME)).unwrap_or_default(),
            view: View::current(),
        }
    }

    /// What has become of the sandbox of the reservation whose file has this identity.
    pub(super) fn of(&self, address: IpAddr, identity: u64) -> Sandbox {
        let recorded = self.entries.get(&address).and_then(|text| Namespace::parse(text));
        let Some(namespace) = recorded.filter(|namespace| namespace.file == identity) else {
            return Sandbox::Unknown("no network namespace was recorded");
        };
        if self.view.as_ref() != Some(&namespace.view) {
            return Sandbox::Unknown("recorded before the last boot or in another mount namespace");
        }
        match namespace.is_gone() {
            true => Sandbox::Gone(namespace.path),
            false => Sandbox::Alive(namespace.path),
        }
    }
}

impl Namespace {
    fn text(&self) -> String {
        let View { boot, mounts } = &self.view;
        let (file, device, inode, time, path) = (self.file, self.device, self.inode, self.time, &self.path);
        format!("{file} {device} {inode} {boot} {mounts} {time} {path}")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(7, ' ');
        let mut number = || words.next()?.parse().ok();
        let (file, device, inode) = (number()?, number()?, number()?);
        let boot = words.next()?.to_owned();
        let mut number = || words.next()?.parse().ok();
        let (mounts, time) = (number()?, number()?);
        Some(Self {
            file,
            device,
            inode,
            view: View { boot, mounts },
            time,
            path: words.next()?.to_owned(),
        })
    }

    /// Nothing stands at the path any more, or something else does. An error is no proof.
    fn is_gone(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(found) => (found.dev(), found.ino()) != (self.device, self.inode),
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        }
    }
}
