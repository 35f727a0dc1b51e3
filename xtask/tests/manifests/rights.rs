//! What the controller's service account may do, asked of the server (spec §15).

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Client,
    api::{Api, ListParams, PostParams},
};
use serde_json::{Value, json};
use testkit::ControlPlane;

const NAMESPACE: &str = "capi-ipam-in-cluster-system";
const IPAM: &str = "ipam.cluster.x-k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const CRDS: &str = "apiextensions.k8s.io";

/// A question: verb, group, resource (with subresource), namespace, name, and the answer we expect.
pub(crate) type Right = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
);

/// Holds for both kinds of certificates. An empty namespace or name means all.
pub(crate) const ALWAYS: &[Right] = &[
    ("create", IPAM, "ipaddresses", "", "", true),
    ("delete", IPAM, "ipaddresses", "", "", true),
    ("patch", IPAM, "ipaddressclaims", "", "", true),
    ("patch", IPAM, "ipaddressclaims/status", "", "", true),
    ("update", IPAM, "ipaddressclaims/finalizers", "", "", true),
    ("patch", IPAM, "inclusterippools", "", "", true),
    ("patch", IPAM, "globalinclusterprefixpools/status", "", "", true),
    ("update", IPAM, "globalinclusterippools/finalizers", "", "", true),
    ("watch", "cluster.x-k8s.io", "clusters", "", "", true),
    ("create", "", "events", "", "", true),
    ("patch", "events.k8s.io", "events", "", "", true),
    ("create", "authentication.k8s.io", "tokenreviews", "", "", true),
    (
        "create",
        "authorization.k8s.io",
        "subjectaccessreviews",
        "",
        "",
        true,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        NAMESPACE,
        "7bb7acb4.ipam.cluster.x-k8s.io",
        true,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        "",
        false,
    ),
    ("create", IPAM, "ipaddressclaims", "", "", false),
    ("delete", IPAM, "inclusterippools", "", "", false),
    ("patch", "cluster.x-k8s.io", "clusters", "", "", false),
    ("list", "", "secrets", NAMESPACE, "", false),
    ("get", "", "secrets", "kube-system", "x", false),
    (
        "delete",
        ADMISSION,
        "validatingwebhookconfigurations",
        "",
        "x",
        false,
    ),
    (
        "patch",
        ADMISSION,
        "validatingwebhookconfigurations",
        "",
        "somebody-elses",
        false,
    ),
    (
        "patch",
        CRDS,
        "customresourcedefinitions",
        "",
        "ipaddresses.ipam.cluster.x-k8s.io",
        false,
    ),
];

const OWN_SECRET: &str = "capi-ipam-in-cluster-webhook-self-managed-cert";
const VALIDATING: &str = "capi-ipam-in-cluster-validating-webhook-configuration";
const MUTATING: &str = "capi-ipam-in-cluster-mutating-webhook-configuration";
const OWN_CRD: &str = "globalinclusterprefixpools.ipam.cluster.x-k8s.io";

/// With cert-manager the controller touches none of these.
pub(crate) const WITHOUT_SELF_MANAGEMENT: &[Right] = &[
    ("get", "", "secrets", NAMESPACE, OWN_SECRET, false),
    ("create", "", "secrets", NAMESPACE, "", false),
    (
        "patch",
        ADMISSION,
        "validatingwebhookconfigurations",
        "",
        VALIDATING,
        false,
    ),
    ("patch", CRDS, "customresourcedefinitions", "", OWN_CRD, false),
];

/// What it needs to make its own certificates.
pub(crate) const WITH_SELF_MANAGEMENT: &[Right] = &[
    ("create", "", "secrets", NAMESPACE, "", true),
    ("get", "", "secrets", NAMESPACE, OWN_SECRET, true),
    ("update", "", "secrets", NAMESPACE, OWN_SECRET, true),
    ("get", "", "secrets", NAMESPACE, "another", false),
    (
        "patch",
        ADMISSION,
        "validatingwebhookconfigurations",
        "",
        VALIDATING,
        true,
    ),
    (
        "patch",
        ADMISSION,
        "mutatingwebhookconfigurations",
        "",
        MUTATING,
        true,
    ),
    ("patch", CRDS, "customresourcedefinitions", "", OWN_CRD, true),
    ("update", CRDS, "customresourcedefinitions", "", OWN_CRD, false),
];

/// The CNI plugins read nodes by name.
pub(crate) const OF_PLUGINS: &[Right] = &[
    ("get", "", "nodes", "", "worker-1", true),
    ("list", "", "nodes", "", "", false),
    ("watch", "", "nodes", "", "", false),
    ("patch", "", "nodes", "", "worker-1", false),
    ("get", "", "nodes/proxy", "", "worker-1", false),
    ("get", "", "secrets", "kube-system", "x", false),
    ("get", "", "pods", "kube-system", "x", false),
];

