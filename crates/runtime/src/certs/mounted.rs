//! Certificates from files that somebody else replaces.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Publisher;
use super::pem::{certificates, certified_key, facts};
use crate::answer::chain;

/// How often the files are read. They are small and in the page cache; a kubelet updates them within a minute
/// or so, so this is never what makes a change late.
const PERIOD: Duration = Duration::from_secs(3);

/// The two files of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    pub(super) fn new(dir: &Path, cert_name: &str, key_name: &str) -> Self {
        Self {
            cert: dir.join(cert_name),
            key: dir.join(key_name),
        }
    }

    /// Serves what the files hold, and what they hold later, until `stop`.
    pub(super) async fn follow(self, publish: Publisher, stop: CancellationToken) {
        let mut last = None;
        let follow = async {
            loop {
                self.look(&publish, &mut last).await;
                sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    /// Compares contents and not times: a file can be replaced within one tick of its file system's clock.
    async fn look(&self, publish: &Publisher, last: &mut Option<(String, String)>) {
        let read = match self.read().await {
            Ok(read) => read,
            Err(problem) => return publish.warn(problem),
        };
        if last.as_ref() == Some(&read) {
            return match expired(&read.0) {
                None => publish.clear(),
                Some(when) => publish.warn(format!(
                    "the certificate in {} expired at {when}; clients refuse it until it is renewed",
                    self.cert.display()
                )),
            };
        }
        match certified_key(&read.0, &read.1) {
            Ok(key) => {
                tracing::info!(file = %self.cert.display(), "serving certificate loaded");
                publish.serve(key, None);
                *last = Some(read);
            }
            // Half of a replacement looks like this too; the next look sees the rest.
            Err(error) => publish.warn(format!(
                "{} and {} cannot be used: {}; write both again",
                self.cert.display(),
                self.key.display(),
                chain(&error)
            )),
        }
    }

    async fn read(&self) -> Result<(String, String), String> {
        let read = async |path: &PathBuf| {
            tokio::fs::read_to_string(path).await.map_err(|error| {
                format!(
                    "cannot read {}: {error}; mount the certificate there or set --webhook-cert-dir",
                    path.display()
                )
            })
        };
        Ok((read(&self.cert).await?, read(&self.key).await?))
    }
}

/// When the certificate expired, if it has.
fn expired(cert: &str) -> Option<Timestamp> {
    let facts = facts(certificates(cert).ok()?.first()?).ok()?;
    (facts.not_after < Timestamp::now()).then_some(facts.not_after)
}
