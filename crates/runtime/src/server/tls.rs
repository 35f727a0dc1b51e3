//! TLS options of the command line, and the server configuration made from them.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ResolvesServerCert;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};

type Versions = &'static [&'static SupportedProtocolVersion];

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

/// `--tls-min-version` and `--tls-cipher-suites`.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    versions: Versions,
    /// Suites for TLS 1.2; those of TLS 1.3 cannot be chosen, as in Go.
    suites: Vec<SupportedCipherSuite>,
}

/// A TLS option that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsOptionsError {
    /// `--tls-min-version`.
    #[error("--tls-min-version {0:?} is not supported; use VersionTLS12 or VersionTLS13")]
    Version(String),
    /// `--tls-cipher-suites`.
    #[error("--tls-cipher-suites {name:?} is not supported; use a comma-separated list of: {}", supported.join(", "))]
    Suite {
        /// The unknown name.
        name: String,
        /// Every name that can be used.
        supported: Vec<String>,
    },
    /// All suites given belong to TLS 1.3, which cannot be limited.
    #[error("--tls-cipher-suites names no suite of TLS 1.2; add one or set --tls-min-version=VersionTLS13")]
    NoSuite,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            versions: &FROM_TLS12,
            suites: ring::ALL_CIPHER_SUITES.to_vec(),
        }
    }
}

impl TlsOptions {
    /// Parses the two flags. Versions are named as in Go (`VersionTLS12`; empty means that one), suites as IANA
    /// and Go name them (`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; none means all).
    ///
    /// As in Go, suites of TLS 1.3 may be listed but are always on; `VersionTLS10` and `VersionTLS11` are
    /// answered with TLS 1.2, the oldest we speak, since they only ask for a minimum.
    ///
    /// # Errors
    ///
    /// A name that is unknown or not supported; the message lists those that are.
    pub fn parse<S: AsRef<str>>(min_version: &str, suites: &[S]) -> Result<Self, TlsOptionsError> {
        let versions: Versions = match min_version {
            "" | "VersionTLS10" | "VersionTLS11" | "VersionTLS12" => &FROM_TLS12,
            "VersionTLS13" => &ONLY_TLS13,
            other => return Err(TlsOptionsError::Version(other.to_owned())),
        };
        let names: Vec<&str> = suites
            .iter()
            .flat_map(|text| text.as_ref().split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() {
            return Ok(Self {
                versions,
                suites: ring::ALL_CIPHER_SUITES.to_vec(),
            });
        }
        let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
        for name in names {
            let suite = find(name).ok_or_else(|| TlsOptionsError::Suite {
                name: name.to_owned(),
                supported: ring::ALL_CIPHER_SUITES.iter().map(iana_name).collect(),
            })?;
            if suite.version() == &version::TLS12 && !chosen.contains(&suite) {
                chosen.push(suite);
            }
        }
        if chosen.is_empty() && versions.contains(&&version::TLS12) {
            return Err(TlsOptionsError::NoSuite);
        }
        let always = ring::ALL_CIPHER_SUITES
            .iter()
            .filter(|suite| suite.version() == &version::TLS13);
        let suites = always.copied().chain(chosen).collect();
        Ok(Self { versions, suites })
    }

    /// A server configuration that takes its certificate from `resolver` at each handshake. HTTP/1.1 only.
    ///
    /// # Panics
    ///
    /// Never: every combination [`TlsOptions::parse`] lets through has a suite for each version.
    #[must_use]
    pub fn server_config(&self, resolver: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
        let provider = CryptoProvider {
            cipher_suites: self.suites.clone(),
            ..ring::default_provider()
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .expect("parse leaves at least one suite for each version")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Names of the suites in use, as IANA writes them.
    #[must_use]
    pub fn suite_names(&self) -> Vec<String> {
        self.suites.iter().map(iana_name).collect()
    }
}

/// rustls says `TLS13_AES_…` where IANA and Go say `TLS_AES_…`.
fn iana_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

fn find(name: &str) -> Option<SupportedCipherSuite> {
    // Go knows two suites by an older name as well.
    let modern = match name {
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        other => other,
    };
    ring::ALL_CIPHER_SUITES
        .iter()
        .find(|suite| iana_name(suite) == modern)
        .copied()
}

impl fmt::Display for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.versions, self.suite_names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA_128: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

    #[test]
    fn go_names_are_understood() {
        let options = TlsOptions::parse("VersionTLS12", &[RSA_128, "TLS_AES_128_GCM_SHA256"]).unwrap();
        let names = options.suite_names();
        assert_eq!(
            names
                .iter()
                .filter(|name| name.contains("_WITH_"))
                .collect::<Vec<_>>(),
            [RSA_128]
        );
        assert!(
            names.iter().any(|name| name == "TLS_AES_256_GCM_SHA384"),
            "TLS 1.3 stays complete"
        );
        let old = TlsOptions::parse("", &["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"]).unwrap();
        assert!(
            old.suite_names()
                .contains(&"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256".to_owned())
        );
        assert_eq!(
            TlsOptions::parse("VersionTLS13", &["TLS_AES_128_GCM_SHA256"])
                .unwrap()
                .versions
                .len(),
            1
        );
        assert_eq!(
            TlsOptions::parse::<&str>("", &[]).unwrap().suites.len(),
            ring::ALL_CIPHER_SUITES.len()
        );
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        let error = TlsOptions::parse("VersionTLS12", &["TLS_RSA_WITH_RC4_128_SHA"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("TLS_RSA_WITH_RC4_128_SHA") && error.contains(RSA_128),
            "{error}"
        );
        let error = TlsOptions::parse::<&str>("TLS1.2", &[]).unwrap_err().to_string();
        assert!(error.contains("VersionTLS13"), "{error}");
        let error = TlsOptions::parse("", &["TLS_AES_128_GCM_SHA256"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("TLS 1.2"), "{error}");
    }
}
