//! Self-managed certificates: one Secret for all replicas, and the CA where the API server looks for it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::DeleteParams;
use runtime::certs::{BundleTargets, CertSource, CertStatus, Certificates, SelfManaged};
use runtime::shutdown::Tasks;
use testkit::{ControlPlane, eventually};

use super::{PATIENCE, own_client};

fn start(plane: &ControlPlane, namespace: &str, targets: BundleTargets, tasks: &Tasks) -> Certificates {
    let source = CertSource::SelfManaged(SelfManaged {
        client: own_client(plane),
        namespace: namespace.into(),
        secret: "webhook-ca".into(),
        dns_names: vec![
            format!("webhook.{namespace}.svc"),
            format!("webhook.{namespace}.svc.cluster.local"),
        ],
        targets,
    });
    Certificates::start(source, tasks)
}

async fn settled(certificates: &Certificates) -> CertStatus {
    eventually(
        PATIENCE,
        "a certificate is served and the bundles are in place",
        || async {
            let status = certificates.now();
            if status.serving && status.announced {
                Ok(status)
            } else {
                Err(format!("{status:?}"))
            }
        },
    )
    .await
}

#[tokio::test]
async fn replicas_that_start_together_serve_one_ca() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("certs").await;
    let tasks = Tasks::new();
    let replicas: Vec<_> = (0..5)
        .map(|_| start(plane, &namespace, BundleTargets::default(), &tasks))
        .collect();
    let mut bundles = Vec::new();
    for replica in &replicas {
        bundles.push(settled(replica).await.ca_bundle.unwrap());
    }
    bundles.dedup();
    assert_eq!(bundles.len(), 1, "all replicas agree");
    let secrets: Api<Secret> = Api::namespaced(own_client(plane), &namespace);
    let data = secrets.get("webhook-ca").await.unwrap().data.unwrap();
    assert_eq!(
        data.keys().collect::<Vec<_>>(),
        ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    );
    assert_eq!(String::from_utf8(data["ca.crt"].0.clone()).unwrap(), bundles[0]);
    assert_eq!(tasks.drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn the_bundle_reaches_webhooks_and_crds_and_comes_back_when_it_is_dropped() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("certs").await;
    let objects = TARGETS.replace("NAMESPACE", &namespace);
    plane.apply_yaml(&objects).await.unwrap();
    let client = own_client(plane);
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let (webhook, crd) = (
        format!("{namespace}.example.org"),
        format!("things.{namespace}.example.org"),
    );
    let targets = BundleTargets {
        validating: vec![webhook.clone(), "absent.example.org".into()],
        mutating: vec!["absent.example.org".into()],
        crds: vec![crd.clone(), "absent.example.org".into()],
    };
    let read = async || {
        let configuration = webhooks.get(&webhook).await.unwrap();
        let mut found: Vec<_> = configuration
            .webhooks
            .unwrap()
            .into_iter()
            .map(|webhook| webhook.client_config.ca_bundle)
            .collect();
        let conversion = crds.get(&crd).await.unwrap().spec.conversion.unwrap();
        found.push(conversion.webhook.unwrap().client_config.unwrap().ca_bundle);
        found
            .into_iter()
            .map(|bundle| bundle.map(|bytes| bytes.0))
            .collect::<Vec<_>>()
    };

    let tasks = Tasks::new();
    let bundle = settled(&start(plane, &namespace, targets.clone(), &tasks))
        .await
        .ca_bundle
        .unwrap();
    let want = vec![Some(bundle.clone().into_bytes()); 3];
    assert_eq!(read().await, want);
    assert_eq!(tasks.drain(PATIENCE).await, 0);

    // Somebody installs the manifests again, and a new process starts.
    webhooks.delete(&webhook, &DeleteParams::default()).await.unwrap();
    plane.apply_yaml(&objects).await.unwrap();
    assert_ne!(read().await, want);
    let tasks = Tasks::new();
    let again = settled(&start(plane, &namespace, targets.clone(), &tasks))
        .await
        .ca_bundle
        .unwrap();
    assert_eq!(again, bundle, "the CA is the one in the Secret");
    assert_eq!(read().await, want);
    let version = webhooks.get(&webhook).await.unwrap().metadata.resource_version;
    assert_eq!(tasks.drain(PATIENCE).await, 0);

    // Nothing differs: nothing is written.
    let tasks = Tasks::new();
    settled(&start(plane, &namespace, targets, &tasks)).await;
    assert_eq!(
        webhooks.get(&webhook).await.unwrap().metadata.resource_version,
        version
    );
    assert_eq!(tasks.drain(Duration::from_secs(5)).await, 0);
    assert!(STANDARD.encode(bundle).len() > 100);
}

const TARGETS: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAMESPACE.example.org}
webhooks:
- name: a.example.org
  clientConfig: {service: {name: webhook, namespace: NAMESPACE, path: /a}}
  rules: [{apiGroups: [NAMESPACE.example.org], apiVersions: [v1], resources: [things], operations: [CREATE]}]
  admissionReviewVersions: [v1]
  sideEffects: None
- name: b.example.org
  clientConfig: {service: {name: webhook, namespace: NAMESPACE, path: /b}}
  rules: [{apiGroups: [NAMESPACE.example.org], apiVersions: [v1], resources: [things], operations: [UPDATE]}]
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.NAMESPACE.example.org}
spec:
  group: NAMESPACE.example.org
  names: {kind: Thing, plural: things, singular: thing}
  scope: Namespaced
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {name: webhook, namespace: NAMESPACE, path: /convert}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
";
