//! The network as the kernel keeps it, as values: what is read, what is wished, and how a wish is told apart from
//! what is there. Pure data; journals are made of it.
//!
//! Links speak the documents of nispor, whose `apply` carries them out. Addresses, routes and rules are our own
//! types, because what is taken away has to be put back with everything it had (nispor forgets labels, metrics of
//! routes, and tables above 255).

mod address;
mod link;
mod made;
mod part;
mod route;
mod rule;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use address::Address;
pub use link::{Difference, Kind, Link, Shape, Vlans};
pub(crate) use part::missing;
#[cfg(test)]
pub(crate) use part::overlay;
pub use route::{Hop, Prefix, Route};
pub use rule::Rule;

/// Everything this back end can change, as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Net {
    /// Links by name.
    pub links: BTreeMap<String, Link>,
    /// Addresses in the order of the kernel, which is the order of precedence.
    pub addresses: Vec<Address>,
    /// Routes of all tables but those the kernel keeps itself.
    pub routes: Vec<Route>,
    /// Rules but those the kernel keeps itself.
    pub rules: Vec<Rule>,
    /// Content of the resolver's file, if there is one.
    pub resolver: Option<String>,
}

/// What shall be true of some parts of the network; says nothing about the rest. Carrying it out twice is the same
/// as once, and carrying it out after half of something else was done ends at the same place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Links by name.
    #[serde(default)]
    pub links: BTreeMap<String, Goal>,
    /// Addresses.
    #[serde(default)]
    pub addresses: Edit<Address>,
    /// Routes.
    #[serde(default)]
    pub routes: Edit<Route>,
    /// Rules.
    #[serde(default)]
    pub rules: Edit<Rule>,
    /// The resolver's file.
    #[serde(default)]
    pub resolver: Option<Resolver>,
}

impl Target {
    /// Whether nothing is wished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What shall be true of one link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    /// It does not exist.
    Absent,
    /// It exists and looks so.
    Present(Box<Shape>),
}

impl Goal {
    /// The shape, unless it shall be gone.
    #[must_use]
    pub fn shape(&self) -> Option<&Shape> {
        match self {
            Self::Absent => None,
            Self::Present(shape) => Some(shape),
        }
    }
}

/// What shall be gone and what shall be there. Nothing stands in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit<T> {
    /// Shall be gone.
    pub remove: Vec<T>,
    /// Shall be there, added in this order.
    pub ensure: Vec<T>,
}

impl<T> Default for Edit<T> {
    fn default() -> Self {
        Self {
            remove: Vec::new(),
            ensure: Vec::new(),
        }
    }
}

impl<T: Same + Clone> Edit<T> {
    /// Wishes it there, whatever was wished of it before.
    pub fn ensure(&mut self, item: T) {
        self.remove.retain(|other| !other.same(&item));
        if !self.ensure.iter().any(|other| other.same(&item)) {
            self.ensure.push(item);
        }
    }

    /// Wishes it gone, unless it is wished there.
    pub fn remove(&mut self, item: T) {
        let known = self
            .ensure
            .iter()
            .chain(&self.remove)
            .any(|other| other.same(&item));
        if !known {
            self.remove.push(item);
        }
    }
}

/// Whether two are one and the same thing to the kernel.
pub trait Same {
    /// Same identity; other attributes may differ.
    fn same(&self, other: &Self) -> bool;
}

/// What the resolver's file shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolver {
    /// Its content; none: no such file.
    pub content: Option<String>,
    /// Write it only while the file has this content: after a reboot somebody else may have taken it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_over: Option<String>,
}
