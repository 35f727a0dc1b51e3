//! Attempts at holding the lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease as Object;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use tokio::time::{sleep, timeout};

use super::config::LeaseConfig;
use super::decide::{Decision, Observation, decide};
use super::leadership::Leadership;
use super::record::Record;
use crate::answer::describe;
use crate::clock::{BootTime, jitter};

/// A candidate for a lease.
#[derive(Clone, Debug)]
pub struct Lease {
    api: Api<Object>,
    config: LeaseConfig,
    /// The server refused a PATCH: roles written for client-go, which only updates, need not allow one.
    updates: Arc<AtomicBool>,
}

/// What one attempt ended with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The lease is ours by a write that was begun at this time.
    Held(BootTime),
    /// Somebody else holds it.
    Other,
    /// Somebody was faster, or the server did not answer; nothing is known.
    Failed(String),
}

impl Lease {
    /// A candidate; nothing is sent before [`Lease::acquire`].
    ///
    /// # Errors
    ///
    /// See [`LeaseConfig::validate`].
    pub fn new(client: Client, config: LeaseConfig) -> Result<Self, String> {
        config.validate()?;
        Ok(Self {
            api: Api::namespaced(client, &config.namespace),
            config,
            updates: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The settings in use.
    #[must_use]
    pub fn config(&self) -> &LeaseConfig {
        &self.config
    }

    /// Tries until the lease is ours. Errors are logged when they change and never end the wait.
    ///
    /// Dropping the future gives up; a write under way may then still make us the holder for one
    /// `lease_duration`.
    pub async fn acquire(&self) -> Leadership {
        let mut observation = Observation::default();
        let mut last_problem = String::new();
        let name = &self.config.name;
        loop {
            match self.attempt(&mut observation, self.config.renew_deadline).await {
                Attempt::Held(started) => {
                    tracing::info!(lease = name, identity = self.config.identity, "became the leader");
                    return Leadership::hold(self.clone(), observation, started);
                }
                Attempt::Other => {
                    let holder = observation
                        .record()
                        .map(|record| record.holder.clone())
                        .unwrap_or_default();
                    if last_problem != holder {
                        tracing::info!(lease = name, holder, "waiting for the lease of another process");
                    }
                    last_problem = holder;
                }
                Attempt::Failed(error) => {
                    if last_problem != error {
                        tracing::warn!(lease = name, error, "cannot get the lease yet, trying again");
                    }
                    last_problem = error;
                }
            }
            sleep(jitter(self.config.retry_period)).await;
        }
    }

    /// Reads the lease, decides, and writes when there is something to write.
    pub(super) async fn attempt(&self, observation: &mut Observation, limit: Duration) -> Attempt {
        let step = async {
            let seen = self.api.get_opt(&self.config.name).await?;
            observation.see(seen.as_ref().map(split), BootTime::now());
            match decide(
                observation,
                &self.config.identity,
                BootTime::now(),
                self.config.lease_duration,
            ) {
                Decision::Wait { .. } => Ok(Attempt::Other),
                Decision::Create | Decision::Take | Decision::Renew => self.write(observation).await,
            }
        };
        self.bounded(step, limit).await
    }

    /// Renews on what we wrote last, without reading: one request per renewal.
    pub(super) async fn renew(&self, observation: &mut Observation, limit: Duration) -> Attempt {
        let step = self.write(observation);
        self.bounded(step, limit).await
    }

    /// Gives the lease back. An error is only logged: the lease then expires by itself.
    ///
    /// Reads first, because a renewal that was cut short may have been written after what we last saw.
    pub(super) async fn give_back(&self, observation: &mut Observation, limit: Duration) {
        let step = async {
            let seen = self.api.get_opt(&self.config.name).await?;
            observation.see(seen.as_ref().map(split), BootTime::now());
            let (Some(record), Some(version)) = (observation.record(), observation.version()) else {
                return Ok(false);
            };
            if record.holder != self.config.identity {
                return Ok(false);
            }
            self.put(&record.released(Timestamp::now()), version)
                .await
                .map(|_| true)
        };
        let name = &self.config.name;
        match timeout(limit, step).await {
            Ok(Ok(true)) => tracing::info!(lease = name, "gave the lease back"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    lease = name,
                    error = describe(&error),
                    "cannot give the lease back"
                );
            }
            Err(_) => tracing::warn!(lease = name, "no answer when giving the lease back"),
        }
    }

    async fn bounded(
        &self,
        step: impl Future<Output = Result<Attempt, kube::Error>>,
        limit: Duration,
    ) -> Attempt {
        match timeout(limit, step).await {
            Ok(Ok(attempt)) => attempt,
            Ok(Err(error)) => Attempt::Failed(describe(&error)),
            Err(_) => Attempt::Failed(format!("no answer from the API server within {limit:?}")),
        }
    }

    /// Writes ourselves as the holder, on the version last seen.
    async fn write(&self, observation: &mut Observation) -> Result<Attempt, kube::Error> {
        // Before the request leaves: others see the renewal later than this, never earlier.
        let started = BootTime::now();
        let duration = self.config.lease_duration;
        let record = Record::held_by(
            &self.config.identity,
            observation.record(),
            duration,
            Timestamp::now(),
        );
        let written = match observation.version() {
            Some(version) => self.put(&record, version).await?,
            None => {
                self.api
                    .create(&PostParams::default(), &self.object(&record))
                    .await?
            }
        };
        observation.see(Some(split(&written)), BootTime::now());
        Ok(Attempt::Held(started))
    }

    /// Puts a record into the object last seen at `version`; the server refuses it when that is outdated.
    async fn put(&self, record: &Record, version: &str) -> Result<Object, kube::Error> {
        if !self.updates.load(Ordering::Relaxed) {
            let patch = Patch::Merge(record.patch(version));
            let answer = self
                .api
                .patch(&self.config.name, &PatchParams::default(), &patch)
                .await;
            if !matches!(&answer, Err(kube::Error::Api(status)) if status.code == 403) {
                return answer;
            }
            self.updates.store(true, Ordering::Relaxed);
        }
        // Whole, because others' labels and annotations of the object are none of ours.
        let mut object = self.api.get(&self.config.name).await?;
        object.metadata.resource_version = Some(version.to_owned());
        object.spec = Some(record.spec());
        self.api
            .replace(&self.config.name, &PostParams::default(), &object)
            .await
    }

    fn object(&self, record: &Record) -> Object {
        let metadata = ObjectMeta {
            name: Some(self.config.name.clone()),
            ..ObjectMeta::default()
        };
        Object {
            metadata,
            spec: Some(record.spec()),
        }
    }
}

fn split(object: &Object) -> (Record, String) {
    (Record::of(object), object.resource_version().unwrap_or_default())
}
