//! Files without a single byte: debris of writers that died between creating a file and filling it, or of a power cut.
//! They are free (spec §4.3).

use std::net::IpAddr;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, statat};
use rustix::time::{ClockId, clock_gettime};

use super::index::TORN;
use super::{Listing, MAX_WAIT, Session, Store, hash};
use crate::clock;
use crate::plan::RangeSet;

/// So many files are looked at for want of an address. It takes milliseconds; all of a full /16 would take longer than
/// everything else.
const LOOKS: usize = 4096;

impl Session<'_> {
    /// Removes the torn files that the index knows of. What cannot be looked into or removed stays taken.
    pub fn sweep(&mut self) {
        let torn: Vec<IpAddr> = self.index.held_by(TORN).collect();
        for address in torn {
            match self.read(&address.to_string()) {
                Ok(Some((_, contents))) if !contents.torn => {
                    // Filled in place since the index was made.
                    self.index.remove(address);
                    self.index.insert(address, hash::hash(&contents.trimmed));
                }
                _ => self.sweep_one(address),
            }
        }
    }

    /// Removes torn files by the sizes of the files: among the addresses `asked` for, and among those that are `wanted`.
    /// For those who are about to say that there is no address: the index does not know of a file that was emptied
    /// where it stands.
    ///
    /// Returns how many went. Cost: one statx(2) for each address, up to [`LOOKS`] of those that are wanted. Of more,
    /// each call looks at others: somebody who finds no address asks again.
    pub fn sweep_among(&mut self, asked: &[IpAddr], wanted: impl Fn(IpAddr) -> bool) -> usize {
        let before = self.count();
        let all = self.addresses();
        let begin = anywhere_in(all.len());
        let (behind, first) = all.split_at_checked(begin).unwrap_or((all, &[]));
        let wanted = first.iter().chain(behind).filter(|address| wanted(**address));
        let looked: Vec<IpAddr> = asked.iter().chain(wanted.take(LOOKS)).copied().collect();
        for address in looked {
            self.sweep_one(address);
        }
        before - self.count()
    }

    fn sweep_one(&mut self, address: IpAddr) {
        if self.store.is_debris(address)
            && let Ok(Some(reservation)) = self.reservation(address)
        {
            // One that cannot be removed keeps its name taken; the next ADD tries again.
            let _ = self.withdraw(&reservation);
        }
    }
}

impl Store {
    /// Takes files without a single byte out of a listing, as far as they lie in these sets: they count as free
    /// (spec §4.9). Reads no file, only sizes; stops at the first free address of each set.
    pub fn forget_torn(&self, listing: &mut Listing, sets: &[RangeSet]) {
        for set in sets {
            let offered = |address: &IpAddr| set.ranges.iter().any(|range| range.offers(*address));
            let torn = listing
                .files
                .iter()
                .position(|address| offered(address) && self.is_debris(*address));
            if let Some(torn) = torn {
                listing.files.swap_remove(torn);
            }
        }
    }

    /// Whether the file of an address has no content and nobody is about to fill it.
    ///
    /// Under the lock nobody is. But on a file system that machines share, locks may hold for one machine alone (NFS
    /// mounted with `nolock`): there, a file is left alone for as long as a call may last.
    fn is_debris(&self, address: IpAddr) -> bool {
        let Ok(found) = statat(self.dir(), address.to_string(), AtFlags::SYMLINK_NOFOLLOW) else {
            return false;
        };
        let is_empty = found.st_size == 0 && FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        let is_old = || {
            let written = u64::try_from(found.st_mtime).unwrap_or_default();
            Duration::from_secs(clock::now().saturating_sub(written)) > MAX_WAIT
        };
        is_empty && (!self.is_shared() || is_old())
    }
}

/// A place below `count` that is another one at every call.
fn anywhere_in(count: usize) -> usize {
    let now = clock_gettime(ClockId::Monotonic).tv_nsec;
    // A prime, so that every place is possible however coarse the clock is.
    let now = usize::try_from(now / 1000).unwrap_or_default().wrapping_mul(7919);
    now.checked_rem(count).unwrap_or_default()
}
