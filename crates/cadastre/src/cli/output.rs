//! Printing a result: as text for people, or as data.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::paint::Paint;

/// How to print a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; field names do not change
    Json,
    /// The same as YAML
    Yaml,
}

/// `-o`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Output {
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

impl Output {
    /// Prints `value`, or what `text` makes of it for people.
    pub(crate) fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(Paint) -> String) -> Result<()> {
        let rendered = match self.output {
            Format::Text => text(Paint::for_stdout()),
            Format::Json => serde_json::to_string_pretty(value).context("cannot write the result as JSON")?,
            Format::Yaml => serde_saphyr::to_string(value).context("cannot write the result as YAML")?,
        };
        print(&rendered)
    }
}

/// Writes to standard output, with a line feed at the end. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(end.as_bytes()))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
