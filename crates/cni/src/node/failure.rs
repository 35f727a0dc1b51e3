//! Why the API server gave no answer, and whether asking again can help.

use std::{error::Error as _, fmt, io};

/// A request that failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// May pass by itself: refused, reset, timed out, overloaded. `code` 11 in the end.
    Transient(String),
    /// Stays until somebody changes something: credentials, certificates, permissions. `code` 100.
    Permanent(String),
    /// 403: the caller may try a request that needs other rights.
    Forbidden(String),
    /// 404.
    NotFound,
}

impl Failure {
    /// The failure that an I/O error of `what` means.
    pub(super) fn from_io(what: impl fmt::Display, error: &io::Error) -> Self {
        let timeout = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        let says_more = error.get_ref().is_some();
        let reason = if timeout && !says_more {
            "no answer in time".to_owned()
        } else {
            reason(error)
        };
        let text = format!("{what}: {reason}");
        if is_permanent(error) {
            Self::Permanent(text)
        } else {
            Self::Transient(text)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(text) | Self::Permanent(text) | Self::Forbidden(text) => out.write_str(text),
            Self::NotFound => out.write_str("not found"),
        }
    }
}

/// What rustls found wrong, unless it is a plain I/O error.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A certificate does not get better by asking again; a peer that stops in the middle of a handshake may be
/// starting.
fn is_permanent(error: &io::Error) -> bool {
    use rustls::Error as Tls;
    match tls_error(error) {
        Some(Tls::InvalidCertificate(_) | Tls::PeerIncompatible(_) | Tls::InvalidMessage(_)) => true,
        Some(Tls::AlertReceived(_) | Tls::NoCertificatesPresented) => true,
        Some(_) => false,
        // What came is not what such a server says: the address is wrong.
        None => error.kind() == io::ErrorKind::InvalidData,
    }
}

fn reason(error: &io::Error) -> String {
    use rustls::{CertificateError as Bad, Error as Tls};
    match tls_error(error) {
        Some(Tls::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature)) => {
            "the server's certificate is not signed by the certificate authority of the kubeconfig".to_owned()
        }
        Some(Tls::InvalidMessage(_)) => "the server does not speak TLS; is its address http://?".to_owned(),
        Some(Tls::AlertReceived(alert)) => format!("the server refused the TLS connection: {alert:?}"),
        Some(tls) => tls.to_string(),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
