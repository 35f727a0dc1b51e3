//! What an error of the allocator means for `kube-node`.

use crate::error::{Error, code};

/// An error of the allocator as `kube-node` reports it (spec §5.5). A lock that was held too long may be free
/// next time.
pub(super) fn wrapped(error: &Error) -> Error {
    let code = if error.code == code::TRY_AGAIN {
        code::TRY_AGAIN
    } else {
        code::KUBE_NODE
    };
    Error::new(code, "Invoke host-local ipam").with_details(error.to_string())
}

/// The same for STATUS.
pub(super) fn not_ready(error: &Error) -> Error {
    Error::new(code::NOT_AVAILABLE, error.msg.as_str()).with_details(error.details.as_str())
}

/// Whether the ranges may be to blame: full, or refused. A node always has one, so "no IP ranges specified" is about the
/// pod: it may not have IPv4, and the node has nothing else.
pub(super) fn may_be_outdated(error: &Error) -> bool {
    error.msg.contains("no IP addresses available in range set") || is_range_error(error)
}

/// Whether the allocator refuses the ranges as such.
pub(super) fn is_range_error(error: &Error) -> bool {
    ["invalid range set", "range set ", "invalid CIDR address"]
        .iter()
        .any(|beginning| error.msg.starts_with(beginning))
}
