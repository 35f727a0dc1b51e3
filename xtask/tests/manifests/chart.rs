//! The Helm chart, rendered by the real helm from the archive `cargo xtask dist` packs, and given to the real API server.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{dist, every_object_passes, helm, installed, process, rights};

const ORIGINAL: &str = include_str!("chart/original-values.yaml");
const EVERY: &str = include_str!("chart/every-value.yaml");
const NAME: &str = "proxmox-cloud-controller-manager";
/// As the page about switching has it, and its test begins with.
const REPLACED: &str = include_str!("../../../crates/cadastre/tests/docs/original.yaml");

/// A cluster, with credentials that nobody has.
const CLUSTER: &str = "
config:
  features: {network: {mode: qemu}}
  clusters: [{url: 'https://pve.example.net:8006/api2/json', region: fsn, token_id: 'a@pve!b', token_secret: 'c: # d'}]
";

/// The packed chart.
fn chart() -> &'static Path {
    static PACKED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PACKED.get_or_init(|| {
        let out = dist();
        let path = out
            .path()
            .join(format!("{NAME}-{}.tgz", env!("CARGO_PKG_VERSION")));
        (out, path)
    });
    path
}

/// What helm makes of the chart with these values, as a release of the usual name.
fn text(values: &str) -> Result<String, String> {
    helm::run(
        &[
            "template",
            NAME,
            &chart().display().to_string(),
            "--namespace",
            "kube-system",
        ],
        values,
    )
}

fn render(values: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text(values).unwrap()).unwrap();
    objects.into_iter().filter(|object| !object.is_null()).collect()
}

fn find(objects: &[Value], kind: &str) -> Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}")).clone();
    assert!(found.next().is_none(), "several {kind}");
    first
}

fn kinds(objects: &[Value]) -> BTreeSet<&str> {
    objects
        .iter()
        .filter_map(|object| object["kind"].as_str())
        .collect()
}

fn pod(workload: &Value) -> Value {
    workload["spec"]["template"]["spec"].clone()
}

fn default_pod() -> Value {
    pod(&find(&render(""), "Deployment"))
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    for values in ["", ORIGINAL, EVERY, CLUSTER, "useDaemonSet: true"] {
        let said = helm::run(&["lint", "--strict", &chart().display().to_string()], values);
        assert!(said.is_ok(), "{values}\n{said:?}");
    }
}

#[test]
fn the_container_is_started_as_that_of_the_original() {
    let pod = default_pod();
    let container = &pod["containers"][0];
    assert_eq!(
        container["image"],
        format!("registry.cadastre.dev/cadastre:v{}", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(container["command"], json!(["/cadastre", "cloud"]));
    assert_eq!(
        container["args"],
        json!([
            "--v=2",
            "--cloud-provider=proxmox",
            "--cloud-config=/etc/proxmox/config.yaml",
            "--controllers=cloud-node,cloud-node-lifecycle",
            "--leader-elect-resource-name=cloud-controller-manager-proxmox",
            "--use-service-account-credentials",
            "--secure-port=10258",
            "--authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics",
        ])
    );
    let account = json!({"fieldRef": {"fieldPath": "spec.serviceAccountName"}});
    assert_eq!(
        container["env"],
        json!([{"name": "SERVICE_ACCOUNT", "valueFrom": account}])
    );
    assert_eq!(
        container["ports"],
        json!([{"name": "metrics", "containerPort": 10258, "protocol": "TCP"}])
    );
    assert_eq!(
        container["livenessProbe"],
        json!({
            "httpGet": {"path": "/healthz", "port": "metrics", "scheme": "HTTPS"},
            "initialDelaySeconds": 20, "periodSeconds": 30, "timeoutSeconds": 5,
        })
    );
    assert_eq!(
        container["readinessProbe"]["httpGet"],
        json!({"path": "/readyz", "port": "metrics", "scheme": "HTTPS"})
    );
    assert_eq!(container["volumeMounts"][0]["mountPath"], "/etc/proxmox");
    assert_eq!(
        pod["volumes"][0]["secret"],
        json!({"secretName": NAME, "defaultMode": 0o640})
    );
}

#[test]
fn the_values_file_of_the_original_changes_nothing() {
    assert_eq!(render(ORIGINAL), render(""));
    let mirrored = render("image: {repository: mirror.example.net/ccm, tag: v1}");
    assert_eq!(
        pod(&find(&mirrored, "Deployment"))["containers"][0]["image"],
        "mirror.example.net/ccm:v1"
    );
}

#[test]
fn the_configuration_is_a_secret_once_there_is_a_cluster() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    assert!(!kinds(&render("")).contains("Secret"));
    let objects = render(CLUSTER);
    let secret = find(&objects, "Secret");
    assert_eq!(secret["metadata"]["name"], NAME);
    let written = BASE64_STANDARD
        .decode(secret["data"]["config.yaml"].as_str().unwrap())
        .unwrap();
    let written: Value = serde_saphyr::from_str(std::str::from_utf8(&written).unwrap()).unwrap();
    // Helm merges: what the values do not name stays.
    let mut wanted: Value = serde_saphyr::from_str(CLUSTER).unwrap();
    wanted["config"]["features"]["provider"] = json!("default");
    assert_eq!(written, wanted["config"]);

    let sum = |objects: &[Value]| {
        let pod = &find(objects, "Deployment")["spec"]["template"]["metadata"];
        pod["annotations"]["checksum/config"].as_str().unwrap().to_owned()
    };
    let changed = render(&CLUSTER.replace("region: fsn", "region: nbg"));
    assert_ne!(
        sum(&objects),
        sum(&changed),
        "another configuration must start another pod"
    );

    let existing = render(&format!("{CLUSTER}\nexistingConfigSecret: mine"));
    assert!(!kinds(&existing).contains("Secret"));
    let volume = pod(&find(&existing, "Deployment"))["volumes"][0].clone();
    assert_eq!(
        volume["secret"],
        json!({"secretName": "mine", "defaultMode": 0o640})
    );
}

#[test]
fn a_daemon_set_runs_before_there_is_a_network() {
    let objects = render("useDaemonSet: true");
    assert!(!kinds(&objects).contains("Deployment"));
    let daemon_set = find(&objects, "DaemonSet");
    assert!(daemon_set["spec"]["replicas"].is_null());
    assert_eq!(daemon_set["spec"]["updateStrategy"]["type"], "RollingUpdate");
    let pod = pod(&daemon_set);
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["dnsPolicy"], "ClusterFirstWithHostNet");
    let not_ready = json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists"});
    assert!(
        pod["tolerations"].as_array().unwrap().contains(&not_ready),
        "{}",
        pod["tolerations"]
    );
    assert!(
        pod["affinity"].is_null() && pod["topologySpreadConstraints"].is_null(),
        "{pod}"
    );
    assert_eq!(pod["containers"], default_pod()["containers"]);
    let chosen = render("useDaemonSet: true\ndnsPolicy: Default");
    assert_eq!(
        find(&chosen, "DaemonSet")["spec"]["template"]["spec"]["dnsPolicy"],
        "Default"
    );
}

