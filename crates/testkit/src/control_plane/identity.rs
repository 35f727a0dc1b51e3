//! Credentials for others than the administrator.

use std::path::PathBuf;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};

use super::ControlPlane;
use crate::pki::{Authority, Credential, kubeconfig};

impl ControlPlane {
    /// A kubeconfig file for somebody else: a client certificate with this name and up to two groups. It may do what
    /// RBAC lets it do, which is almost nothing at first, and the audit log shows its name.
    ///
    /// # Errors
    /// More than two groups, or the file cannot be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let identity = self.authority.client(user, groups)?;
        self.write_kubeconfig(user, &Credential::Certificate(&identity))
    }

    /// A kubeconfig file with a token of a service account, which must exist. Valid for one hour.
    ///
    /// # Errors
    /// There is no such service account, or the file cannot be written.
    pub async fn kubeconfig_for_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("no token for service account {namespace}/{name}"))?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .context("the answer holds no token")?;
        self.write_kubeconfig(&format!("{namespace}-{name}"), &Credential::Token(&token))
    }

    /// Certificates for the fault proxy, which stands in for our server.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A kubeconfig file for another way to this API server. It holds credentials only so that clients which insist
    /// on some have some.
    pub(crate) fn write_proxy_kubeconfig(&self, who: &str, url: &str) -> Result<PathBuf> {
        let identity = self.authority.client("through-fault-proxy", &[])?;
        let text = kubeconfig(
            url,
            &self.authority.certificate(),
            &Credential::Certificate(&identity),
        );
        self.files.write_kubeconfig(who, &text)
    }

    /// Writes a kubeconfig of this control plane under a name made of `who`.
    fn write_kubeconfig(&self, who: &str, credential: &Credential<'_>) -> Result<PathBuf> {
        let text = kubeconfig(&self.server_url(), &self.authority.certificate(), credential);
        self.files.write_kubeconfig(who, &text)
    }
}
