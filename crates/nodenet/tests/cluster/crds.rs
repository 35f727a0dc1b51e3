//! The definitions on a real API server, and the documents of the project's first year.

use api::nmstate::{Enactment, Policy, State};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::ground::Site;

/// As users wrote them; `deploy/examples/nodenet` has the same.
const EXAMPLES: [&str; 4] = [
    include_str!("../../../../deploy/examples/nodenet/auto-bonding-policy.yaml"),
    include_str!("../../../../deploy/examples/nodenet/desired-state.yaml"),
    include_str!("../../../../deploy/examples/nodenet/eth1-dhcp-policy.yaml"),
    include_str!("../../../../deploy/examples/nodenet/reported-state.yaml"),
];

fn dynamic(site: &Site, value: &Value) -> Api<DynamicObject> {
    let text = |key: &str| value[key].as_str().expect("text");
    let (group, version) = text("apiVersion").split_once('/').expect("a group");
    let plural = match text("kind") {
        "NodeNetworkState" => "nodenetworkstates",
        "NodeNetworkConfigurationPolicy" => "nodenetworkconfigurationpolicies",
        "NodeNetworkConfigurationEnactment" => "nodenetworkconfigurationenactments",
        other => panic!("unknown kind {other}"),
    };
    let gvk = GroupVersionKind::gvk(group, version, text("kind"));
    Api::all_with(
        site.client.clone(),
        &ApiResource::from_gvk_with_plural(&gvk, plural),
    )
}

/// Strict, as kubectl is: an unknown field is refused.
async fn create(site: &Site, value: &Value) -> Result<DynamicObject, kube::Error> {
    let object: DynamicObject = serde_json::from_value(value.clone()).expect("an object");
    let strict = PatchParams::apply("test").validation_strict().force();
    let name = object.metadata.name.clone().expect("a name");
    dynamic(site, value)
        .patch(&name, &strict, &Patch::Apply(&object))
        .await
}

#[tokio::test]
async fn the_documents_of_the_first_year_are_taken_unchanged() {
    let site = Site::open().await;
    for text in EXAMPLES {
        let value: Value = serde_saphyr::from_str(text).expect("YAML");
        let made = create(&site, &value)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        // Nulls inside documents, too: the server keeps what a schema does not describe.
        assert_eq!(made.data["spec"], value["spec"], "{text}");
    }
    let state: State = site.all().get("node01").await.expect("served as v1beta1, too");
    assert!(state.spec.is_managed());
    let policy: Policy = site.all().get("eth1-dhcp-policy").await.expect("a policy");
    assert_eq!(
        policy.spec.match_.and_then(|m| m.interfaces),
        Some(json!({"name": "eth1", "type": "ethernet"}))
    );
    let bonding: Policy = site.all().get("auto-bonding-policy").await.expect("a policy");
    assert_eq!(bonding.spec.priority, Some(99));
    site.close().await;
}

#[tokio::test]
async fn a_status_with_nulls_is_read() {
    let site = Site::open().await;
    let value: Value = serde_saphyr::from_str(EXAMPLES[3]).expect("YAML");
    create(&site, &value).await.expect("accepted");
    let states: Api<State> = site.all();
    let patch = Patch::Merge(json!({"status": value["status"]}));
    states
        .patch_status("node01", &PatchParams::default(), &patch)
        .await
        .expect("the status is accepted");
    let seen = states.get("node01").await.expect("it is read");
    let current = seen
        .status
        .and_then(|status| status.current_state)
        .expect("a report");
    assert_eq!(current["interfaces"][1]["name"], "eth0");
    site.close().await;
}

