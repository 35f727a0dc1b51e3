use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Credential, CredentialError};
use crate::source::Secret;

/// How often the files are looked at. They are tiny and in the page cache.
const PERIOD: Duration = Duration::from_secs(3);

/// A token in two files. Contents are compared and not times: a file can be replaced within one tick of its file
/// system's clock.
#[derive(Debug)]
pub(in crate::source::proxmox) struct TokenFiles {
    id: PathBuf,
    secret: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    id: String,
    secret: Secret,
    credential: Credential,
    looked: Instant,
    /// The last problem, told once.
    problem: Option<String>,
}

impl TokenFiles {
    pub(in crate::source::proxmox) fn read(id: &Path, secret: &Path) -> Result<Self, CredentialError> {
        let (id_text, secret_text) = (content(id)?, Secret::new(&content(secret)?));
        let credential = Credential::token(&id_text, &secret_text, 0, &origin(id, secret))?;
        let state = State {
            id: id_text,
            secret: secret_text,
            credential,
            looked: Instant::now(),
            problem: None,
        };
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// The token as the files had it within the last three seconds.
    ///
    /// Files that cannot be read leave the last token in place: it may well be valid, and if not, the answer says so.
    pub(in crate::source::proxmox) fn current(&self) -> Credential {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= PERIOD {
            self.look(&mut state);
        }
        state.credential.clone()
    }

    /// After a 401: another token than the refused one, if the files hold one by now.
    pub(in crate::source::proxmox) fn after_refusal(&self, refused: &Credential) -> Option<Credential> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.credential.serial == refused.serial {
            self.look(&mut state);
        }
        (state.credential.serial != refused.serial).then(|| state.credential.clone())
    }

    fn look(&self, state: &mut State) {
        state.looked = Instant::now();
        let problem = self.load(state).err().map(|error| runtime::answer::chain(&error));
        if let Some(problem) = problem
            .as_ref()
            .filter(|problem| state.problem.as_ref() != Some(problem))
        {
            tracing::warn!(error = %problem, "keeping the last token");
        }
        state.problem = problem;
    }

    fn load(&self, state: &mut State) -> Result<(), CredentialError> {
        let (id, secret) = (content(&self.id)?, Secret::new(&content(&self.secret)?));
        if id == state.id && secret == state.secret {
            return Ok(());
        }
        let serial = state.credential.serial + 1;
        state.credential = Credential::token(&id, &secret, serial, &origin(&self.id, &self.secret))?;
        (state.id, state.secret) = (id, secret);
        tracing::info!(file = %self.secret.display(), "token files changed, using the new token");
        Ok(())
    }
}

/// The text of a file without white space around it (§2).
fn content(path: &Path) -> Result<String, CredentialError> {
    let text = std::fs::read_to_string(path).map_err(|source| CredentialError::Read {
        path: path.to_owned(),
        source,
    })?;
    match text.trim() {
        "" => Err(CredentialError::Empty {
            path: path.to_owned(),
        }),
        text => Ok(text.to_owned()),
    }
}

fn origin(id: &Path, secret: &Path) -> String {
    format!("{} and {}", id.display(), secret.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http::header::AUTHORIZATION;
    use tokio::time::advance;

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (id, secret) = (dir.path().join("id"), dir.path().join("secret"));
        fs::write(&id, " ccm@pve!t\n").unwrap();
        fs::write(&secret, "\n old \n\n").unwrap();
        (dir, id, secret)
    }

    #[tokio::test(start_paused = true)]
    async fn case_132_blanks_around_a_token_do_not_count() {
        let (_dir, id, secret) = place();
        let files = TokenFiles::read(&id, &secret).unwrap();
        assert_eq!(
            files.current().headers()[AUTHORIZATION],
            "PVEAPIToken=ccm@pve!t=old"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_token_is_used_within_three_seconds_or_after_a_refusal() {
        let (_dir, id, secret) = place();
        let files = TokenFiles::read(&id, &secret).unwrap();
        let first = files.current();
        assert!(
            files.after_refusal(&first).is_none(),
            "the files still hold the refused token"
        );

        fs::write(&secret, "new").unwrap();
        let second = files.after_refusal(&first).unwrap();
        assert_eq!(second.headers()[AUTHORIZATION], "PVEAPIToken=ccm@pve!t=new");

        fs::write(&secret, "newer").unwrap();
        advance(PERIOD).await;
        assert_eq!(
            files.current().headers()[AUTHORIZATION],
            "PVEAPIToken=ccm@pve!t=newer"
        );
        assert!(
            files.after_refusal(&second).is_some(),
            "a refusal of an older one only says: use the newer one"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_vanish_leave_the_last_token() {
        let (dir, id, secret) = place();
        let files = TokenFiles::read(&id, &secret).unwrap();
        drop(dir);
        advance(PERIOD * 2).await;
        assert_eq!(
            files.current().headers()[AUTHORIZATION],
            "PVEAPIToken=ccm@pve!t=old"
        );
    }

    #[test]
    fn case_130_missing_or_empty_files_are_an_error_at_the_start() {
        let (_dir, id, secret) = place();
        fs::write(&secret, " \n").unwrap();
        let empty = TokenFiles::read(&id, &secret).unwrap_err().to_string();
        assert!(empty.contains("is empty"), "{empty}");
        fs::remove_file(&id).unwrap();
        let missing = TokenFiles::read(&id, &secret).unwrap_err().to_string();
        assert!(missing.contains("cannot read the token file"), "{missing}");
    }
}
