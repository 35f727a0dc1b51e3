//! Running one step: say what runs, show that it is alive, say how long it took, and fail with one clear line.

use std::{
    fmt,
    io::{self, IsTerminal, Read, Write},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

/// A child that prints nothing for this long gets a line of ours, so that nobody takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// One named piece of work with the sentence to print when it fails.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    name: String,
    remedy: String,
}

/// Which of the child's outputs a chunk came from.
enum Chunk {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

impl Step {
    /// A step called `name`; `remedy` completes the line "NAME failed …: REMEDY".
    pub(crate) fn new(name: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            remedy: remedy.into(),
        }
    }

    /// Runs a command, passing its output through.
    ///
    /// # Errors
    /// When the program cannot be started or does not end with success; the message holds the remedy.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        self.timed(|| {
            note(&self.name, format_args!("{}", Shell(command)));
            let status = self.supervise(command, &mut |chunk| match chunk {
                Chunk::Out(bytes) => io::stdout().lock().write_all(bytes),
                Chunk::Err(bytes) => io::stderr().lock().write_all(bytes),
            })?;
            success(status)
        })
    }

    /// Runs a command and returns what it wrote to standard output; its standard error is passed through.
    ///
    /// # Errors
    /// As [`Step::run`], and when the output is not UTF-8.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        self.timed(|| {
            note(&self.name, format_args!("{}", Shell(command)));
            let mut captured = Vec::new();
            let status = self.supervise(command, &mut |chunk| match chunk {
                Chunk::Out(bytes) => captured.write_all(bytes),
                Chunk::Err(bytes) => io::stderr().lock().write_all(bytes),
            })?;
            success(status)?;
            String::from_utf8(captured).context("its output is not UTF-8")
        })
    }

    /// Runs work of our own under the step's name, with a heartbeat while it takes long.
    ///
    /// # Errors
    /// What `work` returned, with the step's name and remedy in front.
    pub(crate) fn work<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.timed(|| {
            note(&self.name, format_args!("started"));
            let (stop, stopped) = mpsc::channel::<()>();
            thread::scope(|scope| {
                scope.spawn(move || self.beat_until_closed(&stopped));
                let result = work();
                drop(stop);
                result
            })
        })
    }

    fn beat_until_closed(&self, stopped: &mpsc::Receiver<()>) {
        let started = Instant::now();
        while stopped.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
            note(
                &self.name,
                format_args!("still running after {}", Seconds(started.elapsed())),
            );
        }
    }

    fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let result = work();
        let took = Seconds(started.elapsed());
        match result {
            Ok(value) => {
                note(&self.name, format_args!("done in {took}"));
                Ok(value)
            }
            Err(cause) => Err(anyhow!(
                "{} failed after {took} ({cause:#}): {}",
                self.name,
                self.remedy
            )),
        }
    }

    /// Starts the command and hands each piece of its output to `sink` until it ends.
    fn supervise(
        &self,
        command: &mut Command,
        sink: &mut dyn FnMut(&Chunk) -> io::Result<()>,
    ) -> Result<ExitStatus> {
        let started = Instant::now();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if io::stderr().is_terminal() {
            // cargo sees a pipe and would drop its colours although a person is reading.
            command.env("CARGO_TERM_COLOR", "always");
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let (sender, chunks) = mpsc::channel();
        let out = child
            .stdout
            .take()
            .map(|pipe| pump(pipe, sender.clone(), Chunk::Out));
        let err = child.stderr.take().map(|pipe| pump(pipe, sender, Chunk::Err));
        loop {
            match chunks.recv_timeout(HEARTBEAT) {
                Ok(chunk) => sink(&chunk)?,
                Err(RecvTimeoutError::Timeout) => {
                    note(
                        &self.name,
                        format_args!("still running after {}", Seconds(started.elapsed())),
                    );
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for reader in [out, err].into_iter().flatten() {
            reader
                .join()
                .map_err(|_| anyhow!("the thread reading its output panicked"))?;
        }
        Ok(child.wait()?)
    }
}

fn pump<R: Read + Send + 'static>(
    mut pipe: R,
    sender: Sender<Chunk>,
    wrap: fn(Vec<u8>) -> Chunk,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read) = pipe.read(&mut buffer) {
            if read == 0 || sender.send(wrap(buffer[..read].to_vec())).is_err() {
                break;
            }
        }
    })
}

fn success(status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        bail!("{status}")
    }
}

/// Prints one line about a step to standard error, where it never mixes with machine-readable output.
pub(crate) fn note(step: &str, text: fmt::Arguments<'_>) {
    eprintln!("[{step}] {text}");
}

/// A duration as people read it: `0.4 s`, `12.3 s`, `4 min 05 s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.as_secs();
        if whole >= 60 {
            write!(f, "{} min {:02} s", whole / 60, whole % 60)
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

/// A command as one could type it, with the environment it adds.
struct Shell<'a>(&'a Command);

impl fmt::Display for Shell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0.get_envs() {
            if let Some(value) = value {
                write!(
                    f,
                    "{}={} ",
                    name.to_string_lossy(),
                    quoted(&value.to_string_lossy())
                )?;
            }
        }
        f.write_str(&quoted(&self.0.get_program().to_string_lossy()))?;
        for argument in self.0.get_args() {
            write!(f, " {}", quoted(&argument.to_string_lossy()))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_child_names_step_status_and_remedy() {
        let error = Step::new("lint", "fix the lints")
            .run(&mut sh("exit 3"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("lint failed after "), "{error}");
        assert!(error.ends_with("(exit status: 3): fix the lints"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Step::new("x", "y")
            .run(&mut Command::new("no-such-program"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot start no-such-program"), "{error}");
    }

    #[test]
    fn output_is_whole_even_when_it_is_large() {
        let text = Step::new("x", "y").output(&mut sh("seq 1 100000")).unwrap();
        assert_eq!(text.lines().count(), 100_000);
    }

    #[test]
    fn work_passes_its_value_and_its_error_on() {
        let step = Step::new("count", "count again");
        assert_eq!(step.work(|| Ok(7)).unwrap(), 7);
        let error = step
            .work(|| -> Result<()> { bail!("lost track") })
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("(lost track): count again"), "{error}");
    }

    #[test]
    fn durations_and_words_read_well() {
        assert_eq!(Seconds(Duration::from_millis(12_345)).to_string(), "12.3 s");
        assert_eq!(Seconds(Duration::from_secs(245)).to_string(), "4 min 05 s");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(
            Shell(Command::new("cargo").env("A", "b c").arg("doc")).to_string(),
            "A='b c' cargo doc"
        );
    }
}
