//! Between the kernel's messages and our values. Pure.

pub(super) mod address;
pub(super) mod link;
pub(super) mod route;
pub(super) mod rule;

use std::collections::BTreeMap;

/// Numbers and names of links.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    names: BTreeMap<u32, String>,
    numbers: BTreeMap<String, u32>,
}

impl Names {
    pub(super) fn new(links: impl Iterator<Item = (u32, String)>) -> Self {
        let names: BTreeMap<u32, String> = links.collect();
        let numbers = names
            .iter()
            .map(|(number, name)| (name.clone(), *number))
            .collect();
        Self { names, numbers }
    }

    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }

    /// The number of a link.
    ///
    /// # Errors
    /// When there is no such link.
    pub(super) fn number(&self, name: &str) -> Result<u32, String> {
        let number = self.numbers.get(name).copied();
        number.ok_or_else(|| format!("interface {name} does not exist"))
    }
}
