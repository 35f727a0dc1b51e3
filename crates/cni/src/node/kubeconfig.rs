//! Reading a kubeconfig (Kubernetes `client-go/tools/clientcmd/api/v1`), for its current context only.
//!
//! Everything is read from the text; the files it names are read when a connection needs them. An error names
//! the key, never its value.

mod section;

use std::path::{Path, PathBuf};

use super::{
    access::{Access, Exec, Login, Proxy, User},
    secret::Secret,
    url::{Scheme, Url},
    yaml,
};
use crate::json::{Json, Object};
use section::Section;

/// The access that the current context of `text` describes. Relative paths are taken from the folder of `path`.
///
/// # Errors
/// What is missing or cannot be read, as a sentence that starts with the key.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Access, String> {
    let document = yaml::parse(text)?;
    let config = Section {
        object: document.as_object().ok_or("not a mapping")?,
        name: String::new(),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let current = config
        .text("current-context")?
        .ok_or("current-context is missing; name one of contexts")?;
    let context = config.entry("contexts", "context", current)?;
    let cluster_name = context
        .text("cluster")?
        .ok_or_else(|| context.missing("cluster"))?;
    let cluster = config.entry("clusters", "cluster", cluster_name)?;
    let user = match context.text("user")? {
        Some(name) => user(&config.entry("users", "user", name)?, folder)?,
        None => User::default(),
    };
    let server = cluster.text("server")?.ok_or_else(|| cluster.missing("server"))?;
    Ok(Access {
        server: Url::parse(server).map_err(|problem| cluster.bad("server", &problem))?,
        authorities: cluster.material("certificate-authority", folder)?,
        insecure: cluster.flag("insecure-skip-tls-verify")?,
        server_name: cluster.text("tls-server-name")?.map(str::to_owned),
        proxy: proxy(&cluster)?,
        user,
        node: node(&context)?,
        origin: path.display().to_string(),
    })
}

/// Name of the extension of a context in which the node's name stands: `{name: …}`. Other clients skip what they do
/// not know.
pub(crate) const NODE_EXTENSION: &str = "cadastre.dev/node";

fn node(context: &Section<'_>) -> Result<Option<String>, String> {
    let is_ours = |entry: &&Object| entry.get("name").and_then(Json::as_str) == Some(NODE_EXTENSION);
    let Some(entry) = context
        .list("extensions")?
        .iter()
        .filter_map(Json::as_object)
        .find(is_ours)
    else {
        return Ok(None);
    };
    let name = entry
        .get("extension")
        .and_then(Json::as_object)
        .and_then(|node| node.get("name"));
    match name.and_then(Json::as_str) {
        Some(name) if !name.is_empty() => Ok(Some(name.to_owned())),
        _ => Err(context.bad(
            "extensions",
            &format!("{NODE_EXTENSION} has no name; install the plugin again"),
        )),
    }
}

fn proxy(cluster: &Section<'_>) -> Result<Option<Proxy>, String> {
    let Some(text) = cluster.text("proxy-url")? else {
        return Ok(None);
    };
    let bad = |problem: &str| cluster.bad("proxy-url", problem);
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| bad("no scheme; write http://host:port"))?;
    let (login, address) = match rest.rsplit_once('@') {
        Some((login, address)) => (
            Some(proxy_login(login).ok_or_else(|| bad("bad user information"))?),
            address,
        ),
        None => (None, rest),
    };
    // Any other scheme is named before its address is looked at, so the message is about what matters.
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(bad(&format!(
            "a {scheme} proxy is not supported; only http:// is"
        )));
    }
    let url = Url::parse(&format!("{scheme}://{address}")).map_err(|problem| bad(&problem))?;
    debug_assert_eq!(url.scheme, Scheme::Http);
    Ok(Some(Proxy { url, login }))
}

fn proxy_login(text: &str) -> Option<Login> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    Some(Login {
        name: percent_decoded(name)?,
        password: Secret::new(percent_decoded(password)?),
    })
}

/// RFC 3986 §2.1, for user names and passwords in a proxy address.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn user(section: &Section<'_>, folder: &Path) -> Result<User, String> {
    if section.object.get("auth-provider").is_some() && section.object.get("exec").is_none() {
        return Err(section.bad(
            "auth-provider",
            "not supported, Kubernetes removed it in 1.26; use exec",
        ));
    }
    let login = match section.text("username")? {
        Some(name) => {
            let password = section.text("password")?.unwrap_or_default();
            Some(Login {
                name: name.to_owned(),
                password: Secret::new(password),
            })
        }
        None => None,
    };
    Ok(User {
        certificate: section.material("client-certificate", folder)?,
        key: section.material("client-key", folder)?,
        token: section.text("token")?.map(Secret::new),
        token_file: section.text("tokenFile")?.map(|file| folder.join(file)),
        login,
        exec: section
            .child("exec")?
            .map(|exec| exec_plugin(&exec, folder))
            .transpose()?,
    })
}

fn exec_plugin(section: &Section<'_>, folder: &Path) -> Result<Exec, String> {
    let command = section
        .text("command")?
        .ok_or_else(|| section.missing("command"))?;
    let api_version = section
        .text("apiVersion")?
        .ok_or_else(|| section.missing("apiVersion"))?;
    if !matches!(
        api_version,
        "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1"
    ) {
        let problem = format!("{api_version} is not supported; use client.authentication.k8s.io/v1");
        return Err(section.bad("apiVersion", &problem));
    }
    if section.text("interactiveMode")? == Some("Always") {
        return Err(section.bad(
            "interactiveMode",
            "Always is impossible here, nobody is there to answer",
        ));
    }
    let args = section.list("args")?.iter().map(|arg| match arg.as_str() {
        Some(text) => Ok(Secret::new(text)),
        None => Err(section.bad("args", "an argument that is not a text; quote it")),
    });
    let env = section.list("env")?.iter().map(|pair| {
        let member = |key| {
            pair.as_object()
                .and_then(|object| object.get(key))
                .and_then(Json::as_str)
        };
        match (member("name"), member("value")) {
            (Some(name), value) if usable_variable(name) => {
                Ok((name.to_owned(), Secret::new(value.unwrap_or_default())))
            }
            _ => Err(section.bad("env", "an entry without a usable name")),
        }
    });
    Ok(Exec {
        command: exec_path(command, folder),
        args: args.collect::<Result<_, _>>()?,
        env: env.collect::<Result<_, _>>()?,
        api_version: api_version.to_owned(),
        provide_cluster_info: section.flag("provideClusterInfo")?,
        install_hint: section.text("installHint")?.unwrap_or_default().to_owned(),
    })
}

fn usable_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// A command with a slash in it is a path, relative to the kubeconfig; any other is searched for in `PATH`.
fn exec_path(command: &str, folder: &Path) -> PathBuf {
    if command.contains('/') {
        folder.join(command)
    } else {
        PathBuf::from(command)
    }
}

#[cfg(test)]
mod tests;
