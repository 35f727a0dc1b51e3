//! Admission and conversion called by a real API server over TLS.

use std::net::SocketAddr;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use runtime::certs::{CertSource, Certificates};
use runtime::server::{Limits, TlsOptions, Transport, parse_bind_address, serve};
use runtime::shutdown::Tasks;
use runtime::webhook::{AdmissionRequest, FieldCause, Verdict, admission, conversion};
use serde_json::{Value, json};
use testkit::{ControlPlane, eventually};

use super::{PATIENCE, own_client};

async fn decide(request: AdmissionRequest) -> Verdict {
    let object = request.object.expect("a create has an object");
    let size = object.data.pointer("/spec/size").and_then(Value::as_i64);
    match (size, request.name.as_str()) {
        (Some(size), _) if size > 10 => Verdict::Invalid {
            group: request.kind.group,
            kind: request.kind.kind,
            name: request.name,
            causes: vec![FieldCause::invalid("spec.size", size, "use at most 10")],
        },
        (_, "refused") => Verdict::Refused("the world is not ready for it".into()),
        (_, "broken") => Verdict::Internal("cache not ready".into()),
        (Some(_), _) => Verdict::allow(),
        (None, _) => {
            let patch = json!([{ "op": "add", "path": "/spec/size", "value": 1 }]);
            Verdict::Allow {
                patch: Some(serde_json::from_value(patch).unwrap()),
                warnings: vec!["defaulted".into()],
            }
        }
    }
}

fn convert(version: &str, mut object: Value) -> Result<Value, String> {
    if object.pointer("/spec/size") == Some(&json!(7)) {
        return Err("seven cannot be said in this version".into());
    }
    object["apiVersion"] = json!(version);
    Ok(object)
}

/// Serves both on loopback and returns the address and the bundle to trust.
fn start(tasks: &Tasks) -> (SocketAddr, String) {
    let certificates = Certificates::start(
        CertSource::InMemory {
            names: vec!["127.0.0.1".into()],
        },
        tasks,
    );
    let bundle = certificates.now().ca_bundle.expect("a CA");
    let listener = parse_bind_address("127.0.0.1:0")
        .unwrap()
        .unwrap()
        .listen()
        .unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/admit", admission(decide))
        .route("/convert", conversion(convert));
    let tls = Transport::Tls(TlsOptions::default().server_config(certificates.resolver()));
    tasks.spawn(
        "webhook",
        serve(listener, app, tls, Limits::default(), tasks.stop()),
    );
    (address, STANDARD.encode(bundle))
}

#[tokio::test]
async fn the_api_server_understands_every_answer() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("webhook").await;
    let tasks = Tasks::new();
    let (address, bundle) = start(&tasks);
    let objects = OBJECTS
        .replace("GROUP", &format!("{namespace}.example.org"))
        .replace("ADDRESS", &address.to_string())
        .replace("BUNDLE", &bundle);
    plane.apply_yaml(&objects).await.unwrap();

    let client = own_client(plane);
    let api = |version: &str| -> (Api<DynamicObject>, ApiResource) {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(
            &format!("{namespace}.example.org"),
            version,
            "Box",
        ));
        (Api::namespaced_with(client.clone(), &namespace, &kind), kind)
    };
    let (boxes, kind) = api("v1");
    let create = async |name: &str, spec: Value| {
        let mut object = DynamicObject::new(name, &kind);
        object.data = json!({ "spec": spec });
        boxes.create(&PostParams::default(), &object).await
    };
    // A new configuration takes the API server a moment.
    eventually(PATIENCE, "the webhook is called", || async {
        match create("probe", json!({ "size": 99 })).await {
            Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    let refused = async |name: &str, spec: Value| match create(name, spec).await {
        Err(kube::Error::Api(status)) => *status,
        other => panic!("{name}: {other:?}"),
    };
    let status = refused("large", json!({ "size": 11 })).await;
    assert_eq!(
        (status.code, status.reason.as_str()),
        (422, "Invalid"),
        "{status:?}"
    );
    assert!(
        status.message.contains("Box")
            && status
                .message
                .contains("spec.size: Invalid value: 11: use at most 10")
    );
    let causes = status.details.unwrap().causes;
    assert_eq!((causes.len(), causes[0].field.as_str()), (1, "spec.size"));
    let status = refused("refused", json!({ "size": 1 })).await;
    assert_eq!(
        (status.code, status.reason.as_str()),
        (400, "BadRequest"),
        "{status:?}"
    );
    let status = refused("broken", json!({ "size": 1 })).await;
    assert_eq!(
        (status.code, status.reason.as_str()),
        (500, "InternalError"),
        "{status:?}"
    );

    let defaulted = create("defaulted", json!({})).await.unwrap();
    assert_eq!(defaulted.data["spec"]["size"], 1);

    let (old, _) = api("v1beta1");
    let converted = old.get("defaulted").await.unwrap();
    assert_eq!(
        converted.types.unwrap().api_version,
        format!("{namespace}.example.org/v1beta1")
    );
    create("seven", json!({ "size": 7 })).await.unwrap();
    let error = old.get("seven").await.unwrap_err().to_string();
    assert!(
        error.contains("seven cannot be said") && error.contains("seven from"),
        "{error}"
    );
    assert_eq!(tasks.drain(PATIENCE).await, 0);
}

const OBJECTS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boxes.GROUP}
spec:
  group: GROUP
  names: {kind: Box, plural: boxes, singular: box}
  scope: Namespaced
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {url: 'https://ADDRESS/convert', caBundle: BUNDLE}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
  - name: v1beta1
    served: true
    storage: false
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: boxes.GROUP}
webhooks:
- name: boxes.GROUP
  clientConfig: {url: 'https://ADDRESS/admit', caBundle: BUNDLE}
  rules: [{apiGroups: [GROUP], apiVersions: [v1], resources: [boxes], operations: [CREATE]}]
  admissionReviewVersions: [v1, v1beta1]
  sideEffects: None
  failurePolicy: Fail
";
