//! All that is in a network directory, for people: reads without the lock, and changes nothing.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use super::namespaces::{Sandbox, Sandboxes};
use super::{Contents, Session, Store, boot, files};
use crate::error::Error;

/// A name in a network directory that is an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; another spelling of the address is possible.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// What has that name.
    pub found: Found,
    /// When it was last written: seconds since the epoch.
    pub written: u64,
    /// What has become of the sandbox it was made for.
    pub sandbox: Sandbox,
}

/// What has the name of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A reservation, or what is left of one.
    File(Contents),
    /// Something that cannot be read; why.
    Unreadable(String),
    /// No file: a directory, a link, a device. It takes the address.
    Other,
}

impl Store {
    /// Everything whose name is an address, by address.
    ///
    /// # Errors
    /// Code 999 when the directory cannot be listed. A file that vanishes meanwhile is left out.
    pub fn survey(&self) -> Result<Vec<Entry>, Error> {
        let listing = self.listing()?;
        let sandboxes = Sandboxes::read(self.index_dir());
        let files = listing
            .files
            .iter()
            .map(|address| (address.to_string(), *address));
        let odd = listing
            .odd
            .iter()
            .filter_map(|name| Some((name.clone(), addr::parse_address(name).ok()?)));
        let mut entries: Vec<Entry> = files
            .chain(odd)
            .filter_map(|named| read(self.dir(), named, &sandboxes))
            .collect();
        entries.extend(listing.blocked.iter().map(|address| Entry {
            name: address.to_string(),
            address: *address,
            found: Found::Other,
            written: written(self.dir(), &address.to_string()),
            sandbox: Sandbox::Unknown("it is no file"),
        }));
        entries.sort_unstable_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
        Ok(entries)
    }

    /// Whether the directory is one of a network: it has a lock, or a name that is an address.
    #[must_use]
    pub fn is_network(&self) -> bool {
        let locked = rustix::fs::accessat(
            self.dir(),
            "lock",
            rustix::fs::Access::EXISTS,
            rustix::fs::AtFlags::empty(),
        );
        let named = || {
            self.listing()
                .is_ok_and(|listing| !(listing.taken().is_empty() && listing.odd.is_empty()))
        };
        locked.is_ok() || named()
    }
}

impl Session<'_> {
    /// Removes what a [`Store::survey`] has shown, if it is still the same reservation; `false` when it is another one
    /// by now, or gone.
    ///
    /// # Errors
    /// Code 999.
    pub fn release_entry(&mut self, entry: &Entry) -> Result<bool, Error> {
        let Found::File(shown) = &entry.found else {
            return Ok(false);
        };
        match self.read(&entry.name)? {
            Some((reservation, contents)) if contents.identity == shown.identity => {
                self.release(&reservation)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

fn read(dir: BorrowedFd<'_>, (name, address): (String, IpAddr), sandboxes: &Sandboxes) -> Option<Entry> {
    let (found, sandbox) = match files::read(dir, &name) {
        Ok(None) => return None,
        Ok(Some(contents)) => {
            let sandbox = sandboxes.of(address, contents.identity);
            (Found::File(contents), sandbox)
        }
        Err(e) => (
            Found::Unreadable(e.to_string()),
            Sandbox::Unknown("it cannot be read"),
        ),
    };
    let written = written(dir, &name);
    Some(Entry {
        name,
        address,
        found,
        written,
        sandbox,
    })
}

fn written(dir: BorrowedFd<'_>, name: &str) -> u64 {
    boot::written(dir, name).unwrap_or(0)
}
