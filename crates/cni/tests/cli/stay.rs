//! `--stay`: what a DaemonSet runs.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use crate::kubeconfig::{installer, pod, renew};
use crate::wait_for;

/// Ends its process, also when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kilobytes of a line of /proc/PID/status.
fn memory(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_vanishes_comes_back_the_token_is_renewed_and_sigterm_ends_it() {
    let pod = pod();
    let mut command = installer(pod.path(), &["--stay"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let (name, config) = (
        pod.path().join("bin/kube-node"),
        pod.path().join("conf/kubeconfig"),
    );
    let says = |token: &str| fs::read_to_string(&config).is_ok_and(|text| text.contains(token));
    wait_for("the first installation", || name.exists() && says("first-token"));

    fs::remove_file(&name).unwrap();
    wait_for("the name is back", || name.exists());

    renew(&pod.path().join("account"), "second-token");
    wait_for("the new token is in use", || says("second-token"));

    fs::write(&config, "").unwrap();
    fs::remove_file(&config).unwrap();
    wait_for("the kubeconfig is back", || says("second-token"));

    // The program itself, most of what was read, is given back: megabytes, whatever the allocator of a debug build keeps.
    let anonymous = memory(running.0.id(), "RssAnon:");
    assert!(anonymous < 16 << 10, "{anonymous} KiB");

    let killed = Command::new("kill")
        .args(["-TERM", &running.0.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = running.0.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    let mut said = String::new();
    running
        .0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(!said.contains("already"), "a quiet log: {said}");
    assert!(
        said.lines()
            .filter(|line| line.ends_with("kube-node: installed"))
            .count()
            >= 2,
        "{said}"
    );
}
