//! The commands of the CNI (spec cni-ipam §6): expand the configuration, then allocate, or hand on.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    delegate::{self, NextIpam, PLACEHOLDER},
    error::{Error, code},
    host_local,
    json::{Json, Object},
    node::{self, Deadline},
    plan::{self, DEFAULT_DATA_DIR, annotation},
    protocol::{Answer, Command, Invocation, Network, warn},
};

use super::{config::Config, failed, lookup, record::Record};

/// For finding the annotation.
const BUDGET: Duration = Duration::from_secs(15);

/// The same for STATUS, which must answer soon.
const STATUS_BUDGET: Duration = Duration::from_secs(2);

/// For the program that allocates, when it is not us. Upstream sets no limit; runtimes give up after two to
/// four minutes.
const NEXT_BUDGET: Duration = Duration::from_secs(100);

/// Seconds for which an annotation is not read again. Upstream reads it every time: a change must be seen soon.
const DEFAULT_TTL: u64 = 10;

/// One call with all it needs.
pub(super) struct Call<'a> {
    config: &'a Config,
    call: &'a Invocation,
    network: &'a Network,
    record: Option<Record>,
    deadline: Deadline,
}

impl<'a> Call<'a> {
    pub(super) fn new(config: &'a Config, call: &'a Invocation, network: &'a Network) -> Self {
        let budget = if call.command == Command::Status {
            STATUS_BUDGET
        } else {
            BUDGET
        };
        let record = Record::load(&network.name);
        Self {
            config,
            call,
            network,
            record,
            deadline: Deadline::after(budget),
        }
    }

    pub(super) fn add(&self) -> Result<Answer, Error> {
        self.with_text(|network| match &self.config.next {
            Some(next) => self.forward(next, network),
            None => {
                let mut config = plan::Config::read(network, &self.call.args)?;
                config.options = config.options.reclaiming();
                host_local::add(self.call, network, &config)
            }
        })
    }

    pub(super) fn check(&self) -> Result<Answer, Error> {
        self.with_text(|network| match &self.config.next {
            Some(next) => self.forward(next, network),
            None => {
                let config = plan::Config::read(network, &self.call.args)?;
                host_local::check(self.call, network, &config).map(|()| Answer::nothing())
            }
        })
    }

    /// Whether an ADD could be served now. Writes nothing.
    pub(super) fn status(&self) -> Result<Answer, Error> {
        let not_ready =
            |error: Error| Error::new(code::NOT_AVAILABLE, error.msg.as_str()).with_details(error.details);
        let key = annotation_key(&self.network.document).map_err(not_ready)?;
        let text = match self.remembered(key).filter(|record| self.is_fresh(record)) {
            Some(record) => record.text.clone(),
            None => self.ask(key).map_err(not_ready)?.text,
        };
        let network = self.expanded(&text).map_err(not_ready)?;
        match &self.config.next {
            Some(next) => self.forward(next, &network).map_err(not_ready),
            None => {
                let config = plan::Config::read(&network, "").map_err(not_ready)?;
                host_local::status(&network, &config).map(|()| Answer::nothing())
            }
        }
    }

    /// DEL and GC: wherever reservations of this network may be. The API server is not asked (spec §6.4).
    pub(super) fn release(&self) -> Result<Answer, Error> {
        let mut failure = None;
        for directory in self.directories() {
            if let Err(error) = self.release_in(&directory) {
                failure.get_or_insert(error);
            }
        }
        failure.map_or_else(|| Ok(Answer::nothing()), Err)
    }

    /// Acts on the annotation. If what is remembered leads to an error, the annotation is read, and a new text
    /// tried.
    fn with_text(&self, act: impl Fn(&Network) -> Result<Answer, Error>) -> Result<Answer, Error> {
        let key = annotation_key(&self.network.document)?;
        self.config.log(&format!("Ipam from annotation: [{key}]"));
        let Some(record) = self.remembered(key).filter(|record| self.is_fresh(record)) else {
            let record = self.ask_or_remembered(key)?;
            return act(&self.remember_and_expand(&record)?);
        };
        match self.expanded_again(record).and_then(|network| act(&network)) {
            Ok(answer) => Ok(answer),
            Err(error) => match self.ask(key) {
                Ok(new) if new.text != record.text => act(&self.remember_and_expand(&new)?),
                Ok(_) | Err(_) => Err(error),
            },
        }
    }

    /// The annotation; or, while the API server does not answer, what is remembered of it although it is old.
    fn ask_or_remembered(&self, key: &str) -> Result<Record, Error> {
        self.ask(key).or_else(|error| match self.remembered(key) {
            Some(record) if error.msg == failed("kubectl get nodes").msg => {
                warn(&format!(
                    "using an annotation read before, for it cannot be read: {error}"
                ));
                Ok(record.clone())
            }
            _ => Err(error),
        })
    }

    fn ask(&self, key: &str) -> Result<Record, Error> {
        let remembered = self
            .remembered(key)
            .map(|record| (record.node.as_str(), record.uid.as_str()));
        let node = lookup::own_node(self.config, remembered, self.deadline)?;
        let text = node
            .annotations
            .get(key)
            .ok_or_else(|| failed("Annotation not found"))?;
        Ok(Record {
            annotation: key.to_owned(),
            text: text.clone(),
            node: node.name,
            uid: node.uid,
            time: now(),
            data_dirs: self
                .record
                .as_ref()
                .map(|record| record.data_dirs.clone())
                .unwrap_or_default(),
        })
    }

