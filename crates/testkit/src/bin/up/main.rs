//! `cargo xtask up`: the product's main job on real input.
//!
//! A control plane, the CRDs (ours and Cluster API's), the controller with its webhooks, the examples; then a table of
//! who got which address.

mod examples;
mod table;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use kube::Client;
use testkit::{
    CapiVersion, ControlPlane, Options, apply,
    controller::{BINARY, Controller, Installation, Settings},
};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: cargo xtask up [--once] [--kubeconfig FILE]
  --once             end after printing the addresses
  --kubeconfig FILE  use this cluster instead of starting a control plane (without webhooks: it cannot call this machine)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let started = Instant::now();
    match run(started).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("up failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    once: bool,
    kubeconfig: Option<PathBuf>,
}

fn arguments() -> Result<Option<Arguments>> {
    let mut parsed = Arguments {
        once: false,
        kubeconfig: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--once" => parsed.once = true,
            "--kubeconfig" => {
                parsed.kubeconfig = Some(args.next().context("--kubeconfig needs a file")?.into());
            }
            "--help" | "-h" => return Ok(None),
            other => bail!("unknown argument {other}\n{USAGE}"),
        }
    }
    Ok(Some(parsed))
}

async fn run(started: Instant) -> Result<()> {
    let Some(arguments) = arguments()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let step = |text: &str| eprintln!("[{:5.1} s] {text}", started.elapsed().as_secs_f64());
    let binary: PathBuf = std::env::var_os(BINARY)
        .context("CADASTRE_BIN is not set; run cargo xtask up")?
        .into();

    let (plane, client, kubeconfig) = match arguments.kubeconfig {
        Some(file) => {
            step(&format!("using the cluster of {}", file.display()));
            let client = client_of(&file).await?;
            (None, client, file)
        }
        None => {
            step("starting etcd and kube-apiserver");
            let plane = ControlPlane::start(Options::default()).await?;
            let (client, kubeconfig) = (plane.client(), plane.kubeconfig().to_owned());
            (Some(plane), client, kubeconfig)
        }
    };
    if plane.is_some() || !serves_claims(&client).await? {
        step("installing Cluster API's CRDs");
        apply::apply_capi(client.clone(), CapiVersion::default()).await?;
    }
    step("installing our CRDs and webhooks");
    let settings = Settings {
        webhooks: plane.is_some(),
        ..Settings::default()
    };
    let installation = Installation::new(client.clone(), &kubeconfig, &binary, settings).await?;
    step("starting the controller");
    let mut controller = installation.start(&[])?;
    controller.ready().await?;
    step("applying deploy/examples/pools");
    let rows = examples::apply(&client).await?;
    println!("{}", table::render(&rows));
    step(&format!("{} claims have their addresses", rows.len()));
    if arguments.once {
        return stop(controller).await;
    }
    println!("\nLook around:\n  export KUBECONFIG={}", kubeconfig.display());
    println!("  kubectl get inclusterippools,ipaddressclaims,ipaddresses.ipam.cluster.x-k8s.io -A");
    println!("  {} pools -A", binary.display());
    println!(
        "\nThe controller's log: {}\nCtrl-C ends everything.",
        controller.process.log_path().display()
    );
    stay(controller).await
}

async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let file = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config =
        kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await?;
    testkit::client(&config)
}

async fn serves_claims(client: &Client) -> Result<bool> {
    let groups = client
        .list_api_groups()
        .await
        .context("the cluster does not answer")?;
    let Some(group) = groups
        .groups
        .into_iter()
        .find(|g| g.name == "ipam.cluster.x-k8s.io")
    else {
        return Ok(false);
    };
    for version in group.versions {
        let resources = client.list_api_group_resources(&version.group_version).await?;
        if resources.resources.iter().any(|r| r.name == "ipaddressclaims") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Until Ctrl-C, or until the controller ends by itself, which is a failure.
async fn stay(mut controller: Controller) -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut look = tokio::time::interval(std::time::Duration::from_millis(500));
    loop {
        tokio::select! {
            result = tokio::signal::ctrl_c() => {
                result?;
                return stop(controller).await;
            }
            _ = term.recv() => return stop(controller).await,
            _ = look.tick() => if let Some(status) = controller.process.exited() {
                bail!("the controller ended with {status}: {}", controller.process.log_tail());
            },
        }
    }
}

async fn stop(mut controller: Controller) -> Result<()> {
    controller.process.term()?;
    let status = controller
        .process
        .wait_exit(std::time::Duration::from_secs(10))
        .await?;
    if !status.success() {
        bail!(
            "the controller ended with {status}: {}",
            controller.process.log_tail()
        );
    }
    Ok(())
}
