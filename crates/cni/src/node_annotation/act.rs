//! The commands of the CNI (spec cni-ipam §6): expand the configuration, then allocate, or hand on.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    child::Finished,
    deadline::Deadline,
    delegate::{self, NextIpam, PLACEHOLDER},
    error::{Error, code},
    host_local,
    json::Json,
    plan::{self, AnnotationRecord, DEFAULT_DATA_DIR},
    protocol::{Answer, Command, Invocation, Network},
    remembered::{Answers, Source, WithoutTrace},
};

use super::{
    config::Config,
    expand::{annotation_key, expanded_ipam},
    failed,
    text::{Annotation, Known},
};

/// For finding the annotation.
const BUDGET: Duration = Duration::from_secs(15);

/// The same for STATUS, which must answer soon.
const STATUS_BUDGET: Duration = Duration::from_secs(2);

/// For the program that allocates, when it is not us. Upstream sets no limit; runtimes give up after two to
/// four minutes.
pub(super) const NEXT_BUDGET: Duration = Duration::from_secs(100);

/// The same for STATUS: no answer is an answer, too.
const NEXT_STATUS_BUDGET: Duration = Duration::from_secs(5);

/// One call with all it needs.
pub(super) struct Call<'a> {
    config: &'a Config,
    call: &'a Invocation,
    network: &'a Network,
    known: Known<'a>,
    deadline: Deadline,
}

impl<'a> Call<'a> {
    pub(super) fn new(config: &'a Config, call: &'a Invocation, network: &'a Network) -> Self {
        let budget = if call.command == Command::Status {
            STATUS_BUDGET
        } else {
            BUDGET
        };
        Self {
            config,
            call,
            network,
            known: Known::load(config, network, call.command),
            deadline: Deadline::after(budget),
        }
    }

    /// Carries the command out.
    ///
    /// # Errors
    /// Of this plugin or of the built-in allocator. What another plugin said of its failure is an answer: it is passed
    /// on as it is (spec §7).
    pub(super) fn run(&self) -> Result<Answer, Error> {
        let done = match self.call.command {
            Command::Add => self.add(),
            Command::Check => self.check(),
            Command::Del | Command::Gc => self.release(),
            Command::Status => self.status(),
        };
        done.or_else(|failure| match failure {
            Failure::Ours(error) => Err(error),
            Failure::Theirs(answer, text) => {
                self.config.log(&format!("ERROR: {text}"));
                Ok(answer)
            }
        })
    }

    fn add(&self) -> Result<Answer, Failure> {
        self.with_text(|network| match &self.config.next {
            Some(next) => self.forward(next, network),
            None => {
                let mut config = plan::Config::read(network, &self.call.args)?;
                config.options = config.options.reclaiming();
                Ok(host_local::add(self.call, network, &config)?)
            }
        })
    }

    fn check(&self) -> Result<Answer, Failure> {
        self.with_text(|network| match &self.config.next {
            Some(next) => self.forward(next, network),
            None => {
                let config = plan::Config::read(network, &self.call.args)?;
                host_local::check(self.call, network, &config)?;
                Ok(Answer::nothing())
            }
        })
    }

    /// Whether an ADD could be served now: it would go the same way. Writes nothing.
    fn status(&self) -> Result<Answer, Failure> {
        let served = annotation_key(&self.network.document)
            .map_err(Failure::Ours)
            .and_then(|key| {
                let annotation = self.known.annotation(key);
                self.serve(&annotation, &WithoutTrace(&annotation), |record| {
                    self.status_of(&self.known.expanded(&record.text)?)
                })
            });
        served.map_err(|failure| match failure {
            Failure::Ours(error) => Failure::Ours(Error {
                code: code::NOT_AVAILABLE,
                ..error
            }),
            theirs @ Failure::Theirs(..) => theirs,
        })
    }

    fn status_of(&self, network: &Network) -> Result<Answer, Failure> {
        if let Some(next) = &self.config.next {
            return self.forward(next, network);
        }
        let config = plan::Config::read(network, "")?;
        host_local::status(network, &config)?;
        Ok(Answer::nothing())
    }

