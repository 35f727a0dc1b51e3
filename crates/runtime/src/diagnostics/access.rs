//! Who may see diagnostics: TokenReview, then SubjectAccessReview.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::CACHE_TIME;
use crate::answer::describe;

/// Answers kept at most; more would mean somebody is trying tokens.
const CACHE_SIZE: usize = 1024;

/// What the API server says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Known user, allowed.
    Allowed,
    /// The token is nobody's.
    Unauthenticated,
    /// Known user, not allowed.
    Denied {
        /// User name.
        user: String,
    },
}

/// Answers by the digest of what was asked, and until when they hold.
type Cache = HashMap<[u8; 32], (Access, Instant)>;

/// Asks the API server, and remembers answers for [`CACHE_TIME`]. Clones share the memory.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
    cache: Arc<Mutex<Cache>>,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").finish_non_exhaustive()
    }
}

impl Reviewer {
    /// The client needs `create` on `tokenreviews` and `subjectaccessreviews`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            cache: Arc::default(),
        }
    }

    /// Whether the bearer of `token` may do `verb` on `path`. Silence is an error, never an answer, and is
    /// not remembered.
    ///
    /// # Errors
    ///
    /// When the API server could not be asked.
    pub async fn review(&self, token: &str, verb: &str, path: &str) -> Result<Access, String> {
        let key = digest([token, verb, path]);
        if let Some(access) = self.remembered(&key) {
            return Ok(access);
        }
        let access = match self.authenticate(token).await? {
            None => Access::Unauthenticated,
            Some(user) => self.authorise(user, verb, path).await?,
        };
        self.remember(key, access.clone());
        Ok(access)
    }

    async fn authenticate(&self, token: &str) -> Result<Option<UserInfo>, String> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: None,
            },
            ..TokenReview::default()
        };
        let answer = Api::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await;
        let status = answer
            .map_err(|error| describe(&error))?
            .status
            .unwrap_or_default();
        if status.authenticated == Some(true) {
            return Ok(Some(status.user.unwrap_or_default()));
        }
        match status.error.filter(|error| !error.is_empty()) {
            // An authenticator that failed is reported beside "no"; still nobody we know.
            Some(error) => tracing::debug!(error, "token not accepted"),
            None => tracing::debug!("token not accepted"),
        }
        Ok(None)
    }

    async fn authorise(&self, user: UserInfo, verb: &str, path: &str) -> Result<Access, String> {
        let name = user.username.clone().unwrap_or_default();
        let attributes = NonResourceAttributes {
            path: Some(path.to_owned()),
            verb: Some(verb.to_owned()),
        };
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username,
                groups: user.groups,
                uid: user.uid,
                extra: user.extra,
                non_resource_attributes: Some(attributes),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answer = Api::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await;
        let status = answer
            .map_err(|error| describe(&error))?
            .status
            .unwrap_or_default();
        Ok(if status.allowed {
            Access::Allowed
        } else {
            Access::Denied { user: name }
        })
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Access> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache
            .get(key)
            .filter(|(_, until)| Instant::now() < *until)
            .map(|(access, _)| access.clone())
    }

    fn remember(&self, key: [u8; 32], access: Access) {
        let now = Instant::now();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, (_, until)| now < *until);
        }
        if cache.len() < CACHE_SIZE {
            cache.insert(key, (access, now + CACHE_TIME));
        }
    }
}

/// Tokens are not kept in memory longer than needed, so the memory knows only their digest.
fn digest(parts: [&str; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
