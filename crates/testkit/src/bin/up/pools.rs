//! A control plane, the CRDs (ours and Cluster API's), the controller with its webhooks, the examples; then a table of
//! who got which address.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::Client;
use testkit::{
    CapiVersion, ControlPlane, Options, apply,
    controller::{Installation, Settings},
};

use crate::{Watch, examples, running, table};

const HEAD: [&str; 6] = ["CLAIM", "NAMESPACE", "POOL", "ADDRESS", "PREFIX", "GATEWAY"];

/// Shows it, on `kubeconfig`'s cluster or one of our own.
///
/// # Errors
/// When something does not start, or a claim stays without address.
pub(crate) async fn run(watch: Watch, binary: &Path, kubeconfig: Option<PathBuf>, once: bool) -> Result<()> {
    let (plane, client, kubeconfig) = match kubeconfig {
        Some(file) => {
            watch.step(&format!("using the cluster of {}", file.display()));
            let client = client_of(&file).await?;
            (None, client, file)
        }
        None => {
            watch.step("starting etcd and kube-apiserver");
            let plane = ControlPlane::start(Options::default()).await?;
            let (client, kubeconfig) = (plane.client(), plane.kubeconfig().to_owned());
            (Some(plane), client, kubeconfig)
        }
    };
    if plane.is_some() || !serves_claims(&client).await? {
        watch.step("installing Cluster API's CRDs");
        apply::apply_capi(client.clone(), CapiVersion::default()).await?;
    }
    watch.step("installing our CRDs and webhooks");
    let settings = Settings {
        webhooks: plane.is_some(),
        ..Settings::default()
    };
    let installation = Installation::new(client.clone(), &kubeconfig, binary, settings).await?;
    watch.step("starting the controller");
    let mut controller = installation.start(&[])?;
    controller.ready().await?;
    watch.step("applying deploy/examples/pools");
    let rows = examples::apply(&client).await?;
    println!("{}", table::render(HEAD, &rows));
    watch.step(&format!("{} claims have their addresses", rows.len()));
    if once {
        return running::stop(&mut controller.process).await;
    }
    println!("\nLook around:\n  export KUBECONFIG={}", kubeconfig.display());
    println!("  kubectl get inclusterippools,ipaddressclaims,ipaddresses.ipam.cluster.x-k8s.io -A");
    println!("  {} pools -A", binary.display());
    println!(
        "\nThe controller's log: {}\nCtrl-C ends everything.",
        controller.process.log_path().display()
    );
    running::stay(&mut controller.process).await
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
