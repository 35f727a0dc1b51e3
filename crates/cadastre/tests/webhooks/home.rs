//! The cluster all tests share, and a corner of it for each.

use std::path::Path;

use api::{names::GROUP, pool::PoolKind};
use http::Method;
use kube::{
    Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use testkit::{
    ControlPlane,
    controller::{Controller, Installation, Settings},
    eventually,
};
use tokio::sync::OnceCell;

use crate::{
    answer::{Answer, send},
    read::bound,
    rig::{self, BINARY, PATIENCE},
};

/// Namespace with pools from a time without admission.
const LEGACY: &str = "legacy";

/// What runs while the tests do.
struct Running {
    _controller: Controller,
    _installation: Installation,
}

/// A corner of the cluster.
pub(crate) struct Home {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) client: Client,
    pub(crate) ns: String,
}

impl Home {
    /// A fresh corner; starts everything if this is the first.
    pub(crate) async fn new(prefix: &str) -> Self {
        static RUNNING: OnceCell<Running> = OnceCell::const_new();
        let plane = ControlPlane::shared().await;
        RUNNING.get_or_init(|| start(plane)).await;
        Self {
            plane,
            client: plane.client(),
            ns: plane.namespace(prefix).await,
        }
    }

    /// The corner with the old pools.
    pub(crate) async fn legacy() -> Self {
        let home = Self::new("unused").await;
        Self {
            ns: LEGACY.to_owned(),
            ..home
        }
    }

    /// The path of a collection, or of an object in it. Names of global objects carry the namespace.
    pub(crate) fn path(&self, version: &str, kind: PoolKind, name: Option<&str>) -> String {
        let scope = if kind.is_namespaced() {
            format!("namespaces/{}/", self.ns)
        } else {
            String::new()
        };
        let name = name
            .map(|name| format!("/{}", self.name(kind, name)))
            .unwrap_or_default();
        format!("/apis/{GROUP}/{version}/{scope}{}{name}", kind.plural())
    }

    /// The real name of an object.
    pub(crate) fn name(&self, kind: PoolKind, name: &str) -> String {
        if kind.is_namespaced() {
            name.to_owned()
        } else {
            format!("{}-{name}", self.ns)
        }
    }

    /// A whole object.
    pub(crate) fn object(&self, version: &str, kind: PoolKind, name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/{version}"), "kind": kind.kind(),
            "metadata": {"name": self.name(kind, name)}, "spec": spec,
        })
    }

    /// `POST` of a pool.
    pub(crate) async fn post(&self, version: &str, kind: PoolKind, name: &str, spec: &Value) -> Answer {
        let object = self.object(version, kind, name, spec);
        send(
            &self.client,
            Method::POST,
            &self.path(version, kind, None),
            "application/json",
            &object,
        )
        .await
    }

    /// `GET` of a pool.
    pub(crate) async fn get(&self, version: &str, kind: PoolKind, name: &str) -> Answer {
        send(
            &self.client,
            Method::GET,
            &self.path(version, kind, Some(name)),
            "application/json",
            &Value::Null,
        )
        .await
    }

    /// `PATCH` of a pool (RFC 7386).
    pub(crate) async fn patch(&self, version: &str, kind: PoolKind, name: &str, patch: &Value) -> Answer {
        let path = self.path(version, kind, Some(name));
        send(
            &self.client,
            Method::PATCH,
            &path,
            "application/merge-patch+json",
            patch,
        )
        .await
    }

    /// `PUT` of a pool as it was read, with some change.
    pub(crate) async fn put(
        &self,
        version: &str,
        kind: PoolKind,
        name: &str,
        change: impl Fn(&mut Value),
    ) -> Answer {
        eventually(PATIENCE, "the object is written without a conflict", || async {
            let mut object = self.get(version, kind, name).await.accepted();
            change(&mut object);
            let path = self.path(version, kind, Some(name));
            let answer = send(&self.client, Method::PUT, &path, "application/json", &object).await;
            // The controller writes the status at the same time.
            if answer.code == 409 {
                Err(answer.message())
            } else {
                Ok(answer)
            }
        })
        .await
    }

    /// `DELETE` of a pool.
    pub(crate) async fn delete(&self, kind: PoolKind, name: &str) -> Answer {
        let path = self.path("v1alpha2", kind, Some(name));
        send(
            &self.client,
            Method::DELETE,
            &path,
            "application/json",
            &json!({}),
        )
        .await
    }

    /// Claims an address and waits until the pool counts it: then admission knows it as well.
    pub(crate) async fn take(&self, claim: &str, kind: PoolKind, pool: &str) -> String {
        let before = self.used(kind, pool).await.unwrap_or(0);
        let object = rig::claim(claim, kind, &self.name(kind, pool));
        rig::create(&rig::claims(&self.client, &self.ns), &object).await;
        let address = bound(&self.client, &self.ns, claim).await;
        eventually(PATIENCE, "the pool counts the address", || async {
            match self.used(kind, pool).await {
                Some(used) if used > before => Ok(()),
                used => Err(format!("it counts {used:?}")),
            }
        })
        .await;
        address
    }

    /// `status.ipAddresses.used`.
    pub(crate) async fn used(&self, kind: PoolKind, pool: &str) -> Option<i64> {
        let pool = self.get("v1alpha2", kind, pool).await;
        pool.body
            .pointer("/status/ipAddresses/used")
            .and_then(Value::as_i64)
    }

    /// Deletes a claim.
    pub(crate) async fn give_back(&self, claim: &str) {
        let api = rig::claims(&self.client, &self.ns);
        api.delete(claim, &kube::api::DeleteParams::default())
            .await
            .expect("the claim can be deleted");
    }

    /// Waits until a pool is gone.
    pub(crate) async fn gone(&self, kind: PoolKind, name: &str) {
        eventually(PATIENCE, &format!("{kind} {name} is gone"), || async {
            let answer = self.get("v1alpha2", kind, name).await;
            if answer.code == 404 {
                Ok(())
            } else {
                Err(answer.body["metadata"].to_string())
            }
        })
        .await;
    }

    /// Sets an annotation.
    pub(crate) async fn annotate(&self, kind: PoolKind, name: &str, key: &str) {
        let api = rig::pools(&self.client, &self.ns, kind);
        let patch = json!({"metadata": {"annotations": {key: ""}}});
        let done = api
            .patch(
                &self.name(kind, name),
                &PatchParams::default(),
                &Patch::Merge(&patch),
            )
            .await;
        done.expect("an annotation is always allowed");
    }
}

