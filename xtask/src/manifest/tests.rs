//! The release manifests against spec §10 and §15–§17, without a cluster.

use super::*;
use crate::project;

const NAMESPACE: &str = "capi-ipam-in-cluster-system";
const KINDS: [&str; 4] = [
    "inclusterippool",
    "globalinclusterippool",
    "inclusterprefixpool",
    "globalinclusterprefixpool",
];
const BOTH: [Certificates; 2] = [Certificates::CertManager, Certificates::SelfManaged];

fn release(certificates: Certificates) -> Vec<Value> {
    components(&project::root().unwrap(), "1.2.3", certificates).unwrap()
}

fn find(objects: &[Value], kind: &str, name: &str) -> Value {
    let found = objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}")).clone()
}

fn deployment(certificates: Certificates) -> Value {
    find(
        &release(certificates),
        "Deployment",
        "capi-ipam-in-cluster-controller-manager",
    )
}

#[test]
fn yaml_survives_reading_and_writing() {
    let text = "apiVersion: v1\nkind: ConfigMap\ndata: {a: 'on', b: '0123', c: \"x\\ny\\n\", d: 'a: b', e: '1e3', f: ''}\n";
    let objects = parse(text).unwrap();
    assert_eq!(objects[0]["data"]["a"], "on");
    assert_eq!(parse(&to_yaml(&objects).unwrap()).unwrap(), objects);
}

#[test]
fn a_document_without_kind_is_refused() {
    let error = parse("apiVersion: v1\nkind: A\n---\napiVersion: v1\n")
        .unwrap_err()
        .to_string();
    assert_eq!(error, "document 2 has no kind; every object needs one");
}

#[test]
fn every_object_carries_the_provider_label_and_the_prefix() {
    for certificates in BOTH {
        for object in release(certificates) {
            let (kind, name) = (&object["kind"], object["metadata"]["name"].as_str().unwrap());
            let label = &object["metadata"]["labels"]["cluster.x-k8s.io/provider"];
            assert_eq!(label, "ipam-in-cluster", "{kind} {name}");
            if kind != "CustomResourceDefinition" {
                assert!(name.starts_with("capi-ipam-in-cluster-"), "{kind} {name}");
            }
            let namespace = &object["metadata"]["namespace"];
            assert!(
                namespace.is_null() || namespace == NAMESPACE,
                "{kind} {name} lives in {namespace}"
            );
        }
    }
}

#[test]
fn the_namespace_comes_first_and_nothing_comes_twice() {
    for certificates in BOTH {
        let objects = release(certificates);
        assert_eq!(objects[0]["kind"], "Namespace");
        let mut names: Vec<_> = objects
            .iter()
            .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]))
            .collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }
}

#[test]
fn all_four_kinds_are_installed_with_their_conversion() {
    let objects = release(Certificates::CertManager);
    for kind in KINDS {
        let crd = find(
            &objects,
            "CustomResourceDefinition",
            &format!("{kind}s.ipam.cluster.x-k8s.io"),
        );
        assert_eq!(
            crd["metadata"]["annotations"][INJECT_CA],
            format!("{NAMESPACE}/capi-ipam-in-cluster-serving-cert")
        );
        let service = &crd["spec"]["conversion"]["webhook"]["clientConfig"]["service"];
        if crd["spec"]["conversion"]["strategy"] == "Webhook" {
            find(&objects, "Service", service["name"].as_str().unwrap());
            assert_eq!(service["namespace"], NAMESPACE);
            assert_eq!(service["path"], "/convert");
        }
    }
}

#[test]
fn selectors_are_those_of_the_original() {
    let labels =
        json!({"cluster.x-k8s.io/provider": "ipam-in-cluster", "control-plane": "controller-manager"});
    let deployment = deployment(Certificates::CertManager);
    assert_eq!(deployment["spec"]["selector"], json!({ "matchLabels": labels }));
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], labels);
    assert_eq!(deployment["spec"]["replicas"], 1);
    for service in release(Certificates::CertManager)
        .iter()
        .filter(|object| object["kind"] == "Service")
    {
        assert_eq!(service["spec"]["selector"], labels);
    }
}

#[test]
fn every_service_leads_to_a_port_that_exists() {
    let objects = release(Certificates::CertManager);
    let container =
        deployment(Certificates::CertManager)["spec"]["template"]["spec"]["containers"][0].clone();
    let ports = container["ports"].as_array().unwrap();
    let mut targets = Vec::new();
    for service in objects.iter().filter(|object| object["kind"] == "Service") {
        let target = service["spec"]["ports"][0]["targetPort"].clone();
        assert!(
            ports.iter().any(|port| port["name"] == target),
            "no container port {target}"
        );
        targets.push((service["spec"]["ports"][0]["port"].clone(), target));
    }
    assert_eq!(
        targets,
        [
            (json!(443), json!("webhook-server")),
            (json!(8443), json!("https"))
        ]
    );
}

