//! What the fake knows: clusters, hosts, guests and accounts.

mod describe;
mod guest;
mod ha;
mod region;
mod vm;

pub use guest::{Guest, Interface};
pub use ha::{HaGroup, HaRule};
pub use region::{Host, HostState, Region, Release, Token, User};
pub use vm::{Ha, Kind, Status, Vm};

pub(super) use region::Ticket;

/// All clusters, to look at and to change.
pub struct Model {
    /// In the order they were added.
    pub regions: Vec<Region>,
}

impl Model {
    /// The cluster of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn region(&mut self, name: &str) -> &mut Region {
        let region = self.regions.iter_mut().find(|region| region.name == name);
        region.unwrap_or_else(|| panic!("there is no region {name}"))
    }

    /// The VM of this number, in whichever cluster.
    ///
    /// # Panics
    /// When there is none, or several clusters have one.
    pub fn vm(&mut self, id: u32) -> &mut Vm {
        self.region_of(id).vm(id)
    }

    /// The only cluster with a VM of this number.
    ///
    /// # Panics
    /// When there is none, or several clusters have one.
    pub fn region_of(&mut self, id: u32) -> &mut Region {
        let mut found = self
            .regions
            .iter_mut()
            .filter(|region| region.vms.contains_key(&id));
        let region = found.next().unwrap_or_else(|| panic!("no region has a VM {id}"));
        if let Some(other) = found.next() {
            panic!(
                "regions {} and {} have a VM {id}; say which",
                region.name, other.name
            );
        }
        region
    }

    /// Nothing that was answered before may be answered again from memory.
    pub(super) fn forget_lists(&mut self) {
        for region in &mut self.regions {
            region.lists.clear();
        }
    }
}
