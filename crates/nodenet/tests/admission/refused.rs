//! Cases 1 to 6: what the API server refuses by itself. No webhook is there.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::gate::{Gate, refusal};

#[tokio::test]
async fn case_1_a_name_of_64_characters_is_refused() {
    let gate = Gate::bare().await;
    let (code, message) = refusal(gate.create(&"a".repeat(64), json!({})).await);
    assert_eq!(code, 422);
    assert!(
        message.contains("must be no more than 63 characters"),
        "{message}"
    );
    let (code, message) = refusal(gate.create("node-desired-state", json!({})).await);
    assert_eq!(code, 422, "{message}");
    gate.close().await;
}

#[tokio::test]
async fn case_2_a_name_of_63_characters_with_dots_is_taken() {
    let gate = Gate::bare().await;
    let name = format!("{}.{}", "a".repeat(31), "b".repeat(31));
    gate.create(&name, json!({})).await.expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_3_keys_of_the_selector_are_qualified_names() {
    let gate = Gate::bare().await;
    let message = refusal(gate.create("p", json!({"nodeSelector": {"a/b/c": "d"}})).await).1;
    assert!(
        message.contains("nodeSelector keys must be valid qualified names"),
        "{message}"
    );
    for key in ["", "-a", "a-", "A.example/x", "example.org/", &"a".repeat(64)] {
        let message = refusal(gate.create("p", json!({"nodeSelector": {key: "d"}})).await).1;
        assert!(
            message.contains("nodeSelector keys must be valid qualified names"),
            "{key}: {message}"
        );
    }
    let good = json!({"kubernetes.io/os": "linux", "node-role.kubernetes.io/worker": "", "Zone_1.a": "x"});
    gate.create("p", json!({"nodeSelector": good}))
        .await
        .expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_4_values_of_the_selector_are_label_values() {
    let gate = Gate::bare().await;
    let long = "a".repeat(64);
    for value in ["has space", "-a", "a-", long.as_str()] {
        let message = refusal(gate.create("p", json!({"nodeSelector": {"zone": value}})).await).1;
        assert!(
            message.contains("nodeSelector values must be valid label values"),
            "{value}: {message}"
        );
    }
    gate.close().await;
}

fn dynamic(gate: &Gate, version: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("nmstate.io", version, "NodeNetworkConfigurationPolicy");
    let resource = ApiResource::from_gvk_with_plural(&gvk, "nodenetworkconfigurationpolicies");
    Api::all_with(gate.client.clone(), &resource)
}

fn object(version: &str, spec: &Value) -> DynamicObject {
    let object = json!({"apiVersion": format!("nmstate.io/{version}"), "kind": "NodeNetworkConfigurationPolicy",
        "metadata": {"name": "p"}, "spec": spec});
    serde_json::from_value(object).expect("an object")
}

#[tokio::test]
async fn case_5_the_desired_state_is_an_object() {
    let gate = Gate::bare().await;
    let text = object("v1", &json!({"desiredState": "interfaces: []"}));
    let (code, message) = refusal(dynamic(&gate, "v1").create(&PostParams::default(), &text).await);
    assert_eq!(code, 422);
    assert!(
        message.contains("spec.desiredState") && message.contains("must be of type object"),
        "{message}"
    );
    gate.close().await;
}

#[tokio::test]
async fn case_6_an_unknown_field_is_refused_to_a_strict_client() {
    let gate = Gate::bare().await;
    for version in ["v1", "v1beta1"] {
        let strict = PatchParams::apply("test").validation_strict().force();
        let foo = object(version, &json!({"foo": 1}));
        let message = refusal(
            dynamic(&gate, version)
                .patch("p", &strict, &Patch::Apply(&foo))
                .await,
        )
        .1;
        assert!(message.contains("foo"), "{message}");
    }
    gate.close().await;
}
