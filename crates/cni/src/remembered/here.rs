//! What this machine says of itself.

use crate::{
    clock, machine,
    plan::{Here, Reading},
};

/// The facts that a remembered answer is held against; `node` is the own name as far as it is known without a question.
pub(crate) fn here(node: Option<String>) -> Here {
    Here {
        // A file that is there and cannot be read is another machine than any that was recorded.
        machines: machine::ids().unwrap_or_else(|_| vec![String::new()]),
        boot: machine::boot_id(),
        node,
        now: clock::now(),
    }
}

impl Here {
    /// The mark of an answer that was read just now.
    pub(crate) fn reading(&self, node: &str, uid: &str) -> Reading {
        Reading {
            node: node.to_owned(),
            uid: uid.to_owned(),
            machine: self.machines.first().cloned().unwrap_or_default(),
            boot: self.boot.clone(),
            time: self.now,
            tried: 0,
        }
    }
}
