use std::ffi::OsString;
use std::path::PathBuf;

/// What a plugin can be asked to do. VERSION is answered before a plugin is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reserve addresses for an attachment.
    Add,
    /// Release the addresses of an attachment.
    Del,
    /// Is everything as ADD left it?
    Check,
    /// Release everything that belongs to no attachment of a list.
    Gc,
    /// Could an ADD be served now?
    Status,
}

impl Command {
    /// The command of this exact name; case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ADD" => Self::Add,
            "DEL" => Self::Del,
            "CHECK" => Self::Check,
            "GC" => Self::Gc,
            "STATUS" => Self::Status,
            _ => return None,
        })
    }

    /// The name as it stands in `CNI_COMMAND`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
        }
    }

    /// Whether the command is about one attachment, and so needs a container id and an interface name.
    #[must_use]
    pub const fn has_attachment(self) -> bool {
        matches!(self, Self::Add | Self::Del | Self::Check)
    }
}

/// One call, as the environment says it (spec §2.1). Values a command does not use are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// `CNI_COMMAND`.
    pub command: Command,
    /// `CNI_CONTAINERID`, valid: letters, digits, `_`, `.`, `-`; the first is a letter or digit.
    pub container_id: String,
    /// `CNI_NETNS`: path of the namespace; not checked in any way.
    pub netns: Option<OsString>,
    /// `CNI_IFNAME`, valid: 1 to 15 bytes without `/`, `:` and white space.
    pub ifname: String,
    /// `CNI_ARGS` as it stands there; bytes that are no UTF-8 are replaced.
    pub args: String,
    /// `CNI_PATH`, in its order.
    pub path: Vec<PathBuf>,
    /// `CNI_NETNS_OVERRIDE` is `1` or `true`: the own-namespace guard is off (spec §2.6).
    pub netns_override: bool,
}
