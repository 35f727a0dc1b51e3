//! Telling the API server which CA to trust: `caBundle` in webhook configurations and CRDs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::answer::describe;

/// Objects whose `caBundle` is ours to keep. Those that do not exist are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleTargets {
    /// Names of `ValidatingWebhookConfiguration`s; every webhook in them gets the bundle.
    pub validating: Vec<String>,
    /// Names of `MutatingWebhookConfiguration`s; every webhook in them gets the bundle.
    pub mutating: Vec<String>,
    /// Names of CRDs; only those whose conversion strategy is `Webhook` are touched.
    pub crds: Vec<String>,
}

/// Writes the bundle wherever it is not there yet. Tries all targets and returns every problem in one text.
pub(super) async fn patch_all(client: &Client, targets: &BundleTargets, ca_pem: &str) -> Result<(), String> {
    let bundle = STANDARD.encode(ca_pem);
    let kinds = [
        (
            ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
            &targets.validating,
        ),
        (
            ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            &targets.mutating,
        ),
        (ApiResource::erase::<CustomResourceDefinition>(&()), &targets.crds),
    ];
    let mut problems = Vec::new();
    for (kind, names) in kinds {
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
        for name in names {
            if let Err(error) = patch_one(&api, name, &bundle).await {
                problems.push(format!(
                    "cannot set the CA bundle of {} {name}: {}",
                    kind.kind,
                    describe(&error)
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

async fn patch_one(api: &Api<DynamicObject>, name: &str, bundle: &str) -> Result<(), kube::Error> {
    let Some(object) = api.get_opt(name).await? else {
        return Ok(());
    };
    let places = outdated(&object.data, bundle);
    if places.is_empty() {
        return Ok(());
    }
    // The version makes sure that the places are those we saw: webhooks in a list have no fixed index.
    let mut patch = vec![json!({
        "op": "test", "path": "/metadata/resourceVersion", "value": object.resource_version(),
    })];
    patch.extend(
        places
            .iter()
            .map(|path| json!({ "op": "add", "path": path, "value": bundle })),
    );
    let patch: json_patch::Patch =
        serde_json::from_value(Value::Array(patch)).map_err(kube::Error::SerdeError)?;
    api.patch(name, &PatchParams::default(), &Patch::Json::<()>(patch))
        .await?;
    tracing::info!(name, "CA bundle written");
    Ok(())
}

/// JSON pointers of the `caBundle`s that differ from `bundle`.
fn outdated(object: &Value, bundle: &str) -> Vec<String> {
    let mut places = Vec::new();
    if let Some(webhooks) = object.get("webhooks").and_then(Value::as_array) {
        for (index, webhook) in webhooks.iter().enumerate() {
            if webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str) != Some(bundle) {
                places.push(format!("/webhooks/{index}/clientConfig/caBundle"));
            }
        }
    }
    if let Some(conversion) = object.pointer("/spec/conversion")
        && conversion.get("strategy").and_then(Value::as_str) == Some("Webhook")
        && conversion.pointer("/webhook/clientConfig").is_some()
        && conversion
            .pointer("/webhook/clientConfig/caBundle")
            .and_then(Value::as_str)
            != Some(bundle)
    {
        places.push("/spec/conversion/webhook/clientConfig/caBundle".to_owned());
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_patched() {
        let configuration = json!({ "webhooks": [
            { "clientConfig": { "service": {} } },
            { "clientConfig": { "caBundle": "new" } },
            { "clientConfig": { "caBundle": "old" } },
        ]});
        let want = [
            "/webhooks/0/clientConfig/caBundle",
            "/webhooks/2/clientConfig/caBundle",
        ];
        assert_eq!(outdated(&configuration, "new"), want);
    }

    #[test]
    fn a_crd_without_webhook_conversion_is_left_alone() {
        let crd = |conversion| json!({ "spec": { "conversion": conversion } });
        assert!(outdated(&crd(json!({ "strategy": "None" })), "new").is_empty());
        let webhook = |bundle| crd(json!({ "strategy": "Webhook", "webhook": { "clientConfig": bundle } }));
        let path = "/spec/conversion/webhook/clientConfig/caBundle";
        assert_eq!(outdated(&webhook(json!({})), "new"), [path]);
        assert!(outdated(&webhook(json!({ "caBundle": "new" })), "new").is_empty());
    }
}
