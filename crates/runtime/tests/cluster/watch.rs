//! A watch that survives.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, DynamicObject, ObjectMeta, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::Config;
use kube::{Api, ResourceExt};
use runtime::client::{ClientOptions, connect};
use runtime::shutdown::Tasks;
use runtime::watch::{self, Guarded, Health, WatchEvent};
use testkit::{ControlPlane, FaultProxy, eventually};

use super::{PATIENCE, own_client};

type Log = Arc<Mutex<Vec<String>>>;

fn logger<K: ResourceExt>(log: &Log) -> impl FnMut(WatchEvent<K>) + use<K> {
    let log = Arc::clone(log);
    move |event| {
        log.lock().unwrap().push(match event {
            WatchEvent::Init => "init".to_owned(),
            WatchEvent::InitDone => "done".to_owned(),
            WatchEvent::InitApply(object) => format!("listed {}", object.name_any()),
            WatchEvent::Applied(object) => format!("applied {}", object.name_any()),
            WatchEvent::Deleted(key) => format!("deleted {}", key.name),
            WatchEvent::Unreadable(it) => format!("unreadable {}", it.key.name),
        });
    }
}

async fn until(log: &Log, line: &str) {
    eventually(PATIENCE, line, || async {
        let log = log.lock().unwrap();
        if log.iter().any(|seen| seen == line) {
            Ok(())
        } else {
            Err(format!("{log:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn dropped_watches_lose_nothing_and_list_nothing_again() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("watch").await;
    let proxy = FaultProxy::start(plane).await.unwrap();
    let options = ClientOptions {
        kubeconfig: Some(proxy.kubeconfig().into()),
        ..ClientOptions::default()
    };
    let watched: Api<Guarded<ConfigMap>> = Api::namespaced(connect(&options).await.unwrap(), &namespace);
    let direct: Api<ConfigMap> = Api::namespaced(own_client(plane), &namespace);
    let create = async |name: &str| {
        let metadata = ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        };
        direct
            .create(
                &PostParams::default(),
                &ConfigMap {
                    metadata,
                    ..ConfigMap::default()
                },
            )
            .await
            .unwrap();
    };
    create("before").await;
    let (tasks, log) = (Tasks::new(), Log::default());
    let (sender, _status) = watch::status();
    tasks.spawn(
        "watch",
        watch::run(watched, Config::default(), sender, logger(&log), tasks.stop()),
    );
    until(&log, "done").await;
    for round in 0..3 {
        proxy.drop_watches();
        create(&format!("after-{round}")).await;
        until(&log, &format!("applied after-{round}")).await;
    }
    direct.delete("before", &DeleteParams::default()).await.unwrap();
    until(&log, "deleted before").await;
    let log = log.lock().unwrap().clone();
    assert_eq!(log.iter().filter(|line| *line == "init").count(), 1, "{log:?}");
    assert_eq!(tasks.drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_kind_is_found_when_its_crd_comes_and_waited_for_when_it_goes() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("watch").await;
    let client = own_client(plane);
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("late.example.org", "v1", "Late"));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind);
    let (tasks, log) = (Tasks::new(), Log::default());
    let watched: Api<Guarded<DynamicObject>> = Api::namespaced_with(client, &namespace, &kind);
    let (sender, mut status) = watch::status();
    tasks.spawn(
        "watch",
        watch::run(watched, Config::default(), sender, logger(&log), tasks.stop()),
    );
    let wait = status.wait_for(|status| status.health == Health::NotServed);
    drop(
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("not served")
            .unwrap(),
    );

    plane.apply_yaml(CRD).await.unwrap();
    let wait = status.wait_for(|status| status.synced && status.health == Health::Live);
    drop(
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("synced")
            .unwrap(),
    );
    let mut object = DynamicObject::new("first", &kind);
    object.data = serde_json::json!({ "spec": {} });
    api.create(&PostParams::default(), &object).await.unwrap();
    until(&log, "applied first").await;
    assert_eq!(tasks.drain(PATIENCE).await, 0);
}

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lates.late.example.org}
spec:
  group: late.example.org
  names: {kind: Late, plural: lates, singular: late}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
";