    /// DEL and GC: wherever reservations of this network may be. The API server is not asked (spec §6.4).
    fn release(&self) -> Result<Answer, Failure> {
        let mut answer = None;
        let mut failure = None;
        for directory in self.directories() {
            match self.release_in(&directory) {
                Ok(one) => _ = answer.get_or_insert(one),
                Err(one) => _ = failure.get_or_insert(one),
            }
        }
        failure.map_or_else(|| Ok(answer.unwrap_or_default()), Err)
    }

    /// Acts on the annotation.
    fn with_text(&self, act: impl Fn(&Network) -> Result<Answer, Failure>) -> Result<Answer, Failure> {
        let key = annotation_key(&self.network.document)?;
        self.config.log(&format!("Ipam from annotation: [{key}]"));
        let annotation = self.known.annotation(key);
        self.serve(&annotation, &annotation, |record| {
            act(&annotation.network(record)?)
        })
    }

    /// If what is remembered leads to an error, whichever, the annotation is read, and a new text tried (spec §6.4).
    fn serve(
        &self,
        annotation: &Annotation<'_>,
        source: &impl Source<Answer = AnnotationRecord>,
        act: impl Fn(&AnnotationRecord) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let answers = Answers {
            source,
            remembered: &annotation.remembered(),
            deadline: self.deadline,
        };
        answers.serve(act, |_| true)
    }

    /// All data directories that were recorded, and the default one. Another plugin hears of the first in any case, for
    /// it may keep its reservations elsewhere.
    fn directories(&self) -> Vec<String> {
        let recorded = self.known.record().into_iter();
        let recorded = recorded.flat_map(|record| record.data_dirs.iter().map(String::as_str));
        let mut directories: Vec<String> = Vec::new();
        for directory in recorded.chain([DEFAULT_DATA_DIR]) {
            let exists = || Path::new(directory).join(&self.network.name).exists();
            if !directories.iter().any(|one| one == directory) && (directories.is_empty() || exists()) {
                directories.push(directory.to_owned());
            }
        }
        directories
    }

    fn release_in(&self, directory: &str) -> Result<Answer, Failure> {
        if let Some(next) = &self.config.next {
            let text = self.known.record().map_or("", |record| record.text.as_str());
            let mut ipam = expanded_ipam(&self.network.document, text, Some(next)).unwrap_or_default();
            if ipam.get("ranges").is_none() && ipam.get("subnet").is_none() {
                ipam.set("type", Json::from(next.kind()));
                ipam.set("subnet", Json::from(PLACEHOLDER));
            }
            ipam.set("dataDir", Json::from(directory));
            return self.forward(next, &self.network.with_ipam(ipam));
        }
        let directory = PathBuf::from(directory);
        if self.call.command == Command::Gc {
            host_local::gc(self.network, &directory)?;
        } else {
            host_local::del(self.call, self.network, &directory)?;
        }
        Ok(Answer::nothing())
    }

    /// Another plugin's output and exit status, as they are.
    fn forward(&self, next: &NextIpam, network: &Network) -> Result<Answer, Failure> {
        let budget = if self.call.command == Command::Status {
            NEXT_STATUS_BUDGET
        } else {
            NEXT_BUDGET
        };
        let finished = run_next(next, &network.to_bytes(), Deadline::after(budget))?;
        match delegate::answer(self.call.command, &finished) {
            Ok(_) => Ok(passed_on(finished)),
            Err(text) if delegate::is_error_document(&finished) => {
                Err(Failure::Theirs(passed_on(finished), text))
            }
            Err(text) => Err(Failure::Ours(failed(&text))),
        }
    }
}

/// Runs the next plugin, which is searched for in `PATH`.
pub(super) fn run_next(next: &NextIpam, input: &[u8], deadline: Deadline) -> Result<Finished, Error> {
    next.run(&delegate::search_path(), input, deadline)
        .map_err(|problem| failed("nextipam").with_details(problem))
}

fn passed_on(finished: Finished) -> Answer {
    let status = delegate::exit_status(&finished);
    Answer::passed_on(finished.stdout, status)
}

/// Why a command failed.
enum Failure {
    /// In this plugin, or the built-in allocator.
    Ours(Error),
    /// In another plugin: what it printed and its exit status, and the same as text.
    Theirs(Answer, String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}
