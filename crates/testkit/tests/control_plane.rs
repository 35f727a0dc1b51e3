//! The control plane itself.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use testkit::{CapiVersion, ControlPlane, Options, client};

const WIDGETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.org
spec:
  group: example.org
  names: {kind: Widget, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
---
---
apiVersion: example.org/v1
kind: Widget
metadata:
  name: first
spec:
  size: 3
";

async fn client_of(path: &std::path::Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    client(&config.expect("a usable kubeconfig")).expect("a client")
}

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        ..Default::default()
    }
}

#[tokio::test]
async fn a_started_control_plane_answers_and_says_its_version() {
    let plane = ControlPlane::shared().await;
    let version = plane.client().apiserver_version().await.expect("version");
    assert_eq!(version.major, "1", "{version:?}");
    assert!(version.git_version.starts_with("v1."), "{version:?}");
}

#[tokio::test]
async fn every_test_gets_a_namespace_of_its_own_from_the_shared_control_plane() {
    let plane = ControlPlane::shared().await;
    let (one, two) = (plane.namespace("test").await, plane.namespace("test").await);
    assert_ne!(one, two);
    let namespaces: Api<Namespace> = Api::all(plane.client());
    namespaces.get(&one).await.expect("exists");
    namespaces.get(&two).await.expect("exists");
}

#[tokio::test]
async fn definitions_are_served_before_their_objects_are_applied() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("apply").await;
    let applied = plane.apply_yaml_in(&namespace, WIDGETS).await.expect("applied");
    assert_eq!(applied.len(), 2);
    assert_eq!(applied[1].metadata.namespace.as_deref(), Some(namespace.as_str()));
    let again = plane
        .apply_yaml_in(&namespace, WIDGETS)
        .await
        .expect("applied again");
    assert_eq!(
        again[1].metadata.resource_version, applied[1].metadata.resource_version,
        "nothing changed"
    );
}

#[tokio::test]
async fn a_bad_document_is_refused_with_its_kind_and_name() {
    let plane = ControlPlane::shared().await;
    let yaml = "{apiVersion: nowhere.example.org/v1, kind: Gadget, metadata: {name: g}}";
    let error = format!("{:#}", plane.apply_yaml(yaml).await.expect_err("unknown kind"));
    assert!(error.contains("Gadget g"), "{error}");
}

