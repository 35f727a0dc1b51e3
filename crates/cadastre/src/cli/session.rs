//! Finding the cluster and the namespace, as kubectl does.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use pools::{controller::Served, survey};
use runtime::client::{ClientOptions, connect_with, load_config};

/// A page of 500 objects through a slow tunnel takes longer than anything a controller asks for.
const DEADLINE: Duration = Duration::from_secs(30);

/// Which cluster.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Cluster {
    /// Kubeconfig; without it KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of its current one
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// One namespace.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Namespace {
    /// Namespace; without it the one of the context
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
}

/// One namespace or all.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Namespaces {
    /// Namespace to look at; global pools are always included
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,

    /// Look at all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
}

/// A cluster that answers.
pub(crate) struct Session {
    pub client: Client,
    pub served: Served,
    /// Namespace of the context.
    pub default_namespace: String,
}

impl Session {
    /// Connects, and finds out which versions are served.
    pub(crate) async fn open(cluster: &Cluster) -> Result<Self> {
        let options = ClientOptions {
            kubeconfig: cluster.kubeconfig.clone(),
            deadline: DEADLINE,
            ..ClientOptions::default()
        };
        let config = config(cluster, &options).await?;
        let default_namespace = config.default_namespace.clone();
        let client = connect_with(config, &options).map_err(on_one_line)?;
        let served = survey::served(&client).await?;
        Ok(Self {
            client,
            served,
            default_namespace,
        })
    }
}

async fn config(cluster: &Cluster, options: &ClientOptions) -> Result<Config> {
    let Some(context) = &cluster.context else {
        return load_config(options).await.map_err(on_one_line);
    };
    let file = match &cluster.kubeconfig {
        Some(path) => Kubeconfig::read_from(path)
            .with_context(|| format!("cannot use the kubeconfig {}", path.display())),
        None => Kubeconfig::read().context("cannot read the kubeconfig; pass --kubeconfig or set KUBECONFIG"),
    }?;
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(file, &options).await;
    config.with_context(|| format!("cannot use the context {context}"))
}

/// Some libraries repeat their cause in their text; that is said once.
fn on_one_line(error: impl std::error::Error + 'static) -> anyhow::Error {
    anyhow!(runtime::answer::chain(&error))
}
