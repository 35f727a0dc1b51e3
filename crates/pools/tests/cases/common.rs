//! One API server and one controller for all tests of a binary; each test has namespaces of its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{capi::Version, names::GROUP, pool::PoolKind};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use pools::{
    announce::Announcer,
    controller::{self, Config, Current},
    plan::facts::Scope,
    world::{Options, Shared},
};
use serde_json::{Value, json};
use testkit::{CapiVersion, ControlPlane, eventually};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up; far more than it needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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

/// A controller in a thread of its own, so that it outlives the runtime of the test that started it.
pub(crate) struct Controller {
    stop: CancellationToken,
    kill: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Controller {
    /// A test that failed leaves nobody behind who would go on writing.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Controller {
    /// Starts a controller on the given cluster and waits until it is ready.
    pub(crate) async fn start(plane: &ControlPlane, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(plane.kubeconfig().to_owned(), change).await
    }

    /// The same with another kubeconfig.
    pub(crate) async fn start_with(kubeconfig: std::path::PathBuf, change: impl FnOnce(&mut Config)) -> Self {
        let running = Self::launch(kubeconfig, change).await;
        running.ready().await;
        running.controller
    }

    /// Starts a controller without waiting for anything.
    pub(crate) async fn launch(kubeconfig: std::path::PathBuf, change: impl FnOnce(&mut Config)) -> Launched {
        let (ready, readiness) = watch::channel(Err("starting".to_owned()));
        let options = runtime::client::ClientOptions {
            kubeconfig: Some(kubeconfig),
            ..Default::default()
        };
        let config = runtime::client::load_config(&options)
            .await
            .expect("a kubeconfig");
        let (leading, is_leading) = watch::channel(true);
        let mut config_of_controller = Config {
            // Replaced below: a client belongs to the runtime it was made in.
            client: runtime::client::connect_with(config.clone(), &options).expect("a client"),
            scope: Scope::default(),
            identity: format!("test-{}", Timestamp::now().as_nanosecond()),
            shared: Shared {
                metrics: pools::metrics::Metrics::default(),
                announcer: Announcer::new(None),
                holds: Arc::new(|| true),
                options: Options::default(),
            },
            leading: is_leading,
            is_elected: false,
            readiness: Arc::new(move |state| {
                drop(ready.send_replace(state));
            }),
        };
        change(&mut config_of_controller);
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let (token, killed) = (stop.clone(), kill.clone());
        let thread = std::thread::spawn(move || {
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            rt.block_on(async move {
                config_of_controller.client =
                    runtime::client::connect_with(config, &options).expect("a client");
                tokio::select! {
                    () = controller::run(config_of_controller, Current::default(), token) => {}
                    () = killed.cancelled() => {}
                }
                drop(leading);
            });
        });
        Launched {
            controller: Self {
                stop,
                kill,
                thread: Some(thread),
            },
            readiness,
        }
    }

    /// Stops it in good order.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        self.join();
    }

    /// Ends it in the middle of whatever it is doing, as SIGKILL does: no request is finished, nothing is tidied up.
    pub(crate) fn kill(self) {
        self.kill.cancel();
        self.join();
    }

    fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the controller does not panic");
        }
    }
}

/// A controller that need not be ready yet.
pub(crate) struct Launched {
    pub(crate) controller: Controller,
    pub(crate) readiness: watch::Receiver<Result<(), String>>,
}

impl Launched {
    pub(crate) async fn ready(&self) {
        let mut readiness = self.readiness.clone();
        tokio::time::timeout(PATIENCE, readiness.wait_for(Result::is_ok))
            .await
            .expect("the controller is ready in time")
            .expect("the controller runs");
    }
}

/// Everything a test does, in one namespace.
pub(crate) struct Ns {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) version: Version,
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

fn capi_resource(kind: &str, plural: &str, version: Version) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, version.as_str(), kind), plural)
}

