//! Counting requests, in the words of RBAC and the audit log.

use std::collections::BTreeMap;
use std::fmt;

use http::{Method, Uri};

/// All verbs of [`RequestKey::verb`].
const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

/// What a request asks for, in the words of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// `get`, `list`, `watch`, `create`, `update`, `patch` (also server-side apply), `delete` or `deletecollection`.
    pub verb: &'static str,
    /// API group, empty for the core group.
    pub group: String,
    /// Plural name, or the whole path where the request is not about a resource (discovery, `/readyz`).
    pub resource: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
}

impl RequestKey {
    /// Follows `RequestInfoFactory.NewRequestInfo` of k8s.io/apiserver.
    pub(crate) fn of(method: &Method, uri: &Uri) -> Self {
        let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _version, rest @ ..] => ("", rest),
            ["apis", group, _version, rest @ ..] => (*group, rest),
            _ => ("", [].as_slice()),
        };
        let rest = match rest {
            // `namespaces/x/status` is about the namespace, `namespaces/x/pods` about pods in it.
            ["namespaces", _, "status" | "finalize"] | ["namespaces", _] => rest,
            ["namespaces", _, inner @ ..] => inner,
            other => other,
        };
        let Some(resource) = rest.first() else {
            let verb = verb(method, true, false);
            return Self {
                verb,
                group: String::new(),
                resource: uri.path().to_owned(),
                subresource: String::new(),
            };
        };
        Self {
            verb: verb(method, rest.len() > 1, is_watch(method, uri)),
            group: group.to_owned(),
            resource: (*resource).to_owned(),
            subresource: rest.get(2).copied().unwrap_or_default().to_owned(),
        }
    }

    /// From the fields of an audit event; `None` for a verb that Kubernetes does not have.
    pub(crate) fn audited(verb: &str, group: &str, resource: &str, subresource: &str) -> Option<Self> {
        let verb = VERBS.into_iter().find(|known| *known == verb)?;
        Some(Self {
            verb,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
        })
    }

    /// Whether it changes something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        Ok(())
    }
}

fn verb(method: &Method, named: bool, watch: bool) -> &'static str {
    match (method.as_str(), named) {
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ if watch => "watch",
        (_, true) => "get",
        (_, false) => "list",
    }
}

/// Whether the answer is a stream of events.
pub(crate) fn is_watch(method: &Method, uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    method == Method::GET
        && parameters.any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "watch"))
}

/// How often each kind of request was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    counts: BTreeMap<RequestKey, u64>,
}

impl Requests {
    pub(crate) fn add(&mut self, key: RequestKey) {
        *self.counts.entry(key).or_default() += 1;
    }

    /// All counts, ordered by verb.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestKey, u64)> {
        self.counts.iter().map(|(key, count)| (key, *count))
    }

    /// Requests with this verb on this resource and subresource (empty: the object itself), in any group.
    #[must_use]
    pub fn of(&self, verb: &str, resource: &str, subresource: &str) -> u64 {
        self.sum(|key| key.verb == verb && key.resource == resource && key.subresource == subresource)
    }

    /// Requests that changed something, or tried to.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.sum(RequestKey::is_write)
    }

    /// Requests that only read: `get`, `list` and `watch`.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.sum(|key| !key.is_write())
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// Requests of a kind of your own choice.
    pub fn sum(&self, choose: impl Fn(&RequestKey) -> bool) -> u64 {
        self.iter()
            .filter(|(key, _)| choose(key))
            .map(|(_, count)| count)
            .sum()
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, count) in self.iter() {
            writeln!(f, "{count:>8} {key}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_as_the_audit_log_names_them() {
        for (method, uri, expected) in [
            ("GET", "/api/v1/namespaces", "list namespaces"),
            ("GET", "/api/v1/namespaces/a", "get namespaces"),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update namespaces/finalize",
            ),
            ("GET", "/api/v1/namespaces/a/pods?limit=5", "list pods"),
            ("GET", "/api/v1/pods?watch=true&limit=5", "watch pods"),
            (
                "POST",
                "/apis/ipam.x.io/v1/namespaces/a/claims",
                "create claims.ipam.x.io",
            ),
            (
                "PATCH",
                "/apis/ipam.x.io/v1/namespaces/a/claims/c/status",
                "patch claims.ipam.x.io/status",
            ),
            (
                "DELETE",
                "/apis/ipam.x.io/v1/globals/g",
                "delete globals.ipam.x.io",
            ),
            (
                "DELETE",
                "/apis/ipam.x.io/v1/globals",
                "deletecollection globals.ipam.x.io",
            ),
            ("GET", "/apis/ipam.x.io/v1", "get /apis/ipam.x.io/v1"),
            ("GET", "/readyz", "get /readyz"),
        ] {
            let method: Method = method.parse().expect("a method");
            let uri: Uri = uri.parse().expect("a URI");
            assert_eq!(
                RequestKey::of(&method, &uri).to_string(),
                expected,
                "{method} {uri}"
            );
        }
    }

    #[test]
    fn sums_tell_writes_from_reads() {
        let mut requests = Requests::default();
        for (method, uri) in [
            ("GET", "/api/v1/pods"),
            ("POST", "/api/v1/pods"),
            ("POST", "/api/v1/pods"),
        ] {
            let key = RequestKey::of(&method.parse().expect("a method"), &uri.parse().expect("a URI"));
            requests.add(key);
        }
        assert_eq!((requests.writes(), requests.reads(), requests.total()), (2, 1, 3));
        assert_eq!(requests.of("create", "pods", ""), 2);
        assert_eq!(requests.to_string(), "       2 create pods\n       1 list pods\n");
    }
}