/// Objects as the replaced operator writes them (spec appendix C).
#[tokio::test]
async fn objects_of_the_replaced_operator_are_taken() {
    let site = Site::open().await;
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": "node01", "uid": "u"}]);
    let condition = |type_: &str, status: &str| {
        json!({"type": type_, "status": status, "reason": "SuccessfullyConfigured",
            "lastHeartbeatTime": "2026-01-31T12:14:00Z", "lastTransitionTime": "2026-01-31T12:14:00Z"})
    };
    let status = json!({
        "conditions": [condition("Progressing", "False"), condition("Failing", "False"), condition("Available", "True"),
            condition("Pending", "False"), condition("Aborted", "False")],
        "desiredState": {"interfaces": [{"name": "br1", "type": "linux-bridge", "state": "up",
            "bridge": {"port": [{"name": "eth1", "vlan": {"mode": "trunk",
                "trunk-tags": [{"id-range": {"min": 2, "max": 4094}}]}}]}}]},
        "desiredStateMetaInfo": {},
        "capturedStates": {"gw": {"state": {"routes": {}}, "metaInfo": {"version": "0", "time": "2026-01-31T12:14:00Z"}}},
        "policyGeneration": 1,
        "features": ["static-route"],
        "retryCount": {"1": 5},
    });
    let enactments: Api<Enactment> = site.all();
    let object = json!({"metadata": {"name": "node01.br1", "ownerReferences": owner,
        "labels": {"nmstate.io/node": "node01", "nmstate.io/policy": "br1"}}});
    let object: Enactment = serde_json::from_value(object).expect("an enactment");
    enactments
        .create(&PostParams::default(), &object)
        .await
        .expect("accepted");
    let patch = Patch::Merge(json!({"status": status}));
    let stored = enactments
        .patch_status("node01.br1", &PatchParams::default(), &patch)
        .await;
    let stored = stored.expect("accepted").status.expect("a status");
    assert_eq!(
        serde_json::to_value(&stored).expect("JSON"),
        status,
        "nothing is lost or renamed"
    );

    let report = json!({
        "currentState": {"dns-resolver": {"config": {"search": null, "server": null}}, "interfaces": [],
            "routes": {"config": [], "running": [{"destination": "0.0.0.0/0", "table-id": 254}]}},
        "handlerNmstateVersion": "nmstatectl 2.2.62",
        "hostNetworkManagerVersion": "1.42.4",
        "lastSuccessfulUpdateTime": "2026-01-31T12:14:00Z",
    });
    let states: Api<State> = site.all();
    states
        .create(&PostParams::default(), &State::new("node01", Default::default()))
        .await
        .expect("accepted");
    let patch = Patch::Merge(json!({"status": report}));
    let stored = states
        .patch_status("node01", &PatchParams::default(), &patch)
        .await
        .expect("accepted");
    let running = stored
        .status
        .and_then(|status| status.current_state)
        .expect("a report");
    assert_eq!(running["routes"]["running"][0]["destination"], "0.0.0.0/0");
    site.close().await;
}

#[tokio::test]
async fn case_97_a_report_is_about_the_node_it_is_named_like() {
    let site = Site::open().await;
    let state = |node: &str| {
        json!({"apiVersion": "nmstate.io/v1", "kind": "NodeNetworkState", "metadata": {"name": "n1"},
            "spec": {"nodeName": node}})
    };
    let error = create(&site, &state("n2"))
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("spec.nodeName must be the name of the object"),
        "{error}"
    );
    create(&site, &state("n1")).await.expect("accepted");
    site.close().await;
}

#[tokio::test]
async fn what_is_out_of_range_is_refused() {
    let site = Site::open().await;
    let refused = [
        (json!({"priority": 1001}), "spec.priority"),
        (
            json!({"probes": {"timeoutSeconds": 4}}),
            "spec.probes.timeoutSeconds",
        ),
        (
            json!({"probes": {"apiServer": {"mode": "Disabled"}}}),
            "only with allowUnsafe: true",
        ),
        (json!({"onDelete": "Undo"}), "spec.onDelete"),
        (
            json!({"autoConfig": {"bond": {"minPorts": 9}}}),
            "spec.autoConfig.bond.minPorts",
        ),
        (
            json!({"probes": {"tcp": [{"host": "192.0.2.1", "port": 0}]}}),
            "port",
        ),
    ];
    for (spec, words) in refused {
        let value = json!({"apiVersion": "nmstate.io/v1", "kind": "NodeNetworkConfigurationPolicy",
            "metadata": {"name": "p"}, "spec": spec});
        let error = create(&site, &value).await.expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let value = json!({"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkConfigurationPolicy",
        "metadata": {"name": "p"}, "spec": {"probes": {"apiServer": {"mode": "Disabled"}, "allowUnsafe": true},
        "match": {"interfaces": [{"name": ["eth*", "ens?"]}, {"lldp": {"vlan-ids": [101]}}]},
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}});
    create(&site, &value).await.expect("all of it in range");
    site.close().await;
}
