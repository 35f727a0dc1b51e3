//! What a request to the API server is about, read from its method and path.

use http::{HeaderMap, Method, Uri, header};

/// Verb and resource of a request, in the words of the API server's own metrics and audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKind {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete`, `deletecollection`, or the HTTP
    /// method in lower case for a path that names no resource.
    pub verb: &'static str,
    /// Plural resource name with its sub-resource, e.g. `pods/status`; `-` for anything else, e.g. `/version`.
    pub resource: String,
}

impl RequestKind {
    /// True for a request whose answer has no end of its own and must not be cut by a deadline.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.verb == "watch" || self.resource.ends_with("/log") || self.resource.ends_with("/exec")
    }
}

/// Reads verb and resource from a request. Never fails: an unknown path has the resource `-`.
#[must_use]
pub fn classify(method: &Method, uri: &Uri, headers: &HeaderMap) -> RequestKind {
    let Some((resource, named)) = resource_of(uri.path()) else {
        return RequestKind {
            verb: plain_verb(method),
            resource: "-".to_owned(),
        };
    };
    let verb = match *method {
        Method::GET if is_watch(uri) => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH if is_apply(headers) => "apply",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => plain_verb(method),
    };
    RequestKind { verb, resource }
}

fn plain_verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::HEAD => "head",
        _ => "other",
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1"))
    })
}

fn is_apply(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/apply-patch"))
}

/// Resource (with sub-resource) of a path and whether it names one object.
fn resource_of(path: &str) -> Option<(String, bool)> {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    // A server below a path prefix (a proxy) is found by the first `api` or `apis`.
    let root = parts.find(|part| matches!(*part, "api" | "apis"))?;
    if root == "apis" {
        parts.next()?; // the group
    }
    parts.next()?; // the version
    let mut resource = parts.next()?;
    let mut name = parts.next();
    if resource == "namespaces"
        && let (Some(_), Some(inner)) = (name, parts.peek())
        && !matches!(*inner, "status" | "finalize")
    {
        resource = parts.next()?;
        name = parts.next();
    }
    match parts.next() {
        Some(sub) => Some((format!("{resource}/{sub}"), true)),
        None => Some((resource.to_owned(), name.is_some())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_resources_are_those_of_the_audit_log() {
        let table = [
            (Method::GET, "/api/v1/nodes", "list nodes"),
            (Method::GET, "/api/v1/nodes/n1", "get nodes"),
            (
                Method::GET,
                "/api/v1/nodes?&watch=true&timeoutSeconds=290",
                "watch nodes",
            ),
            (Method::GET, "/api/v1/namespaces", "list namespaces"),
            (Method::GET, "/api/v1/namespaces/a", "get namespaces"),
            (
                Method::PUT,
                "/api/v1/namespaces/a/finalize",
                "update namespaces/finalize",
            ),
            (
                Method::PATCH,
                "/api/v1/namespaces/a/pods/p/status?",
                "patch pods/status",
            ),
            (
                Method::POST,
                "/apis/ipam.cluster.x-k8s.io/v1beta1/namespaces/a/ipaddresses",
                "create ipaddresses",
            ),
            (
                Method::DELETE,
                "/apis/g/v1/namespaces/a/things/t",
                "delete things",
            ),
            (
                Method::DELETE,
                "/apis/g/v1/namespaces/a/things",
                "deletecollection things",
            ),
            (Method::GET, "/k8s/proxy/apis/g/v1/things", "list things"),
            (Method::GET, "/apis", "get -"),
            (Method::GET, "/apis/g/v1", "get -"),
            (Method::GET, "/version", "get -"),
            (Method::POST, "/", "post -"),
        ];
        for (method, path, want) in table {
            let kind = classify(&method, &path.parse().unwrap(), &HeaderMap::new());
            assert_eq!(
                format!("{} {}", kind.verb, kind.resource),
                want,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn apply_is_told_from_patch_by_the_content_type() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            "application/apply-patch+yaml".parse().unwrap(),
        );
        let kind = classify(&Method::PATCH, &"/api/v1/nodes/n".parse().unwrap(), &headers);
        assert_eq!(kind.verb, "apply");
    }
}
