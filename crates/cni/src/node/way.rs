//! The way to the API server, looked for once per call, and what it says of the node before anything is asked.

use std::cell::OnceCell;

use super::{access::Access, client::Client, credentials::discover, failure::Failure, identity::told_name};
use crate::deadline::Deadline;

/// A way that is looked for when it is first needed.
pub(crate) struct Way {
    kubeconfig: Option<String>,
    found: OnceCell<Result<Access, String>>,
}

impl Way {
    /// `kubeconfig` is what the configuration names, if anything.
    pub(crate) fn new(kubeconfig: Option<&str>) -> Self {
        Self {
            kubeconfig: kubeconfig.map(str::to_owned),
            found: OnceCell::new(),
        }
    }

    /// A client on this way.
    ///
    /// # Errors
    /// There is no way; `Permanent`, with all places that were tried.
    pub(crate) fn client(&self, deadline: Deadline) -> Result<Client, Failure> {
        match self.access() {
            Ok(access) => Ok(Client::new(access.clone(), deadline)),
            Err(problem) => Err(Failure::Permanent(problem.clone())),
        }
    }

    /// The name of the own node as far as it is known without a question (spec §5.4): `configured`, `$NODE_NAME`, what
    /// the kubeconfig says it was made for, the kubelet's client certificate.
    pub(crate) fn node_name(&self, configured: Option<&str>) -> Option<String> {
        told_name(configured).or_else(|| self.access().as_ref().ok()?.node_name())
    }

    fn access(&self) -> &Result<Access, String> {
        self.found.get_or_init(|| discover(self.kubeconfig.as_deref()))
    }
}
