//! One API server and one controller for all tests of a binary; each test has namespaces of its own.

use api::{capi::Version, pool::PoolKind};
use serde_json::json;
use testkit::{CapiVersion, ControlPlane};
use tokio::sync::OnceCell;

use super::{Controller, Ns};

/// The cluster of this test binary.
pub(crate) struct Cluster {
    pub(crate) plane: &'static ControlPlane,
}

/// Starts control plane, CRDs and controller once.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER
        .get_or_init(|| async {
            let plane = ControlPlane::shared().await;
            install(plane, CapiVersion::default()).await;
            let running = Controller::start(plane, |_| {}).await;
            std::mem::forget(running);
            Cluster { plane }
        })
        .await
}

/// Installs our CRDs, without webhooks, and Cluster API's.
pub(crate) async fn install(plane: &ControlPlane, capi: CapiVersion) {
    plane.apply_capi(capi).await.expect("Cluster API's CRDs apply");
    install_pools(plane).await;
}

/// Installs our CRDs, without webhooks.
pub(crate) async fn install_pools(plane: &ControlPlane) {
    for kind in PoolKind::ALL {
        let mut crd = serde_json::to_value(api::crds::crd(kind)).expect("a CRD is JSON");
        crd["spec"]["conversion"] = json!({"strategy": "None"});
        plane.apply_yaml(&crd.to_string()).await.expect("our CRDs apply");
    }
}

impl Cluster {
    /// A fresh namespace.
    pub(crate) async fn ns(&self, prefix: &str) -> Ns {
        Ns {
            client: self.plane.client(),
            name: self.plane.namespace(prefix).await,
            version: Version::V1Beta2,
        }
    }
}
