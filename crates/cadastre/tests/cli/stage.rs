//! A namespace to try commands in.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use api::pool::PoolKind;
use serde_json::Value;
use testkit::{Cadastre, ControlPlane};
use tokio::sync::OnceCell;

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cadastre");
/// Longest wait for anything that should take milliseconds; the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace of its own on the control plane of this test process.
pub(crate) struct Stage {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as data.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The kinds of an audit's findings.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let json = self.json();
        let findings = json["findings"].as_array().expect("a list of findings");
        findings
            .iter()
            .filter_map(|finding| finding["kind"].as_str().map(str::to_owned))
            .collect()
    }
}

impl Stage {
    pub(crate) async fn new(prefix: &str) -> Self {
        static DEFINED: OnceCell<()> = OnceCell::const_new();
        let plane = ControlPlane::shared().await;
        DEFINED
            .get_or_init(|| async { define(plane, &PoolKind::ALL).await })
            .await;
        Self {
            plane,
            namespace: plane.namespace(prefix).await,
        }
    }

    /// Applies YAML, in our namespace unless it names one.
    pub(crate) async fn apply(&self, yaml: &str) {
        let applied = self.plane.apply_yaml_in(&self.namespace, yaml).await;
        applied.unwrap_or_else(|error| panic!("{error:#}\n{yaml}"));
    }

    /// A controller for our namespace alone, and for all global pools.
    pub(crate) fn controller(&self) -> Cadastre {
        let args = [
            "controller",
            "--webhook-port=0",
            "--health-probe-bind-address=0",
            "--diagnostics-address=0",
            &format!("--namespace={}", self.namespace),
            &format!("--kubeconfig={}", self.plane.kubeconfig().display()),
        ];
        Cadastre::start(BINARY, args, [("KUBECONFIG", "")]).expect("a controller")
    }

    /// Runs a command in our namespace, as the administrator.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_as(self.plane.kubeconfig(), &format!("{line} -n {}", self.namespace))
    }

    /// Runs a command just as it is, as somebody.
    pub(crate) fn run_as(&self, kubeconfig: &Path, line: &str) -> Ran {
        run(BINARY, &kubeconfig.display().to_string(), line)
    }
}

/// Runs a program with the words of `line`.
pub(crate) fn run(program: &str, kubeconfig: &str, line: &str) -> Ran {
    let output = Command::new(program)
        .args(line.split_whitespace())
        .env("KUBECONFIG", kubeconfig)
        // No account of a pod, no file at home.
        .env("HOME", "/nonexistent")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Defines pool kinds, without the conversion webhook, which these tests do not run.
pub(crate) async fn define(plane: &ControlPlane, kinds: &[PoolKind]) {
    for kind in kinds {
        let mut definition = api::crds::crd(*kind);
        definition.spec.conversion = None;
        let mut object = serde_json::to_value(&definition).expect("a definition is JSON");
        object["apiVersion"] = "apiextensions.k8s.io/v1".into();
        object["kind"] = "CustomResourceDefinition".into();
        // JSON is YAML.
        let applied = plane.apply_yaml(&object.to_string()).await;
        applied.unwrap_or_else(|error| panic!("cannot define {kind}: {error:#}"));
    }
}

/// A pool of addresses.
pub(crate) fn pool(name: &str, range: &str) -> String {
    format!(
        "apiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: InClusterIPPool\nmetadata: {{name: {name}, labels: \
         {{cluster.x-k8s.io/cluster-name: c1}}}}\nspec: {{addresses: [\"{range}\"], prefix: 24}}\n---\n"
    )
}

/// An address made by hand. With our finalizer it looks like one whose claim is gone.
pub(crate) fn address(name: &str, pool: &str, address: &str, finalizers: &str) -> String {
    format!(
        "apiVersion: ipam.cluster.x-k8s.io/v1beta2\nkind: IPAddress\nmetadata: {{name: {name}, finalizers: \
         [{finalizers}]}}\nspec:\n  claimRef: {{name: {name}}}\n  poolRef: {{apiGroup: ipam.cluster.x-k8s.io, kind: \
         InClusterIPPool, name: {pool}}}\n  address: {address}\n  prefix: 24\n---\n"
    )
}