impl Ns {
    pub(crate) fn claims(&self) -> Api<DynamicObject> {
        let resource = capi_resource("IPAddressClaim", "ipaddressclaims", self.version);
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    pub(crate) fn addresses(&self) -> Api<DynamicObject> {
        let resource = capi_resource("IPAddress", "ipaddresses", self.version);
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    pub(crate) fn clusters(&self) -> Api<DynamicObject> {
        let version = if self.version == Version::V1Beta2 {
            "v1beta2"
        } else {
            "v1beta1"
        };
        let gvk = GroupVersionKind::gvk("cluster.x-k8s.io", version, "Cluster");
        Api::namespaced_with(
            self.client.clone(),
            &self.name,
            &ApiResource::from_gvk_with_plural(&gvk, "clusters"),
        )
    }

    pub(crate) fn pools(&self, kind: PoolKind) -> Api<DynamicObject> {
        if kind.is_namespaced() {
            Api::namespaced_with(self.client.clone(), &self.name, &kind.api_resource())
        } else {
            Api::all_with(self.client.clone(), &kind.api_resource())
        }
    }

    /// Creates a pool of any kind.
    pub(crate) async fn pool_of(&self, kind: PoolKind, name: &str, spec: Value) -> DynamicObject {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1alpha2"), "kind": kind.kind(),
            "metadata": {"name": name}, "spec": spec,
        });
        create(&self.pools(kind), object).await
    }

