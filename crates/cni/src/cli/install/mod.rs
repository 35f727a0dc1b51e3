//! `cni install` and `cni uninstall`: the binary and its names in a CNI directory.
//!
//! A runtime may start a plugin at any moment, so at every moment each name is either what it was or what it becomes:
//! everything is made ready under another name and renamed. What is ours is told by what is in a file, never by what
//! it is called; what is not ours is kept aside and put back.

mod kubeconfig;
mod place;
mod recognise;
mod stay;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::Binary;
use super::args::{Args, Fail, Spec};
use super::output;
use kubeconfig::Account;
use place::Place;

/// The plugins this binary is.
const NAMES: [&str; 3] = ["host-local", "kube-node", "node-annotation"];

const INSTALL: Spec = Spec {
    values: &[
        "--dir",
        "--names",
        "--kubeconfig",
        "--server",
        "--service-account",
    ],
    flags: &["--stay", "--replace-host-local"],
    arguments: 0,
};

const UNINSTALL: Spec = Spec {
    values: &["--dir", "--kubeconfig"],
    flags: &[],
    arguments: 0,
};

/// What is to be installed where.
struct Order {
    place: Place,
    names: Vec<&'static str>,
    replace_host_local: bool,
    account: Option<(Account, PathBuf)>,
}

pub(super) fn install(binary: Binary, written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(INSTALL, written)?;
    let order = Order {
        place: Place::open(&directory(&args)?)?,
        names: names(args.text("--names")?)?,
        replace_host_local: args.has("--replace-host-local"),
        account: account(&args)?,
    };
    let program = program(binary)?;
    for line in order.carry_out(&program)? {
        output::print(&format!("{line}\n"))?;
    }
    if args.has("--stay") {
        stay::stay(&order, &program)?;
    }
    Ok(0)
}

pub(super) fn uninstall(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(UNINSTALL, written)?;
    let place = Place::open(&directory(&args)?)?;
    let mut lines = place.clear(&NAMES)?;
    if let Some(path) = args.path("--kubeconfig") {
        lines.push(kubeconfig::remove(&path)?);
    }
    for line in lines {
        output::print(&format!("{line}\n"))?;
    }
    Ok(0)
}

impl Order {
    /// Puts everything in its place; returns what was done, a line each.
    fn carry_out(&self, program: &Path) -> Result<Vec<String>, Fail> {
        let mut lines = self.place.fill(program, &self.names, self.replace_host_local)?;
        if let Some((account, path)) = &self.account
            && account.write(path)?
        {
            lines.push(format!("{}: written", path.display()));
        }
        Ok(lines)
    }
}

fn directory(args: &Args) -> Result<PathBuf, Fail> {
    let missing =
        || Fail::unknown("--dir is missing; name the CNI directory of the runtime, often /opt/cni/bin");
    args.path("--dir").ok_or_else(missing)
}

fn names(written: Option<&str>) -> Result<Vec<&'static str>, Fail> {
    let Some(written) = written else {
        return Ok(NAMES.to_vec());
    };
    let known = |name: &str| {
        let found = NAMES.iter().copied().find(|known| *known == name);
        found.ok_or_else(|| Fail::unknown(format!("--names {name}: write some of {}", NAMES.join(","))))
    };
    written.split(',').map(str::trim).map(known).collect()
}

fn account(args: &Args) -> Result<Option<(Account, PathBuf)>, Fail> {
    let server = args.text("--server")?.map(str::to_owned);
    let folder = args.path("--service-account");
    let Some(path) = args.path("--kubeconfig") else {
        return match server.is_some() || folder.is_some() {
            true => Err(Fail::unknown(
                "--server and --service-account need --kubeconfig; name the file to write",
            )),
            false => Ok(None),
        };
    };
    Ok(Some((Account::new(folder, server)?, path)))
}

/// The file of `cadastre-cni`.
fn program(binary: Binary) -> Result<PathBuf, Fail> {
    let path = match binary {
        // Works also when the file has been replaced or deleted since we were started.
        Binary::Plugins => PathBuf::from("/proc/self/exe"),
        Binary::Cluster => {
            let own =
                std::env::current_exe().map_err(|e| Fail::unknown(format!("cannot find myself: {e}")))?;
            own.with_file_name(place::BASE)
        }
    };
    let refused = |e| {
        let path = path.display();
        Fail::unknown(format!(
            "cannot read {path}: {e}; run cadastre-cni cni install, or put cadastre-cni there"
        ))
    };
    File::open(&path).map_err(refused)?;
    Ok(path)
}
