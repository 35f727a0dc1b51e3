use std::fmt;

use super::Command;
use crate::error::{Error, code};

/// A version of the CNI specification that we speak; ordered as they came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CniVersion {
    /// 0.1.0, also when a configuration names none.
    V0_1_0,
    /// 0.2.0.
    V0_2_0,
    /// 0.3.0: several addresses per family.
    V0_3_0,
    /// 0.3.1.
    V0_3_1,
    /// 0.4.0: CHECK.
    V0_4_0,
    /// 1.0.0: no `version` in `ips`.
    V1_0_0,
    /// 1.1.0: GC and STATUS.
    V1_1_0,
}

impl CniVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 7] = [
        Self::V0_1_0,
        Self::V0_2_0,
        Self::V0_3_0,
        Self::V0_3_1,
        Self::V0_4_0,
        Self::V1_0_0,
        Self::V1_1_0,
    ];

    /// The text, which is also the only spelling accepted.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// The version of a configuration, when it may ask for this command (spec §2.3).
    ///
    /// # Errors
    /// Code 1 when we do not speak the version or it does not have the command; code 6 when CHECK, GC or STATUS come
    /// with something that is no version at all.
    pub fn negotiate(written: &str, command: Command) -> Result<Self, Error> {
        let written = if written.is_empty() { "0.1.0" } else { written };
        let since = match command {
            Command::Add | Command::Del => None,
            Command::Check => Some(Self::V0_4_0),
            Command::Gc | Command::Status => Some(Self::V1_1_0),
        };
        if let Some(since) = since {
            let number = numbers(written)?;
            let refused = |who| {
                let msg = format!("{who} version does not allow {}", command.name());
                Err(Error::new(code::VERSION, msg))
            };
            if number < since.numbers() {
                return refused("config");
            }
            if number > Self::V1_1_0.numbers() {
                return refused("plugin");
            }
        }
        let found = Self::ALL.into_iter().find(|version| version.text() == written);
        found.ok_or_else(|| incompatible(written))
    }

    const fn numbers(self) -> [u32; 3] {
        match self {
            Self::V0_1_0 => [0, 1, 0],
            Self::V0_2_0 => [0, 2, 0],
            Self::V0_3_0 => [0, 3, 0],
            Self::V0_3_1 => [0, 3, 1],
            Self::V0_4_0 => [0, 4, 0],
            Self::V1_0_0 => [1, 0, 0],
            Self::V1_1_0 => [1, 1, 0],
        }
    }
}

impl fmt::Display for CniVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

fn incompatible(written: &str) -> Error {
    let supported: Vec<String> = CniVersion::ALL.map(|version| format!("\"{version}\"")).into();
    let supported = supported.join(" ");
    Error::new(code::VERSION, "incompatible CNI versions")
        .with_details(format!("config is {written:?}, plugin supports [{supported}]"))
}

/// One to three dotted numbers; those left out are 0.
fn numbers(written: &str) -> Result<[u32; 3], Error> {
    let refused = || {
        Error::new(
            code::DECODE,
            format!("cniVersion {written:?} is not a version; write three dotted numbers such as 1.0.0"),
        )
    };
    let mut numbers = [0; 3];
    for (i, part) in written.split('.').enumerate() {
        let slot = numbers.get_mut(i).ok_or_else(refused)?;
        *slot = part.parse().map_err(|_| refused())?;
    }
    Ok(numbers)
}
