//! `cadastre cloud` as a process: flags, exit codes, the server, and what people ask it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use http::Request;
use http_body_util::BodyExt as _;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    Cadastre, ControlPlane, FaultProxy, Port, ProxmoxVe, eventually,
    fault::{Action, Count, Fault, Filter},
    proxmox::{Guest, Limits, Privileges, Template, Vm},
};

const BINARY: &str = env!("CARGO_BIN_EXE_cadastre");
const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10");
const PATIENCE: Duration = Duration::from_secs(60);
/// What is wrong with a file is said within a second (§1.3), on a machine with nothing else to do: this long on a busy one,
/// where the start of a program alone may take a second. That nobody was asked first is counted, not timed.
const AT_ONCE: Duration = Duration::from_secs(5);

/// An API server with one new Node, a Proxmox VE with its machine, and a configuration file.
struct Site {
    plane: &'static ControlPlane,
    pve: ProxmoxVe,
    dir: TempDir,
    node: String,
}

impl Site {
    async fn open(node: &str, id: u32) -> Self {
        let vm = Vm::new(id, node).guest(Guest::eth0(&["10.0.0.5/24"]));
        let pve = ProxmoxVe::builder()
            .region("fsn")
            .host("pve-1")
            .vm(vm)
            .token(
                TOKEN.0,
                TOKEN.1,
                Privileges::all()
                    .without("VM.GuestAgent.Audit")
                    .grant("/", "VM.GuestAgent.Unrestricted"),
            )
            .limits(Limits::quick());
        let pve = pve.start().await.expect("a Proxmox VE starts");
        let site = Self {
            plane: ControlPlane::shared().await,
            pve,
            dir: TempDir::new().expect("a folder"),
            node: node.to_owned(),
        };
        let text = format!(
            "features: {{network: {{mode: qemu}}}}\nclusters:\n- {{url: \"{}\", region: fsn, ca_file: \"{}\", \
             token_id: \"{}\", token_secret: \"{}\"}}\n",
            site.pve.url("fsn"),
            site.pve.ca_file().display(),
            TOKEN.0,
            TOKEN.1
        );
        std::fs::write(site.config(), text).expect("the file is written");
        site.create(id).await;
        site
    }

    async fn create(&self, id: u32) {
        let taint = json!({"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"});
        let node = json!({"metadata": {"name": self.node}, "spec": {"taints": [taint]}});
        let node: Node = serde_json::from_value(node).expect("a Node");
        self.nodes()
            .create(&PostParams::default(), &node)
            .await
            .expect("the Node is created");
        let info = json!({
            "systemUUID": Vm::uuid_of(id), "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
            "containerRuntimeVersion": "", "kubeletVersion": "v1.35.0", "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": "amd64",
        });
        let status =
            json!({"status": {"nodeInfo": info, "addresses": [{"type": "Hostname", "address": self.node}]}});
        let params = PatchParams::default();
        self.nodes()
            .patch_status(&self.node, &params, &Patch::Merge(status))
            .await
            .expect("the status is taken");
    }

