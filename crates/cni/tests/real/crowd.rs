//! The books of a runtime with many hands: who has which address, kept apart from the program under test.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use testkit::cni::store;

/// Every address that a running container was told it has.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<HashMap<IpAddr, String>>);

impl Books {
    /// A container got these addresses.
    ///
    /// # Panics
    /// When another running container has one of them: the one thing that must never happen.
    pub(crate) fn grant(&self, id: &str, addresses: &[IpAddr]) {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            let before = owners.insert(*address, id.to_owned());
            assert_eq!(
                before, None,
                "{address} was given to {id} while another container has it"
            );
        }
    }

    /// A container is about to be taken down.
    pub(crate) fn withdraw(&self, id: &str) {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, owner| owner != id);
    }

    /// What the network directory should hold: every address with its reservation.
    pub(crate) fn expected(&self) -> BTreeMap<IpAddr, Vec<u8>> {
        let owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reservation = |(address, id): (&IpAddr, &String)| (*address, store::content(id, "eth0"));
        owners.iter().map(reservation).collect()
    }
}
