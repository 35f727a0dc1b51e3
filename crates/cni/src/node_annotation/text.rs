//! Which text the annotation has: from the record, or from the API server.

use crate::{
    deadline::Deadline,
    error::Error,
    host_local,
    json::Json,
    node::Way,
    plan::{AnnotationRecord, DEFAULT_DATA_DIR, Here, Standing},
    protocol::{Command, Network, warn},
    remembered::{self, Refusal, Remembered, Source},
};

use super::{
    config::Config,
    expand::expanded_ipam,
    failed,
    lookup::{self, Refused},
    record::Records,
};

/// Seconds for which an annotation is not read again. Upstream reads it every time: a change must be seen soon.
const DEFAULT_TTL: u64 = 10;

/// The annotation of one network, as far as it is known.
pub(super) struct Known<'a> {
    config: &'a Config,
    network: &'a Network,
    command: Command,
    records: Records,
    /// The record, or why there is none.
    record: Result<AnnotationRecord, String>,
    way: Way,
}

impl<'a> Known<'a> {
    /// Looks at the record only.
    pub(super) fn load(config: &'a Config, network: &'a Network, command: Command) -> Self {
        let records = Records::new();
        Self {
            config,
            network,
            command,
            record: records.load(&network.name),
            records,
            way: Way::new(config.kubeconfig.as_deref()),
        }
    }

    /// The record, however old and of whichever node: where reservations may be.
    pub(super) fn record(&self) -> Option<&AnnotationRecord> {
        self.record.as_ref().ok()
    }

    /// The annotation `key`, to be read and remembered.
    pub(super) fn annotation<'b>(&'b self, key: &'b str) -> Annotation<'b> {
        Annotation { known: self, key }
    }

    /// The network with what the text stands for.
    pub(super) fn expanded(&self, text: &str) -> Result<Network, Error> {
        let ipam = expanded_ipam(&self.network.document, text, self.config.next.as_ref())?;
        Ok(self.network.with_ipam(ipam))
    }

    fn ttl(&self) -> u64 {
        match self.network.ipam().and_then(|ipam| ipam.get("cacheTTL")) {
            Some(Json::Number(seconds)) => seconds.as_u64().unwrap_or(DEFAULT_TTL),
            _ => DEFAULT_TTL,
        }
    }

    fn here(&self) -> Here {
        remembered::here(self.way.node_name(None))
    }

    /// Whether who releases will look there.
    fn finds(&self, directory: &str) -> bool {
        directory == DEFAULT_DATA_DIR || self.record().is_some_and(|record| record.knows(directory))
    }
}

/// One annotation of the own node.
pub(super) struct Annotation<'a> {
    known: &'a Known<'a>,
    key: &'a str,
}

impl Annotation<'_> {
    /// What the record says of it.
    pub(super) fn remembered(&self) -> Remembered<AnnotationRecord> {
        let known = self.known;
        let nothing = |why: &str| {
            let path = known.records.path(&known.network.name);
            Remembered::Nothing(format!("no cached annotation in {} ({why})", path.display()))
        };
        let record = match &known.record {
            Ok(record) => record,
            Err(why) => return nothing(why),
        };
        if record.annotation != self.key {
            return nothing(&format!("of annotation {}", record.annotation));
        }
        let here = known.here();
        match record.reading.standing(&here, Some(known.ttl())) {
            Standing::Foreign => nothing(&record.reading.whose(&here)),
            standing => Remembered::Answer {
                answer: record.clone(),
                fresh: standing == Standing::Fresh,
                may_ask: record.reading.may_ask(here.now),
            },
        }
    }

    /// The network that a record stands for. Its directory is recorded, for the configuration may have changed since
    /// and with it the directory.
    pub(super) fn network(&self, record: &AnnotationRecord) -> Result<Network, Error> {
        let network = self.known.expanded(&record.text)?;
        if !record.knows(&directory(&network)) {
            self.remember(record)?;
        }
        Ok(network)
    }
}

impl Source for Annotation<'_> {
    type Answer = AnnotationRecord;

    fn ask(&self, deadline: Deadline) -> Result<AnnotationRecord, Refusal> {
        let known = self.known;
        let remembered = known
            .record()
            .filter(|record| !record.reading.node.is_empty())
            .map(|record| &record.reading);
        let node = lookup::own_node(&known.way, remembered, deadline).map_err(|refused| match refused {
            Refused::Unasked(error) => Refusal::Unasked(error),
            Refused::Missing(error) => Refusal::Final(error),
        })?;
        let text = node.annotations.get(self.key);
        let text = text.ok_or_else(|| Refusal::Final(failed("Annotation not found")))?;
        let mut record = AnnotationRecord {
            annotation: self.key.to_owned(),
            text: text.clone(),
            reading: known.here().reading(&node.name, &node.uid),
            data_dirs: known
                .record()
                .map(|record| record.data_dirs.clone())
                .unwrap_or_default(),
        };
        // A text that is no annotation has none, and is refused before it is remembered.
        if let Ok(network) = known.expanded(text) {
            record.add_directory(&directory(&network));
        }
        Ok(record)
    }

    /// Written before anything is reserved: who releases must find the directory. An ADD into one that would not be
    /// found is refused.
    fn remember(&self, record: &AnnotationRecord) -> Result<(), Error> {
        let known = self.known;
        let directory = directory(&known.expanded(&record.text)?);
        let mut record = record.clone();
        record.add_directory(&directory);
        let Err(error) = known.records.store(&known.network.name, &record) else {
            return Ok(());
        };
        let folder = known.records.folder().display();
        if known.command == Command::Add && !known.finds(&directory) {
            return Err(failed(&format!(
                "cannot remember dataDir {directory} in {folder}: {error}; make {folder} writable"
            )));
        }
        warn(&format!("cannot remember the annotation in {folder}: {error}"));
        Ok(())
    }

    fn note_try(&self, record: &AnnotationRecord) {
        let known = self.known;
        let now = known.here().now;
        if let Err(error) = known.records.note_try(&known.network.name, record, now) {
            warn(&format!("cannot note that the node could not be read: {error}"));
        }
    }

    fn says_more(&self, new: &AnnotationRecord, old: &AnnotationRecord) -> bool {
        new.text != old.text || !new.reading.is_of_same_node(&old.reading)
    }

    fn note(&self, text: &str) {
        warn(text);
    }
}

fn directory(network: &Network) -> String {
    host_local::data_dir(network).to_string_lossy().into_owned()
}
