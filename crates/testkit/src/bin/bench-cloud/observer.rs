//! Who sees when each Node is initialised and has its address.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Client,
    api::{ListParams, WatchParams},
    core::{Request, WatchEvent},
};
use serde::Deserialize;
use testkit::cloud::UNINITIALIZED;

pub(crate) const NODES: &str = "/api/v1/nodes";

/// As little of a Node as an observer needs.
#[derive(Clone, Debug, Deserialize)]
struct Seen {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Deserialize)]
struct Meta {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Deserialize)]
struct Taint {
    key: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    addresses: Vec<Address>,
}

#[derive(Clone, Debug, Deserialize)]
struct Address {
    address: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(default = "Vec::new")]
    items: Vec<Seen>,
    metadata: ListMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

/// Follows all Nodes from a certain moment on.
pub(crate) struct Observer {
    client: Client,
    version: String,
    times: Times,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Times {
    /// Nodes that are not done, with the address each must have.
    waiting: BTreeMap<String, String>,
    tainted: BTreeSet<String>,
    /// When each Node lost its taint.
    pub(crate) untainted: Vec<Instant>,
    /// When each Node was without taint and had its address.
    pub(crate) addressed: Vec<Instant>,
}

impl Observer {
    /// From now on. `expected` are the Nodes, all of them tainted, with the address each must have in the end.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn new(client: Client, expected: BTreeMap<String, String>) -> Result<Self> {
        // One Node is enough to learn what a watch can start from.
        let list: List = client
            .request(Request::new(NODES).list(&ListParams::default().limit(1))?)
            .await
            .context("cannot list Nodes")?;
        Ok(Self {
            client,
            version: list.metadata.resource_version,
            times: Times {
                tainted: expected.keys().cloned().collect(),
                waiting: expected,
                untainted: Vec::new(),
                addressed: Vec::new(),
            },
        })
    }

    /// Until every Node is initialised and has its address.
    ///
    /// # Errors
    /// When that takes longer than `limit`, or a Node is deleted.
    pub(crate) async fn run(mut self, limit: Duration) -> Result<Times> {
        let ended = tokio::time::timeout(limit, self.follow()).await;
        let left = || {
            let waiting = &self.times.waiting;
            let first = waiting.keys().next().map_or("", String::as_str);
            format!(
                "after {limit:?} {} Nodes still wait, {first} among them",
                waiting.len()
            )
        };
        ended.with_context(left)??;
        Ok(self.times)
    }

    async fn follow(&mut self) -> Result<()> {
        loop {
            let request = Request::new(NODES).watch(&WatchParams::default().timeout(290), &self.version)?;
            let mut events = self.client.request_events::<Seen>(request).await?.boxed();
            while !self.times.waiting.is_empty() {
                match events.try_next().await {
                    Ok(Some(WatchEvent::Added(seen) | WatchEvent::Modified(seen))) => self.times.note(&seen),
                    Ok(Some(WatchEvent::Bookmark(_))) => {}
                    Ok(Some(WatchEvent::Deleted(seen))) => {
                        bail!("Node {} was deleted during the run", seen.metadata.name)
                    }
                    Ok(Some(WatchEvent::Error(_)) | None) | Err(_) => break,
                }
            }
            if self.times.waiting.is_empty() {
                return Ok(());
            }
            // A watch that falls behind is cut off by the API server; then the list says what was missed.
            let list: List = self
                .client
                .request(Request::new(NODES).list(&ListParams::default())?)
                .await?;
            list.items.iter().for_each(|seen| self.times.note(seen));
            self.version = list.metadata.resource_version;
        }
    }
}

impl Times {
    fn note(&mut self, seen: &Seen) {
        let name = &seen.metadata.name;
        if seen.spec.taints.iter().any(|taint| taint.key == UNINITIALIZED) {
            return;
        }
        let now = Instant::now();
        if self.tainted.remove(name) {
            self.untainted.push(now);
        }
        let expected = self.waiting.get(name);
        if expected.is_some_and(|ip| seen.status.addresses.iter().any(|entry| entry.address == *ip)) {
            self.waiting.remove(name);
            self.addressed.push(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(taints: &str, addresses: &str) -> Seen {
        let text = format!(
            r#"{{"metadata": {{"name": "n"}}, "spec": {{"taints": {taints}}}, "status": {{"addresses": {addresses}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_node_is_done_without_taint_and_with_its_address() {
        let mut times = Times {
            waiting: BTreeMap::from([("n".to_owned(), "192.0.2.5".to_owned())]),
            tainted: BTreeSet::from(["n".to_owned()]),
            untainted: Vec::new(),
            addressed: Vec::new(),
        };
        let right = r#"[{"type": "InternalIP", "address": "192.0.2.5"}]"#;
        let taint = format!(r#"[{{"key": "{UNINITIALIZED}", "effect": "NoSchedule"}}]"#);
        times.note(&seen(&taint, right));
        assert!(times.untainted.is_empty() && times.addressed.is_empty());
        times.note(&seen("[]", "[]"));
        times.note(&seen("[]", "[]"));
        assert_eq!((times.untainted.len(), times.addressed.len()), (1, 0));
        times.note(&seen("[]", right));
        assert!(times.waiting.is_empty());
        assert_eq!((times.untainted.len(), times.addressed.len()), (1, 1));
    }
}
