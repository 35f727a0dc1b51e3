//! The table, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What may stand where.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    /// The document but its interfaces.
    pub(super) sections: Node,
    /// What every interface may have.
    pub(super) interface: Node,
    /// What interfaces of a type may have in addition.
    pub(super) types: BTreeMap<String, Node>,
}

/// What may stand at one place: one of keys, list, values, or anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    /// An object of these keys and no others.
    pub(super) keys: Option<BTreeMap<String, Node>>,
    /// A list of such.
    pub(super) list: Option<Box<Node>>,
    /// Scalars of these kinds: `string`, `number`, `boolean`.
    pub(super) values: Option<Vec<String>>,
    /// The only words, if a string.
    pub(super) words: Option<Vec<String>>,
    /// An object of any keys.
    #[serde(default)]
    pub(super) open: bool,
    /// Whether null stands for absent.
    #[serde(default = "yes")]
    pub(super) null: bool,
}

const fn yes() -> bool {
    true
}

/// As generated from the nmstate crate.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    serde_json::from_str(include_str!("keys.json")).expect("the table is tested against the crate")
});
