//! Who holds an address, and whether the holder is still there.

use std::net::IpAddr;
use std::path::PathBuf;

use super::evidence::Evidence;
use crate::store::{Contents, Entry, Found, Sandbox};

/// Containers are shown by as much of their id as `crictl` shows.
const SHORT_ID: usize = 13;

/// Who has taken an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// An interface of a container; from before interface names were recorded without one.
    Container { id: String, ifname: Option<String> },
    /// A file of another form: nobody's, and no DEL removes it. What is in it.
    Nobody(String),
    /// A file without a single byte: a writer died. The next ADD uses the address.
    Torn,
    /// Something that is no file, or cannot be read; what.
    Blocked(String),
}

/// Whether the sandbox is still there. Unknown is an answer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is; where it was seen.
    Alive(String),
    /// It is not; what is missing.
    Gone(String),
    /// It cannot be told; why.
    Unknown(String),
}

/// An address that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) network: String,
    pub(super) data_dir: PathBuf,
    pub(super) address: IpAddr,
    pub(super) holder: Holder,
    pub(super) life: Life,
    /// Seconds since it was reserved.
    pub(super) age: u64,
    /// What was found.
    pub(super) entry: Entry,
}

impl Holder {
    pub(super) fn of(found: &Found) -> Self {
        match found {
            Found::File(contents) if contents.torn => Self::Torn,
            Found::File(contents) => Self::read(contents),
            Found::Unreadable(why) => Self::Blocked(format!("cannot be read: {why}")),
            Found::Other => Self::Blocked("no regular file".to_owned()),
        }
    }

    fn read(contents: &Contents) -> Self {
        let text = String::from_utf8_lossy(&contents.trimmed);
        let (id, ifname) = match text.split_once("\r\n") {
            Some((id, ifname)) => (id, Some(ifname)),
            None => (text.as_ref(), None),
        };
        let is_word =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if is_word(id) && ifname.is_none_or(is_word) {
            Self::Container {
                id: id.to_owned(),
                ifname: ifname.map(str::to_owned),
            }
        } else {
            Self::Nobody(text.chars().take(64).flat_map(char::escape_default).collect())
        }
    }

    /// The container's whole id.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Container { id, .. } => Some(id),
            _ => None,
        }
    }

    pub(super) fn ifname(&self) -> Option<&str> {
        match self {
            Self::Container { ifname, .. } => ifname.as_deref(),
            _ => None,
        }
    }

    /// For a column of a table.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Container { id, .. } => id.chars().take(SHORT_ID).collect(),
            Self::Nobody(_) => "(nobody)".to_owned(),
            Self::Torn => "(torn)".to_owned(),
            Self::Blocked(_) => "(blocked)".to_owned(),
        }
    }
}

impl Life {
    /// What is seen now counts more than what was recorded.
    pub(super) fn of(entry: &Entry, evidence: &Evidence) -> Self {
        match (evidence.of(entry.address), &entry.sandbox) {
            (Some(process), _) => Self::Alive(format!("{process} has the address")),
            (None, Sandbox::Alive(path)) => Self::Alive(path.clone()),
            (None, Sandbox::Gone(path)) => Self::Gone(format!("{path} is gone")),
            (None, Sandbox::Unknown(why)) => Self::Unknown((*why).to_owned()),
        }
    }

    /// Every [`Life::word`].
    pub(super) const WORDS: [&str; 3] = ["alive", "gone", "unknown"];

    /// `alive`, `gone` or `unknown`.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Alive(_) => "alive",
            Self::Gone(_) => "gone",
            Self::Unknown(_) => "unknown",
        }
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::Alive(why) | Self::Gone(why) | Self::Unknown(why) => why,
        }
    }
}

impl Held {
    /// Whether a person means this one: by its address, or by a container id or the beginning of one.
    pub(super) fn is_called(&self, name: &str) -> bool {
        /// Shorter beginnings are typing mistakes.
        const SHORTEST: usize = 6;
        if let Ok(address) = addr::parse_address(name) {
            return address == self.address;
        }
        let begins = |id: &str| name.len() >= SHORTEST && id.starts_with(name);
        self.holder.id().is_some_and(|id| id == name || begins(id))
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.data_dir.join(&self.network).join(&self.entry.name)
    }

    /// `network/address (container ifname)`, for sentences.
    pub(super) fn sentence(&self) -> String {
        let holder = match (&self.holder, self.holder.ifname()) {
            (Holder::Container { .. }, Some(ifname)) => format!("{} {ifname}", self.holder.short()),
            (Holder::Container { .. }, None) => self.holder.short(),
            // It has its own parentheses.
            _ => return format!("{} in {} {}", self.address, self.network, self.holder.short()),
        };
        format!("{} in {} ({holder})", self.address, self.network)
    }
}
