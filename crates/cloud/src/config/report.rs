use std::fmt;

/// What is found while a file is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Report {
    pub(super) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    pub(super) fn warning(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    pub(super) fn result<T>(self, make: impl FnOnce(Vec<String>) -> T) -> Result<T, ConfigError> {
        if self.problems.is_empty() {
            Ok(make(self.warnings))
        } else {
            Err(ConfigError {
                problems: self.problems,
                warnings: self.warnings,
            })
        }
    }
}

/// A configuration file that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Everything that is wrong, in the order of the file. Never empty.
    pub problems: Vec<String>,
    /// What would have been warned about otherwise; often the reason, as a misspelled key.
    pub warnings: Vec<String>,
}

impl ConfigError {
    pub(super) fn single(problem: impl Into<String>) -> Self {
        Self {
            problems: vec![problem.into()],
            warnings: Vec::new(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid cloud config: {}", self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}
