//! Further control planes for tests that start and end controllers of their own. Each of them serves one namespace
//! only, so that such tests run side by side.

use std::path::PathBuf;

use api::pool::PoolKind;
use pools::controller::Config;
use serde_json::Value;
use testkit::{CapiVersion, ControlPlane, Options};
use tokio::sync::{OnceCell, oneshot};

use crate::{
    ground::{Controller, Ns, install},
    site::Site,
};

/// A namespace without a controller, until the test starts one.
pub(crate) struct Stage {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) ns: Ns,
}

/// A fresh namespace that nobody serves yet, for a case on namespaced pools.
pub(crate) async fn stage(prefix: &str) -> Stage {
    stage_for(PoolKind::InClusterIPPool, prefix).await
}

/// A fresh namespace that nobody serves yet. Global pools are seen by the controllers of all tests, whose requests for
/// them would spoil counts; so they have a control plane apart.
pub(crate) async fn stage_for(kind: PoolKind, prefix: &str) -> Stage {
    static LOCAL: OnceCell<&'static ControlPlane> = OnceCell::const_new();
    static GLOBAL: OnceCell<&'static ControlPlane> = OnceCell::const_new();
    let cell = if kind.is_namespaced() { &LOCAL } else { &GLOBAL };
    let plane = *cell.get_or_init(start).await;
    let ns = Ns {
        client: plane.client(),
        name: plane.namespace(prefix).await,
        version: api::capi::Version::V1Beta2,
    };
    Stage { plane, ns }
}

/// On a thread of its own, since the runtime of the test that asks first ends with that test.
async fn start() -> &'static ControlPlane {
    let (send, receive) = oneshot::channel();
    std::thread::spawn(move || {
        let rt = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let plane: &'static ControlPlane = rt.block_on(async {
            let plane = ControlPlane::start(Options::default())
                .await
                .expect("a control plane");
            install(&plane, CapiVersion::default()).await;
            Box::leak(Box::new(plane))
        });
        let _ = send.send(plane);
    });
    receive.await.expect("the control plane starts")
}

impl Stage {
    /// A pool on this stage.
    pub(crate) async fn site(&self, kind: PoolKind, spec: Value) -> Site {
        let site = Site::within(self.ns.clone(), kind);
        self.ns.pool_of(kind, &site.pool, spec).await;
        site
    }

    /// Starts a controller for this namespace.
    pub(crate) async fn controller(&self) -> Controller {
        self.controller_with(|_| {}).await
    }

    /// Starts a controller for this namespace with other options.
    pub(crate) async fn controller_with(&self, change: impl FnOnce(&mut Config)) -> Controller {
        self.controller_through(self.plane.kubeconfig().to_owned(), change)
            .await
    }

    /// Starts a controller for this namespace that talks through a proxy.
    pub(crate) async fn controller_through(
        &self,
        kubeconfig: PathBuf,
        change: impl FnOnce(&mut Config),
    ) -> Controller {
        Controller::start_with(kubeconfig, |config| {
            config.scope.namespace = Some(self.ns.name.clone());
            change(config);
        })
        .await
    }
}