/// Old pools first, while nobody checks them; then the program and its webhooks.
async fn start(plane: &'static ControlPlane) -> Running {
    let client = plane.client();
    testkit::install::install(client.clone(), None)
        .await
        .expect("our CRDs apply");
    plane
        .apply_yaml(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {LEGACY}}}}}"
        ))
        .await
        .expect("a namespace");
    let bad = json!({"addresses": ["nonsense", "fd00::1", "10.0.0.1"], "prefix": 24});
    for (kind, name) in [
        (PoolKind::InClusterIPPool, "bad"),
        (PoolKind::GlobalInClusterIPPool, &*format!("{LEGACY}-bad")),
    ] {
        rig::create(&rig::pools(&client, LEGACY, kind), &rig::pool(kind, name, &bad)).await;
    }
    let settings = Settings {
        webhooks: true,
        ..Settings::default()
    };
    let installation =
        Installation::new(client.clone(), plane.kubeconfig(), Path::new(BINARY), settings).await;
    let installation = installation.expect("everything applies");
    let mut controller = installation.start(&[]).expect("the binary starts");
    controller.ready().await.expect("it gets ready");
    webhooks_in_force(&client).await;
    Running {
        _controller: controller,
        _installation: installation,
    }
}

/// The API server reads webhook configurations and conversion settings with a delay.
async fn webhooks_in_force(client: &Client) {
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    for kind in PoolKind::ALL {
        let list = if kind.is_prefix() { "prefixes" } else { "addresses" };
        let pool = rig::pool(kind, "probe", &json!({list: ["nonsense"], "prefix": 24}));
        eventually(PATIENCE, &format!("a bad {kind} is refused"), || async {
            match rig::pools(client, "default", kind).create(&dry, &pool).await {
                Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
    for kind in [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool] {
        let mut old = kind.api_resource();
        (old.version, old.api_version) = ("v1alpha1".to_owned(), format!("{GROUP}/v1alpha1"));
        let api: kube::Api<kube::api::DynamicObject> = if kind.is_namespaced() {
            kube::Api::namespaced_with(client.clone(), "default", &old)
        } else {
            kube::Api::all_with(client.clone(), &old)
        };
        let pool = rig::object(json!({
            "apiVersion": old.api_version, "kind": old.kind, "metadata": {"name": "probe"},
            "spec": {"subnet": "192.0.2.0/24"},
        }));
        eventually(PATIENCE, &format!("an old {kind} is converted"), || async {
            api.create(&dry, &pool)
                .await
                .map(|_| ())
                .map_err(|e| e.to_string())
        })
        .await;
    }
}
