//! The release manifests against a real API server: every object is accepted with strict field validation, and the
//! rights they grant are the rights the server then sees.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test")]

#[path = "manifests/chart.rs"]
mod chart;
#[path = "manifests/helm.rs"]
mod helm;
#[path = "manifests/process.rs"]
mod process;
#[path = "manifests/rights.rs"]
mod rights;

use std::{fs, process::Command};

use kube::{
    Client,
    api::{Api, DynamicObject, Patch, PatchParams, ValidationDirective},
    discovery::{Scope, pinned_kind},
};
use tempfile::TempDir;
use testkit::{ControlPlane, Options};

/// Stand-ins for the two kinds of cert-manager the manifests use, so that the server knows where to put them.
const CERT_MANAGER: &str = include_str!("manifests/cert-manager.yaml");

/// A folder with what `cargo xtask dist --manifests` writes.
fn dist() -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let done = xtask
        .args(["dist", "--manifests", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out
}

/// One file of [`dist`].
fn written(name: &str) -> String {
    fs::read_to_string(dist().path().join(name)).unwrap()
}

/// A control plane with some manifests applied, and how many objects that made.
async fn installed(text: &str) -> (ControlPlane, usize) {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    control_plane.apply_yaml(CERT_MANAGER).await.unwrap();
    let objects = control_plane.apply_yaml(text).await.unwrap();
    (control_plane, objects.len())
}

/// Applies one object as a server-side dry run in which an unknown or doubled field is an error.
async fn dry_run(client: &Client, object: &DynamicObject) -> kube::Result<DynamicObject> {
    let types = object.types.as_ref().unwrap();
    let (resource, capabilities) = pinned_kind(client, &types.try_into().unwrap()).await?;
    let api: Api<DynamicObject> = match (&capabilities.scope, &object.metadata.namespace) {
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), namespace, &resource),
        _ => Api::all_with(client.clone(), &resource),
    };
    let mut params = PatchParams::apply("xtask-test").force().dry_run();
    params.field_validation = Some(ValidationDirective::Strict);
    let mut object = object.clone();
    object.metadata.managed_fields = None;
    object.metadata.resource_version = None;
    let name = object.metadata.name.clone().unwrap();
    api.patch(&name, &params, &Patch::Apply(&object)).await
}

/// Dry-runs the file's own objects, not those the server completed, so that nothing it dropped is overlooked.
async fn every_object_passes(client: &Client, text: &str, applied: usize) {
    let objects = parse(text);
    assert_eq!(objects.len(), applied);
    for object in &objects {
        let answer = dry_run(client, object).await;
        assert!(
            answer.is_ok(),
            "{} {:?}: {answer:?}",
            kind(object),
            object.metadata.name
        );
    }
}

/// Shows that [`every_object_passes`] can fail.
async fn a_misspelt_field_does_not_pass(client: &Client, text: &str) {
    let misspelt = parse(&text.replace("terminationGracePeriodSeconds", "terminationGraceSeconds"));
    let deployment = misspelt
        .iter()
        .find(|object| kind(object) == "Deployment")
        .unwrap();
    let error = dry_run(client, deployment).await.unwrap_err().to_string();
    assert!(error.contains("terminationGraceSeconds"), "{error}");
}

fn parse(text: &str) -> Vec<DynamicObject> {
    serde_saphyr::from_multiple(text).unwrap()
}

fn kind(object: &DynamicObject) -> &str {
    &object.types.as_ref().unwrap().kind
}

#[tokio::test]
async fn the_server_accepts_the_components_and_grants_just_enough() {
    let text = written("ipam-components.yaml");
    let (control_plane, applied) = installed(&text).await;
    let client = control_plane.client();
    every_object_passes(&client, &text, applied).await;
    a_misspelt_field_does_not_pass(&client, &text).await;
    rights::check(&client, rights::ALWAYS).await;
    rights::check(&client, rights::WITHOUT_SELF_MANAGEMENT).await;
}

#[tokio::test]
async fn self_management_adds_the_right_to_its_own_certificate_only() {
    let text = written("ipam-components-self-managed.yaml");
    let (control_plane, applied) = installed(&text).await;
    let client = control_plane.client();
    every_object_passes(&client, &text, applied).await;
    rights::check(&client, rights::ALWAYS).await;
    rights::check(&client, rights::WITH_SELF_MANAGEMENT).await;
}

#[tokio::test]
async fn the_server_accepts_the_plugins_and_lets_them_get_nodes_only() {
    let text = written("cadastre-cni.yaml");
    let (control_plane, applied) = installed(&text).await;
    let client = control_plane.client();
    every_object_passes(&client, &text, applied).await;
    let daemon_set = parse(&text)
        .into_iter()
        .find(|object| kind(object) == "DaemonSet")
        .unwrap();
    let pod = &daemon_set.data["spec"]["template"]["spec"];
    for containers in ["initContainers", "containers"] {
        let image = pod[containers][0]["image"].as_str().unwrap();
        assert_eq!(
            image,
            format!("registry.cadastre.dev/cadastre:v{}", env!("CARGO_PKG_VERSION"))
        );
    }
    rights::check_of(&client, "kube-system", "cadastre-cni", rights::OF_PLUGINS).await;
    rights::plugins_get_nodes_and_no_more(&control_plane).await;
}
