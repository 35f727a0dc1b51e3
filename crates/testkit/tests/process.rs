//! Child processes: signals, ends, logs, and that nothing outlives its parent.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Cadastre, eventually};

const SOON: Duration = Duration::from_secs(20);

/// Says so when it is up, counts slowly, and answers SIGTERM with exit code 3.
const SCRIPT: &str =
    "trap 'echo bye; exit 3' TERM; echo up $GREETING; while :; do sleep 0.02; echo tick; done";

fn start() -> Cadastre {
    Cadastre::start("/bin/sh", ["-c", SCRIPT], [("GREETING", "hello")]).expect("a shell")
}

async fn until_log(process: &Cadastre, text: &str) {
    eventually(SOON, text, || async {
        let log = process.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    })
    .await;
}

/// Running, stopped, a zombie, or `None` when gone: the letter of `/proc/<pid>/stat`, see proc_pid_stat(5).
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[tokio::test]
async fn sigterm_lets_the_process_end_by_itself() {
    let mut process = start();
    until_log(&process, "up hello").await;
    process.term().expect("signal");
    let status = process.wait_exit(SOON).await.expect("it ends");
    assert_eq!(status.code(), Some(3));
    until_log(&process, "bye").await;
    let error = process.kill().expect_err("it has ended").to_string();
    assert!(error.contains("ended already"), "{error}");
}

#[tokio::test]
async fn a_stopped_process_stands_still_until_continued() {
    let mut process = start();
    until_log(&process, "tick").await;
    process.stop().expect("signal");
    let pid = process.pid();
    eventually(SOON, "the process is stopped", || async {
        state(pid)
            .filter(|s| *s == 'T')
            .ok_or(format!("{:?}", state(pid)))
    })
    .await;
    let before = process.log().len();
    process
        .wait_exit(Duration::from_millis(200))
        .await
        .expect_err("it has not ended");
    assert_eq!(process.log().len(), before, "nothing happens");
    process.cont().expect("signal");
    eventually(SOON, "it goes on", || async {
        let now = process.log().len();
        if now > before {
            Ok(())
        } else {
            Err(format!("{now} bytes of log"))
        }
    })
    .await;
    assert!(process.rss_kib().is_some_and(|kib| kib > 0));
    assert!(process.peak_rss_kib().is_some_and(|kib| kib > 0));
}

#[tokio::test]
async fn a_dropped_process_is_gone() {
    let process = start();
    let pid = process.pid();
    until_log(&process, "up").await;
    drop(process);
    assert_eq!(state(pid), None);
}

#[tokio::test]
async fn a_missing_binary_is_named() {
    let error = Cadastre::start("/nowhere/cadastre", [""; 0], [("", ""); 0])
        .expect_err("absent")
        .to_string();
    assert!(
        error.contains("/nowhere/cadastre") && error.contains("build"),
        "{error}"
    );
}

#[tokio::test]
async fn a_condition_that_never_holds_panics_with_the_last_reason() {
    let waiting = tokio::task::LocalSet::new();
    let result = waiting
        .run_until(async {
            tokio::task::spawn_local(async {
                eventually::<(), _, _>(Duration::from_millis(50), "pigs fly", || async {
                    Err("no wings".to_owned())
                })
                .await;
            })
            .await
        })
        .await;
    let panic = result.expect_err("it panics").into_panic();
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("pigs fly") && text.contains("no wings"), "{text}");
}

#[tokio::test]
async fn nothing_outlives_a_parent_that_is_killed() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .arg("--controller-manager")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the control-plane binary");
    let mut kubeconfig = String::new();
    let stdout = parent.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut kubeconfig).expect("a line");
    let dir = Path::new(kubeconfig.trim())
        .parent()
        .expect("a folder")
        .to_owned();
    // The last one may still be between two programs, when it has no command line to find it by.
    let children = eventually(
        SOON,
        "etcd, kube-apiserver and kube-controller-manager run",
        || async {
            Some(running_in(&dir))
                .filter(|pids| pids.len() == 3)
                .ok_or_else(|| format!("{:?}", running_in(&dir)))
        },
    )
    .await;

    parent.kill().expect("SIGKILL");
    parent.wait().expect("reaped");
    eventually(SOON, "the children are gone", || async {
        // A zombie waits for the init process of this machine, which is not our business.
        let left: Vec<u32> = children
            .iter()
            .copied()
            .filter(|pid| !matches!(state(*pid), None | Some('Z')))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("left: {left:?}"))
        }
    })
    .await;
    eventually(SOON, "the folder is gone", || async {
        if dir.exists() {
            Err(format!("{} exists", dir.display()))
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test]
async fn the_control_plane_binary_ends_with_its_standard_input() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the control-plane binary");
    let mut kubeconfig = String::new();
    let stdout = parent.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut kubeconfig).expect("a line");
    let dir = Path::new(kubeconfig.trim())
        .parent()
        .expect("a folder")
        .to_owned();
    let children = running_in(&dir);
    drop(parent.stdin.take());
    eventually(SOON, "it ends", || async {
        parent_status(parent.id()).map_or(Ok(()), Err)
    })
    .await;
    assert!(parent.wait().expect("reaped").success());
    assert!(!dir.exists());
    assert!(children.iter().all(|pid| state(*pid).is_none()), "{children:?}");
}

/// Why the process has not ended yet.
fn parent_status(pid: u32) -> Option<String> {
    state(pid)
        .filter(|state| *state != 'Z')
        .map(|state| format!("process {pid} is in state {state}"))
}

/// The processes that have this folder in their command line, the one that waits to remove it excepted.
fn running_in(dir: &Path) -> Vec<u32> {
    let needle = dir.to_str().expect("UTF-8");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains(needle) && !line.contains("janitor")
        })
        .collect()
}
