//! How to reach the API server: what a kubeconfig or a service account says, before any file it names is read.

use std::path::PathBuf;

use super::{secret::Secret, url::Url};

/// One way to an API server, with the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) server: Url,
    /// Certificates that may sign the server's; `None` means those of the operating system.
    pub(crate) authorities: Option<Material>,
    /// Accept any server certificate.
    pub(crate) insecure: bool,
    /// The name to expect in the server's certificate, when it is not the host of `server`.
    pub(crate) server_name: Option<String>,
    /// An HTTP proxy to ask for a tunnel.
    pub(crate) proxy: Option<Proxy>,
    pub(crate) user: User,
    /// Name of the node this access was made for, where the kubeconfig says it (`cadastre-cni cni install`).
    pub(crate) node: Option<String>,
    /// Where this was read, for messages.
    pub(crate) origin: String,
}

/// PEM text, given in place or as a file that is read only when it is needed.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    Inline(Secret),
    File(PathBuf),
}

/// A proxy and what it wants to be told.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) url: Url,
    pub(crate) login: Option<Login>,
}

/// A user name and its password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) password: Secret,
}

/// Who asks. Several kinds of credentials may be given; the one sent is chosen when the request is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) certificate: Option<Material>,
    pub(crate) key: Option<Material>,
    pub(crate) token: Option<Secret>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) login: Option<Login>,
    pub(crate) exec: Option<Exec>,
}

/// A program that prints credentials (client-go credential plugins, `client.authentication.k8s.io`).
#[derive(Clone, Debug)]
pub(crate) struct Exec {
    pub(crate) command: PathBuf,
    pub(crate) args: Vec<Secret>,
    pub(crate) env: Vec<(String, Secret)>,
    pub(crate) api_version: String,
    pub(crate) provide_cluster_info: bool,
    pub(crate) install_hint: String,
}
