//! Who we are: a token, token files that somebody else replaces, or a log-in with a ticket (A.1).

mod files;
mod ticket;

use std::fmt;
use std::path::PathBuf;

use http::{HeaderMap, HeaderValue, header};

use super::failure::{Failure, Kind};
use crate::source::Secret;

pub(super) use files::TokenFiles;
pub(super) use ticket::{LogIn, Tickets, Turn};

/// The credentials of a region; exactly one kind.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API token.
    Token {
        /// `user@realm!name`.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// An API token in two files, read again when they change.
    TokenFiles {
        /// File with `user@realm!name`.
        id: PathBuf,
        /// File with the secret.
        secret: PathBuf,
    },
    /// A user who logs in.
    Password {
        /// `user@realm`.
        username: String,
        /// The password.
        password: Secret,
    },
}

/// Why there are no credentials to begin with.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A token file cannot be read.
    #[error("cannot read the token file {}; mount it there or correct token_id_file and token_secret_file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A token file holds nothing.
    #[error("the token file {} is empty; write the token's id or secret into it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A token cannot be sent.
    #[error(
        "the token cannot be sent in an HTTP header; remove line breaks and control characters from {origin}"
    )]
    Header {
        /// Where it came from; never the token.
        origin: String,
    },
}

/// The part of a request that says who we are. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Credential {
    headers: HeaderMap,
    /// Which one of its kind it is: later ones have higher numbers.
    pub(super) serial: u64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, [redacted])", self.serial)
    }
}

impl Credential {
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn token(id: &str, secret: &Secret, serial: u64, origin: &str) -> Result<Self, CredentialError> {
        let text = format!("PVEAPIToken={id}={}", secret.reveal());
        let value = sensitive(&text).ok_or_else(|| CredentialError::Header {
            origin: origin.to_owned(),
        })?;
        Ok(Self {
            headers: HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
            serial,
        })
    }

    fn ticket(ticket: &str, csrf: &str, serial: u64) -> Result<Self, Failure> {
        let refuse = || {
            Failure::new(
                Kind::Malformed,
                "the log-in answered with a ticket that cannot be sent back",
            )
        };
        let cookie = sensitive(&format!("PVEAuthCookie={ticket}")).ok_or_else(refuse)?;
        let mut headers = HeaderMap::from_iter([(header::COOKIE, cookie)]);
        if !csrf.is_empty() {
            headers.insert("csrfpreventiontoken", sensitive(csrf).ok_or_else(refuse)?);
        }
        Ok(Self { headers, serial })
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The credentials of a region while it runs.
#[derive(Debug)]
pub(super) enum Auth {
    /// Always the same.
    Token(Credential),
    /// Read again on change and after a 401.
    Files(TokenFiles),
    /// Renewed at half its life time.
    Tickets(Tickets),
}

impl Auth {
    /// Prepares the credentials. Token files are read now, so that a mistake shows at the start.
    pub(super) fn new(credentials: &Credentials) -> Result<Self, CredentialError> {
        Ok(match credentials {
            Credentials::Token { id, secret } => {
                Self::Token(Credential::token(id, secret, 0, "token_id and token_secret")?)
            }
            Credentials::TokenFiles { id, secret } => Self::Files(TokenFiles::read(id, secret)?),
            Credentials::Password { username, password } => Self::Tickets(Tickets::new(username, password)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let credentials = Credentials::Token {
            id: "ccm@pve!t".into(),
            secret: Secret::new("hunter2"),
        };
        let auth = Auth::new(&credentials).unwrap();
        let text = format!("{credentials:?} {auth:?}");
        assert!(!text.contains("hunter2"), "{text}");
        let Auth::Token(credential) = auth else {
            unreachable!("a token was given")
        };
        assert!(!format!("{:?}", credential.headers()).contains("hunter2"));
        assert_eq!(
            credential.headers()[header::AUTHORIZATION],
            "PVEAPIToken=ccm@pve!t=hunter2"
        );
    }

    #[test]
    fn a_token_with_a_line_break_is_refused_without_showing_it() {
        let credentials = Credentials::Token {
            id: "ccm@pve!t".into(),
            secret: Secret::new("hun\nter2"),
        };
        let error = Auth::new(&credentials).unwrap_err().to_string();
        assert!(
            error.contains("token_secret") && !error.contains("ter2"),
            "{error}"
        );
    }

    #[test]
    fn a_ticket_becomes_a_cookie_and_a_csrf_header() {
        let credential = Credential::ticket("PVE:u@pve:69203A11::k9==", "69203A11:Zx", 1).unwrap();
        assert_eq!(
            credential.headers()[header::COOKIE],
            "PVEAuthCookie=PVE:u@pve:69203A11::k9=="
        );
        assert_eq!(credential.headers()["CSRFPreventionToken"], "69203A11:Zx");
    }
}
