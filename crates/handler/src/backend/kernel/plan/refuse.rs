use std::fmt;

/// Something in a document that this back end will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, e.g. `interfaces.eth1.ipv4.dhcp`.
    pub path: String,
    /// What and what to do instead.
    pub reason: String,
    /// What kind of problem.
    pub class: Class,
}

/// Kinds of problems, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It names what the node does not have.
    NotFound,
    /// The value is wrong.
    Wrong,
    /// Nobody could do it with this back end.
    NotSupported,
}

impl Problem {
    /// This back end cannot do it.
    #[must_use]
    pub fn not_supported(path: String, reason: String) -> Self {
        Self {
            path,
            reason,
            class: Class::NotSupported,
        }
    }

    /// The value is wrong.
    #[must_use]
    pub fn wrong(path: String, reason: String) -> Self {
        Self {
            path,
            reason,
            class: Class::Wrong,
        }
    }

    /// The node does not have it.
    #[must_use]
    pub fn not_found(path: String, reason: String) -> Self {
        Self {
            path,
            reason,
            class: Class::NotFound,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// Every problem of a document, not just the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The worst kind.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.0.iter().map(|problem| problem.class).max()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
