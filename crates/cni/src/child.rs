//! Running another program within a time limit: the next IPAM plugin (spec cni-ipam §7) and credential plugins.
//!
//! One thread feeds stdin, empties stdout and waits for the end, all through `poll(2)`: a program that does not
//! read, does not stop writing or does not end cannot hang this one. stderr is shared.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use crate::deadline::Deadline;

/// More than any plugin prints.
const OUTPUT_LIMIT: usize = 16 << 20;

/// How often, and how far apart, a program that is just being replaced is tried (spec §7).
const BUSY_TRIES: usize = 5;
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) stdout: Vec<u8>,
    pub(crate) status: ExitStatus,
}

/// Runs `command` with `input` on stdin.
///
/// # Errors
/// What kept it from starting; `TimedOut` when it had to be killed, with everything it started, at the deadline.
pub(crate) fn run(command: &mut Command, input: &[u8], deadline: Deadline) -> io::Result<Finished> {
    let mut child = spawn(command, deadline)?;
    let result = attend(&mut child, input, deadline);
    if result.is_err() {
        kill(&mut child);
    }
    let stdout = result?;
    let status = child.wait()?;
    Ok(Finished { stdout, status })
}

fn spawn(command: &mut Command, deadline: Deadline) -> io::Result<Child> {
    // A group of its own, so that at the deadline its children end with it.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .process_group(0);
    for _ in 1..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && deadline.pause(BUSY_PAUSE) => {
            }
            other => return other,
        }
    }
    command.spawn()
}

fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself in between.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn attend(child: &mut Child, mut input: &[u8], deadline: Deadline) -> io::Result<Vec<u8>> {
    let mut stdin = child.stdin.take().filter(|_| !input.is_empty());
    let mut stdout = child.stdout.take();
    for fd in [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd)]
        .into_iter()
        .flatten()
    {
        rustix::io::ioctl_fionbio(fd, true)?;
    }
    let mut process = end_of(child);
    let mut output = Vec::new();
    while stdout.is_some() || process.is_some() {
        let ready = wait(stdin.as_ref(), stdout.as_ref(), process.as_ref(), deadline)?;
        if ready.stdin && feed(stdin.as_mut(), &mut input)? {
            stdin = None;
        }
        if ready.process {
            process = None;
        }
        if ready.stdout || ready.process {
            let ended = drain(stdout.as_mut(), &mut output)?;
            // After the end of the program nobody else who holds the pipe is waited for.
            if ended || ready.process {
                stdout = None;
            }
        }
    }
    Ok(output)
}

/// A descriptor that becomes readable when the process ends; `None` on kernels before 5.3.
fn end_of(child: &Child) -> Option<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

#[derive(Default)]
struct Ready {
    stdin: bool,
    stdout: bool,
    process: bool,
}

fn wait(
    stdin: Option<&impl AsFd>,
    stdout: Option<&impl AsFd>,
    process: Option<&impl AsFd>,
    deadline: Deadline,
) -> io::Result<Ready> {
    let polled = [
        stdin.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT)),
        stdout.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)),
        process.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)),
    ];
    let which: Vec<usize> = (0..)
        .zip(&polled)
        .filter(|(_, fd)| fd.is_some())
        .map(|(index, _)| index)
        .collect();
    let mut fds: Vec<PollFd<'_>> = polled.into_iter().flatten().collect();
    let left = deadline.left_or_timeout()?;
    let limit = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut fds, Some(&limit)) {
        Ok(0) => {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it did not end in time and was stopped",
            ));
        }
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    let ready = |index| {
        which
            .iter()
            .zip(&fds)
            .any(|(one, fd)| *one == index && !fd.revents().is_empty())
    };
    Ok(Ready {
        stdin: ready(0),
        stdout: ready(1),
        process: ready(2),
    })
}

/// Writes what fits; true when there is nothing more to write, or nobody reads.
fn feed(pipe: Option<&mut impl Write>, input: &mut &[u8]) -> io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(true) };
    match pipe.write(input) {
        Ok(count) => {
            *input = &input[count..];
            Ok(input.is_empty())
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
            io::ErrorKind::BrokenPipe => Ok(true),
            _ => Err(error),
        },
    }
}

/// Reads what is there; true at the end of the stream.
fn drain(pipe: Option<&mut impl Read>, output: &mut Vec<u8>) -> io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(true) };
    let mut buffer = [0; 16 << 10];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(count) => output.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if output.len() > OUTPUT_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it printed more than 16 MiB and was stopped",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        process::Command,
        time::{Duration, Instant},
    };

    use super::run;
    use crate::deadline::Deadline;

    fn shell(script: &str, input: &[u8], limit: Duration) -> std::io::Result<super::Finished> {
        run(
            Command::new("/bin/sh").args(["-c", script]),
            input,
            Deadline::after(limit),
        )
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn more_than_a_pipe_holds_goes_in_and_out() {
        let input = vec![b'x'; 1 << 20];
        let finished = shell("cat; exit 3", &input, LONG).unwrap();
        assert_eq!(finished.stdout, input);
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_does_not_read_is_no_error() {
        let finished = shell("echo hi", &vec![b'x'; 1 << 20], LONG).unwrap();
        assert_eq!(finished.stdout, b"hi\n");
    }

    #[test]
    fn a_program_that_hangs_is_stopped_with_its_children() {
        let start = Instant::now();
        let error = shell("sleep 60 & sleep 60", b"", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_child_left_behind_is_not_waited_for() {
        let start = Instant::now();
        let finished = shell("sleep 25 & echo hi", b"", LONG).unwrap();
        assert_eq!(finished.stdout, b"hi\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let mut command = Command::new("/nonexistent/program");
        assert_eq!(
            run(&mut command, b"", Deadline::after(LONG)).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
