/// Who holds a reservation: one interface of one container. What two of these mean is per network directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Container id.
    pub id: String,
    /// Interface name.
    pub ifname: String,
}

impl Owner {
    /// What stands in the reservation's file: id, CR LF, interface name (spec §4.3).
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        [self.id.as_bytes(), b"\r\n", self.ifname.as_bytes()].concat()
    }

    /// What stands in files from before interface names were recorded: the id alone.
    #[must_use]
    pub fn legacy(&self) -> &[u8] {
        self.id.as_bytes()
    }
}

/// The content of a reservation's file without white space at both ends; so contents are compared (spec §4.3).
#[must_use]
pub fn trimmed(content: &[u8]) -> &[u8] {
    match std::str::from_utf8(content) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => content.trim_ascii(),
    }
}
