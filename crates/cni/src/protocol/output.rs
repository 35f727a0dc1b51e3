use std::fmt;
use std::io::{self, Write as _};

use crate::error::Error;
use crate::json::{Json, Object};

/// What a plugin answers: one document, or nothing; and how to take back what the answer promises when nobody
/// could be told (spec §4.5: a result that cannot be written is undone).
#[derive(Default)]
pub struct Answer {
    /// The document for stdout.
    pub document: Option<Json>,
    undo: Option<Box<dyn FnOnce()>>,
}

impl Answer {
    /// Success without a document.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Success with a document.
    #[must_use]
    pub fn document(document: Json) -> Self {
        Self {
            document: Some(document),
            undo: None,
        }
    }

    /// Runs `undo` when the document cannot be written.
    #[must_use]
    pub fn or_undo(self, undo: impl FnOnce() + 'static) -> Self {
        Self {
            undo: Some(Box::new(undo)),
            ..self
        }
    }

    /// Takes back what the answer promises.
    pub fn undo(self) {
        if let Some(undo) = self.undo {
            undo();
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("document", &self.document)
            .field("undo", &self.undo.is_some())
            .finish()
    }
}

/// The error object (spec §2.5). An empty `version` is written as `0.1.0`.
#[must_use]
pub fn error_document(error: &Error, version: &str) -> Json {
    let version = if version.is_empty() { "0.1.0" } else { version };
    let mut object = Object::from_iter([
        ("cniVersion", Json::from(version)),
        ("code", Json::Number(error.code.into())),
        ("msg", Json::from(error.msg.as_str())),
    ]);
    if !error.details.is_empty() {
        object.set("details", Json::from(error.details.as_str()));
    }
    Json::Object(object)
}

/// Prints the error object on stdout; when even that fails, the error on stderr.
pub fn print_error(error: &Error, version: &str) {
    if let Err(e) = print(&error_document(error, version)) {
        warn(&format!("cannot write to stdout ({e}): {error}"));
    }
}

/// Writes one document and a newline in one piece, so that two processes on one pipe do not mix theirs.
pub(super) fn print(document: &Json) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(document)?;
    bytes.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

/// A line for whoever reads the runtime's log; nothing depends on it being written.
pub(crate) fn warn(line: &str) {
    // Nobody to tell: stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
