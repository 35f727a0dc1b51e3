//! An answer before it becomes HTTP.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::json;
use super::model::Release;
use crate::dice::Dice;

/// Status, reason phrase and body, and how long all that is held back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `None`: the usual one.
    pub(super) reason: Option<String>,
    pub(super) content: Content,
    pub(super) after: Duration,
}

/// The body.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// None.
    Empty,
    /// JSON, or what a fault puts in its place.
    Text(Bytes),
    /// JSON, compressed already.
    Packed(Bytes),
}

/// What a handler comes to.
pub(super) enum Outcome {
    /// This answer.
    Reply(Reply),
    /// A real guest agent must be asked first, which takes time.
    Agent(AgentQuery),
}

/// Which agent, and for whom.
pub(super) struct AgentQuery {
    pub(super) socket: PathBuf,
    pub(super) vm: u32,
    pub(super) release: Release,
}

impl Reply {
    /// 200 with this under `data`.
    pub(super) fn data(value: &Value, dice: &mut Dice) -> Self {
        let mut text = String::from("{\"data\":");
        text.push_str(&json::render(value, dice));
        text.push('}');
        Self::content(Content::Text(text.into()))
    }

    /// 200 with this body.
    pub(super) fn content(content: Content) -> Self {
        Self {
            status: 200,
            reason: None,
            content,
            after: Duration::ZERO,
        }
    }

    /// An error of a method: the text is reason phrase and body.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let body = json!({"data": null, "message": format!("{message}\n")});
        Self {
            content: Content::Text(body.to_string().into()),
            ..Self::bare(status, message)
        }
    }

    /// An error of the server in front of the methods: reason phrase only.
    pub(super) fn bare(status: u16, reason: &str) -> Self {
        Self {
            status,
            reason: Some(reason.to_owned()),
            content: Content::Empty,
            after: Duration::ZERO,
        }
    }

    /// A parameter of the wrong form.
    pub(super) fn parameter(name: &str, problem: &str) -> Self {
        let message = "Parameter verification failed.";
        let body = json!({"data": null, "errors": {name: problem}, "message": format!("{message}\n")});
        Self {
            content: Content::Text(body.to_string().into()),
            ..Self::bare(400, message)
        }
    }

    /// Held back for so long.
    pub(super) fn after(mut self, pause: Duration) -> Self {
        self.after = pause;
        self
    }

    /// The guest agent did not answer a ping.
    pub(super) fn agent_silent() -> Self {
        Self::error(500, "QEMU guest agent is not running")
    }

    /// The guest agent answered a ping and nothing more.
    pub(super) fn agent_timeout(vm: u32, release: Release) -> Self {
        let kind = if release >= Release::V9 { "qga" } else { "qmp" };
        let message = format!("VM {vm} {kind} command 'guest-network-get-interfaces' failed - got timeout");
        Self::error(500, &message)
    }

    /// What the guest agent returned.
    pub(super) fn agent_result(result: &Value, dice: &mut Dice) -> Self {
        Self::data(&json!({"result": result}), dice)
    }
}
