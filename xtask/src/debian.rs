//! Programs of the system: found, installed through apt when we may, otherwise named in one line.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{project::which, step::Step};

/// A program of the system and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Name of the executable.
    pub(crate) program: &'static str,
    /// Debian package that holds it.
    pub(crate) package: &'static str,
}

/// The C compiler: links every binary and builds the few C files of `ring`.
pub(crate) const CC: Tool = Tool {
    program: "cc",
    package: "gcc",
};
/// The bus NetworkManager is on.
pub(crate) const DBUS: Tool = Tool {
    program: "dbus-daemon",
    package: "dbus",
};
/// Git: lists the tracked files for the house rules.
pub(crate) const GIT: Tool = Tool {
    program: "git",
    package: "git",
};
/// Network namespaces for the tests that need some.
pub(crate) const IP: Tool = Tool {
    program: "ip",
    package: "iproute2",
};
/// Mounts small file systems for the tests of full and read-only disks.
pub(crate) const MOUNT: Tool = Tool {
    program: "mount",
    package: "mount",
};
/// The reference CNI plugins; [`which`] takes an absolute path as it is.
pub(crate) const CNI_PLUGINS: Tool = Tool {
    program: "/usr/lib/cni/host-local",
    package: "containernetworking-plugins",
};
/// Started in namespaces by the tests of the handler. An absolute path, because not everybody searches `sbin`.
pub(crate) const NETWORK_MANAGER: Tool = Tool {
    program: "/usr/sbin/NetworkManager",
    package: "network-manager",
};
/// Makes the keys that tests of kubeconfigs need.
pub(crate) const OPENSSL: Tool = Tool {
    program: "openssl",
    package: "openssl",
};
/// The guest agent of QEMU, started in network namespaces by the tests of the cloud controller. An absolute path,
/// because not everybody searches `sbin`.
pub(crate) const QEMU_GA: Tool = Tool {
    program: "/usr/sbin/qemu-ga",
    package: "qemu-guest-agent",
};
/// Counts system calls for the bench of the CNI plugins.
pub(crate) const STRACE: Tool = Tool {
    program: "strace",
    package: "strace",
};
/// Ends children with their parent, drops privileges.
pub(crate) const SETPRIV: Tool = Tool {
    program: "setpriv",
    package: "util-linux",
};

/// Makes sure every tool is there, installing what is missing.
///
/// # Errors
/// When something is missing and cannot be installed; the message is the line to type.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = tools
        .iter()
        .copied()
        .filter(|tool| which(tool.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = packages(&missing);
    if which("apt-get").is_none() || !is_root() {
        bail!("{}", advice(&missing));
    }
    let remedy = format!("install {} by hand and run this again", packages.join(" "));
    Step::new("apt", &remedy).run(apt().args(["update", "--quiet"]))?;
    Step::new("apt", &remedy).run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&packages),
    )
}

/// The line for people who are not root or not on Debian.
fn advice(missing: &[Tool]) -> String {
    let programs: Vec<_> = missing.iter().map(|tool| tool.program).collect();
    format!(
        "missing programs: {}; install them, on Debian with: sudo apt-get install --yes {}",
        programs.join(", "),
        packages(missing).join(" ")
    )
}

/// The packages for some tools, each once.
fn packages(tools: &[Tool]) -> Vec<&'static str> {
    let mut names: Vec<_> = tools.iter().map(|tool| tool.package).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether this process runs with effective user id 0, read from the kernel.
fn is_root() -> bool {
    fs::read_to_string(Path::new("/proc/self/status")).is_ok_and(|status| effective_uid(&status) == Some(0))
}

/// The second number of the `Uid:` line of `/proc/PID/status` (real, effective, saved, file system).
fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_needs_no_installation() {
        ensure(&[Tool {
            program: "sh",
            package: "no-such-package",
        }])
        .unwrap();
    }

    #[test]
    fn advice_is_one_line_with_each_package_once() {
        let twice = Tool {
            program: "nsenter",
            package: "util-linux",
        };
        assert_eq!(
            advice(&[IP, SETPRIV, twice]),
            "missing programs: ip, setpriv, nsenter; install them, on Debian with: \
             sudo apt-get install --yes iproute2 util-linux"
        );
    }

    #[test]
    fn the_effective_user_counts() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }
}
