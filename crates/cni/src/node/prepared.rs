//! What every connection to one server needs: TLS and credentials, read when the first one is made.

use super::{access::Access, base64, connect::Tls, credentials, exec, secret::Secret, tls, url::Scheme};
use crate::deadline::Deadline;

/// What is the same for every try.
pub(super) struct Prepared {
    pub(super) tls: Tls,
    pub(super) authorization: Option<Secret>,
}

impl Prepared {
    /// Reads certificates, keys and tokens, and runs the credential plugin if there is one.
    ///
    /// # Errors
    /// The key of the kubeconfig that cannot be used; never its value.
    pub(super) fn read(access: &Access, deadline: Deadline) -> Result<Self, String> {
        if access.server.scheme == Scheme::Http {
            // Credentials are not sent where anybody can read them.
            return Ok(Self {
                tls: None,
                authorization: None,
            });
        }
        let mut identity = access.identity()?;
        let mut authorization = own_authorization(access)?;
        if let (Some(plugin), None) = (&access.user.exec, &authorization) {
            let credential = exec::run(plugin, access, deadline)?;
            authorization = credential.token.map(|token| bearer(&token)).transpose()?;
            identity = credential.identity.or(identity);
        }
        let config = tls::client_config(access, identity.as_ref())?;
        Ok(Self {
            tls: Some((config, tls::server_name(access)?)),
            authorization,
        })
    }
}

/// The value of `Authorization` from the kubeconfig alone. A token file is newer than the token beside it
/// (client-go).
fn own_authorization(access: &Access) -> Result<Option<Secret>, String> {
    let user = &access.user;
    if let Some(file) = &user.token_file {
        let read = credentials::read_limited(file);
        match read {
            Ok(token) if !token.trim().is_empty() => return bearer(&Secret::new(token.trim())).map(Some),
            Ok(_) if user.token.is_none() => return Err(format!("tokenFile: {} is empty", file.display())),
            Err(error) if user.token.is_none() => {
                return Err(format!("tokenFile: cannot read {}: {error}", file.display()));
            }
            Ok(_) | Err(_) => {}
        }
    }
    if let Some(token) = &user.token {
        return bearer(token).map(Some);
    }
    Ok(user.login.as_ref().map(|login| {
        let pair = format!("{}:{}", login.name, login.password.reveal());
        Secret::new(format!("Basic {}", base64::encode(pair.as_bytes())))
    }))
}

/// RFC 6750 §2.1. A line break would end the header and start another.
fn bearer(token: &Secret) -> Result<Secret, String> {
    let token = token.reveal().trim();
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Secret::new(format!("Bearer {token}")))
    } else {
        Err("the token has characters that no token has".to_owned())
    }
}
