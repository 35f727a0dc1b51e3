//! Credentials printed by another program (Kubernetes `client.authentication.k8s.io`, `exec` in a kubeconfig).

use std::{io, process::Command};

use serde::Deserialize;

use super::{
    access::{Access, Exec, Material},
    base64,
    secret::Secret,
    tls::{self, Identity},
};
use crate::{
    child,
    deadline::Deadline,
    json::{Json, Object},
};

/// What the program gave.
pub(super) struct Credential {
    pub(super) token: Option<Secret>,
    pub(super) identity: Option<Identity>,
}

#[derive(Deserialize)]
struct Printed {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    token: Option<String>,
    #[serde(rename = "clientCertificateData")]
    certificate: Option<String>,
    #[serde(rename = "clientKeyData")]
    key: Option<String>,
}

/// Runs the program of `exec`. Its output never appears in an error, for it holds the secret.
pub(super) fn run(exec: &Exec, access: &Access, deadline: Deadline) -> Result<Credential, String> {
    let mut command = Command::new(&exec.command);
    command.args(exec.args.iter().map(Secret::reveal));
    command.envs(exec.env.iter().map(|(name, value)| (name, value.reveal())));
    command.env("KUBERNETES_EXEC_INFO", request(exec, access)?);
    let name = exec.command.display();
    let finished = child::run(&mut command, b"", deadline).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if !exec.install_hint.is_empty() => {
            format!("exec: {name} is not installed; {}", exec.install_hint)
        }
        _ => format!("exec: {name}: {error}"),
    })?;
    if !finished.status.success() {
        return Err(format!(
            "exec: {name} failed ({}); see what it wrote to stderr",
            finished.status
        ));
    }
    let unusable = |what: &str| format!("exec: {name} printed {what}");
    let printed: Printed =
        serde_json::from_slice(&finished.stdout).map_err(|_| unusable("no ExecCredential"))?;
    if printed.kind != "ExecCredential" || printed.api_version != exec.api_version {
        return Err(unusable(&format!(
            "something else than an ExecCredential of {}",
            exec.api_version
        )));
    }
    let status = printed
        .status
        .ok_or_else(|| unusable("an ExecCredential without status"))?;
    let token = status.token.filter(|token| !token.is_empty()).map(Secret::new);
    let identity = match (status.certificate, status.key) {
        (Some(certificate), Some(key)) => Some(Identity {
            certificate: Secret::new(certificate),
            key: Secret::new(key),
        }),
        (None, None) => None,
        _ => return Err(unusable("only one of clientCertificateData and clientKeyData")),
    };
    if token.is_none() && identity.is_none() {
        return Err(unusable("neither a token nor a certificate"));
    }
    Ok(Credential { token, identity })
}

/// The `ExecCredential` the program finds in `KUBERNETES_EXEC_INFO`.
fn request(exec: &Exec, access: &Access) -> Result<String, String> {
    let mut spec = Object::from_iter([("interactive", Json::Bool(false))]);
    if exec.provide_cluster_info {
        spec.set("cluster", Json::Object(cluster(access)?));
    }
    let request = Object::from_iter([
        ("kind", Json::from("ExecCredential")),
        ("apiVersion", Json::from(exec.api_version.as_str())),
        ("spec", Json::Object(spec)),
    ]);
    Ok(serde_json::to_string(&request).expect("a tree of JSON values with text keys is always JSON"))
}

fn cluster(access: &Access) -> Result<Object, String> {
    let mut cluster = Object::from_iter([("server", Json::from(access.server.to_string()))]);
    if let Some(name) = &access.server_name {
        cluster.set("tls-server-name", Json::from(name.as_str()));
    }
    if access.insecure {
        cluster.set("insecure-skip-tls-verify", Json::Bool(true));
    }
    if let Some(authorities) = &access.authorities {
        let pem = tls::load(authorities, "certificate-authority")?;
        cluster.set(
            "certificate-authority-data",
            Json::from(base64::encode(pem.reveal().as_bytes())),
        );
    }
    if let Some(proxy) = &access.proxy {
        cluster.set("proxy-url", Json::from(proxy.url.to_string()));
    }
    Ok(cluster)
}

impl Access {
    /// The client certificate and key that the kubeconfig itself names.
    pub(super) fn identity(&self) -> Result<Option<Identity>, String> {
        let load =
            |material: &Option<Material>, key| material.as_ref().map(|one| tls::load(one, key)).transpose();
        match (
            load(&self.user.certificate, "client-certificate")?,
            load(&self.user.key, "client-key")?,
        ) {
            (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("client-key is missing beside client-certificate".to_owned()),
            (None, Some(_)) => Err("client-certificate is missing beside client-key".to_owned()),
        }
    }
}