#[test]
fn replicas_stay_apart() {
    let pod = default_pod();
    assert!(
        pod["hostNetwork"].is_null() && pod["dnsPolicy"].is_null(),
        "{pod}"
    );
    let term = &pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(
        term["podAffinityTerm"]["topologyKey"],
        "topology.kubernetes.io/zone"
    );
    let spread = &pod["topologySpreadConstraints"][0];
    assert_eq!(
        (&spread["topologyKey"], &spread["whenUnsatisfiable"]),
        (&json!("kubernetes.io/hostname"), &json!("DoNotSchedule"))
    );
}

/// Where each value of [`EVERY`] ends up: the value, the object, and the place in it.
const PLACES: &[(&str, &str, &str)] = &[
    ("/replicaCount", "Deployment", "/spec/replicas"),
    (
        "/image/pullPolicy",
        "Deployment",
        "/spec/template/spec/containers/0/imagePullPolicy",
    ),
    (
        "/imagePullSecrets",
        "Deployment",
        "/spec/template/spec/imagePullSecrets",
    ),
    (
        "/nameOverride",
        "Deployment",
        "/spec/selector/matchLabels/app.kubernetes.io~1name",
    ),
    ("/fullnameOverride", "Deployment", "/metadata/name"),
    (
        "/extraEnvs/0",
        "Deployment",
        "/spec/template/spec/containers/0/env/1",
    ),
    (
        "/extraArgs/0",
        "Deployment",
        "/spec/template/spec/containers/0/args/8",
    ),
    ("/extraArgs/2", "Role", "/rules/1/resourceNames/0"),
    (
        "/existingConfigSecret",
        "Deployment",
        "/spec/template/spec/volumes/0/secret/secretName",
    ),
    (
        "/existingConfigSecretKey",
        "Deployment",
        "/spec/template/spec/volumes/0/secret/items/0/key",
    ),
    (
        "/serviceAccount/annotations",
        "ServiceAccount",
        "/metadata/annotations",
    ),
    ("/serviceAccount/name", "ServiceAccount", "/metadata/name"),
    (
        "/serviceAccount/name",
        "Deployment",
        "/spec/template/spec/serviceAccountName",
    ),
    ("/serviceAccount/name", "ClusterRoleBinding", "/subjects/0/name"),
    (
        "/priorityClassName",
        "Deployment",
        "/spec/template/spec/priorityClassName",
    ),
    (
        "/initContainers",
        "Deployment",
        "/spec/template/spec/initContainers",
    ),
    ("/hostAliases", "Deployment", "/spec/template/spec/hostAliases"),
    (
        "/podAnnotations",
        "Deployment",
        "/spec/template/metadata/annotations",
    ),
    (
        "/podSecurityContext",
        "Deployment",
        "/spec/template/spec/securityContext",
    ),
    (
        "/securityContext",
        "Deployment",
        "/spec/template/spec/containers/0/securityContext",
    ),
    (
        "/resources",
        "Deployment",
        "/spec/template/spec/containers/0/resources",
    ),
    ("/dnsPolicy", "Deployment", "/spec/template/spec/dnsPolicy"),
    ("/updateStrategy", "Deployment", "/spec/strategy"),
    ("/nodeSelector", "Deployment", "/spec/template/spec/nodeSelector"),
    ("/tolerations", "Deployment", "/spec/template/spec/tolerations"),
    ("/affinity", "Deployment", "/spec/template/spec/affinity"),
    ("/extraVolumes/0", "Deployment", "/spec/template/spec/volumes/1"),
    (
        "/extraVolumeMounts/0",
        "Deployment",
        "/spec/template/spec/containers/0/volumeMounts/1",
    ),
];

