//! The commands, on the built-in allocator or another IPAM plugin.

use std::{path::PathBuf, time::Duration};

use addr::Family;

use crate::{
    delegate::{self, PLACEHOLDER},
    error::{Error, code},
    host_local,
    json::{Json, Object},
    node::Deadline,
    plan::{self, Config, DEFAULT_DATA_DIR, NodeCache},
    protocol::{Answer, Command, Invocation, Network},
};

use super::{ranges::Known, settings::Settings};

/// For the whole call, whatever it has to wait for (spec §5.3).
const BUDGET: Duration = Duration::from_secs(15);

/// STATUS must answer soon (spec §5.5).
const STATUS_BUDGET: Duration = Duration::from_secs(2);

/// One call with all it needs.
pub(super) struct Call<'a> {
    call: &'a Invocation,
    network: &'a Network,
    settings: &'a Settings,
    known: Known<'a>,
    deadline: Deadline,
}

impl<'a> Call<'a> {
    pub(super) fn new(call: &'a Invocation, network: &'a Network, settings: &'a Settings) -> Self {
        let budget = if call.command == Command::Status {
            STATUS_BUDGET
        } else {
            BUDGET
        };
        let known = Known::load(settings, network);
        Self {
            call,
            network,
            settings,
            known,
            deadline: Deadline::after(budget),
        }
    }

    pub(super) fn command(&self) -> Command {
        self.call.command
    }

    /// Reserves addresses. With ranges from the cache, an error that may come from old ranges is worth one look
    /// at the node.
    pub(super) fn add(&self) -> Result<Answer, Error> {
        self.with_ranges(|cache| self.add_from(cache))
    }

    /// Checks the reservations.
    pub(super) fn check(&self) -> Result<Answer, Error> {
        self.with_ranges(|cache| {
            if self.settings.next.is_some() {
                return self.forward(&self.network_for(cache));
            }
            let network = self.network_for(cache);
            let config = Config::read(&network, &self.call.args)?;
            host_local::check(self.call, &network, &config)?;
            Ok(Answer::nothing())
        })
    }

    /// Whether an ADD could be served now. Writes nothing.
    pub(super) fn status(&self) -> Result<Answer, Error> {
        let not_ready = |error: &Error| {
            Error::new(code::NOT_AVAILABLE, error.msg.as_str()).with_details(error.details.as_str())
        };
        let asked;
        let cache = match self.known.fresh() {
            Some(cache) => cache,
            None => {
                asked = self.known.ask(self.deadline).map_err(|error| not_ready(&error))?;
                &asked
            }
        };
        let network = self.network_for(cache);
        if self.settings.next.is_some() {
            return self
                .forward(&network)
                .map_err(|error| not_ready(&wrapped(&error)));
        }
        let config = Config::read(&network, "").map_err(|error| not_ready(&wrapped(&error)))?;
        host_local::status(&network, &config)?;
        Ok(Answer::nothing())
    }

    /// DEL and GC: wherever reservations of this network may be. The API server is not asked (spec §5.5).
    pub(super) fn release(&self) -> Result<Answer, Error> {
        let mut errors = Vec::new();
        for data_dir in self.data_dirs() {
            if let Err(error) = self.release_in(&data_dir) {
                errors.push(wrapped(&error));
            }
        }
        let Some(first) = errors.first() else {
            return Ok(Answer::nothing());
        };
        let details: Vec<&str> = errors.iter().map(|error| error.details.as_str()).collect();
        Err(first.clone().with_details(details.join("; ")))
    }

    fn with_ranges(&self, act: impl Fn(&NodeCache) -> Result<Answer, Error>) -> Result<Answer, Error> {
        let Some(cached) = self.known.fresh() else {
            let (cache, asked) = self.ask_or_remember()?;
            if asked && self.is_usable(&cache) {
                self.known.remember(&cache);
            }
            return act(&cache).map_err(|error| wrapped(&error));
        };
        let failed = match act(cached) {
            Err(error) if may_be_outdated(&error) => error,
            other => return other.map_err(|error| wrapped(&error)),
        };
        match self.known.ask(self.deadline) {
            Ok(asked) if asked.ranges != cached.ranges => {
                self.settings
                    .log
                    .info("the ranges of the node changed; trying again with the new ones");
                if self.is_usable(&asked) {
                    self.known.remember(&asked);
                }
                act(&asked).map_err(|error| wrapped(&error))
            }
            Ok(_) => Err(wrapped(&failed)),
            Err(error) => {
                self.settings
                    .log
                    .info(&format!("cannot read the node again: {error}"));
                Err(wrapped(&failed))
            }
        }
    }

