//! Which ranges this node has: from the cache, or from the API server.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    error::{Error, code},
    node::{self, Client, Deadline, Failure, Node, NodeError},
    plan::{self, NodeCache, Origin, Source},
    protocol::Network,
};

use super::{
    cache::{CacheFiles, Found},
    settings::Settings,
};

/// The ranges of the node, as far as they are known.
pub(super) struct Known<'a> {
    settings: &'a Settings,
    network: &'a Network,
    files: CacheFiles,
    found: Found,
}

impl<'a> Known<'a> {
    /// Looks at the disk only.
    pub(super) fn load(settings: &'a Settings, network: &'a Network) -> Self {
        let files = CacheFiles::new(settings.data_dir.as_deref(), &network.name);
        let found = files.load(&network.name, &settings.annotation);
        Self {
            settings,
            network,
            files,
            found,
        }
    }

    /// What is remembered, however old.
    pub(super) fn remembered(&self) -> Option<&NodeCache> {
        self.found.cache.as_ref()
    }

    /// What is remembered of this node, however old: under another name this machine is another node.
    pub(super) fn outdated(&self) -> Option<&NodeCache> {
        let name = node::known_name(self.settings.node_name.as_deref());
        let same_node = |origin: &Origin| name.as_ref().is_none_or(|name| *name == origin.node);
        self.remembered()
            .filter(|cache| cache.origin.as_ref().is_none_or(same_node))
    }

    /// What is remembered, if it need not be asked for again.
    pub(super) fn fresh(&self) -> Option<&NodeCache> {
        self.outdated()
            .filter(|cache| !cache.is_stale(self.settings.cache_ttl, now()))
    }

    /// Asks the API server.
    ///
    /// # Errors
    /// Code 11 when it may answer later, else 100; in the words of spec §5.5.
    pub(super) fn ask(&self, deadline: Deadline) -> Result<NodeCache, Error> {
        let node = self.own_node(deadline).map_err(|error| node_error(&error))?;
        self.settings.log.debug(&format!(
            "read node {} ({}) from the API server",
            node.name, node.uid
        ));
        let annotation = self.settings.annotation.as_str();
        let source = if annotation.is_empty() {
            Source::Spec(node.pod_cidrs.as_deref(), node.pod_cidr.as_deref())
        } else {
            Source::Annotation(node.annotations.get(annotation).map(String::as_str))
        };
        Ok(NodeCache {
            data_dir: self.settings.data_dir.clone(),
            ranges: plan::node_ranges(source)?,
            origin: Some(Origin {
                network: self.network.name.clone(),
                annotation: annotation.to_owned(),
                node: node.name,
                uid: node.uid,
                time: now(),
            }),
        })
    }

    /// Remembers; a disk that does not take it costs the next call a request, no more.
    pub(super) fn remember(&self, cache: &NodeCache) {
        if let Err(error) = self.files.store(cache, &self.found) {
            self.settings
                .log
                .info(&format!("cannot write the cache: {error}"));
        }
    }

    fn own_node(&self, deadline: Deadline) -> Result<Node, NodeError> {
        let access = node::discover(self.settings.kubeconfig.as_deref()).map_err(Failure::Permanent)?;
        let client = Client::new(access, deadline);
        let name = node::known_name(self.settings.node_name.as_deref());
        let remembered = self.remembered().and_then(|cache| cache.origin.as_ref());
        let remembered = remembered.map(|origin| (origin.node.as_str(), origin.uid.as_str()));
        node::own_node(&client, name.as_deref(), remembered)
    }
}

fn node_error(error: &NodeError) -> Error {
    let (code, details) = match error {
        NodeError::Failed(failure @ Failure::Transient(_)) => (code::TRY_AGAIN, failure.to_string()),
        NodeError::Failed(failure) => (code::KUBE_NODE, failure.to_string()),
        NodeError::Missing(text) => (code::KUBE_NODE, text.clone()),
    };
    Error::new(code, "Get the own node object").with_details(details)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
