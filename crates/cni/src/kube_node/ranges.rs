//! Which ranges this node has: from the cache, or from the API server.

use crate::{
    deadline::Deadline,
    error::{Error, code},
    node::{self, Failure, Node, NodeError, Way},
    plan::{self, Config, Here, NodeCache, Origin, Source as RangeSource, Standing},
    protocol::Network,
    remembered::{self, Refusal, Remembered, Source},
};

use super::{
    blame,
    cache::{CacheFiles, Found},
    section,
    settings::Settings,
};

/// The ranges of the node, as far as they are known.
pub(super) struct Known<'a> {
    settings: &'a Settings,
    network: &'a Network,
    files: CacheFiles,
    found: Found,
    way: Way,
}

impl<'a> Known<'a> {
    /// Looks at the cache only.
    pub(super) fn load(settings: &'a Settings, network: &'a Network) -> Self {
        let files = CacheFiles::new(settings.data_dir.as_deref(), &network.name);
        let found = files.load(&network.name, &settings.annotation);
        Self {
            settings,
            network,
            files,
            found,
            way: Way::new(settings.kubeconfig.as_deref()),
        }
    }

    /// What the cache says, however old and of whichever node: where reservations may be.
    pub(super) fn cached(&self) -> Option<&NodeCache> {
        self.found.cache.as_ref().ok()
    }

    /// What the cache says of this node. A file made by hand is taken at its word.
    pub(super) fn remembered(&self) -> Remembered<NodeCache> {
        let cache = match &self.found.cache {
            Ok(cache) => cache.clone(),
            Err(why) => return Remembered::Nothing(why.clone()),
        };
        let Some(origin) = &cache.origin else {
            return Remembered::Answer {
                answer: cache,
                fresh: true,
                may_ask: true,
            };
        };
        let here = self.here();
        let ttl = Some(self.settings.cache_ttl).filter(|ttl| *ttl != 0);
        match origin.reading.standing(&here, ttl) {
            Standing::Foreign => Remembered::Nothing(format!(
                "no cached ranges in {} ({})",
                self.found.path.display(),
                origin.reading.whose(&here)
            )),
            standing => Remembered::Answer {
                fresh: standing == Standing::Fresh,
                may_ask: origin.reading.may_ask(here.now),
                answer: cache,
            },
        }
    }

    fn here(&self) -> Here {
        remembered::here(self.node_name())
    }

    fn node_name(&self) -> Option<String> {
        self.way.node_name(self.settings.node_name.as_deref())
    }

    fn own_node(&self, deadline: Deadline) -> Result<Node, NodeError> {
        let client = self.way.client(deadline)?;
        let origin = self.cached().and_then(|cache| cache.origin.as_ref());
        let remembered = origin.map(|origin| &origin.reading);
        node::own_node(&client, self.node_name().as_deref(), remembered)
    }

    /// Ranges the allocator refuses are not worth remembering.
    fn is_usable(&self, cache: &NodeCache) -> bool {
        let read = || Config::read(&section::network_for(self.network, self.settings, cache), "");
        self.settings.next.is_some() || !read().is_err_and(|error| blame::is_range_error(&error))
    }

    fn store(&self, cache: &NodeCache) {
        if let Err(error) = self.files.store(cache, &self.found) {
            self.settings
                .log
                .info(&format!("cannot write the cache: {error}"));
        }
    }
}

impl Source for Known<'_> {
    type Answer = NodeCache;

    /// Code 11 when the API server may answer later, else 100; in the words of spec §5.5.
    fn ask(&self, deadline: Deadline) -> Result<NodeCache, Refusal> {
        let node = self.own_node(deadline).map_err(|error| refusal(&error))?;
        self.settings.log.debug(&format!(
            "read node {} ({}) from the API server",
            node.name, node.uid
        ));
        let annotation = self.settings.annotation.as_str();
        let source = if annotation.is_empty() {
            RangeSource::Spec(node.pod_cidrs.as_deref(), node.pod_cidr.as_deref())
        } else {
            RangeSource::Annotation(node.annotations.get(annotation).map(String::as_str))
        };
        Ok(NodeCache {
            data_dir: self.settings.data_dir.clone(),
            ranges: plan::node_ranges(source).map_err(Refusal::Final)?,
            origin: Some(Origin {
                network: self.network.name.clone(),
                annotation: annotation.to_owned(),
                reading: self.here().reading(&node.name, &node.uid),
            }),
        })
    }

    /// A disk that does not take it costs the next call a request, no more.
    fn remember(&self, cache: &NodeCache) -> Result<(), Error> {
        if self.is_usable(cache) {
            self.store(cache);
        }
        Ok(())
    }

    /// Not in a file made by hand, which is not ours to change, nor in one that somebody else renewed in between.
    fn note_try(&self, cache: &NodeCache) {
        let now = self.files.load(&self.network.name, &self.settings.annotation);
        let mut tried = cache.clone();
        if let Some(origin) = &mut tried.origin
            && now.cache.as_ref() == Ok(cache)
        {
            origin.reading.tried = self.here().now;
            self.store(&tried);
        }
    }

    fn says_more(&self, new: &NodeCache, old: &NodeCache) -> bool {
        let same_node = match (&new.origin, &old.origin) {
            (Some(new), Some(old)) => new.reading.is_of_same_node(&old.reading),
            _ => true,
        };
        !same_node || new.ranges != old.ranges
    }

    fn note(&self, text: &str) {
        self.settings.log.info(text);
    }
}

fn refusal(error: &NodeError) -> Refusal {
    let refused = |code, details: String| Error::new(code, "Get the own node object").with_details(details);
    match error {
        NodeError::Failed(failure @ Failure::Transient(_)) => {
            Refusal::Unasked(refused(code::TRY_AGAIN, failure.to_string()))
        }
        NodeError::Failed(failure) => Refusal::Unasked(refused(code::KUBE_NODE, failure.to_string())),
        NodeError::Missing(text) => Refusal::Final(refused(code::KUBE_NODE, text.clone())),
    }
}
