use std::fmt;
use std::io::{self, Write as _};

use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fstat, makedev};

use crate::error::{Error, code};
use crate::json::{Json, Object};

/// What a plugin answers: one document, or nothing; and how to take back what the answer promises when nobody
/// could be told (spec §4.5: a result that cannot be written is undone).
#[derive(Default)]
pub struct Answer {
    /// The document for stdout.
    pub document: Option<Json>,
    /// What another program printed, and its exit status.
    passed_on: Option<(Vec<u8>, u8)>,
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
            ..Self::default()
        }
    }

    /// What another program printed and its exit status, as they are (spec §7).
    #[must_use]
    pub fn passed_on(stdout: Vec<u8>, status: u8) -> Self {
        Self {
            passed_on: Some((stdout, status)),
            ..Self::default()
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

    /// Takes back what the answer promises; `false` when there is no way to.
    pub fn undo(self) -> bool {
        let Some(undo) = self.undo else { return false };
        undo();
        true
    }

    /// Writes the answer to stdout; the exit status to end with.
    pub(super) fn print(&self) -> io::Result<u8> {
        if let Some((stdout, status)) = &self.passed_on {
            write(stdout)?;
            return Ok(*status);
        }
        if let Some(document) = &self.document {
            print(document)?;
        }
        Ok(0)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("document", &self.document)
            .field("passed_on", &self.passed_on)
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

/// Refuses to begin what must be told, when stdout was closed before this process started (spec §4.5).
///
/// By then the standard library has opened `/dev/null` in its place, for reading and writing, and every write succeeds.
/// A shell that is told `> /dev/null` opens it for writing alone: whoever says so does not want to know, and that is
/// fine. The few programs that give their children `/dev/null` for both, as Python's `subprocess.DEVNULL`, are refused
/// as well: an address that nobody was told of is never given back.
///
/// # Errors
/// Code 5.
pub(super) fn check_heard() -> Result<(), Error> {
    let stdout = io::stdout();
    let both_ways = fcntl_getfl(&stdout).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR);
    if both_ways && fstat(&stdout).is_ok_and(|found| is_null(&found)) {
        return Err(Error::new(code::IO, "stdout is closed")
            .with_details("nobody would be told the address; give the plugin a pipe or a file as stdout"));
    }
    Ok(())
}

/// `/dev/null`, wherever it stands (linux/Documentation/admin-guide/devices.txt).
fn is_null(found: &Stat) -> bool {
    let device = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice;
    device && found.st_rdev == makedev(1, 3)
}

/// Writes one document and a newline in one piece, so that two processes on one pipe do not mix theirs.
fn print(document: &Json) -> io::Result<()> {
    let mut bytes = document.to_bytes();
    bytes.push(b'\n');
    write(&bytes)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A line for whoever reads the runtime's log; nothing depends on it being written.
pub(crate) fn warn(line: &str) {
    // Nobody to tell: stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