/// Values that other tests, or the texts below, look at.
const ELSEWHERE: [&str; 7] = [
    "image.repository",
    "image.tag",
    "enabledControllers",
    "logVerbosityLevel",
    "config",
    "serviceAccount.create",
    "useDaemonSet",
];

#[test]
fn every_value_is_honoured() {
    let (values, objects): (Value, _) = (serde_saphyr::from_str(EVERY).unwrap(), render(EVERY));
    let mut wrong = Vec::new();
    for &(value, kind, place) in PLACES {
        let wanted = values
            .pointer(value)
            .unwrap_or_else(|| panic!("{value} is not in the file"));
        let honours = |object: &&Value| {
            object["kind"] == kind && object.pointer(place).is_some_and(|found| includes(found, wanted))
        };
        if objects.iter().find(honours).is_none() {
            wrong.push(format!("{value}: no {kind} has {wanted} at {place}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let container = pod(&find(&objects, "Deployment"))["containers"][0].clone();
    assert_eq!(container["image"], "mirror.example.net/cadastre:v9");
    assert_eq!(
        find(&objects, "Deployment")["spec"]["strategy"],
        json!({"type": "Recreate"})
    );
    assert_eq!(container["args"][0], "--v=5");
    assert_eq!(container["args"][3], "--controllers=cloud-node-lifecycle");
    assert!(!kinds(&render("serviceAccount: {create: false}")).contains("ServiceAccount"));
}

/// Whether a value is the wanted one. Maps may have more: helm merges the chart's defaults into them.
fn includes(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|other| includes(other, value))),
        _ => found == wanted,
    }
}

#[test]
fn the_lists_of_values_are_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/chart");
    let shipped = names(&fs::read_to_string(root.join("values.yaml")).unwrap());
    assert_eq!(shipped, names(ORIGINAL), "values of the original");
    assert_eq!(shipped, names(EVERY), "values of the test");
    let looked_at = PLACES
        .iter()
        .map(|(value, ..)| value.trim_start_matches('/').replace('/', "."));
    let looked_at = looked_at.map(|name| {
        name.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit())
            .to_owned()
    });
    let looked_at: BTreeSet<String> = looked_at.chain(ELSEWHERE.map(str::to_owned)).collect();
    assert_eq!(shipped, looked_at, "values the tests look at");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let rows = readme
        .lines()
        .skip_while(|line| *line != "## Values")
        .take_while(|line| !line.starts_with("## What"));
    let documented: BTreeSet<String> = rows
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(shipped, documented, "values of README.md");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root.join("values.schema.json")).unwrap()).unwrap();
    for name in &shipped {
        let place = format!("/properties/{}", name.replace('.', "/properties/"));
        assert!(
            schema.pointer(&place).is_some(),
            "values.schema.json does not know {name}"
        );
    }
}

/// Names of values; `image` and `serviceAccount` stand for their parts.
fn names(values: &str) -> BTreeSet<String> {
    let values: Value = serde_saphyr::from_str(values).unwrap();
    let mut names = BTreeSet::new();
    for (name, value) in values.as_object().unwrap() {
        if ["image", "serviceAccount"].contains(&name.as_str()) {
            names.extend(
                value
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|part| format!("{name}.{part}")),
            );
        } else {
            names.insert(name.clone());
        }
    }
    names
}

