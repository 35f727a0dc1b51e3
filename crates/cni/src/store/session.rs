use std::collections::HashSet;
use std::net::IpAddr;

use addr::AddrSet;

use super::holdings::build;
use super::index::{Index, State, UNREADABLE};
use super::index_file::IndexFile;
use super::listing::modified;
use super::lock::Lock;
use super::{Listing, Store, boot, files, hash, io_error, released};
use crate::error::Error;
use crate::plan::Owner;
use crate::plan::gc::Valid;

/// A network directory while its lock is held. Everything in it stays as it is until the session ends, as far as
/// others keep to the lock.
#[derive(Debug)]
pub struct Session<'a> {
    pub(super) store: &'a Store,
    pub(super) listing: Listing,
    pub(super) index: Index,
    index_file: IndexFile,
    /// Released in this session.
    released: Vec<IpAddr>,
    /// Whether somebody wants to know when addresses were released.
    resting: bool,
    _lock: Lock,
}

/// A reservation's file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reservation {
    /// Its name; another spelling of the address is possible.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    pub(super) inode: u64,
    pub(super) identity: u64,
}

impl<'a> Session<'a> {
    pub(super) fn begin(store: &'a Store, lock: Lock) -> Result<Self, Error> {
        let index_file = IndexFile::open(store.index_dir());
        let listing = store.listing()?;
        let index = index_file.load(state(&listing));
        let index = index.unwrap_or_else(|| build(store, &listing));
        Ok(Self {
            store,
            listing,
            index,
            index_file,
            released: Vec::new(),
            resting: false,
            _lock: lock,
        })
    }

    /// Addresses whose name is taken.
    #[must_use]
    pub fn taken(&self) -> AddrSet {
        self.listing.taken()
    }