    /// The node; or, while the API server does not answer, what is remembered of it although it is old.
    fn ask_or_remember(&self) -> Result<(NodeCache, bool), Error> {
        match (self.known.ask(self.deadline), self.known.outdated()) {
            (Ok(cache), _) => Ok((cache, true)),
            (Err(error), Some(old)) if error.code == code::TRY_AGAIN => {
                self.settings.log.info(&format!(
                    "using ranges read before, for the node cannot be read: {error}"
                ));
                Ok((old.clone(), false))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Ranges the allocator refuses are not worth remembering.
    fn is_usable(&self, cache: &NodeCache) -> bool {
        self.settings.next.is_some()
            || !Config::read(&self.network_for(cache), "").is_err_and(|error| is_range_error(&error))
    }

    fn add_from(&self, cache: &NodeCache) -> Result<Answer, Error> {
        let restricted = !self.may_have_ipv4();
        let mut network = self.network_for(cache);
        if self.settings.next.is_some() {
            if restricted {
                keep_first_ipv6(&mut network);
            }
            return self.forward(&network);
        }
        let mut config = Config::read(&network, &self.call.args)?;
        config.options = config.options.reclaiming();
        if restricted {
            // The sets keep their numbers, and with them the round robin of the other family.
            let first = config
                .range_sets
                .iter()
                .position(|set| set.family() == Family::V6);
            config.range_sets = first
                .map(|first| config.range_sets.swap_remove(first))
                .into_iter()
                .collect();
        }
        host_local::add(self.call, &network, &config)
    }

    fn release_in(&self, data_dir: &str) -> Result<(), Error> {
        if self.settings.next.is_some() {
            let cache = self.known.remembered().map(|cache| cache.ranges.clone());
            let cache = NodeCache {
                data_dir: Some(data_dir.to_owned()),
                ranges: cache.unwrap_or_else(placeholder),
                origin: None,
            };
            return self.forward(&self.network_for(&cache)).map(|_| ());
        }
        let data_dir = PathBuf::from(data_dir);
        if self.call.command == Command::Gc {
            host_local::gc(self.network, &data_dir)
        } else {
            host_local::del(self.call, self.network, &data_dir)
        }
    }

    /// The data directories of the cache and of the configuration; the default where either names none.
    fn data_dirs(&self) -> Vec<String> {
        let or_default = |named: Option<&str>| named.unwrap_or(DEFAULT_DATA_DIR).to_owned();
        let mut found = vec![or_default(self.settings.data_dir.as_deref())];
        if let Some(cache) = self.known.remembered() {
            let cached = or_default(cache.data_dir.as_deref());
            if !found.contains(&cached) {
                found.push(cached);
            }
        }
        found
    }

    /// The network with the `ipam` section that the allocator gets.
    fn network_for(&self, cache: &NodeCache) -> Network {
        let kind = self
            .settings
            .next
            .as_ref()
            .map_or("host-local", |next| next.kind());
        let mut ipam = Object::from_iter([("type", Json::from(kind))]);
        if let Some(data_dir) = &cache.data_dir {
            ipam.set("dataDir", Json::from(data_dir.as_str()));
        }
        // The node's own routes come last and so win.
        for (key, value) in self.settings.passed_on.iter().chain(cache.ranges.iter()) {
            ipam.set(key, value.clone());
        }
        self.network.with_ipam(ipam)
    }

    fn forward(&self, network: &Network) -> Result<Answer, Error> {
        let Some(next) = &self.settings.next else {
            return Err(Error::allocator("no nextipam to forward to"));
        };
        let finished = next
            .run(&self.call.path, &network.to_bytes(), self.deadline)
            .map_err(Error::allocator)?;
        delegate::answer(&finished).map_err(Error::allocator)
    }

    /// Whether the pod's namespace is one of `ipv4-namespaces`, if there is such a list (spec §5.6).
    fn may_have_ipv4(&self) -> bool {
        let Some(allowed) = &self.settings.ipv4_namespaces else {
            return true;
        };
        let namespace = self
            .call
            .args
            .split(';')
            .find_map(|part| part.strip_prefix("K8S_POD_NAMESPACE="));
        namespace.is_some_and(|namespace| !namespace.is_empty() && allowed.iter().any(|one| one == namespace))
    }
}

/// For another plugin, which numbers the sets it gets by itself.
fn keep_first_ipv6(network: &mut Network) {
    let Some(ipam) = network.ipam() else { return };
    let sets = ipam.get("ranges").and_then(Json::as_list).unwrap_or_default();
    let subnet = |set: &Json| {
        let range = set.as_list()?.first()?.as_object()?;
        plan::parse_cidr(range.get("subnet")?.as_str()?)
    };
    let is_ipv6 = |set: &&Json| subnet(set).is_some_and(|cidr| cidr.address.is_ipv6());
    let kept: Vec<Json> = sets.iter().find(is_ipv6).cloned().into_iter().collect();
    let mut ipam = ipam.clone();
    ipam.set("ranges", Json::List(kept));
    *network = network.with_ipam(ipam);
}

fn placeholder() -> Object {
    let range = Object::from_iter([("subnet", Json::from(PLACEHOLDER))]);
    Object::from_iter([("ranges", Json::List(vec![Json::List(vec![Json::Object(range)])]))])
}

/// An error of the allocator as `kube-node` reports it (spec §5.5). A lock that was held too long may be free
/// next time.
fn wrapped(error: &Error) -> Error {
    let code = if error.code == code::TRY_AGAIN {
        code::TRY_AGAIN
    } else {
        code::KUBE_NODE
    };
    Error::new(code, "Invoke host-local ipam").with_details(error.to_string())
}

/// Whether the ranges may be to blame: full, or refused.
fn may_be_outdated(error: &Error) -> bool {
    error.msg.contains("no IP addresses available in range set") || is_range_error(error)
}

fn is_range_error(error: &Error) -> bool {
    [
        "invalid range set",
        "range set ",
        "invalid CIDR address",
        "no IP ranges specified",
    ]
    .iter()
    .any(|beginning| error.msg.starts_with(beginning))
}
