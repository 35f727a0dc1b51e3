//! Where the way to the API server is written down (spec cni-ipam §5.3): the first match wins.

use std::{
    env,
    ffi::OsStr,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{
    access::{Access, Material, User},
    kubeconfig,
    url::{Host, Scheme, Url},
};
use crate::file::read_small_text;

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// No kubeconfig is larger; a bound, because an administrator may name any file.
const SIZE_LIMIT: u64 = 16 << 20;

/// Finds the way to the API server: `configured` if not empty, the service account of a pod, `$KUBECONFIG`,
/// `$HOME/.kube/config`.
///
/// # Errors
/// All places that were tried and what was wrong there, for the details of a CNI error.
pub(crate) fn discover(configured: Option<&str>) -> Result<Access, String> {
    if let Some(path) = configured.filter(|path| !path.is_empty()) {
        return from_file(Path::new(path));
    }
    let mut tried = Vec::new();
    match in_cluster() {
        Ok(access) => return Ok(access),
        Err(problem) => tried.push(problem),
    }
    if let Some(path) = env::var_os("KUBECONFIG").and_then(|list| first_existing(&list)) {
        return from_file(&path).map_err(|problem| format!("$KUBECONFIG: {problem}"));
    }
    tried.push("$KUBECONFIG is not set".to_owned());
    match env::var_os("HOME").filter(|home| !home.is_empty()) {
        None => tried.push("$HOME is not set".to_owned()),
        Some(home) => match from_file(&Path::new(&home).join(".kube/config")) {
            Ok(access) => return Ok(access),
            Err(problem) => tried.push(problem),
        },
    }
    Err(format!(
        "no kubeconfig: ipam.kubeconfig is not set; {}",
        tried.join("; ")
    ))
}

/// Of a list as in `$KUBECONFIG`, the first file that exists alone; when none does, the last is the one
/// reported missing.
pub(crate) fn first_existing(list: &OsStr) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = env::split_paths(list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let last = files.len().checked_sub(1)?;
    let chosen = files.iter().position(|path| path.exists()).unwrap_or(last);
    Some(files.swap_remove(chosen))
}

fn from_file(path: &Path) -> Result<Access, String> {
    let text = read_limited(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    kubeconfig::parse(&text, path).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// The text of `path`, unless it is absurdly large or no regular file.
pub(super) fn read_limited(path: &Path) -> io::Result<String> {
    read_small_text(path, SIZE_LIMIT)
}

fn in_cluster() -> Result<Access, String> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(host), Some(port)) = (
        variable("KUBERNETES_SERVICE_HOST"),
        variable("KUBERNETES_SERVICE_PORT"),
    ) else {
        return Err(
            "not in a pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set)".to_owned(),
        );
    };
    let folder = Path::new(SERVICE_ACCOUNT);
    let token_file = folder.join("token");
    read_limited(&token_file).map_err(|error| format!("cannot read {}: {error}", token_file.display()))?;
    let host = host.parse::<IpAddr>().map_or(Host::Name(host), Host::Address);
    let port = port
        .parse()
        .map_err(|_| format!("KUBERNETES_SERVICE_PORT {port} is not a port"))?;
    let authorities = folder.join("ca.crt");
    Ok(Access {
        server: Url {
            scheme: Scheme::Https,
            host,
            port,
            prefix: String::new(),
        },
        // Like client-go: without a readable bundle the certificates of the system decide.
        authorities: authorities.exists().then_some(Material::File(authorities)),
        insecure: false,
        server_name: None,
        proxy: None,
        user: User {
            token_file: Some(token_file),
            ..User::default()
        },
        node: None,
        origin: "the service account of this pod".to_owned(),
    })
}
