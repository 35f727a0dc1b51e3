//! The commands, on the built-in allocator or another IPAM plugin.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    deadline::Deadline,
    delegate::{self, NextIpam},
    error::{Error, code},
    host_local,
    plan::{Config, DEFAULT_DATA_DIR, NodeCache},
    protocol::{Answer, Command, Invocation, Network},
    remembered::{Answers, Source, WithoutTrace},
};

use super::{
    blame::{may_be_outdated, not_ready, wrapped},
    ranges::Known,
    section,
    settings::Settings,
};

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
        Self {
            call,
            network,
            settings,
            known: Known::load(settings, network),
            deadline: Deadline::after(budget),
        }
    }

    pub(super) fn command(&self) -> Command {
        self.call.command
    }

    /// Reserves addresses.
    pub(super) fn add(&self) -> Result<Answer, Error> {
        self.with_ranges(|cache| {
            let may_have_ipv4 = section::may_have_ipv4(self.settings, &self.call.args);
            let network = self.network_for(cache);
            if let Some(next) = &self.settings.next {
                return if may_have_ipv4 {
                    self.forward(next, &network)
                } else {
                    self.forward(next, &section::with_only_first_ipv6(&network))
                };
            }
            let mut config = Config::read(&network, &self.call.args)?;
            config.options = config.options.reclaiming();
            if !may_have_ipv4 {
                section::only_first_ipv6(&mut config);
            }
            host_local::add(self.call, &network, &config)
        })
    }

    /// Checks the reservations.
    pub(super) fn check(&self) -> Result<Answer, Error> {
        self.with_ranges(|cache| {
            let network = self.network_for(cache);
            if let Some(next) = &self.settings.next {
                return self.forward(next, &network);
            }
            let config = Config::read(&network, &self.call.args)?;
            host_local::check(self.call, &network, &config).map(|()| Answer::nothing())
        })
    }

    /// Whether an ADD could be served now: it would go the same way. Writes nothing.
    pub(super) fn status(&self) -> Result<Answer, Error> {
        let act = |cache: &NodeCache| {
            let network = self.network_for(cache);
            if let Some(next) = &self.settings.next {
                return self.forward(next, &network);
            }
            let config = Config::read(&network, "")?;
            host_local::status(&network, &config).map(|()| Answer::nothing())
        };
        self.serve(&WithoutTrace(&self.known), act)
            .map_err(|failed| match failed {
                Failed::Asking(error) => not_ready(&error),
                Failed::Acting(error) if error.code == code::NOT_AVAILABLE => error,
                Failed::Acting(error) => not_ready(&wrapped(&error)),
            })
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

    /// Acts on the ranges of the node.
    fn with_ranges(&self, act: impl Fn(&NodeCache) -> Result<Answer, Error>) -> Result<Answer, Error> {
        self.serve(&self.known, act).map_err(|failed| match failed {
            Failed::Asking(error) => error,
            Failed::Acting(error) => wrapped(&error),
        })
    }

    /// An error that may come from old ranges is worth one look at the node.
    fn serve(
        &self,
        source: &impl Source<Answer = NodeCache>,
        act: impl Fn(&NodeCache) -> Result<Answer, Error>,
    ) -> Result<Answer, Failed> {
        let answers = Answers {
            source,
            remembered: &self.known.remembered(),
            deadline: self.deadline,
        };
        let worth = |failed: &Failed| matches!(failed, Failed::Acting(error) if may_be_outdated(error));
        answers.serve(|cache| act(cache).map_err(Failed::Acting), worth)
    }

    fn release_in(&self, data_dir: &str) -> Result<(), Error> {
        if let Some(next) = &self.settings.next {
            let ranges = self.known.cached().map(|cache| cache.ranges.clone());
            let cache = NodeCache {
                data_dir: Some(data_dir.to_owned()),
                ranges: ranges.unwrap_or_else(section::placeholder),
                origin: None,
            };
            return self.forward(next, &self.network_for(&cache)).map(|_| ());
        }
        let data_dir = PathBuf::from(data_dir);
        if self.call.command == Command::Gc {
            host_local::gc(self.network, &data_dir)
        } else {
            host_local::del(self.call, self.network, &data_dir)
        }
    }

    /// The data directories of the configuration and of the cache; the default where either names none. Another plugin
    /// hears of the first in any case, for it may keep its reservations elsewhere.
    fn data_dirs(&self) -> Vec<String> {
        let or_default = |named: Option<&str>| named.unwrap_or(DEFAULT_DATA_DIR).to_owned();
        let mut found = vec![or_default(self.settings.data_dir.as_deref())];
        if let Some(cache) = self.known.cached() {
            let cached = or_default(cache.data_dir.as_deref());
            if !found.contains(&cached) && Path::new(&cached).join(&self.network.name).exists() {
                found.push(cached);
            }
        }
        found
    }

    fn network_for(&self, cache: &NodeCache) -> Network {
        section::network_for(self.network, self.settings, cache)
    }

    fn forward(&self, next: &NextIpam, network: &Network) -> Result<Answer, Error> {
        let finished = next
            .run(&self.call.path, &network.to_bytes(), self.deadline)
            .map_err(Error::allocator)?;
        delegate::answer(self.call.command, &finished).map_err(Error::allocator)
    }
}

/// Two kinds of errors that are reported differently.
enum Failed {
    /// Of reading the node.
    Asking(Error),
    /// Of the allocator.
    Acting(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Asking(error)
    }
}
