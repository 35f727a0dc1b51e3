//! `--webhook-cert-self-managed`: no cert-manager, the release's own manifests and rights, and the API server calls the
//! webhooks through a Service.

use api::pool::PoolKind;
use k8s_openapi::{
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        core::v1::Secret,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use testkit::{CapiVersion, ControlPlane, Options, Port, eventually};

use crate::{
    read::{bound, text},
    replica::Replica,
    rig::{self, PATIENCE},
    tls,
};

const NAMESPACE: &str = "capi-ipam-in-cluster-system";
const SERVICE: &str = "capi-ipam-in-cluster-webhook-service";
const SECRET: &str = "capi-ipam-in-cluster-webhook-self-managed-cert";
const MANIFESTS: [&str; 4] = [
    include_str!("../../../../deploy/clusterctl/namespace.yaml"),
    include_str!("../../../../deploy/clusterctl/rbac.yaml"),
    include_str!("../../../../deploy/clusterctl/self-managed/rbac.yaml"),
    include_str!("../../../../deploy/clusterctl/webhooks.yaml"),
];
const DEFINITIONS: [&str; 4] = [
    include_str!("../../../../deploy/crds/ipam.cluster.x-k8s.io_inclusterippools.yaml"),
    include_str!("../../../../deploy/crds/ipam.cluster.x-k8s.io_globalinclusterippools.yaml"),
    include_str!("../../../../deploy/crds/ipam.cluster.x-k8s.io_inclusterprefixpools.yaml"),
    include_str!("../../../../deploy/crds/ipam.cluster.x-k8s.io_globalinclusterprefixpools.yaml"),
];

/// Nothing routes a Service here. One of type ExternalName is resolved by the API server itself; the port then has to be
/// in the reference. Nothing else of the release's manifests is changed.
fn with_port(mut object: Value, port: u16) -> Value {
    fn walk(value: &mut Value, port: u16) {
        match value {
            Value::Object(map) => {
                if map.get("name").and_then(Value::as_str) == Some(SERVICE) && map.contains_key("path") {
                    map.insert("port".to_owned(), port.into());
                }
                map.values_mut().for_each(|inner| walk(inner, port));
            }
            Value::Array(list) => list.iter_mut().for_each(|inner| walk(inner, port)),
            _ => {}
        }
    }
    walk(&mut object, port);
    object
}

async fn install(plane: &ControlPlane, port: u16) {
    for text in MANIFESTS.into_iter().chain(DEFINITIONS) {
        for object in testkit::apply::parse(text).expect("a manifest") {
            let object = with_port(object, port).to_string();
            plane
                .apply_yaml(&object)
                .await
                .expect("the release's manifests apply");
        }
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    plane.apply_yaml(&service.to_string()).await.expect("a service");
}

/// Every place where the CA must be known, with what is there.
async fn bundles(client: &Client) -> Result<Vec<String>, String> {
    let why = |error: kube::Error| error.to_string();
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let validating = validating
        .get("capi-ipam-in-cluster-validating-webhook-configuration")
        .await
        .map_err(why)?;
    let mutating = mutating
        .get("capi-ipam-in-cluster-mutating-webhook-configuration")
        .await
        .map_err(why)?;
    let mut configs: Vec<_> = validating
        .webhooks
        .into_iter()
        .flatten()
        .map(|w| w.client_config.ca_bundle)
        .collect();
    configs.extend(
        mutating
            .webhooks
            .into_iter()
            .flatten()
            .map(|w| w.client_config.ca_bundle),
    );
    assert_eq!(configs.len(), 8, "four kinds, two webhooks each");
    for kind in PoolKind::ALL {
        let definition = definitions.get(&kind.crd_name()).await.map_err(why)?;
        let webhook = definition
            .spec
            .conversion
            .and_then(|c| c.webhook)
            .and_then(|w| w.client_config);
        configs.push(webhook.and_then(|c| c.ca_bundle));
    }
    configs
        .into_iter()
        .map(|bundle| {
            let bytes = bundle
                .map(|b| b.0)
                .filter(|b| !b.is_empty())
                .ok_or("a bundle is missing")?;
            String::from_utf8(bytes).map_err(|e| e.to_string())
        })
        .collect()
}

fn arguments(port: &Port) -> Vec<String> {
    vec![
        "--webhook-cert-self-managed".to_owned(),
        format!("--webhook-port={}", port.number()),
        "--webhook-host=127.0.0.1".to_owned(),
        format!("--leader-election-namespace={NAMESPACE}"),
        "--leader-elect".to_owned(),
    ]
}

#[tokio::test]
async fn self_managed_certificates_end_to_end() {
    let options = Options {
        capi: Some(CapiVersion::default()),
        owner_references_permission_enforcement: true,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    let (client, port) = (plane.client(), Port::reserve().expect("a free port"));
    install(&plane, port.number()).await;
    let account = "capi-ipam-in-cluster-controller-manager";
    let kubeconfig = plane
        .kubeconfig_for_service_account(NAMESPACE, account)
        .await
        .expect("a kubeconfig");
    let mut replica = Replica::start(&kubeconfig, &arguments(&port));
    replica.ready().await;

    // One authority everywhere, in the Secret too, and what is served comes from it, for the Service's name.
    let known = eventually(PATIENCE, "the CA is known everywhere", || bundles(&client)).await;
    let ca = known[0].clone();
    assert!(known.iter().all(|bundle| *bundle == ca), "{known:#?}");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let secret = secrets
        .get(SECRET)
        .await
        .expect("the secret")
        .data
        .unwrap_or_default();
    let part = |name: &str| String::from_utf8(secret[name].0.clone()).expect("text");
    assert!(
        ca.contains(part("ca.crt").trim()),
        "the bundle holds the CA of the secret"
    );
    for name in [
        format!("{SERVICE}.{NAMESPACE}.svc"),
        format!("{SERVICE}.{NAMESPACE}.svc.cluster.local"),
    ] {
        tls::connect(port.number(), &name, &ca)
            .await
            .expect("the bundle vouches for what is served");
    }
    assert!(
        tls::connect(port.number(), "example.org", &ca).await.is_err(),
        "for no other name"
    );

    webhooks_work(&client).await;

    // A second replica, and the first one started again, serve the same.
    let other = Port::reserve().expect("a free port");
    let mut second = Replica::start(&kubeconfig, &arguments(&other));
    second.ready().await;
    tls::connect(other.number(), &format!("{SERVICE}.{NAMESPACE}.svc"), &ca)
        .await
        .expect("the same authority");
    replica.dismiss().await;
    let mut replica = Replica::start(&kubeconfig, &arguments(&port));
    replica.ready().await;
    tls::connect(port.number(), &format!("{SERVICE}.{NAMESPACE}.svc"), &ca)
        .await
        .expect("the same authority");
    let again = secrets
        .get(SECRET)
        .await
        .expect("the secret")
        .data
        .unwrap_or_default();
    assert_eq!(secret, again, "nothing was made anew");
    for replica in [replica, second] {
        let log = replica.process.log();
        assert!(!log.contains("forbidden"), "the release's rights suffice: {log}");
        replica.dismiss().await;
    }
}

/// The API server reaches admission and conversion by the bundle alone, and the controller has the rights it needs.
async fn webhooks_work(client: &Client) {
    let kind = PoolKind::InClusterIPPool;
    let pools = rig::pools(client, "default", kind);
    let bad = rig::pool(kind, "bad", &json!({"addresses": ["nonsense"], "prefix": 24}));
    eventually(PATIENCE, "a bad pool is refused", || async {
        match pools.create(&PostParams::default(), &bad).await {
            Err(kube::Error::Api(status)) if status.code == 422 && status.message.contains("nonsense") => {
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    let mut old = kind.api_resource();
    (old.version, old.api_version) = ("v1alpha1".to_owned(), "ipam.cluster.x-k8s.io/v1alpha1".to_owned());
    let old_pools = Api::namespaced_with(client.clone(), "default", &old);
    let object = rig::object(json!({
        "apiVersion": old.api_version, "kind": old.kind, "metadata": {"name": "old"}, "spec": {"subnet": "192.0.2.0/24"},
    }));
    eventually(PATIENCE, "a pool in the old version is accepted", || async {
        old_pools
            .create(&PostParams::default(), &object)
            .await
            .map_err(|e| e.to_string())
    })
    .await;
    let stored = pools.get("old").await.expect("it is stored");
    assert_eq!(text(&stored, "/spec/addresses/0"), "192.0.2.1-192.0.2.254");
    rig::create(&rig::claims(client, "default"), &rig::claim("c", kind, "old")).await;
    assert_eq!(bound(client, "default", "c").await, "192.0.2.1");
}
