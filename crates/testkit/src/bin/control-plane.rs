//! `control-plane`: a control plane to try things on by hand. Stays until Ctrl-C or the end of standard input.

use std::process::ExitCode;

use anyhow::{Result, bail};
use testkit::{CapiVersion, ControlPlane, Options};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: control-plane [--controller-manager] [--audit-log] [--capi 1.7|1.10|1.13] [--owner-references]
Starts etcd and kube-apiserver on 127.0.0.1, prints the path of a kubeconfig on standard output, and stays until Ctrl-C
or until standard input closes.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control-plane: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let Some(options) = options(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let plane = ControlPlane::start(options).await?;
    // On one line of its own and first, so that scripts can read it.
    println!("{}", plane.kubeconfig().display());
    eprintln!("process ids: {:?}", plane.pids().await);
    eprintln!(
        "try: kubectl --kubeconfig {} get namespaces",
        plane.kubeconfig().display()
    );
    if let Some(log) = plane.audit_log() {
        eprintln!("audit log: {}", log.display());
    }
    until_told().await?;
    Ok(())
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Option<Options>> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--controller-manager" => options.controller_manager = true,
            "--audit-log" => options.audit_log = true,
            "--owner-references" => options.owner_references_permission_enforcement = true,
            "--capi" => {
                options.capi = Some(match args.next().as_deref() {
                    Some("1.7") => CapiVersion::V1_7,
                    Some("1.10") => CapiVersion::V1_10,
                    Some("1.13") => CapiVersion::V1_13,
                    other => bail!("--capi takes 1.7, 1.10 or 1.13, not {other:?}"),
                });
            }
            "--help" | "-h" => return Ok(None),
            other => bail!("unknown argument {other:?}\n{USAGE}"),
        }
    }
    Ok(Some(options))
}

/// Ctrl-C, SIGTERM, or the end of standard input.
async fn until_told() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (closed, mut input_closed) = tokio::sync::mpsc::channel::<()>(1);
    // A thread: reading standard input with tokio would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(closed);
    });
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = input_closed.recv() => {}
    }
    Ok(())
}
