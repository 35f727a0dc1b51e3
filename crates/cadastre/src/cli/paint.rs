//! Colours, where somebody sees them.

use std::{
    env, fmt,
    io::{self, IsTerminal as _},
};

/// What a piece of text means; the colour follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Table headers, titles.
    Title,
    /// As it should be.
    Good,
    /// Wants attention.
    Attention,
    /// Wrong.
    Bad,
    /// Of little interest.
    Faint,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// Without colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { is_on: false };
    /// With colours.
    #[cfg(test)]
    pub(crate) const COLOURED: Self = Self { is_on: true };

    /// Colours on a terminal that can show them, unless `NO_COLOR` is set to anything (<https://no-color.org>).
    pub(crate) fn for_stdout() -> Self {
        let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_on: io::stdout().is_terminal() && !is_unwanted && !is_dumb,
        }
    }

    /// The text in the colour of its tone.
    pub(crate) fn say(self, tone: Tone, text: impl fmt::Display) -> String {
        if !self.is_on {
            return text.to_string();
        }
        let code = match tone {
            Tone::Title => "1",
            Tone::Good => "32",
            Tone::Attention => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