    /// Creates a pool of any kind with additional metadata.
    pub(crate) async fn pool_with(
        &self,
        kind: PoolKind,
        name: &str,
        meta: Value,
        spec: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/v1alpha2"), "kind": kind.kind(),
            "metadata": {"name": name}, "spec": spec,
        });
        merge(&mut object["metadata"], meta);
        create(&self.pools(kind), object).await
    }

    /// Creates an `InClusterIPPool`.
    pub(crate) async fn pool(&self, name: &str, spec: Value) -> DynamicObject {
        self.pool_of(PoolKind::InClusterIPPool, name, spec).await
    }

    /// Creates a claim on a pool.
    pub(crate) async fn claim_on(&self, name: &str, kind: PoolKind, pool: &str) -> DynamicObject {
        self.claim_with(name, kind.kind(), pool, json!({}), json!({}))
            .await
    }

    /// Creates a claim on an `InClusterIPPool`.
    pub(crate) async fn claim(&self, name: &str, pool: &str) -> DynamicObject {
        self.claim_on(name, PoolKind::InClusterIPPool, pool).await
    }

    /// Creates a claim with additional metadata and spec fields.
    pub(crate) async fn claim_with(
        &self,
        name: &str,
        kind: &str,
        pool: &str,
        meta: Value,
        spec: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/{}", self.version), "kind": "IPAddressClaim",
            "metadata": {"name": name},
            "spec": {"poolRef": {"apiGroup": GROUP, "kind": kind, "name": pool}},
        });
        merge(&mut object["metadata"], meta);
        merge(&mut object["spec"], spec);
        create(&self.claims(), object).await
    }

    /// Creates a Cluster.
    pub(crate) async fn cluster(&self, name: &str, meta: Value, spec: Value) -> DynamicObject {
        let version = if self.version == Version::V1Beta2 {
            "v1beta2"
        } else {
            "v1beta1"
        };
        let mut object = json!({
            "apiVersion": format!("cluster.x-k8s.io/{version}"), "kind": "Cluster",
            "metadata": {"name": name}, "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}},
        });
        merge(&mut object["metadata"], meta);
        merge(&mut object["spec"], spec);
        create(&self.clusters(), object).await
    }

    /// Creates an IPAddress by hand.
    pub(crate) async fn address(
        &self,
        name: &str,
        kind: &str,
        pool: &str,
        address: &str,
        prefix: i64,
        meta: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/{}", self.version), "kind": "IPAddress",
            "metadata": {"name": name},
            "spec": {
                "claimRef": {"name": name}, "address": address, "prefix": prefix,
                "poolRef": {"apiGroup": GROUP, "kind": kind, "name": pool},
            },
        });
        merge(&mut object["metadata"], meta);
        create(&self.addresses(), object).await
    }

    /// Waits until a claim is bound; returns its address object.
    pub(crate) async fn bound(&self, claim: &str) -> DynamicObject {
        eventually(
            PATIENCE,
            &format!("claim {}/{claim} is bound", self.name),
            || async {
                let object = self.claims().get(claim).await.map_err(|e| e.to_string())?;
                let name = object
                    .data
                    .pointer("/status/addressRef/name")
                    .and_then(Value::as_str);
                let name = name.ok_or_else(|| format!("status is {}", object.data["status"]))?;
                self.addresses().get(name).await.map_err(|e| e.to_string())
            },
        )
        .await
    }

    /// Waits until a claim is bound; returns its address as text.
    pub(crate) async fn bound_to(&self, claim: &str) -> String {
        text(&self.bound(claim).await, "/spec/address")
    }

    /// Creates a claim and returns the address it gets.
    pub(crate) async fn take(&self, claim: &str, pool: &str) -> String {
        self.claim(claim, pool).await;
        self.bound_to(claim).await
    }

    /// Waits until a claim's Ready condition has this reason; returns the claim.
    pub(crate) async fn reason(&self, claim: &str, reason: &str) -> DynamicObject {
        eventually(
            PATIENCE,
            &format!("claim {}/{claim} says {reason}", self.name),
            || async {
                let object = self.claims().get(claim).await.map_err(|e| e.to_string())?;
                match ready(&object) {
                    Some(ready) if ready["reason"] == reason => Ok(object),
                    other => Err(format!("Ready is {other:?}")),
                }
            },
        )
        .await
    }

    /// Waits for the counts of a pool: total, used, free, out of range.
    pub(crate) async fn counts(&self, kind: PoolKind, pool: &str, expected: [i64; 4]) {
        let [total, used, free, out_of_range] = expected;
        let expected = json!({"total": total, "used": used, "free": free, "outOfRange": out_of_range});
        eventually(
            Duration::from_secs(5),
            &format!("pool {pool} counts {expected}"),
            || async {
                let object = self.pools(kind).get(pool).await.map_err(|e| e.to_string())?;
                let counts = &object.data["status"]["ipAddresses"];
                if *counts == expected {
                    Ok(())
                } else {
                    Err(format!("it counts {counts}"))
                }
            },
        )
        .await;
    }

    /// Waits until an `InClusterIPPool` has these counts and its journal is closed: nothing is left to be written.
    pub(crate) async fn quiet(&self, pool: &str, counts: [i64; 4]) {
        self.counts(PoolKind::InClusterIPPool, pool, counts).await;
        eventually(PATIENCE, &format!("the journal of {pool} is closed"), || async {
            let pool = self
                .pools(PoolKind::InClusterIPPool)
                .get(pool)
                .await
                .map_err(|e| e.to_string())?;
            match pool
                .data
                .pointer("/status/allocation/reservations")
                .and_then(Value::as_array)
            {
                Some(open) if !open.is_empty() => Err(format!("{} open", open.len())),
                _ => Ok(()),
            }
        })
        .await;
    }

    pub(crate) async fn delete_claim(&self, name: &str) {
        self.claims()
            .delete(name, &DeleteParams::default())
            .await
            .expect("the claim can be deleted");
    }

    pub(crate) async fn claim_gone(&self, name: &str) {
        gone(&self.claims(), name).await;
    }

    pub(crate) async fn address_gone(&self, name: &str) {
        gone(&self.addresses(), name).await;
    }

    /// Merge-patches anything.
    pub(crate) async fn patch(&self, api: &Api<DynamicObject>, name: &str, patch: Value) -> DynamicObject {
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .expect("the patch applies")
    }

    /// Proves that nothing happens to `untouched`: a claim made afterwards on a pool of its own is served meanwhile.
    pub(crate) async fn barrier(&self) {
        let id = Timestamp::now().as_nanosecond();
        let (pool, claim) = (format!("barrier-{id}"), format!("barrier-{id}"));
        self.pool(&pool, json!({"addresses": ["198.51.100.1"], "prefix": 24}))
            .await;
        self.take(&claim, &pool).await;
    }
}

/// Waits until an object is gone.
pub(crate) async fn gone(api: &Api<DynamicObject>, name: &str) {
    eventually(PATIENCE, &format!("{name} is gone"), || async {
        match api.get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(object)) => Err(format!("it is still there: {:?}", object.metadata)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

async fn create(api: &Api<DynamicObject>, object: Value) -> DynamicObject {
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let name = object.metadata.name.clone();
    api.create(&PostParams::default(), &object)
        .await
        .unwrap_or_else(|e| panic!("cannot create {name:?}: {e}"))
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// Text at a JSON pointer.
pub(crate) fn text(object: &DynamicObject, pointer: &str) -> String {
    object
        .data
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The Ready condition.
pub(crate) fn ready(object: &DynamicObject) -> Option<&Value> {
    object
        .data
        .pointer("/status/conditions")?
        .as_array()?
        .iter()
        .find(|c| c["type"] == "Ready")
}

pub(crate) fn finalizers(object: &DynamicObject) -> Vec<String> {
    object.metadata.finalizers.clone().unwrap_or_default()
}

pub(crate) fn labels(object: &DynamicObject) -> BTreeMap<String, String> {
    object.metadata.labels.clone().unwrap_or_default()
}
