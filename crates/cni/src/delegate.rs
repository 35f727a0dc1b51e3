//! Handing a call to another IPAM plugin (`nextipam`, spec cni-ipam §7).
//!
//! It gets our environment and the expanded configuration; its stderr is ours. A failed ADD is **not** followed
//! by a DEL: a repeated ADD fails with "duplicate", and the DEL would free the addresses of the container that
//! runs.

use std::{
    env,
    path::PathBuf,
    process::{self, ExitStatus},
};

use crate::{
    child::{self, Finished},
    deadline::Deadline,
    error::{Error, code},
    json::Json,
    protocol::{Answer, Command},
};

/// A range for DEL and GC when none is known: ownership decides there, not configuration.
pub(crate) const PLACEHOLDER: &str = "192.0.2.0/24";

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextIpam {
    program: String,
    args: Vec<String>,
}

impl NextIpam {
    /// `None` for an empty text. White space separates arguments.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().map(str::to_owned);
        Some(Self {
            program: words.next()?,
            args: words.collect(),
        })
    }

    /// What stands as `type` in the configuration it gets: the last part of its path.
    pub(crate) fn kind(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }

    /// Runs the program with `input` on stdin. A name without a slash is searched for in `folders`.
    ///
    /// # Errors
    /// A sentence with the program and, if it was not found, the places.
    pub(crate) fn run(
        &self,
        folders: &[PathBuf],
        input: &[u8],
        deadline: Deadline,
    ) -> Result<Finished, String> {
        let path = self.find(folders)?;
        let mut command = process::Command::new(&path);
        command.args(&self.args);
        child::run(&mut command, input, deadline).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn find(&self, folders: &[PathBuf]) -> Result<PathBuf, String> {
        if self.program.contains('/') {
            return Ok(PathBuf::from(&self.program));
        }
        let candidates = folders.iter().filter(|folder| !folder.as_os_str().is_empty());
        let found = candidates
            .map(|folder| folder.join(&self.program))
            .find(|path| path.is_file());
        found.ok_or_else(|| {
            let places: Vec<_> = folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            format!(
                "failed to find plugin {:?} in path [{}]",
                self.program,
                places.join(" ")
            )
        })
    }
}

/// The folders of `PATH`.
pub(crate) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// What a plugin's output means: its result, or its error as text.
///
/// # Errors
/// `msg` or `msg; details` of its error object; or what is wrong with its output: an ADD has a result.
pub(crate) fn answer(command: Command, finished: &Finished) -> Result<Answer, String> {
    let text = finished.stdout.trim_ascii();
    let succeeded = finished.status.success();
    if text.is_empty() {
        return if succeeded && command != Command::Add {
            Ok(Answer::nothing())
        } else {
            Err(format!(
                "netplugin failed with no error message: {}",
                ending(finished.status)
            ))
        };
    }
    let parsed = serde_json::from_slice::<Json>(text);
    if succeeded {
        return parsed
            .map(Answer::document)
            .map_err(|_| format!("its output is not JSON: {}", quoted(text)));
    }
    let error =
        parsed.map_err(|_| format!("netplugin failed but its output is not JSON: {}", quoted(text)))?;
    Err(error_text(&error).unwrap_or_else(|| format!("netplugin failed: {}", quoted(text))))
}

/// Whether a plugin that failed said so in one JSON document, which can be shown as it is.
pub(crate) fn is_error_document(finished: &Finished) -> bool {
    !finished.status.success() && serde_json::from_slice::<Json>(&finished.stdout).is_ok()
}

/// The exit status to end with when a program's is passed on; 1 when a signal ended it.
pub(crate) fn exit_status(finished: &Finished) -> u8 {
    let code = finished.status.code();
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn error_text(document: &Json) -> Option<String> {
    let object = document.as_object()?;
    let text = |key| object.get(key).and_then(Json::as_str).unwrap_or_default();
    let error = Error::new(code::KUBE_NODE, text("msg")).with_details(text("details"));
    Some(error.to_string()).filter(|text| !text.is_empty())
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

/// The beginning of an output, for a message.
fn quoted(text: &[u8]) -> String {
    const LIMIT: usize = 200;
    let shown = String::from_utf8_lossy(text.get(..LIMIT).unwrap_or(text));
    let dots = if text.len() > LIMIT { "…" } else { "" };
    format!("{shown:?}{dots}")
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::{NextIpam, answer, exit_status, is_error_document};
    use crate::{child::Finished, protocol::Command};

    fn finished(stdout: &str, wait_status: i32) -> Finished {
        Finished {
            stdout: stdout.into(),
            status: ExitStatus::from_raw(wait_status),
        }
    }

    fn said(stdout: &str, code: i32) -> Result<Option<String>, String> {
        said_to(Command::Add, stdout, code)
    }

    fn said_to(command: Command, stdout: &str, code: i32) -> Result<Option<String>, String> {
        answer(command, &finished(stdout, code << 8)).map(|answer| {
            answer
                .document
                .map(|document| serde_json::to_string(&document).unwrap())
        })
    }

    #[test]
    fn output_and_status_are_told_apart() {
        assert_eq!(said(" {\"a\":1}\n", 0), Ok(Some("{\"a\":1}".to_owned())));
        assert_eq!(said("hi", 0), Err("its output is not JSON: \"hi\"".to_owned()));
        assert_eq!(
            said(r#"{"code":999,"msg":"no","details":"why"}"#, 1),
            Err("no; why".to_owned())
        );
        assert_eq!(said(r#"{"msg":"no"}"#, 1), Err("no".to_owned()));
        assert_eq!(
            said("", 3),
            Err("netplugin failed with no error message: exit status 3".to_owned())
        );
        assert_eq!(
            said("hi", 1),
            Err("netplugin failed but its output is not JSON: \"hi\"".to_owned())
        );
        assert_eq!(said("{}", 1), Err("netplugin failed: \"{}\"".to_owned()));
    }

    #[test]
    fn only_an_add_must_say_something() {
        let silent = "netplugin failed with no error message: exit status 0".to_owned();
        assert_eq!(said("", 0), Err(silent.clone()));
        assert_eq!(said(" \n", 0), Err(silent));
        for command in [Command::Del, Command::Check, Command::Gc, Command::Status] {
            assert_eq!(said_to(command, "\n", 0), Ok(None));
        }
    }

    #[test]
    fn an_error_can_be_passed_on_when_it_is_a_document() {
        let is_document = |stdout, status| is_error_document(&finished(stdout, status));
        assert_eq!(
            [
                is_document("{}\n", 3 << 8),
                is_document("{}", 0),
                is_document("x", 256),
                is_document("", 256)
            ],
            [true, false, false, false]
        );
        assert_eq!(
            [3 << 8, 255 << 8, 0, 9].map(|status| exit_status(&finished("", status))),
            [3, 255, 0, 1]
        );
    }

    #[test]
    fn a_program_may_have_arguments() {
        let next = NextIpam::parse(" /opt/x/host-local -v  a ").unwrap();
        assert_eq!(
            (next.kind(), next.args.as_slice()),
            ("host-local", ["-v".to_owned(), "a".to_owned()].as_slice())
        );
        assert_eq!(NextIpam::parse("  "), None);
    }

    #[test]
    fn what_is_not_found_is_named_with_the_places() {
        let next = NextIpam::parse("nowhere-to-be-found").unwrap();
        let problem = next
            .find(&["/nonexistent/a".into(), "/nonexistent/b".into()])
            .unwrap_err();
        assert_eq!(
            problem,
            "failed to find plugin \"nowhere-to-be-found\" in path [/nonexistent/a /nonexistent/b]"
        );
    }
}
