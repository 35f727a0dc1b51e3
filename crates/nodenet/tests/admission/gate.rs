//! An API server with our kinds, our admission policy, and, where asked for, our webhooks.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use api::nmstate::{Enactment, NmstateKind, Policy, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use nodenet::plan::admission::manifest;
use nodenet::webhooks::{Observed, Surroundings, router};
use runtime::certs::{CertSource, Certificates};
use runtime::server::{Limits, TlsOptions, Transport, serve};
use runtime::shutdown::Tasks;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{ControlPlane, eventually};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Policies have no namespace, and neither have webhook configurations.
static TURN: Mutex<()> = Mutex::const_new(());
static INSTALLED: OnceCell<()> = OnceCell::const_new();

pub(crate) struct Gate {
    pub(crate) client: Client,
    tasks: Option<Tasks>,
    _turn: MutexGuard<'static, ()>,
}

impl Gate {
    /// Without webhooks: they may be absent.
    pub(crate) async fn bare() -> Self {
        let gate = Self::enter().await;
        clear::<Policy>(&gate.client).await;
        clear::<State>(&gate.client).await;
        clear::<Enactment>(&gate.client).await;
        clear::<Node>(&gate.client).await;
        gate
    }

    async fn enter() -> Self {
        let turn = TURN.lock().await;
        let plane = ControlPlane::shared().await;
        let client = plane.client();
        let install = || async {
            for kind in NmstateKind::ALL {
                let yaml = api::nmstate::yaml(kind).expect("YAML");
                plane.apply_yaml(&yaml).await.expect("the definition is accepted");
            }
            plane
                .apply_yaml(manifest::POLICY)
                .await
                .expect("the admission policy is accepted");
        };
        INSTALLED.get_or_init(install).await;
        drop(
            Api::<MutatingWebhookConfiguration>::all(client.clone())
                .delete("nmstate", &DeleteParams::default())
                .await,
        );
        drop(
            Api::<ValidatingWebhookConfiguration>::all(client.clone())
                .delete("nmstate", &DeleteParams::default())
                .await,
        );
        let gate = Self {
            client,
            tasks: None,
            _turn: turn,
        };
        eventually(PATIENCE, "the admission policy is in force", || async {
            let bad = Policy::new(&"a".repeat(64), Default::default());
            let how = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            match gate.policies().create(&how, &bad).await {
                Err(kube::Error::Api(status)) if status.message.contains("no more than 63") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        gate
    }

    /// With webhooks, as they are released but for their address.
    pub(crate) async fn open() -> Self {
        let mut gate = Self::bare().await;
        gate.answer().await;
        gate
    }

    /// From here on the webhooks are there.
    pub(crate) async fn answer(&mut self) {
        let gate = self;
        let tasks = Tasks::new();
        let observed = Observed::default();
        tasks.spawn(
            "observed",
            observed.clone().run(gate.client.clone(), tasks.stop()),
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let port = listener.local_addr().expect("an address").port();
        let certificates = Certificates::start(
            CertSource::InMemory {
                names: vec!["127.0.0.1".to_owned()],
            },
            &tasks,
        );
        let ca = certificates.now().ca_bundle.expect("a CA of our own");
        let tls = TlsOptions::parse("", &[""; 0])
            .expect("the defaults")
            .server_config(certificates.resolver());
        let around: Arc<dyn Surroundings> = Arc::new(observed.clone());
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let app = router(&around, Timestamp::now);
        tasks.spawn(
            "webhooks",
            serve(
                listener,
                app,
                Transport::Tls(tls),
                Limits::default(),
                tasks.stop(),
            ),
        );
        gate.register(port, &ca).await;
        eventually(PATIENCE, "the webhooks know the cluster", || async {
            match (around.nodes(), around.policies()) {
                (Some(_), Some(_)) => Ok(()),
                _ => Err("lists are missing".to_owned()),
            }
        })
        .await;
        gate.tasks = Some(tasks);
        eventually(PATIENCE, "both webhooks are called", || async {
            let bad = json!({"desiredState": {"interfacez": []}});
            let how = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            let good = gate
                .policies()
                .create(&how, &Policy::new("good", Default::default()))
                .await;
            let stamped =
                good.is_ok_and(|policy| policy.annotation(nodenet::names::TIMESTAMP_ANNOTATION).is_some());
            let refused = gate.policies().create(&how, &policy("bad", bad)).await.is_err();
            if stamped && refused {
                Ok(())
            } else {
                Err(format!("stamped {stamped}, refused {refused}"))
            }
        })
        .await;
    }

    async fn register(&self, port: u16, ca: &str) {
        let plane = ControlPlane::shared().await;
        let mut documents: Vec<Value> = serde_saphyr::from_multiple(manifest::WEBHOOKS).expect("YAML");
        for document in &mut documents {
            for webhook in document["webhooks"].as_array_mut().expect("webhooks") {
                let path = webhook["clientConfig"]["service"]["path"]
                    .as_str()
                    .expect("a path")
                    .to_owned();
                webhook["clientConfig"] = json!({
                    "url": format!("https://127.0.0.1:{port}{path}"),
                    "caBundle": STANDARD.encode(ca),
                });
            }
            let yaml = serde_saphyr::to_string(&document).expect("YAML");
            plane
                .apply_yaml(&yaml)
                .await
                .expect("the configuration is accepted");
        }
    }

    pub(crate) fn policies(&self) -> Api<Policy> {
        Api::all(self.client.clone())
    }

    pub(crate) async fn create(&self, name: &str, spec: Value) -> Result<Policy, kube::Error> {
        self.policies()
            .create(&PostParams::default(), &policy(name, spec))
            .await
    }

    pub(crate) async fn edit(&self, name: &str, patch: Value) -> Result<Policy, kube::Error> {
        self.policies()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
    }

    /// What the coordinator would say.
    pub(crate) async fn says(&self, name: &str, state: nodenet::plan::condition::policy::PolicyState) {
        let mut conditions = Vec::new();
        state.write(&mut conditions, 1, Timestamp::now());
        let patch = Patch::Merge(json!({"status": {"conditions": conditions}}));
        let answer = self
            .policies()
            .patch_status(name, &PatchParams::default(), &patch)
            .await;
        answer.expect("the status is written");
    }

    /// The webhooks stop answering; their configurations stay.
    pub(crate) async fn silence(&mut self) {
        if let Some(tasks) = self.tasks.take() {
            tasks.drain(PATIENCE).await;
        }
    }

    pub(crate) async fn close(mut self) {
        self.silence().await;
    }
}

/// A policy whose spec need not be one: refusing it is the server's business.
pub(crate) fn policy(name: &str, spec: Value) -> Policy {
    Policy::new(name, serde_json::from_value(spec).expect("a spec"))
}

/// The answer of a refusal: code and message.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, kube::Error>) -> (u16, String) {
    match answer {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("not refused: {other:?}"),
    }
}

async fn clear<K>(client: &Client)
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let gone = api
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await;
    gone.expect("old objects go");
}