    /// Number of reservations.
    #[must_use]
    pub fn count(&self) -> usize {
        self.listing.files.len() + self.listing.odd.len()
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<(Reservation, files::Contents)>, Error> {
        let path = || self.store.path.join(name);
        let contents = files::read(self.store.dir(), name).map_err(|e| io_error("read", &path(), e))?;
        let address = addr::parse_address(name).ok();
        Ok(contents.zip(address).map(|(contents, address)| {
            let reservation = Reservation {
                name: name.to_owned(),
                address,
                inode: contents.inode,
                identity: contents.identity,
            };
            (reservation, contents)
        }))
    }

    /// Reserves an address in one step; `false` when its name was taken by somebody who does not keep to the lock.
    ///
    /// # Errors
    /// Code 999; nothing is reserved then.
    pub fn reserve(&mut self, address: IpAddr, owner: &Owner, sync: bool) -> Result<bool, Error> {
        let (name, content) = (address.to_string(), owner.content());
        let created = files::create(self.store.dir(), &name, &content, sync);
        match created.map_err(|e| io_error("create", &self.store.path.join(&name), e))? {
            Some(inode) => {
                self.listing.files.push(address);
                self.listing.sum = self.listing.sum.wrapping_add(hash::entry(address, inode));
                self.index.insert(address, hash::hash(&content));
                Ok(true)
            }
            None => {
                self.listing.blocked.push(address);
                Ok(false)
            }
        }
    }

    /// The reservation of an address, if its file is one.
    ///
    /// # Errors
    /// Code 999.
    pub fn reservation(&self, address: IpAddr) -> Result<Option<Reservation>, Error> {
        Ok(self
            .read(&address.to_string())?
            .map(|(reservation, _)| reservation))
    }

    /// Removes a reservation; one that is gone already is fine.
    ///
    /// # Errors
    /// Code 999.
    pub fn release(&mut self, reservation: &Reservation) -> Result<(), Error> {
        self.release_all(std::slice::from_ref(reservation))
            .pop()
            .map_or(Ok(()), Err)
    }

    /// Removes reservations, going on after errors, which it returns. Cost: O(reservations), however many go.
    pub fn release_all(&mut self, reservations: &[Reservation]) -> Vec<Error> {
        let (gone, errors) = self.remove_all(reservations);
        self.released.extend(gone);
        errors
    }

    /// Removes a reservation that nobody has used: its address need not rest.
    ///
    /// # Errors
    /// Code 999.
    pub fn withdraw(&mut self, reservation: &Reservation) -> Result<(), Error> {
        let (_, mut errors) = self.remove_all(std::slice::from_ref(reservation));
        errors.pop().map_or(Ok(()), Err)
    }

    /// The addresses that have gone, and what could not be removed.
    fn remove_all(&mut self, reservations: &[Reservation]) -> (Vec<IpAddr>, Vec<Error>) {
        let (mut gone, mut spelled, mut errors) = (HashSet::new(), Vec::new(), Vec::new());
        for Reservation {
            name, address, inode, ..
        } in reservations
        {
            if let Err(e) = files::remove(self.store.dir(), name) {
                errors.push(io_error("remove", &self.store.path.join(name), e));
            } else if self.listing.odd.iter().any(|odd| odd == name) {
                self.listing.odd.retain(|odd| odd != name);
                spelled.push(*address);
            } else if gone.insert(*address) {
                self.listing.sum = self.listing.sum.wrapping_sub(hash::entry(*address, *inode));
            }
        }
        let before = self.listing.files.len();
        self.listing.files.retain(|address| !gone.contains(address));
        if self.listing.files.len() + gone.len() != before {
            // Some were not in the listing: released twice. The sum is wrong now, so the next call looks again.
            self.listing.sum = self.listing.sum.wrapping_add(1);
        }
        self.index.remove_all(&gone);
        spelled.extend(gone);
        (spelled, errors)
    }

    /// The reservations that are not in the list, torn files among them; and what could not be read.
    #[must_use]
    pub fn stale(&self, valid: &Valid) -> (Vec<Reservation>, Vec<Error>) {
        let known: HashSet<u64> = valid.contents().map(hash::hash).collect();
        let unknown = self.index.records().filter(|(_, owner)| !known.contains(owner));
        let names = unknown
            .map(|(address, _)| address.to_string())
            .chain(self.listing.odd.iter().cloned());
        let (mut stale, mut errors) = (Vec::new(), Vec::new());
        for name in names {
            match self.read(&name) {
                Ok(Some((reservation, contents))) if !valid.contains(&contents.trimmed) => {
                    stale.push(reservation);
                }
                Ok(_) => {}
                Err(e) => errors.push(e),
            }
        }
        (stale, errors)
    }

    /// Every address with a reservation under its canonical name.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.listing.files
    }

    /// The address in `last_reserved_ip.<number>`.
    #[must_use]
    pub fn last_reserved(&self, number: usize) -> Option<IpAddr> {
        files::last_reserved(self.store.dir(), number)
    }

    /// Writes `last_reserved_ip.<number>`.
    ///
    /// # Errors
    /// Code 999.
    pub fn set_last_reserved(&self, number: usize, address: IpAddr) -> Result<(), Error> {
        files::set_last_reserved(self.store.dir(), self.store.index_dir(), number, address)
            .map_err(|e| io_error("write the last reserved address to", &self.store.path, e))
    }

    /// Makes the names durable \[E\].
    ///
    /// # Errors
    /// Code 999.
    pub fn sync(&self) -> Result<(), Error> {
        files::sync_names(self.store.dir()).map_err(|e| io_error("sync", &self.store.path, e))
    }

    /// Lets addresses rest that are released, now and by whoever comes later, whatever that one is configured to do.
    pub fn let_released_rest(&mut self) {
        self.resting = true;
    }

    /// Keeps what was learned for the next call, and gives the lock back.
    pub fn end(mut self) {
        released::note(self.store.index_dir(), &self.released, self.resting);
        // An index that is not kept costs the next call time and nothing else.
        if self.index.held_by(UNREADABLE).next().is_none()
            && let Ok(modified) = modified(self.store.dir())
        {
            self.listing.modified = modified;
            let _ = self.index_file.save(&self.index, state(&self.listing));
        }
    }
}

fn state(listing: &Listing) -> State {
    State {
        count: listing.files.len(),
        sum: listing.sum,
        modified: listing.modified,
        boot: boot::current(),
    }
}
