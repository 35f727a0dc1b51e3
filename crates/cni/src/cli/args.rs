//! The command line, read by hand: a crate for it would be one of only 25.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// Exit code when the answer is no: findings of severity error, a release that was refused.
pub(super) const NO: u8 = 1;
/// Exit code when the question could not be answered.
pub(super) const UNKNOWN: u8 = 2;

/// Why a command did not do what it was asked: what, which value, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fail {
    pub(super) code: u8,
    pub(super) text: String,
}

impl Fail {
    /// The question could not be answered.
    pub(super) fn unknown(text: impl Into<String>) -> Self {
        Self {
            code: UNKNOWN,
            text: text.into(),
        }
    }

    /// The answer is no.
    pub(super) fn no(text: impl Into<String>) -> Self {
        Self {
            code: NO,
            text: text.into(),
        }
    }
}

impl From<crate::error::Error> for Fail {
    fn from(error: crate::error::Error) -> Self {
        Self::unknown(error.to_string())
    }
}

/// What options a command has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    /// Options with a value, with their dashes.
    pub(super) values: &'static [&'static str],
    /// Options without.
    pub(super) flags: &'static [&'static str],
    /// The most arguments that are no options.
    pub(super) arguments: usize,
}

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Args {
    values: Vec<(&'static str, OsString)>,
    flags: Vec<&'static str>,
    /// Arguments that are no options.
    pub(super) arguments: Vec<OsString>,
}

impl Args {
    /// Reads `--name value`, `--name=value`, `-o value`, `-ovalue`, `--flag`; after `--` everything is an argument.
    ///
    /// # Errors
    /// What is not in `spec`.
    pub(super) fn parse(spec: Spec, written: &[OsString]) -> Result<Self, Fail> {
        let mut args = Self::default();
        let mut rest = written.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                args.arguments.extend(rest.by_ref().cloned());
            } else if word.as_bytes().first() == Some(&b'-') {
                args.option(spec, word, &mut rest)?;
            } else {
                args.arguments.push(word.clone());
            }
        }
        match args.arguments.get(spec.arguments) {
            Some(extra) => Err(Fail::unknown(format!(
                "{} is one argument too many",
                extra.display()
            ))),
            None => Ok(args),
        }
    }

    fn option<'a>(
        &mut self,
        spec: Spec,
        word: &OsStr,
        rest: &mut impl Iterator<Item = &'a OsString>,
    ) -> Result<(), Fail> {
        let bytes = word.as_bytes();
        let cut = if bytes.starts_with(b"--") {
            bytes.iter().position(|c| *c == b'=')
        } else {
            Some(2)
        };
        let (name, value) = bytes
            .split_at_checked(cut.unwrap_or(bytes.len()))
            .unwrap_or((bytes, b""));
        let value = value
            .strip_prefix(b"=")
            .or(Some(value).filter(|value| !value.is_empty()));
        if let Some(flag) = spec.flags.iter().find(|flag| flag.as_bytes() == name) {
            if value.is_some() {
                return Err(Fail::unknown(format!("{flag} takes no value")));
            }
            self.flags.push(flag);
            return Ok(());
        }
        let Some(option) = spec.values.iter().find(|option| option.as_bytes() == name) else {
            return Err(Fail::unknown(format!(
                "there is no option {} here; see --help",
                word.display()
            )));
        };
        let value = match value {
            Some(value) => OsString::from_vec(value.to_vec()),
            None => rest
                .next()
                .ok_or_else(|| Fail::unknown(format!("{option} needs a value")))?
                .clone(),
        };
        if value.is_empty() {
            return Err(Fail::unknown(format!("{option} needs a value that is not empty")));
        }
        self.values.push((option, value));
        Ok(())
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// All values of an option.
    pub(super) fn all(&self, option: &str) -> impl Iterator<Item = &OsString> {
        self.values
            .iter()
            .filter(move |(name, _)| *name == option)
            .map(|(_, value)| value)
    }

    /// The last value of an option as a path.
    pub(super) fn path(&self, option: &str) -> Option<PathBuf> {
        self.all(option).last().map(PathBuf::from)
    }

    /// The last value of an option as text.
    ///
    /// # Errors
    /// It is no UTF-8.
    pub(super) fn text(&self, option: &str) -> Result<Option<&str>, Fail> {
        let not_text = |value: &OsString| Fail::unknown(format!("{option} {} is not UTF-8", value.display()));
        self.all(option)
            .last()
            .map(|value| value.to_str().ok_or_else(|| not_text(value)))
            .transpose()
    }

    /// The only argument, as text.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn argument(&self, what: &str) -> Result<&str, Fail> {
        let missing = || Fail::unknown(format!("name {what}"));
        self.arguments
            .first()
            .and_then(|argument| argument.to_str())
            .ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        values: &["--dir", "-o"],
        flags: &["--yes"],
        arguments: 1,
    };

    fn parse(words: &[&str]) -> Result<Args, String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Args::parse(SPEC, &words).map_err(|fail| fail.text)
    }

    #[test]
    fn every_spelling_of_an_option_is_read() {
        for words in [
            ["--dir", "/a", "-o", "json", "--yes", "x"].as_slice(),
            &["--dir=/a", "-ojson", "x", "--yes"],
            &["--dir=/b", "--dir=/a", "--yes", "-o=json", "--", "x"],
        ] {
            let args = parse(words).unwrap();
            assert_eq!(args.path("--dir"), Some("/a".into()), "{words:?}");
            assert_eq!(args.text("-o").unwrap(), Some("json"), "{words:?}");
            assert!(args.has("--yes"));
            assert_eq!(args.argument("it").unwrap(), "x");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, problem) in [
            (["--nope"].as_slice(), "there is no option --nope"),
            (&["-x"], "there is no option -x"),
            (&["-"], "there is no option -"),
            (&["--dir"], "--dir needs a value"),
            (&["--dir="], "--dir needs a value"),
            (&["--yes=1"], "--yes takes no value"),
            (&["a", "b"], "b is one argument too many"),
            (&["--", "--dir", "b"], "b is one argument too many"),
        ] {
            let found = parse(words).unwrap_err();
            assert!(found.contains(problem), "{words:?}: {found}");
        }
        assert!(
            parse(&[])
                .unwrap()
                .argument("an address")
                .unwrap_err()
                .text
                .contains("name an address")
        );
    }
}
