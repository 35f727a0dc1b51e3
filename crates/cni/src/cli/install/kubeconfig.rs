//! A kubeconfig for plugins that run outside the pod, made from the pod's service account.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::cli::args::Fail;
use crate::node::{NODE_EXTENSION, base64};

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The first line of every file we write, and how it is recognised.
const MARK: &str = "# Written by cadastre-cni, which renews it; a change here does not stay.\n";

/// It holds a token.
const MODE: u32 = 0o600;

/// Whose rights the plugins get.
#[derive(Debug)]
pub(super) struct Account {
    folder: PathBuf,
    server: String,
    /// The plugins need not look for the node, nor the right to list all of them.
    node: Option<String>,
}

impl Account {
    /// `folder` and `server` are what the pod says, unless they are given. The node's name is `$NODE_NAME`.
    ///
    /// # Errors
    /// Not in a pod, and no server named.
    pub(super) fn new(folder: Option<PathBuf>, server: Option<String>) -> Result<Self, Fail> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let service = || {
            let (host, port) = (
                variable("KUBERNETES_SERVICE_HOST")?,
                variable("KUBERNETES_SERVICE_PORT")?,
            );
            let host = match host.parse::<IpAddr>() {
                Ok(IpAddr::V6(address)) => format!("[{address}]"),
                _ => host,
            };
            Some(format!("https://{host}:{port}"))
        };
        let missing = || {
            Fail::unknown(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set; run this in a pod, or name the \
                 API server with --server",
            )
        };
        Ok(Self {
            folder: folder.unwrap_or_else(|| PathBuf::from(SERVICE_ACCOUNT)),
            server: server.or_else(service).ok_or_else(missing)?,
            node: variable("NODE_NAME"),
        })
    }

    /// Where the token is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the file does not say what it should. Unknown is no difference.
    pub(super) fn differs(&self, path: &Path) -> bool {
        self.text()
            .is_ok_and(|text| fs::read_to_string(path).map_or(true, |found| found != text))
    }

    /// Writes the file in one step, if it says something else; `true` when it was written.
    ///
    /// # Errors
    /// The service account cannot be read; the file cannot be written, or is somebody else's.
    pub(super) fn write(&self, path: &Path) -> Result<bool, Fail> {
        let text = self.text()?;
        match fs::read_to_string(path) {
            Ok(found) if found == text && mode(path) == Some(MODE) => return Ok(false),
            Ok(found) if !found.starts_with(MARK) => {
                let path = path.display();
                return Err(Fail::unknown(format!(
                    "{path} is somebody else's; move it away, or name another file"
                )));
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("read", path, &e)),
            _ => {}
        }
        replace(path, text.as_bytes()).map_err(|e| failed("write", path, &e))?;
        Ok(true)
    }

    fn text(&self) -> Result<String, Fail> {
        let read = |name: &str| {
            let path = self.folder.join(name);
            fs::read_to_string(&path).map_err(|e| {
                let path = path.display();
                Fail::unknown(format!(
                    "cannot read {path}: {e}; give the pod a service account and mount its token"
                ))
            })
        };
        let token = quoted(read("token")?.trim());
        let authority = quoted(&base64::encode(read("ca.crt")?.as_bytes()));
        let server = quoted(&self.server);
        let node = self.node.as_deref().map_or_else(String::new, |node| {
            let node = quoted(node);
            format!("    extensions:\n    - name: {NODE_EXTENSION}\n      extension: {{name: {node}}}\n")
        });
        Ok(format!(
            "{MARK}\
             apiVersion: v1\n\
             kind: Config\n\
             current-context: cadastre-cni\n\
             contexts:\n\
             - name: cadastre-cni\n  context:\n    cluster: cluster\n    user: cadastre-cni\n{node}\
             clusters:\n\
             - name: cluster\n  cluster:\n    server: {server}\n    certificate-authority-data: {authority}\n\
             users:\n\
             - name: cadastre-cni\n  user:\n    token: {token}\n"
        ))
    }
}

/// Removes the file, if it is ours; returns a line about it.
///
/// # Errors
/// It cannot be read or removed.
pub(super) fn remove(path: &Path) -> Result<String, Fail> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(format!("{shown}: is not there")),
        Err(e) => Err(failed("read", path, &e)),
        Ok(text) if !text.starts_with(MARK) => Ok(format!("{shown}: somebody else's, left alone")),
        Ok(_) => {
            fs::remove_file(path).map_err(|e| failed("remove", path, &e))?;
            Ok(format!("{shown}: removed"))
        }
    }
}

/// A JSON string, which is a YAML scalar whatever is in it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::symlink_metadata(path).ok()?.permissions().mode() & 0o7777)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.cadastre-new"));
    let _ = fs::remove_file(&draft);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&draft)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn failed(what: &str, path: &Path, why: &io::Error) -> Fail {
    Fail::unknown(format!(
        "cannot {what} {}: {why}; run this as root, in a folder that exists",
        path.display()
    ))
}
