//! What has been asked of the API server, by its own records.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::ControlPlane;
use crate::requests::{RequestKey, Requests};

/// The part of an `audit.k8s.io/v1` event that says who asked for what.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    object_ref: Option<ObjectRef>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ObjectRef {
    resource: String,
    api_group: String,
    subresource: String,
}

impl ControlPlane {
    /// The audit log (one JSON object of `audit.k8s.io/v1` per line, level Metadata), if
    /// [`Options::audit_log`](super::Options::audit_log) is set.
    #[must_use]
    pub fn audit_log(&self) -> Option<&Path> {
        self.options.audit_log.then_some(self.files.audit_log.as_path())
    }

    /// The end of the audit log now, to count from later. Unit: bytes.
    ///
    /// # Errors
    /// [`Options::audit_log`](super::Options::audit_log) is not set.
    pub fn audit_position(&self) -> Result<u64> {
        let path = self.audit_path()?;
        // The server makes the file at its first event.
        Ok(path.metadata().map_or(0, |metadata| metadata.len()))
    }

    /// The requests of `user` that the API server has answered (or begun to, for watches) since a position of
    /// [`ControlPlane::audit_position`]; zero for all. Exact: the log is written before the answer.
    ///
    /// # Errors
    /// [`Options::audit_log`](super::Options::audit_log) is not set, or the log cannot be read.
    pub fn audited_requests(&self, user: &str, since: u64) -> Result<Requests> {
        let path = self.audit_path()?;
        count(path, user, since).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The API server's own metrics, in the Prometheus text format.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn metrics(&self) -> Result<String> {
        let request = http::Request::get("/metrics")
            .body(Vec::new())
            .context("a request without surprises")?;
        self.client()
            .request_text(request)
            .await
            .context("cannot read the API server's metrics")
    }

    fn audit_path(&self) -> Result<&Path> {
        self.audit_log()
            .context("this control plane was started without Options::audit_log")
    }
}

fn count(path: &Path, user: &str, since: u64) -> Result<Requests> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(since))?;
    // A watch has two events, at its start and at its end.
    let mut seen = HashSet::new();
    let mut requests = Requests::default();
    for line in BufReader::new(file).lines() {
        let event: Event = serde_json::from_str(&line?).context("not an audit event")?;
        if event.user.username == user
            && seen.insert(event.audit_id.clone())
            && let Some(key) = key(&event)
        {
            requests.add(key);
        }
    }
    Ok(requests)
}

fn key(event: &Event) -> Option<RequestKey> {
    match &event.object_ref {
        Some(object) => RequestKey::audited(
            &event.verb,
            &object.api_group,
            &object.resource,
            &object.subresource,
        ),
        None => {
            let path = event.request_uri.split('?').next().unwrap_or_default();
            RequestKey::audited(&event.verb, "", path, "")
        }
    }
}