#[test]
fn wrong_types_are_named_and_unknown_values_pass() {
    for (values, place) in [
        ("tolerations: all", "/tolerations"),
        ("extraArgs: --v=4", "/extraArgs"),
        ("replicaCount: two", "/replicaCount"),
        ("config: {clusters: {url: x}}", "/config/clusters"),
        (
            "config: {clusters: [{insecure: maybe}]}",
            "/config/clusters/0/insecure",
        ),
        ("useDaemonSet: 1", "/useDaemonSet"),
    ] {
        let error = text(values).unwrap_err().replace('.', "/");
        assert!(error.contains(place.trim_start_matches('/')), "{values}: {error}");
    }
    assert_eq!(
        render("somethingNew: {a: 1}\nconfig: {features: {later: true}}"),
        render("")
    );
    // What YAML makes of an empty value, and numbers as text.
    for values in [
        "extraArgs:\naffinity:\nconfig:\nresources:",
        "replicaCount: '1'\nlogVerbosityLevel: '2'",
    ] {
        text(values).unwrap_or_else(|error| panic!("{values}: {error}"));
    }
}

#[test]
fn rights_are_named_after_the_release_and_no_accounts_are_made() {
    let objects = render("");
    assert_eq!(
        find(&objects, "ClusterRole")["metadata"]["name"],
        format!("system:{NAME}")
    );
    for object in &objects {
        assert!(
            !object["rules"].to_string().contains("serviceaccounts"),
            "{object}"
        );
        assert!(!object["rules"].to_string().contains('*'), "{object}");
        let namespace = &object["metadata"]["namespace"];
        assert!(namespace.is_null() || namespace == "kube-system", "{object}");
    }
    let moved = find(&render(EVERY), "Role");
    assert_eq!(moved["metadata"]["namespace"], "default");
    assert_eq!(
        moved["rules"][1]["resourceNames"],
        json!(["another", "another-deletions"])
    );
}

#[test]
fn the_notes_say_what_is_missing_and_what_is_next() {
    let notes = |values: &str| {
        let packed = chart().display().to_string();
        let said = helm::run(
            &[
                "install",
                NAME,
                &packed,
                "--namespace",
                "kube-system",
                "--dry-run=client",
            ],
            values,
        );
        said.unwrap().split_once("NOTES:").unwrap().1.to_owned()
    };
    assert!(notes("").contains("WARNING: no Proxmox VE cluster is configured"));
    assert!(notes(ORIGINAL).contains("name the image of the replaced program"));
    let tagged = notes("image: {tag: v0.13.1}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        tagged.contains(&format!("image.tag is v0.13.1, and this chart is for v{version}")),
        "{tagged}"
    );
    for fine in [
        format!("image: {{tag: v{version}}}"),
        "image: {tag: ''}".to_owned(),
        "image: {repository: mirror.example.net/cadastre, tag: v9}".to_owned(),
    ] {
        let said = notes(&fine);
        assert!(!said.contains("image.tag is"), "{fine}: {said}");
    }
    let fine = notes(CLUSTER);
    assert!(
        !fine.contains("WARNING") && !fine.contains("NOTE:") && !fine.contains("replaced program"),
        "{fine}"
    );
    assert!(
        fine.contains("exec deployment/proxmox-cloud-controller-manager -- /cadastre cloud"),
        "{fine}"
    );
    assert!(notes("useDaemonSet: true").contains("exec daemonset/"));
}

#[tokio::test]
async fn the_server_accepts_every_rendering_and_grants_just_enough() {
    let plain = text("").unwrap();
    let (control_plane, applied) = installed(&plain).await;
    let client = control_plane.client();
    every_object_passes(&client, &plain, applied).await;
    let daemon_set = format!("{CLUSTER}\nuseDaemonSet: true\nreplicaCount: 2");
    for values in [
        ORIGINAL,
        EVERY,
        CLUSTER,
        &daemon_set,
        "existingConfigSecret: mine\npodAnnotations:",
    ] {
        let text = text(values).unwrap();
        every_object_passes(&client, &text, render(values).len()).await;
    }
    rights::check_of(&client, "kube-system", NAME, rights::OF_CLOUD).await;
    let own = rights::own_rules(&control_plane, NAME).await;
    assert_eq!(
        own.len(),
        8,
        "a right more or less than OF_CLOUD asks for: {own:#?}"
    );
    control_plane.apply_yaml(&text(EVERY).unwrap()).await.unwrap();
    rights::check_of(&client, "kube-system", "worker", rights::OF_MOVED_CLOUD).await;
}

#[tokio::test]
async fn the_controller_works_with_the_flags_and_rights_of_the_chart() {
    let container = pod(&find(&render(CLUSTER), "Deployment"))["containers"][0].clone();
    let log = process::works(&text(CLUSTER).unwrap(), &container, NAME).await;
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
}

/// An installation of the replaced program with manifests of its own, in which only image and command change.
#[tokio::test]
async fn the_controller_works_with_the_rights_of_the_replaced_program() {
    let container = pod(&find(&render(CLUSTER), "Deployment"))["containers"][0].clone();
    process::works(REPLACED, &container, NAME).await;
}