    fn nodes(&self) -> Api<Node> {
        Api::all(self.plane.client())
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    fn args(&self) -> Vec<String> {
        vec![
            format!("--cloud-config={}", self.config().display()),
            "--kubeconfig".to_owned(),
            self.plane.kubeconfig().display().to_string(),
        ]
    }

    async fn initialised(&self) -> Node {
        eventually(PATIENCE, "the Node is initialised", || async {
            let node = self.nodes().get(&self.node).await.map_err(|e| e.to_string())?;
            let text = serde_json::to_string(&node.status.as_ref().and_then(|s| s.addresses.clone()))
                .unwrap_or_default();
            if text.contains("10.0.0.5") {
                Ok(node)
            } else {
                Err(text)
            }
        })
        .await
    }
}

fn cloud(args: &[String]) -> Output {
    Command::new(BINARY)
        .arg("cloud")
        .args(args)
        .output()
        .expect("our own program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn get(port: u16, path: &str) -> Result<(u16, String), String> {
    let mut config = Config::new(format!("https://127.0.0.1:{port}").parse().expect("a URI"));
    config.accept_invalid_certs = true;
    let client: Client = testkit::client(&config).map_err(|e| e.to_string())?;
    let request = Request::get(path)
        .body(kube::client::Body::empty())
        .expect("a request");
    let answer = client.send(request).await.map_err(|e| e.to_string())?;
    let status = answer.status().as_u16();
    let body = answer
        .into_body()
        .collect()
        .await
        .map_err(|e| e.to_string())?
        .to_bytes();
    Ok((status, text(&body)))
}

/// Called by the name of the replaced program, with the arguments of its chart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_as_the_replaced_program_it_does_its_work() {
    let site = Site::open("as-replaced", 700).await;
    let binary = site.dir.path().join("proxmox-cloud-controller-manager");
    std::os::unix::fs::symlink(BINARY, &binary).expect("a link");
    let port = Port::reserve().expect("a port");
    let mut args = site.args();
    args.extend(
        [
            "--v=2",
            "--cloud-provider=proxmox",
            "--controllers=cloud-node,cloud-node-lifecycle",
            "--leader-elect-resource-name=cloud-controller-manager-proxmox",
            "--use-service-account-credentials",
            "--authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics",
            "--bind-address=127.0.0.1",
        ]
        .map(str::to_owned),
    );
    args.push(format!("--secure-port={}", port.number()));
    let none: [(&str, &str); 0] = [];
    let mut process = Cadastre::start(&binary, &args, none).expect("it starts");
    let node = site.initialised().await;
    assert_eq!(
        node.spec.and_then(|spec| spec.provider_id).as_deref(),
        Some("proxmox://fsn/700")
    );
    let ready = eventually(PATIENCE, "it is ready", || async {
        match get(port.number(), "/readyz?verbose").await? {
            (200, body) => Ok(body),
            other => Err(format!("{other:?}\n{}", process.log_tail())),
        }
    })
    .await;
    assert!(
        ready.contains("[+]region fsn ok: 9.0") && ready.contains("1 machines"),
        "{ready}"
    );
    let (status, health) = get(port.number(), "/healthz?verbose").await.expect("an answer");
    assert!(
        status == 200 && health.contains("[+]cloud-node-lifecycle-controller ok"),
        "{health}"
    );
    assert_eq!(get(port.number(), "/livez").await, Ok((200, "ok".to_owned())));
    let (status, metrics) = get(port.number(), "/metrics").await.expect("an answer");
    assert_eq!(status, 200);
    for line in [
        "proxmox_region_up{region=\"fsn\"} 1",
        "proxmox_api_request_duration_seconds_count{request=\"getVMConfig\"} 1",
        "node_controller_initial_node_sync_delay_seconds_count 1",
        "ccm_node_address_source{node_mode=\"qemu\",result=\"guest\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(!metrics.contains(TOKEN.1));
    let (status, _) = get(port.number(), "/metrics/slis").await.expect("an answer");
    assert_eq!(status, 401, "not for everybody, unless it is in the flag");
    assert_eq!(
        get(port.number(), "/configz").await.expect("an answer").0,
        401,
        "not for everybody"
    );
    let leases: Api<Lease> = Api::namespaced(site.plane.client(), "kube-system");
    leases
        .get("cloud-controller-manager-proxmox")
        .await
        .expect("the lease of the chart");
    assert!(
        process.log().contains("use-service-account-credentials"),
        "{}",
        process.log()
    );
    assert!(!process.log().contains(TOKEN.1), "a secret in the log");
    process.term().expect("a signal");
    let ended = process.wait_exit(Duration::from_secs(15)).await.expect("it ends");
    assert!(ended.success(), "{}", process.log_tail());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_may_ask_before_it_does_anything() {
    let site = Site::open("asked", 701).await;
    let before = site.nodes().get("asked").await.expect("the Node");
    let with = |more: &[&str]| [site.args(), more.iter().map(ToString::to_string).collect()].concat();

    let check = cloud(&with(&["--config-check"]));
    let shown = text(&check.stdout);
    assert!(
        check.status.success() && shown.contains("mode: qemu") && shown.contains("[redacted]"),
        "{shown}"
    );
    assert!(!shown.contains(TOKEN.1), "{shown}");

    let explain = cloud(&with(&["--explain", "asked"]));
    let shown = text(&explain.stdout);
    for part in [
        "machine fsn/701 on pve-1",
        "eth0",
        "InternalIP 10.0.0.5",
        "Next: initialise the Node",
    ] {
        assert!(
            shown.contains(part),
            "{part} is missing in\n{shown}{}",
            text(&explain.stderr)
        );
    }
    let json = cloud(&with(&["--explain", "asked", "-o", "json"]));
    let value: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(
        value["planned"][1],
        json!({"type": "InternalIP", "address": "10.0.0.5"}),
        "{value}"
    );

    let unknown = cloud(&with(&["--explain", "nobody"]));
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("no Node nobody"));

    let compare = cloud(&with(&["--config-check", "--compare-upstream"]));
    let shown = text(&compare.stdout);
    assert!(
        compare.status.success() && shown.contains("change when switching"),
        "{shown}{}",
        text(&compare.stderr)
    );
    assert_eq!(
        site.nodes().get("asked").await.expect("the Node"),
        before,
        "nothing was written"
    );

    let once = cloud(&with(&["--once", "--leader-elect=false", "--secure-port=0"]));
    assert!(once.status.success(), "{}", text(&once.stderr));
    site.initialised().await;
}

/// Whoever asks as a program reads data, whatever the answer is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_are_told_the_same_as_people() {
    let site = Site::open("told", 703).await;
    let ask = |more: &[&str]| -> Value {
        let mut args = site.args();
        args.extend(more.iter().map(ToString::to_string));
        args.extend(["-o", "json"].map(str::to_owned));
        let output = cloud(&args);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
    };
    let file = std::fs::read_to_string(site.config()).expect("the file is there");
    let set = |network: &str| {
        let text = file.replace("{mode: qemu}", network);
        std::fs::write(site.config(), text).expect("the file is written");
    };
    assert_eq!(
        ask(&["--explain", "told"])["lifecycle"],
        Value::Null,
        "it has no machine yet"
    );
    set("{mode: qemu, ip_sort_order: \"!10.0.0.0/8\"}");
    let compared = ask(&["--config-check", "--compare-upstream"]);
    let all = compared.as_array().expect("a list");
    let told = all
        .iter()
        .find(|report| report["node"] == "told")
        .expect("the Node");
    let cause = &told["comparison"]["causes"][0];
    assert_eq!(cause["id"], "D1", "{told}");
    assert_eq!(cause["switch"], "features.network.cidr_semantics: upstream");
    assert!(
        cause["text"]
            .as_str()
            .is_some_and(|text| text.contains("ip_sort_order")),
        "{cause}"
    );

    let id = json!({"spec": {"providerID": "proxmox://fsn/703"}});
    site.nodes()
        .patch("told", &PatchParams::default(), &Patch::Merge(id))
        .await
        .expect("the patch applies");
    let lifecycle = &ask(&["--explain", "told"])["lifecycle"];
    assert_eq!(lifecycle["next"], "nothing", "{lifecycle}");
    assert_eq!(lifecycle["verdicts"][0]["rule"], "exists", "{lifecycle}");
    assert_eq!(lifecycle["notices"], json!([]), "{lifecycle}");

    // The replaced controller does not start with this one.
    set("qemu");
    let refused = ask(&["--config-check", "--compare-upstream"]);
    let why = refused["refused"].as_str().expect("a reason");
    assert!(why.contains("single word"), "{refused}");
}

/// One pass that brought nothing is no success.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_could_not_write_fails() {
    let site = Site::open("unwritten", 704).await;
    let proxy = FaultProxy::start(site.plane).await.expect("a proxy starts");
    let fault = proxy.inject(Fault {
        filter: Filter::writes().path("/nodes/unwritten"),
        action: Action::status(500),
        count: Count::Always,
    });
    let args = [
        format!("--cloud-config={}", site.config().display()),
        format!("--kubeconfig={}", proxy.kubeconfig().display()),
        "--once".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    let failed = cloud(&args);
    let said = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(
        said.contains("1 Nodes could not be written; see the log"),
        "{said}"
    );
    let lines = said.lines().filter(|line| line.contains("cannot write the Node"));
    assert_eq!(
        lines.filter(|line| line.contains("unwritten")).count(),
        1,
        "{said}"
    );
    assert!(fault.hits() > 0, "it was tried");

    proxy.clear();
    let done = cloud(&args);
    assert!(done.status.success(), "{}", text(&done.stderr));
    site.initialised().await;
}

/// `case_130` and others: what is wrong with the file is said within a second, and nobody was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_130_a_file_that_cannot_be_used_ends_it_at_once() {
    let site = Site::open("unused", 702).await;
    let url = site.pve.url("fsn");
    let token = format!("token_id: \"{}\", token_secret: \"{}\"", TOKEN.0, TOKEN.1);
    let cases = [
        ("no clusters", "features: {}\n".to_owned(), "no clusters"),
        ("an empty file", String::new(), "empty"),
        (
            "two kinds of credentials",
            format!(
                "clusters: [{{url: \"{url}\", region: fsn, {token}, username: a@pve, password: {}}}]",
                TOKEN.1
            ),
            "only one kind of credentials",
        ),
        (
            "a token file that is missing",
            format!(
                "clusters: [{{url: \"{url}\", region: fsn, token_id_file: /nowhere/id, token_secret_file: /nowhere/s}}]"
            ),
            "/nowhere",
        ),
        (
            "an ftp URL",
            format!("clusters: [{{url: \"ftp://x\", region: fsn, {token}}}]"),
            "API URL missing",
        ),
        (
            "no region",
            format!("clusters: [{{url: \"{url}\", {token}}}]"),
            "region missing",
        ),
        (
            "case_47: a bogus mode",
            format!(
                "features: {{network: {{mode: bogus}}}}\nclusters: [{{url: \"{url}\", region: fsn, {token}}}]"
            ),
            "bogus",
        ),
        (
            "case_77: a region with a blank",
            format!("clusters: [{{url: \"{url}\", region: \"cluster 1\", {token}}}]"),
            "cluster 1",
        ),
        (
            "case_134: a region twice",
            format!(
                "clusters: [{{url: \"{url}\", region: fsn, {token}}}, {{url: \"{url}\", region: fsn, {token}}}]"
            ),
            "fsn",
        ),
    ];
    for (case, file, expected) in cases {
        std::fs::write(site.config(), file).expect("the file is written");
        let begun = Instant::now();
        let output = cloud(&site.args());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{case}: {said}");
        assert!(said.contains(expected), "{case}: {said}");
        assert_eq!(said.lines().count(), 1, "{case}: {said}");
        assert!(begun.elapsed() < AT_ONCE, "{case}: {:?}", begun.elapsed());
        assert!(!said.contains(TOKEN.1), "{case}: {said}");
    }
    assert_eq!(site.pve.requests_total(), 0, "{}", site.pve.log_tail());
    assert_eq!(site.pve.count(Template::Version), 0);
    let missing = cloud(&[
        "--cloud-config".to_owned(),
        Path::new("/nowhere.yaml").display().to_string(),
    ]);
    assert!(text(&missing.stderr).contains("/nowhere.yaml"));
    let none = cloud(&[]);
    assert!(none.status.code() == Some(1) && text(&none.stderr).contains("--cloud-config"));
    let typo = cloud(&["--cloud-confg=x".to_owned()]);
    assert!(
        typo.status.code() == Some(2) && text(&typo.stderr).contains("--cloud-config"),
        "{}",
        text(&typo.stderr)
    );
}
