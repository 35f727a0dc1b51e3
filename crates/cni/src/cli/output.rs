//! Writing a result: to standard output, in one piece.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::args::{Args, Fail};
use crate::json::Json;

/// `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people.
    Table,
    /// For programs; names do not change.
    Json,
}

impl Format {
    /// # Errors
    /// Another format.
    pub(super) fn read(args: &Args) -> Result<Self, Fail> {
        match args.text("-o")? {
            None | Some("table") => Ok(Self::Table),
            Some("json") => Ok(Self::Json),
            Some(other) => Err(Fail::unknown(format!(
                "-o {other} is unknown; write table or json"
            ))),
        }
    }

    /// Prints what a program reads, or what `text` makes of it for people.
    ///
    /// # Errors
    /// Standard output is broken.
    pub(super) fn print(
        self,
        json: impl FnOnce() -> Json,
        text: impl FnOnce() -> String,
    ) -> Result<(), Fail> {
        match self {
            Self::Table => print(&text()),
            Self::Json => {
                let mut text = serde_json::to_string_pretty(&json())
                    .map_err(|e| Fail::unknown(format!("cannot write the result as JSON: {e}")))?;
                text.push('\n');
                print(&text)
            }
        }
    }
}

/// Writes text to standard output. A reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// Standard output is broken.
pub(super) fn print(text: &str) -> Result<(), Fail> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fail::unknown(format!("cannot write to standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// Prints a text and ends.
pub(super) fn finish(text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) => ExitCode::from(fail.code),
    }
}