/// The cloud controller, installed by its chart.
pub(crate) const OF_CLOUD: &[Right] = &[
    ("list", "", "nodes", "", "", true),
    ("watch", "", "nodes", "", "", true),
    ("get", "", "nodes", "", "n1", true),
    ("update", "", "nodes", "", "n1", false),
    ("patch", "", "nodes", "", "n1", true),
    ("delete", "", "nodes", "", "n1", true),
    ("patch", "", "nodes/status", "", "n1", true),
    ("create", "events.k8s.io", "events", "default", "", true),
    ("create", "", "events", "default", "", true),
    ("create", "authentication.k8s.io", "tokenreviews", "", "", true),
    (
        "create",
        "authorization.k8s.io",
        "subjectaccessreviews",
        "",
        "",
        true,
    ),
    ("create", "coordination.k8s.io", "leases", "kube-system", "", true),
    ("get", "coordination.k8s.io", "leases", "kube-system", LEASE, true),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        LEASE,
        true,
    ),
    (
        "patch",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        LEASE,
        true,
    ),
    (
        "get",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        DELETIONS,
        true,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        DELETIONS,
        true,
    ),
    (
        "delete",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        DELETIONS,
        false,
    ),
    (
        "get",
        "",
        "configmaps",
        "kube-system",
        "extension-apiserver-authentication",
        true,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        "kube-controller-manager",
        false,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-node-lease",
        "n1",
        false,
    ),
    ("create", "", "nodes", "", "", false),
    ("get", "", "nodes/proxy", "", "n1", false),
    ("deletecollection", "", "nodes", "", "", false),
    ("create", "", "serviceaccounts", "kube-system", "", false),
    (
        "create",
        "",
        "serviceaccounts/token",
        "kube-system",
        "node-controller",
        false,
    ),
    (
        "get",
        "",
        "secrets",
        "kube-system",
        "proxmox-cloud-controller-manager",
        false,
    ),
    ("list", "", "pods", "", "", false),
];

/// The same, where `extraArgs` name the lease `another` and its namespace `default` (`chart/every-value.yaml`).
pub(crate) const OF_MOVED_CLOUD: &[Right] = &[
    ("create", "coordination.k8s.io", "leases", "default", "", true),
    ("get", "coordination.k8s.io", "leases", "default", "another", true),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "default",
        "another",
        true,
    ),
    (
        "get",
        "coordination.k8s.io",
        "leases",
        "default",
        "another-deletions",
        true,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "default",
        "another-deletions",
        true,
    ),
    ("update", "coordination.k8s.io", "leases", "default", LEASE, false),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        LEASE,
        false,
    ),
    (
        "update",
        "coordination.k8s.io",
        "leases",
        "kube-system",
        DELETIONS,
        false,
    ),
];

/// The lease of the cloud controller.
const LEASE: &str = "cloud-controller-manager-proxmox";
/// Where it counts deletions.
const DELETIONS: &str = "cloud-controller-manager-proxmox-deletions";

/// Asks the server each question and names every answer that is not the expected one.
pub(crate) async fn check(client: &Client, rights: &[Right]) {
    check_of(
        client,
        NAMESPACE,
        "capi-ipam-in-cluster-controller-manager",
        rights,
    )
    .await;
}

/// The same for another service account.
pub(crate) async fn check_of(client: &Client, namespace: &str, account: &str, rights: &[Right]) {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let mut wrong = Vec::new();
    for right in rights {
        let answer = reviews
            .create(&PostParams::default(), &review(&user, right))
            .await
            .unwrap();
        let allowed = answer.status.unwrap().allowed;
        if allowed != right.5 {
            wrong.push(format!("{right:?}: the server says {allowed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The plugins' service account has what any service account has, and `get nodes`. Then it does just that, for real.
pub(crate) async fn plugins_get_nodes_and_no_more(control_plane: &ControlPlane) {
    let own = own_rules(control_plane, "cadastre-cni").await;
    assert_eq!(
        own,
        [json!({"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]})]
    );

    let nodes: Api<Node> = Api::all(impersonated(control_plane, "cadastre-cni"));
    assert_eq!(nodes.get_opt("worker-1").await.unwrap().map(drop), None);
    let refused = nodes.list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 403),
        "{refused}"
    );
}

/// What a service account in `kube-system` may do there and everywhere, beyond what any service account may.
pub(crate) async fn own_rules(control_plane: &ControlPlane, account: &str) -> Vec<Value> {
    let rules = rules_of(control_plane, account).await;
    let of_anybody = rules_of(control_plane, "somebody").await;
    assert!(!of_anybody.is_empty(), "everybody may at least ask for his rules");
    rules
        .difference(&of_anybody)
        .map(|rule| serde_json::from_str(rule).unwrap())
        .collect()
}

/// Rules for resources and for paths, each as JSON, of a service account in `kube-system`.
async fn rules_of(control_plane: &ControlPlane, account: &str) -> BTreeSet<String> {
    let reviews: Api<SelfSubjectRulesReview> = Api::all(impersonated(control_plane, account));
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some("kube-system".to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let status = reviews
        .create(&PostParams::default(), &review)
        .await
        .unwrap()
        .status
        .unwrap();
    let resources = status.resource_rules.iter().map(|rule| json!(rule).to_string());
    let paths = status
        .non_resource_rules
        .iter()
        .map(|rule| json!(rule).to_string());
    resources.chain(paths).collect()
}

/// A client that acts as a service account in `kube-system`; the server adds the groups.
fn impersonated(control_plane: &ControlPlane, account: &str) -> Client {
    let mut config = control_plane.config();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:kube-system:{account}"));
    testkit::client(&config).unwrap()
}

fn review(user: &str, &(verb, group, resource, namespace, name, _): &Right) -> SubjectAccessReview {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (resource, subresource) = resource
        .split_once('/')
        .map_or((resource, None), |(resource, sub)| (resource, some(sub)));
    let attributes = ResourceAttributes {
        verb: some(verb),
        group: some(group),
        resource: some(resource),
        subresource,
        namespace: some(namespace),
        name: some(name),
        ..ResourceAttributes::default()
    };
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: some(user),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}
