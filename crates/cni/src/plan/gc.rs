//! GC: what belongs to no attachment any more? (spec §4.8)

use std::collections::HashSet;

use super::Owner;
use crate::error::{Error, code};
use crate::json::{Json, Object};

/// Names of the list, the current one first; libcni sends both.
const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/// The trimmed contents of the reservations that stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Valid(HashSet<Vec<u8>>);

impl Valid {
    /// Reads the list of attachments. `None` when there is no list at all: then nothing may be removed, for somebody
    /// on the way may have dropped it. An empty list, also written `null`, means that nothing is valid.
    ///
    /// # Errors
    /// Code 7: not a list, or an entry without a container id.
    pub fn read(document: &Object) -> Result<Option<Self>, Error> {
        let Some(key) = KEYS.into_iter().find(|key| document.has(key)) else {
            return Ok(None);
        };
        let attachments = match document.get(key) {
            None => &[],
            Some(Json::List(attachments)) => attachments.as_slice(),
            Some(other) => return Err(refused(&format!("{key} must be a list, not a {}", other.kind()))),
        };
        let mut valid = HashSet::new();
        for (i, attachment) in attachments.iter().enumerate() {
            let owner = read_owner(attachment, &format!("{key}[{i}]"))?;
            valid.insert(owner.legacy().to_owned());
            valid.insert(owner.content());
        }
        Ok(Some(Self(valid)))
    }

    /// Whether the reservation with this trimmed content stays.
    #[must_use]
    pub fn contains(&self, content: &[u8]) -> bool {
        self.0.contains(content)
    }

    /// The contents that stay.
    pub fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

fn read_owner(attachment: &Json, path: &str) -> Result<Owner, Error> {
    let text = |key: &str| attachment.as_object()?.get(key)?.as_str().map(str::to_owned);
    let id = text("containerID").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| refused(&format!("{path}.containerID must be a string that is not empty")))?;
    Ok(Owner {
        id,
        ifname: text("ifname").unwrap_or_default(),
    })
}

fn refused(msg: &str) -> Error {
    Error::new(code::CONFIG, msg)
}
