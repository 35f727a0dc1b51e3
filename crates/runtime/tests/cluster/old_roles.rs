//! Under the roles of replaced programs: they were written for client-go, which updates leases and may write events only
//! in the older API. Who swaps the image keeps them.

use k8s_openapi::api::coordination::v1::Lease as Object;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Resource};
use runtime::client::{ClientOptions, connect};
use runtime::events::{EventType, Recorder};
use runtime::lease::{Lease, LeaseConfig};
use runtime::shutdown::Tasks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{ControlPlane, eventually};
use tokio::time::timeout;

use super::PATIENCE;

const USER: &str = "somebody-with-old-roles";

async fn make<K>(plane: &ControlPlane, namespace: &str, object: Value)
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(plane.client(), namespace);
    let object = serde_json::from_value(object).expect("an object");
    api.create(&PostParams::default(), &object)
        .await
        .expect("it is made");
}

/// A client that may get, create and update leases, and create events of the core API; nothing else.
async fn with_old_roles(plane: &ControlPlane, namespace: &str) -> kube::Client {
    use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
    let rules = json!([
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "update"]},
    ]);
    make::<Role>(
        plane,
        namespace,
        json!({"metadata": {"name": "old"}, "rules": rules}),
    )
    .await;
    let binding = json!({
        "metadata": {"name": "old"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "old"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    });
    make::<RoleBinding>(plane, namespace, binding).await;
    let options = ClientOptions {
        kubeconfig: Some(plane.kubeconfig_for(USER, &[]).expect("a kubeconfig")),
        ..ClientOptions::default()
    };
    let client = connect(&options).await.expect("a client");
    let leases: Api<Object> = Api::namespaced(client.clone(), namespace);
    eventually(PATIENCE, "the role is in force", || async {
        leases
            .get_opt("none")
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await;
    client
}

#[tokio::test]
async fn a_lease_is_renewed_without_the_right_to_patch() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("old-roles").await;
    let config = LeaseConfig {
        identity: "first".into(),
        retry_period: std::time::Duration::from_millis(200),
        ..LeaseConfig::new(&namespace, "leader.example.org")
    };
    let lease = Lease::new(with_old_roles(plane, &namespace).await, config).expect("a candidate");
    let leader = timeout(PATIENCE, lease.acquire()).await.expect("it leads");
    let api: Api<Object> = Api::namespaced(plane.client(), &namespace);
    let label = json!({"metadata": {"labels": {"of": "others"}}});
    let labelled = api
        .patch(
            "leader.example.org",
            &PatchParams::default(),
            &Patch::Merge(label),
        )
        .await
        .expect("a label");
    let renewed = |lease: Object| lease.spec.and_then(|spec| spec.renew_time);
    let before = renewed(labelled);
    eventually(PATIENCE, "it is renewed", || async {
        let now = api
            .get("leader.example.org")
            .await
            .map_err(|error| error.to_string())?;
        assert_eq!(
            now.metadata
                .labels
                .as_ref()
                .and_then(|labels| labels.get("of"))
                .map(String::as_str),
            Some("others")
        );
        if renewed(now) > before {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    assert!(leader.is_held());
    leader.release().await;
    let spec = api
        .get("leader.example.org")
        .await
        .expect("it stays")
        .spec
        .expect("a spec");
    assert_eq!(spec.holder_identity.as_deref(), Some(""), "given back");
}

#[tokio::test]
async fn events_are_written_in_the_older_api_where_only_that_is_allowed() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("old-roles").await;
    let tasks = Tasks::new();
    let client = with_old_roles(plane, &namespace).await;
    let recorder = Recorder::start(client, "ipam.example/controller", "pod-1", &tasks);
    let regarding = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("ConfigMap".to_owned()),
        namespace: Some(namespace.clone()),
        name: Some("x".to_owned()),
        uid: Some("u1".to_owned()),
        ..ObjectReference::default()
    };
    for reason in ["First", "Second"] {
        recorder.record(&regarding, EventType::Warning, reason, "Trying", "it is so");
    }
    let events: Api<Event> = Api::namespaced(plane.client(), &namespace);
    eventually(PATIENCE, "both are written", || async {
        let seen = events
            .list(&Default::default())
            .await
            .map_err(|error| error.to_string())?;
        match seen.items.as_slice() {
            [one, other] => {
                for event in [one, other] {
                    assert_eq!(event.message.as_deref(), Some("it is so"));
                    assert_eq!(event.type_.as_deref(), Some("Warning"));
                    let component = event
                        .source
                        .as_ref()
                        .and_then(|source| source.component.as_deref());
                    assert_eq!(component, Some("ipam.example/controller"));
                    assert_eq!(event.involved_object.name.as_deref(), Some("x"));
                }
                Ok(())
            }
            other => Err(format!("{} events", other.len())),
        }
    })
    .await;
    tasks.drain(PATIENCE).await;
}
