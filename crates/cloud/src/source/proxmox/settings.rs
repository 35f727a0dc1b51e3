//! What a region needs to know to begin with, and why it may not be able to.

use std::path::PathBuf;
use std::time::Duration;

use super::auth::{CredentialError, Credentials};
use super::http::{Base, ProxyError, Trust, TrustError};
use crate::plan::facts::Region;

/// One region of the configuration (§2), checked there; files are read here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the region.
    pub region: Region,
    /// Equivalent end points, tried in turn: URLs up to and with `/api2/json`. At least one.
    pub urls: Vec<String>,
    /// Believe every server.
    pub insecure: bool,
    /// PEM file with further trust anchors.
    pub ca_file: Option<PathBuf>,
    /// PEM text with further trust anchors.
    pub ca: Option<String>,
    /// Who we are.
    pub credentials: Credentials,
    /// Limit of one request.
    pub timeout: Duration,
    /// Limit of one guest query.
    pub guest_timeout: Duration,
}

/// Why a region cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No end point at all.
    #[error("region {0} has no API URL; set clusters[].url")]
    NoUrl(Region),
    /// An end point that is no URL.
    #[error("API URL {url:?} of region {region} is unusable; write it as https://HOST:8006/api2/json")]
    Url {
        /// The region.
        region: Region,
        /// The refused text.
        url: String,
    },
    /// Trust anchors.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// Proxy of the environment.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl Settings {
    pub(super) fn bases(&self) -> Result<Vec<Base>, StartError> {
        if self.urls.is_empty() {
            return Err(StartError::NoUrl(self.region.clone()));
        }
        let base = |url: &String| {
            Base::parse(url).ok_or_else(|| StartError::Url {
                region: self.region.clone(),
                url: url.clone(),
            })
        };
        self.urls.iter().map(base).collect()
    }

    pub(super) fn trust(&self) -> Result<Trust, TrustError> {
        let mut anchors = Vec::new();
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read_to_string(path).map_err(|source| TrustError::Read {
                path: path.clone(),
                source,
            })?;
            anchors.push((path.display().to_string(), pem));
        }
        if let Some(pem) = &self.ca {
            anchors.push((format!("ca of region {}", self.region), pem.clone()));
        }
        Ok(Trust {
            everybody: self.insecure,
            anchors,
        })
    }
}
