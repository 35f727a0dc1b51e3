//! How many Nodes were deleted lately, where the next process finds it.
//!
//! A restart must not grant another tenth of the cluster, nor may a second process that believes it leads. So there is a
//! number in the API server, an annotation of a Lease of its own, that is *never smaller* than the number of deletions in
//! any [`PERIOD`](crate::plan::lifecycle::PERIOD) up to now: it is raised before a Node is deleted, under the
//! resourceVersion it was read at, and lowered only by who wrote it last, when its own deletions have become too old.
//! Whoever finds it takes all of them for deletions of this moment, so no clock of another machine matters.
//!
//! Why not the Lease of the election: each deletion would make a renewal of it fail once. Why not Events: they are sent
//! without waiting and may be dropped, and our account cannot read them.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use runtime::client::{Outcome, outcome};
use tokio::sync::{Mutex, MutexGuard};

use super::World;
use crate::act::{Error, admit};

/// Annotation with the number.
const DELETIONS: &str = "cloud.cadastre.dev/deletions";

/// The record of deletions.
#[derive(Debug)]
pub struct Ledger {
    api: Api<Lease>,
    namespace: String,
    name: String,
    /// What was read or written last; `None` before, and when another process has written or nobody knows. One request
    /// at a time: each depends on the one before.
    page: Mutex<Option<Page>>,
}

/// The record as it is.
#[derive(Debug)]
struct Page {
    /// `None` while there is none.
    object: Option<Lease>,
    deletions: usize,
}

/// Why the record is of no use, so that no Node may be deleted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A request failed.
    #[error(
        "the record of deletions, Lease {lease}, cannot be read and written; allow the account to get, create and \
         update it"
    )]
    Request {
        /// Namespace and name.
        lease: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// Somebody wrote something else into it.
    #[error("annotation {DELETIONS} of Lease {lease} is {text:?}, which is no number; remove it")]
    Unreadable {
        /// Namespace and name.
        lease: String,
        /// The annotation.
        text: String,
    },
}

impl LedgerError {
    /// Whether a person should read about it: not when another process was faster, or leads.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match self {
            Self::Request { source, .. } => source.is_news(),
            Self::Unreadable { .. } => true,
        }
    }
}

impl Ledger {
    /// The record beside the Lease `lease` of the election, `<lease>-deletions`. Nothing is sent yet.
    #[must_use]
    pub fn new(client: Client, namespace: &str, lease: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: format!("{lease}-deletions"),
            page: Mutex::default(),
        }
    }

    /// Makes sure that deletions of others count in the budget. To be called before the budget is asked; costs a request
    /// only the first time, and after a failure.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn open(&self, world: &World) -> Result<(), LedgerError> {
        let mut page = self.page.lock().await;
        if page.is_some() {
            return Ok(());
        }
        let object = match self.api.get_opt(&self.name).await {
            Ok(object) => object,
            Err(error) => return Err(self.failed(Error::Api(error))),
        };
        let deletions = self.read(object.as_ref())?;
        // Some of them may be our own, from before a write that failed: they count twice then, and never not at all.
        world.inherit(deletions);
        *page = Some(Page { object, deletions });
        Ok(())
    }

    /// Makes sure that the record covers every deletion that was charged. To be called before a Node is deleted.
    ///
    /// # Errors
    /// When it cannot be written, or was written by somebody else: the deletion must not happen.
    pub async fn cover(&self, world: &World) -> Result<(), LedgerError> {
        let page = self.page.lock().await;
        let covered = page.as_ref().map_or(0, |page| page.deletions);
        let spent = world.spent();
        if page.is_some() && covered >= spent {
            return Ok(());
        }
        self.write(world, page, spent).await
    }

    /// Lowers the record when deletions have become too old to count, or did not happen.
    ///
    /// # Errors
    /// As [`Ledger::cover`]; the record is then higher than it need be.
    pub async fn settle(&self, world: &World) -> Result<(), LedgerError> {
        let page = self.page.lock().await;
        let spent = world.spent();
        match page.as_ref() {
            Some(known) if known.deletions > spent => self.write(world, page, spent).await,
            _ => Ok(()),
        }
    }

    async fn write(
        &self,
        world: &World,
        mut page: MutexGuard<'_, Option<Page>>,
        deletions: usize,
    ) -> Result<(), LedgerError> {
        // Whatever becomes of it, also when nobody waits for it any more: from here on it has to be read again.
        let Some(known) = page.take() else {
            return Err(self.failed(Error::Stale));
        };
        if let Err(error) = admit(world).await {
            *page = Some(known);
            return Err(self.failed(error));
        }
        let params = PostParams::default();
        let answer = match &known.object {
            Some(object) => {
                let object = numbered(object.clone(), deletions);
                self.api.replace(&self.name, &params, &object).await
            }
            None => {
                let metadata = ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                };
                let object = Lease { metadata, spec: None };
                self.api.create(&params, &numbered(object, deletions)).await
            }
        };
        match answer {
            Ok(object) => {
                *page = Some(Page {
                    object: Some(object),
                    deletions,
                });
                Ok(())
            }
            // Another process wrote, or somebody removed it.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                Err(self.failed(Error::Stale))
            }
            Err(error) => {
                if outcome(&error) != Outcome::Unknown {
                    *page = Some(known);
                }
                Err(self.failed(Error::Api(error)))
            }
        }
    }

    fn read(&self, object: Option<&Lease>) -> Result<usize, LedgerError> {
        let annotations = object.and_then(|object| object.metadata.annotations.as_ref());
        let Some(text) = annotations.and_then(|all| all.get(DELETIONS)) else {
            return Ok(0);
        };
        // No cluster has more Nodes; a larger number would only fill the memory.
        let number = text.parse().ok().filter(|number| *number <= 100_000);
        number.ok_or_else(|| LedgerError::Unreadable {
            lease: self.lease(),
            text: text.clone(),
        })
    }

    fn failed(&self, source: Error) -> LedgerError {
        LedgerError::Request {
            lease: self.lease(),
            source,
        }
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn numbered(mut object: Lease, deletions: usize) -> Lease {
    let annotations = object.metadata.annotations.get_or_insert_default();
    annotations.insert(DELETIONS.to_owned(), deletions.to_string());
    object
}