    /// What is remembered of this annotation of this node.
    fn remembered(&self, key: &str) -> Option<&Record> {
        let name = node::known_name(None);
        let same_node = |record: &&Record| name.as_ref().is_none_or(|name| *name == record.node);
        self.record
            .as_ref()
            .filter(|record| record.annotation == key)
            .filter(same_node)
    }

    fn is_fresh(&self, record: &Record) -> bool {
        let ttl = match self.network.ipam().and_then(|ipam| ipam.get("cacheTTL")) {
            Some(Json::Number(seconds)) => seconds.as_u64().unwrap_or(DEFAULT_TTL),
            _ => DEFAULT_TTL,
        };
        record.is_fresh(ttl, now())
    }

    /// The remembered text in a configuration that may have changed, and with it the directory.
    fn expanded_again(&self, record: &Record) -> Result<Network, Error> {
        let network = self.expanded(&record.text)?;
        let directory = host_local::data_dir(&network);
        let known = record.data_dirs.iter().any(|one| Path::new(one) == directory);
        if known {
            Ok(network)
        } else {
            self.remember_and_expand(record)
        }
    }

    /// Written before anything is reserved: who releases must find the directory.
    fn remember_and_expand(&self, record: &Record) -> Result<Network, Error> {
        let network = self.expanded(&record.text)?;
        let mut record = record.clone();
        record.add_directory(&host_local::data_dir(&network).to_string_lossy());
        if let Err(error) = record.store(&self.network.name) {
            warn(&format!("cannot remember the annotation: {error}"));
        }
        Ok(network)
    }

    fn expanded(&self, text: &str) -> Result<Network, Error> {
        let ipam = expanded_ipam(&self.network.document, text, self.config.next.as_ref())?;
        Ok(self.network.with_ipam(ipam))
    }

    /// The default data directory and all that were recorded.
    fn directories(&self) -> Vec<String> {
        let recorded = self
            .record
            .iter()
            .flat_map(|record| record.data_dirs.iter().cloned());
        let mut directories: Vec<String> = recorded.collect();
        if !directories.iter().any(|directory| directory == DEFAULT_DATA_DIR) {
            directories.push(DEFAULT_DATA_DIR.to_owned());
        }
        directories
    }

    fn release_in(&self, directory: &str) -> Result<(), Error> {
        if let Some(next) = &self.config.next {
            let text = self.record.as_ref().map_or("", |record| record.text.as_str());
            let mut ipam = expanded_ipam(&self.network.document, text, Some(next)).unwrap_or_default();
            if ipam.get("ranges").is_none() && ipam.get("subnet").is_none() {
                ipam.set("type", Json::from(next.kind()));
                ipam.set("subnet", Json::from(PLACEHOLDER));
            }
            ipam.set("dataDir", Json::from(directory));
            return self.forward(next, &self.network.with_ipam(ipam)).map(|_| ());
        }
        let directory = PathBuf::from(directory);
        if self.call.command == Command::Gc {
            host_local::gc(self.network, &directory)
        } else {
            host_local::del(self.call, self.network, &directory)
        }
    }

    /// Another plugin's result; its error keeps its code.
    fn forward(&self, next: &NextIpam, network: &Network) -> Result<Answer, Error> {
        let finished = run_next(next, &network.to_bytes())?;
        delegate::answer(&finished)
            .map_err(|text| delegate::error(&finished).unwrap_or_else(|| failed(&text)))
    }
}

/// Runs the next plugin, which is searched for in `PATH`.
pub(super) fn run_next(next: &NextIpam, input: &[u8]) -> Result<crate::child::Finished, Error> {
    let deadline = Deadline::after(NEXT_BUDGET);
    next.run(&delegate::search_path(), input, deadline)
        .map_err(|problem| failed("nextipam").with_details(problem))
}

/// `ipam.annotation`.
///
/// # Errors
/// Code 11 when there is none.
pub(super) fn annotation_key(document: &Object) -> Result<&str, Error> {
    let ipam = document.get("ipam").and_then(Json::as_object);
    let key = ipam
        .and_then(|ipam| ipam.get("annotation"))
        .and_then(Json::as_str);
    key.filter(|key| !key.is_empty())
        .ok_or_else(|| failed("No annotation specified"))
}

/// The `ipam` section that the annotation stands for. Nothing of the old one is kept, unless it says `"merge":
/// true` \[E\].
///
/// # Errors
/// Code 11 for a text that is no annotation.
pub(super) fn expanded_ipam(document: &Object, text: &str, next: Option<&NextIpam>) -> Result<Object, Error> {
    let bad = |error: annotation::SyntaxError| failed("Bad annotation").with_details(error.to_string());
    let members = annotation::parse(text).map_err(bad)?;
    let ipam = document.get("ipam").and_then(Json::as_object);
    let merged = match ipam {
        Some(ipam) if ipam.get("merge") == Some(&Json::Bool(true)) => {
            kept(ipam).chain(members.iter()).collect()
        }
        _ => members.iter().collect::<Vec<_>>(),
    };
    let members: Object = merged
        .into_iter()
        .map(|(key, value)| (key, value.clone()))
        .collect();
    let mut section = annotation::section(next.map_or("host-local", NextIpam::kind), &members);
    if next.is_none() {
        annotation::nest_ranges(&mut section);
    }
    Ok(section)
}

/// What a merge keeps of the old section.
fn kept(ipam: &Object) -> impl Iterator<Item = (&str, &Json)> {
    let ours = ["type", "annotation", "merge", "cacheTTL"];
    ipam.iter()
        .filter(move |(key, _)| !ours.iter().any(|one| one.eq_ignore_ascii_case(key)))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
