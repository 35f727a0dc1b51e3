use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Prefix, Same};

/// A rule that chooses a routing table, with everything needed to put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// IPv6, else IPv4.
    pub ipv6: bool,
    /// Order: the smaller is asked first.
    pub priority: u32,
    /// `FR_ACT_*`: 1 look into the table, 6 blackhole, 7 unreachable, 8 prohibit.
    pub action: u8,
    /// Number of the table, 0 for other actions.
    pub table: u32,
    /// Only from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Prefix>,
    /// Only to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Prefix>,
    /// Only what came in by this link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Only with this firewall mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Bits of the mark that count; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<u32>,
    /// Ignore what the table says for prefixes up to this length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_length: Option<u32>,
    /// `RTPROT_*`: who wrote it.
    pub protocol: u8,
    /// It has attributes that this back end neither writes nor removes, named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
}

impl Same for Rule {
    /// The kernel knows a rule by everything but who wrote it.
    fn same(&self, other: &Self) -> bool {
        let anonymous = |rule: &Self| Self {
            protocol: 0,
            ..rule.clone()
        };
        anonymous(self) == anonymous(other)
    }
}

impl fmt::Display for Rule {
    /// As `ip rule` begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.priority)?;
        match self.from {
            Some(from) => write!(f, " from {from}")?,
            None => write!(f, " from all")?,
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        write!(f, " table {}", self.table)
    }
}