#[tokio::test]
async fn the_shared_control_plane_serves_cluster_api_v1beta2() {
    let plane = ControlPlane::shared().await;
    let group = kube::discovery::group(&plane.client(), "ipam.cluster.x-k8s.io")
        .await
        .expect("the group");
    let kinds: Vec<String> = group
        .versioned_resources("v1beta2")
        .into_iter()
        .map(|(resource, _)| resource.kind)
        .collect();
    assert!(
        kinds.contains(&"IPAddress".to_owned()) && kinds.contains(&"IPAddressClaim".to_owned()),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn old_releases_of_cluster_api_can_be_loaded_and_upgraded() {
    let options = Options {
        capi: Some(CapiVersion::V1_7),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("control plane");
    let definitions: Api<CustomResourceDefinition> = Api::all(plane.client());
    // The versions of claims, and whether the newest has a cluster name.
    let claims = async || {
        let definition = definitions
            .get("ipaddressclaims.ipam.cluster.x-k8s.io")
            .await
            .expect("definition");
        let names: Vec<String> = definition
            .spec
            .versions
            .iter()
            .map(|version| version.name.clone())
            .collect();
        let schema = serde_json::to_string(&definition.spec.versions.last()).expect("JSON");
        (names.join(" "), schema.contains("\"clusterName\""))
    };
    assert_eq!(claims().await, ("v1alpha1 v1beta1".to_owned(), false), "1.7");
    plane.apply_capi(CapiVersion::V1_10).await.expect("1.10");
    assert_eq!(claims().await, ("v1alpha1 v1beta1".to_owned(), true), "1.10");
    plane.apply_capi(CapiVersion::V1_13).await.expect("1.13");
    assert_eq!(
        claims().await,
        ("v1alpha1 v1beta1 v1beta2".to_owned(), true),
        "1.13"
    );
}

#[tokio::test]
async fn other_identities_have_only_the_rights_they_are_given() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("rbac").await;
    let rights = format!(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: maps, namespace: {namespace}}}
rules: [{{apiGroups: [''], resources: [configmaps], verbs: [create]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: maps, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: maps}}
subjects:
- {{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'makers-{namespace}'}}
- {{kind: ServiceAccount, name: maker, namespace: {namespace}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: maker, namespace: {namespace}}}
"
    );
    plane.apply_yaml(&rights).await.expect("rights");
    let group = format!("makers-{namespace}");
    let by_group = plane
        .kubeconfig_for("maker", &["other", &group])
        .expect("kubeconfig");
    let by_token = plane
        .kubeconfig_for_service_account(&namespace, "maker")
        .await
        .expect("token");
    let stranger = plane.kubeconfig_for("stranger", &[]).expect("kubeconfig");

    for (path, name) in [(&by_group, "by-group"), (&by_token, "by-token")] {
        let maps: Api<ConfigMap> = Api::namespaced(client_of(path).await, &namespace);
        // RBAC reads roles from a cache that may be a moment behind.
        testkit::eventually(Duration::from_secs(10), "may create", || async {
            maps.create(&PostParams::default(), &config_map(name))
                .await
                .map_err(|error| error.to_string())
        })
        .await;
        let error = maps
            .list(&Default::default())
            .await
            .expect_err("may not list")
            .to_string();
        assert!(error.contains("forbidden"), "{error}");
    }
    let maps: Api<ConfigMap> = Api::namespaced(client_of(&stranger).await, &namespace);
    let error = maps
        .create(&PostParams::default(), &config_map("x"))
        .await
        .expect_err("stranger")
        .to_string();
    assert!(error.contains("forbidden"), "{error}");
}

#[tokio::test]
async fn data_survives_a_restart_and_a_crash_of_the_api_server() {
    let plane = ControlPlane::start(Options {
        audit_log: true,
        ..Options::default()
    })
    .await
    .expect("control plane");
    let maps: Api<ConfigMap> = Api::default_namespaced(plane.client());
    maps.create(&PostParams::default(), &config_map("kept"))
        .await
        .expect("created");
    let before = plane.pids().await;

    plane.restart_apiserver().await.expect("restart");
    let kept = maps
        .get("kept")
        .await
        .expect("the old client works with the new server");
    assert_eq!(kept.metadata.name.as_deref(), Some("kept"));
    let after = plane.pids().await;
    assert_eq!((before[0], before.len()), (after[0], after.len()), "same etcd");
    assert_ne!(before[1], after[1], "another API server");

    plane.kill_apiserver().await.expect("kill");
    maps.get("kept").await.expect_err("nobody answers");
    plane.start_apiserver().await.expect("start");
    plane.start_apiserver().await.expect("starting twice is harmless");
    maps.get("kept").await.expect("answers again");

    let position = plane.audit_position().expect("a log");
    maps.get("kept").await.expect("answers");
    drop(maps.watch(&WatchParams::default(), "0").await.expect("a watch"));
    let all = plane.audited_requests("admin", 0).expect("readable");
    assert_eq!(all.of("create", "configmaps", ""), 1, "{all}");
    let late = plane.audited_requests("admin", position).expect("readable");
    let count = |verb| late.of(verb, "configmaps", "");
    assert_eq!((count("get"), count("watch"), late.writes()), (1, 1, 0), "{late}");
    assert_eq!(plane.audited_requests("nobody", 0).expect("readable").total(), 0);
    assert!(
        plane
            .metrics()
            .await
            .expect("metrics")
            .contains("apiserver_request_total")
    );
}

#[tokio::test]
async fn two_control_planes_run_side_by_side_and_leave_nothing() {
    let started = Instant::now();
    let (one, two) = tokio::join!(
        ControlPlane::start(Options::default()),
        ControlPlane::start(Options {
            controller_manager: true,
            ..Options::default()
        })
    );
    let (one, two) = (one.expect("one"), two.expect("two"));
    eprintln!("two control planes after {:?}", started.elapsed());
    assert_ne!(one.server_url(), two.server_url());
    Api::<ConfigMap>::default_namespaced(one.client())
        .create(&PostParams::default(), &config_map("only-here"))
        .await
        .expect("created");
    let elsewhere = Api::<ConfigMap>::default_namespaced(two.client())
        .get_opt("only-here")
        .await
        .expect("readable");
    assert!(elsewhere.is_none());
    two.namespace("with-account").await;

    let mut pids = one.pids().await;
    pids.extend(two.pids().await);
    assert_eq!(pids.len(), 5);
    let dirs = [one.dir().to_owned(), two.dir().to_owned()];
    drop((one, two));
    for pid in pids {
        assert!(
            !std::fs::exists(format!("/proc/{pid}")).expect("/proc"),
            "process {pid} is left"
        );
    }
    for dir in dirs {
        assert!(!dir.exists(), "{} is left", dir.display());
    }
}

/// An owner, and an object that goes when the owner goes.
const FAMILY: &str = "
{apiVersion: example.org/v1, kind: Widget, metadata: {name: owner}, spec: {size: 1}}
";

#[tokio::test]
async fn garbage_is_collected_and_owner_references_need_rights() {
    let options = Options {
        controller_manager: true,
        owner_references_permission_enforcement: true,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("control plane");
    let namespace = plane.namespace("garbage").await;
    plane
        .apply_yaml_in(&namespace, WIDGETS)
        .await
        .expect("definition");
    plane
        .restart_controller_manager()
        .await
        .expect("restarted, so that it knows widgets");
    let family = plane.apply_yaml_in(&namespace, FAMILY).await.expect("owner");
    let mut child = config_map("child");
    child.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "example.org/v1".to_owned(),
        kind: "Widget".to_owned(),
        name: "owner".to_owned(),
        uid: family[0].metadata.uid.clone().expect("made by the server"),
        block_owner_deletion: Some(true),
        controller: None,
    }]);

    let rights = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: e}},
          roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}},
          subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: editor-{namespace}}}]}}"
    );
    plane.apply_yaml(&rights).await.expect("rights");
    let editor = plane
        .kubeconfig_for(&format!("editor-{namespace}"), &[])
        .expect("kubeconfig");
    let maps: Api<ConfigMap> = Api::namespaced(client_of(&editor).await, &namespace);
    testkit::eventually(
        Duration::from_secs(20),
        "the editor may create config maps",
        || async {
            maps.create(&PostParams::default(), &config_map("plain"))
                .await
                .map_err(|error| error.to_string())
        },
    )
    .await;
    let error = maps
        .create(&PostParams::default(), &child)
        .await
        .expect_err("no rights on widgets")
        .to_string();
    assert!(error.contains("blockOwnerDeletion"), "{error}");

    let maps: Api<ConfigMap> = Api::namespaced(plane.client(), &namespace);
    maps.create(&PostParams::default(), &child)
        .await
        .expect("the administrator may");
    let kind = kube::core::GroupVersionKind::gvk("example.org", "v1", "Widget");
    let (resource, _) = kube::discovery::pinned_kind(&plane.client(), &kind)
        .await
        .expect("served");
    let widgets: Api<kube::api::DynamicObject> = Api::namespaced_with(plane.client(), &namespace, &resource);
    widgets
        .delete("owner", &DeleteParams::background())
        .await
        .expect("deleted");
    testkit::eventually(Duration::from_secs(60), "the child is collected", || async {
        match maps.get_opt("child").await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    maps.get("plain").await.expect("it has no owner and stays");
}
