//! Telling how far a look has come.

/// Told how many objects have been read. Called between requests, at most a few times a second.
pub trait Progress: Sync {
    /// `count` more objects of a kind have been read.
    fn read(&self, kind: &str, count: usize);
}

/// Tells nobody.
impl Progress for () {
    fn read(&self, _: &str, _: usize) {}
}
