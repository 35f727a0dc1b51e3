use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::super::failure::{Failure, Kind};
use super::super::http::Reply;
use super::super::wire::{self, Envelope, Scalar};
use super::Credential;
use crate::source::Secret;

/// Half of a ticket's life: from here on it is renewed without waiting for a refusal (case 137).
const HALF_LIFE: Duration = Duration::from_secs(60 * 60);
/// A ticket younger than this was refused for another reason than its age, and a log-in would be refused, too.
const TOO_YOUNG: Duration = Duration::from_secs(60);
/// After a log-in that failed nobody tries for this long: every try delays the answer by 3 s, and many lock the user.
const PAUSE: Duration = Duration::from_secs(10);

/// The tickets of one user.
#[derive(Debug)]
pub(in crate::source::proxmox) struct Tickets {
    username: String,
    password: Secret,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ticket: Option<(Credential, Instant)>,
    failed: Option<(Failure, Instant)>,
    logins: u64,
}

/// What to do before a request: held while a log-in is under way, so that there is only one.
pub(in crate::source::proxmox) enum Turn<'a> {
    /// Send this.
    Use(Credential),
    /// Log in, then [`LogIn::learn`] the outcome.
    LogIn(LogIn<'a>),
}

/// A log-in that has to be carried out.
pub(in crate::source::proxmox) struct LogIn<'a> {
    tickets: &'a Tickets,
    state: MutexGuard<'a, State>,
}

impl Tickets {
    pub(super) fn new(username: &str, password: &Secret) -> Self {
        Self {
            username: username.to_owned(),
            password: password.clone(),
            state: Mutex::default(),
        }
    }

    /// The ticket for the next request, or the order to log in: at first and when half of its life is over (case 135).
    pub(in crate::source::proxmox) async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let state = self.state.lock().await;
        match &state.ticket {
            Some((credential, since)) if since.elapsed() < state.use_until() => {
                Ok(Turn::Use(credential.clone()))
            }
            _ => self.log_in(state),
        }
    }

    /// After a refusal: what to try once more, if there is anything (cases 136 and 137).
    ///
    /// 403 means a missing privilege unless the ticket is old. 401 may mean that the cluster was given new keys.
    pub(in crate::source::proxmox) async fn after_refusal(
        &self,
        refused: &Credential,
        kind: Kind,
    ) -> Result<Option<Turn<'_>>, Failure> {
        let state = self.state.lock().await;
        let Some((credential, since)) = &state.ticket else {
            return self.log_in(state).map(Some);
        };
        if credential.serial != refused.serial {
            return Ok(Some(Turn::Use(credential.clone())));
        }
        let tolerated = if kind == Kind::Forbidden {
            HALF_LIFE
        } else {
            TOO_YOUNG
        };
        if since.elapsed() < tolerated {
            Ok(None)
        } else {
            self.log_in(state).map(Some)
        }
    }

    fn log_in<'a>(&'a self, state: MutexGuard<'a, State>) -> Result<Turn<'a>, Failure> {
        match &state.failed {
            Some((failure, _)) if state.is_pausing() => Err(failure.clone()),
            _ => Ok(Turn::LogIn(LogIn { tickets: self, state })),
        }
    }
}

impl State {
    /// Age up to which the ticket is used as it is: to its end while log-ins fail.
    fn use_until(&self) -> Duration {
        if self.is_pausing() {
            HALF_LIFE * 2
        } else {
            HALF_LIFE
        }
    }

    fn is_pausing(&self) -> bool {
        self.failed
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() < PAUSE)
    }
}

impl LogIn<'_> {
    /// The body of the log-in: JSON with the password.
    pub(in crate::source::proxmox) fn body(&self) -> Bytes {
        let (username, password) = (self.tickets.username.as_str(), self.tickets.password.reveal());
        serde_json::json!({ "username": username, "password": password })
            .to_string()
            .into()
    }

    /// Takes the outcome in and gives the ticket to use.
    ///
    /// A renewal that fails leaves the old ticket in use, which is valid for another hour.
    pub(in crate::source::proxmox) fn learn(
        mut self,
        outcome: Result<Reply, Failure>,
    ) -> Result<Credential, Failure> {
        let state = &mut *self.state;
        let credential = outcome.and_then(|reply| read(&reply, state.logins + 1));
        match credential {
            Ok(credential) => {
                state.logins += 1;
                state.failed = None;
                state.ticket = Some((credential.clone(), Instant::now()));
                Ok(credential)
            }
            Err(failure) => {
                tracing::warn!(username = self.tickets.username, error = %failure, "log-in failed");
                state.failed = Some((failure.clone(), Instant::now()));
                let old = state
                    .ticket
                    .as_ref()
                    .filter(|(_, since)| since.elapsed() < HALF_LIFE * 2);
                old.map(|(credential, _)| credential.clone()).ok_or(failure)
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ticket: Scalar,
    #[serde(default, rename = "CSRFPreventionToken")]
    csrf: Scalar,
    #[serde(default, rename = "NeedTFA")]
    second_factor: Scalar,
}

fn read(reply: &Reply, serial: u64) -> Result<Credential, Failure> {
    let answer: Envelope<Answer> = wire::decode(reply, "the log-in").map_err(unreadable)?;
    let answer = answer
        .data
        .ok_or_else(|| Failure::new(Kind::Malformed, "the log-in answered without a ticket"))?;
    let ticket = answer.ticket.text().unwrap_or_default();
    // Also without the flag: such a ticket only serves for sending the second factor.
    if answer.second_factor.flag() || ticket.starts_with("PVE:!tfa!") {
        let text = "the user needs a second factor to log in; use an API token instead";
        return Err(Failure::new(Kind::Unauthorized, text));
    }
    if ticket.is_empty() {
        return Err(Failure::new(
            Kind::Malformed,
            "the log-in answered without a ticket",
        ));
    }
    Credential::ticket(&ticket, &answer.csrf.text().unwrap_or_default(), serial)
}

/// Without a word of an answer that may hold a ticket; a refusal holds none and keeps its words.
fn unreadable(failure: Failure) -> Failure {
    if failure.kind != Kind::Malformed {
        return failure;
    }
    let text = "the answer to the log-in cannot be read; check that the URL leads to the API of Proxmox VE";
    Failure::new(Kind::Malformed, text)
}

#[cfg(test)]
mod tests;
