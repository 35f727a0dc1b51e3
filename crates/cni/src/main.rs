//! `cadastre-cni`: what it is, is decided by the name it is called by.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use cni::host_local::HostLocal;
use cni::{cli, kube_node, node_annotation, protocol};

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    match name.to_str() {
        Some("host-local") => protocol::run(&HostLocal),
        Some("kube-node") => kube_node::run(&args.collect::<Vec<OsString>>()),
        Some("node-annotation") => node_annotation::run(&args.collect::<Vec<OsString>>()),
        _ => cli::run(&args.collect::<Vec<OsString>>()),
    }
}