#[test]
fn the_container_is_the_one_of_the_original_with_our_image() {
    let container =
        deployment(Certificates::CertManager)["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container["image"], "registry.cadastre.dev/cadastre:v1.2.3");
    assert_eq!(container["command"], json!(["/manager"]));
    assert_eq!(container["args"], json!(["--leader-elect"]));
    assert_eq!(
        container["resources"]["limits"],
        json!({"cpu": "500m", "memory": "128Mi"})
    );
    assert_eq!(
        container["volumeMounts"][0]["mountPath"],
        "/tmp/k8s-webhook-server/serving-certs"
    );
}

#[test]
fn webhooks_are_named_and_routed_as_in_the_spec() {
    let objects = release(Certificates::CertManager);
    for (kind, word, name, path, operations) in [
        (
            "ValidatingWebhookConfiguration",
            "validating",
            "validation",
            "validate",
            json!(["CREATE", "UPDATE", "DELETE"]),
        ),
        (
            "MutatingWebhookConfiguration",
            "mutating",
            "default",
            "mutate",
            json!(["CREATE", "UPDATE"]),
        ),
    ] {
        let configuration = find(
            &objects,
            kind,
            &format!("capi-ipam-in-cluster-{word}-webhook-configuration"),
        );
        assert!(configuration["metadata"]["annotations"][INJECT_CA].is_string());
        let hooks = configuration["webhooks"].as_array().unwrap();
        assert_eq!(hooks.len(), KINDS.len());
        for (hook, singular) in hooks.iter().zip(KINDS) {
            assert_eq!(hook["name"], format!("{name}.{singular}.ipam.cluster.x-k8s.io"));
            let service = &hook["clientConfig"]["service"];
            assert_eq!(
                service["path"],
                format!("/{path}-ipam-cluster-x-k8s-io-v1alpha2-{singular}")
            );
            let rule = json!({
                "apiGroups": ["ipam.cluster.x-k8s.io"], "apiVersions": ["v1alpha2"],
                "operations": operations, "resources": [format!("{singular}s")],
            });
            assert_eq!(hook["rules"], json!([rule]));
            assert_eq!(hook["failurePolicy"], "Fail");
            assert_eq!(hook["matchPolicy"], "Equivalent");
            assert_eq!(hook["sideEffects"], "None");
            assert_eq!(hook["admissionReviewVersions"], json!(["v1", "v1beta1"]));
        }
    }
}

#[test]
fn self_management_needs_no_cert_manager() {
    let objects = release(Certificates::SelfManaged);
    assert!(!to_yaml(&objects).unwrap().contains("cert-manager"));
    let pod = deployment(Certificates::SelfManaged)["spec"]["template"]["spec"].clone();
    assert!(
        pod["volumes"].is_null() && pod["containers"][0]["volumeMounts"].is_null(),
        "{pod}"
    );
    assert_eq!(
        pod["containers"][0]["args"],
        json!(["--leader-elect", SELF_MANAGED_FLAG])
    );
}

#[test]
fn the_two_variants_differ_in_nothing_else() {
    let mut ours = deployment(Certificates::CertManager);
    manage_own_certificates(&mut ours).unwrap();
    assert_eq!(ours, deployment(Certificates::SelfManaged));
    let count = |certificates, kind: &str| {
        release(certificates)
            .iter()
            .filter(|object| object["kind"] == kind)
            .count()
    };
    for kind in [
        "CustomResourceDefinition",
        "Service",
        "Deployment",
        "ServiceAccount",
        "Namespace",
    ] {
        assert_eq!(count(BOTH[0], kind), count(BOTH[1], kind), "{kind}");
    }
}

#[test]
fn rights_to_other_objects_are_limited_by_name() {
    for object in release(Certificates::SelfManaged) {
        for rule in object["rules"].as_array().into_iter().flatten() {
            let groups = rule["apiGroups"].as_array().cloned().unwrap_or_default();
            let shared = ["admissionregistration.k8s.io", "apiextensions.k8s.io"];
            let secrets = rule["resources"] == json!(["secrets"]) && rule["verbs"] != json!(["create"]);
            if secrets || groups.iter().any(|group| shared.iter().any(|name| group == name)) {
                assert!(rule["resourceNames"].is_array(), "{rule}");
            }
            assert!(!rule.to_string().contains('*'), "{rule}");
        }
    }
}

#[test]
fn clusterctl_finds_this_release_series() {
    let root = project::root().unwrap();
    let metadata = read(&root.join("deploy/clusterctl/metadata.yaml")).unwrap();
    let mut parts = project::VERSION
        .split('.')
        .map(|part| part.parse::<u64>().unwrap());
    let (major, minor) = (parts.next().unwrap(), parts.next().unwrap());
    let series = metadata[0]["releaseSeries"].as_array().unwrap();
    let ours: Vec<_> = series
        .iter()
        .filter(|entry| entry["major"] == major && entry["minor"] == minor)
        .collect();
    assert_eq!(ours.len(), 1, "{series:?}");
    assert!(ours[0]["contract"].is_string());
}
