//! Nodes as a kubelet registers them.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use testkit::proxmox::Vm;

/// A Node to create.
pub(crate) struct New {
    pub(super) name: String,
    meta: Value,
    spec: Value,
    pub(super) status: Value,
}

impl New {
    /// Tainted, ready, with its name as only address, and the UUID of machine `vm`.
    pub(crate) fn tainted(name: &str, vm: u32) -> Self {
        let taint =
            json!({"key": cloud::names::TAINT_UNINITIALIZED, "value": "true", "effect": "NoSchedule"});
        let mut new = Self::initialised(name, vm);
        new.spec = json!({"taints": [taint]});
        new
    }

    /// The same without taint and with the provider ID of machine `vm`.
    pub(crate) fn initialised(name: &str, vm: u32) -> Self {
        Self {
            name: name.to_owned(),
            meta: json!({}),
            spec: json!({"providerID": format!("proxmox://cluster-1/{vm}")}),
            status: json!({
                "addresses": [{"type": "Hostname", "address": name}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                    "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                "nodeInfo": info(&Vm::uuid_of(vm)),
            }),
        }
    }

    /// The same with the labels that follow a machine, so that it needs none.
    pub(crate) fn settled(name: &str, vm: u32) -> Self {
        Self::initialised(name, vm)
            .label(cloud::names::PROXMOX_REGION, "cluster-1")
            .label(cloud::names::PROXMOX_ZONE, "pve-1")
    }

    /// The Node without its status, which the API server takes separately.
    pub(super) fn object(&self) -> Node {
        let name = &self.name;
        let mut metadata = json!({"name": name, "labels": {"kubernetes.io/hostname": name}});
        merge(&mut metadata, &self.meta);
        let object = json!({"metadata": metadata, "spec": self.spec});
        serde_json::from_value(object).expect("a Node")
    }

    pub(crate) fn provided(mut self, ips: &str) -> Self {
        self.meta["annotations"][cloud::names::PROVIDED_NODE_IP] = json!(ips);
        self
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.meta["annotations"][key] = json!(value);
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.meta["labels"][key] = json!(value);
        self
    }

    pub(crate) fn provider_id(mut self, id: &str) -> Self {
        self.spec["providerID"] = json!(id);
        self
    }

    pub(crate) fn uuid(mut self, uuid: &str) -> Self {
        self.status["nodeInfo"] = info(uuid);
        self
    }

    pub(crate) fn not_ready(mut self) -> Self {
        self.status["conditions"][0]["status"] = json!("Unknown");
        self
    }

    pub(crate) fn taint(mut self, key: &str) -> Self {
        let mut taints = self.spec["taints"].as_array().cloned().unwrap_or_default();
        taints.push(json!({"key": key, "effect": "NoSchedule"}));
        self.spec["taints"] = json!(taints);
        self
    }

    /// `I 10.0.0.5, H n1` and the like.
    pub(crate) fn addresses(mut self, text: &str) -> Self {
        let list: Vec<Value> = text
            .split(", ")
            .map(|entry| {
                let (kind, address) = entry.split_once(' ').expect("type and address");
                let kind = match kind {
                    "I" => "InternalIP",
                    "E" => "ExternalIP",
                    "H" => "Hostname",
                    other => other,
                };
                json!({"type": kind, "address": address})
            })
            .collect();
        self.status["addresses"] = json!(list);
        self
    }
}

fn info(uuid: &str) -> Value {
    json!({
        "systemUUID": uuid, "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
        "containerRuntimeVersion": "", "kubeletVersion": "v1.35.0", "kubeProxyVersion": "",
        "operatingSystem": "linux", "architecture": "amd64",
    })
}

fn merge(into: &mut Value, from: &Value) {
    let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else {
        return;
    };
    for (key, value) in from {
        match into.get_mut(key) {
            Some(inner) if inner.is_object() => merge(inner, value),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
