//! The containers of `deploy/cni/daemonset.yaml` as a node runs them: their own command lines, users, capabilities,
//! mounts and read-only root, on a node whose CNI directory belongs to somebody else, with a token that is renewed as
//! the kubelet does it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Pod, built, deployed};

/// Who owns the CNI directory: Kubespray's user `kube`, say.
const SOMEBODY: u32 = 1000;

/// Folders of this machine that stand in for those of the image: the binary of a test is linked dynamically.
const MACHINE: [&str; 3] = ["/usr", "/proc", "/dev"];

/// How long `--stay` may take to notice a change.
const PATIENCE: Duration = Duration::from_secs(60);

/// The node below a folder of the test, and the root of a container.
struct Node<'a> {
    pod: &'a Pod,
    template: Value,
}

/// Ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'a> Node<'a> {
    fn new(pod: &'a Pod) -> Self {
        let daemon_set: Value = serde_saphyr::from_str(&deployed("daemonset.yaml")).unwrap();
        let node = Self {
            pod,
            template: daemon_set["spec"]["template"]["spec"].clone(),
        };
        let root = pod.path("root");
        for folder in MACHINE {
            fs::create_dir_all(root.join(&folder[1..])).unwrap();
        }
        for (name, target) in [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")] {
            symlink(target, root.join(name)).unwrap();
        }
        fs::copy(built(), root.join("cadastre-cni")).unwrap();
        for (source, target, _) in node.mounts("containers") {
            fs::create_dir_all(source).unwrap();
            fs::create_dir_all(root.join(target.strip_prefix("/").unwrap())).unwrap();
        }
        node
    }

    /// A folder of the node.
    fn on_node(&self, path: &str) -> PathBuf {
        self.pod.path("node").join(path.trim_start_matches('/'))
    }

    fn account(&self) -> PathBuf {
        self.pod.path("projected")
    }

    /// As the kubelet writes a projected volume: files are links through `..data`, which is swapped.
    fn renew(&self, token: &str) {
        // Signatures differ at their ends.
        let (account, new) = (self.account(), format!("..{}", &token[token.len() - 16..]));
        fs::create_dir(account.join(&new)).unwrap();
        fs::write(account.join(&new).join("token"), token).unwrap();
        fs::copy(self.pod.path("account/ca.crt"), account.join(&new).join("ca.crt")).unwrap();
        symlink(&new, account.join("..data_tmp")).unwrap();
        let old = fs::read_link(account.join("..data"));
        fs::rename(account.join("..data_tmp"), account.join("..data")).unwrap();
        match old {
            Ok(old) => fs::remove_dir_all(account.join(old)).unwrap(),
            Err(_) => {
                for name in ["token", "ca.crt"] {
                    symlink(Path::new("..data").join(name), account.join(name)).unwrap();
                }
            }
        }
    }

    /// Source on the node, target in the container, whether it is read-only.
    fn mounts(&self, containers: &str) -> Vec<(PathBuf, PathBuf, bool)> {
        let volumes = self.template["volumes"].as_array().unwrap();
        let mounts = self.template[containers][0]["volumeMounts"].as_array().unwrap();
        let place = |mount: &Value| {
            let volume = volumes
                .iter()
                .find(|volume| volume["name"] == mount["name"])
                .unwrap();
            let source = match volume["hostPath"]["path"].as_str() {
                Some(path) => self.on_node(path),
                None => {
                    assert!(volume["projected"].is_object(), "{volume}");
                    self.account()
                }
            };
            let target = PathBuf::from(mount["mountPath"].as_str().unwrap());
            (source, target, mount["readOnly"] == true)
        };
        mounts.iter().map(place).collect()
    }

    /// A container, without some of its capabilities.
    fn container(&self, containers: &str, without: &[&str]) -> Command {
        let container = &self.template[containers][0];
        let security = &container["securityContext"];
        let root = self.pod.path("root");
        let shown = root.display();
        let mut script = format!("mount --bind '{shown}' '{shown}'\n");
        for folder in MACHINE {
            script += &format!("mount --rbind {folder} '{shown}{folder}'\n");
        }
        for (source, target, read_only) in self.mounts(containers) {
            let target = root.join(target.strip_prefix("/").unwrap());
            script += &format!("mount --bind '{}' '{}'\n", source.display(), target.display());
            if read_only {
                script += &format!("mount -o remount,bind,ro '{}'\n", target.display());
            }
        }
        assert_eq!(security["readOnlyRootFilesystem"], true);
        script += &format!("mount -o remount,bind,ro '{shown}'\n");
        assert_eq!(
            (&security["runAsUser"], &security["allowPrivilegeEscalation"]),
            (&0.into(), &false.into())
        );
        assert_eq!(security["capabilities"]["drop"][0], "ALL");
        let added = security["capabilities"]["add"].as_array().unwrap();
        let kept = added
            .iter()
            .map(|capability| capability.as_str().unwrap())
            .filter(|capability| !without.contains(capability))
            .map(|capability| format!(",+{}", capability.to_lowercase()));
        let bounding = format!("-all{}", kept.collect::<String>());
        script += &format!(
            "exec chroot '{shown}' /usr/bin/setpriv --no-new-privs --inh-caps=-all --bounding-set={bounding} \"$@\""
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec", &script, "sh"]);
        for words in ["command", "args"] {
            command.args(
                container[words]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|word| word.as_str().unwrap()),
            );
        }
        let port = self.pod.plane.server_url();
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", port.rsplit(':').next().unwrap());
        for variable in container["env"].as_array().unwrap() {
            assert_eq!(variable["valueFrom"]["fieldRef"]["fieldPath"], "spec.nodeName");
            command.env(variable["name"].as_str().unwrap(), "worker-1");
        }
        command
    }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn its_containers_do_on_the_node_of_somebody_else_what_they_are_for() {
    let pod = Pod::start().await;
    let node = Node::new(&pod);
    let bin = node.on_node("/opt/cni/bin");
    let config = node.on_node("/etc/cadastre/cni.kubeconfig");
    let theirs = bin.join("kube-node");
    fs::write(&theirs, "somebody else's").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o700)).unwrap();
    for path in [&bin, &theirs] {
        chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    let first = pod.token().await;
    node.renew(&first);

    let refused = node
        .container("initContainers", &["DAC_OVERRIDE", "FOWNER"])
        .output()
        .unwrap();
    assert!(
        !refused.status.success(),
        "root without capabilities: {refused:?}"
    );
    let init = node.container("initContainers", &[]).output().unwrap();
    assert!(init.status.success(), "{init:?}");
    let says = |token: &str| fs::read_to_string(&config).is_ok_and(|text| text.contains(token));
    assert!(says(&first));
    assert_eq!(
        fs::read_to_string(bin.join("kube-node.before-cadastre")).unwrap(),
        "somebody else's"
    );

    let mut stay = node.container("containers", &[]);
    let mut stay = Running(stay.stdout(Stdio::null()).spawn().unwrap());
    fs::remove_file(bin.join("kube-node")).unwrap();
    wait_for("the plugin is back", || bin.join("kube-node").exists());
    let second = pod.token().await;
    assert_ne!(first, second);
    node.renew(&second);
    wait_for("the new token is in use", || says(&second));

    // The node's runtime, outside the pod.
    let output = pod.add_with(&theirs, &config);
    let result: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(result["ips"][0]["address"], "10.244.1.2/24", "{result}");

    let id = stay.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let ended = stay.0.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(15));
}

/// A token that is bound to a pod dies with it, and the next pod's must be there before.
#[test]
fn an_update_starts_the_new_pod_before_it_ends_the_old_one() {
    let daemon_set: Value = serde_saphyr::from_str(&deployed("daemonset.yaml")).unwrap();
    let update = &daemon_set["spec"]["updateStrategy"]["rollingUpdate"];
    assert_eq!(
        (&update["maxSurge"], &update["maxUnavailable"]),
        (&1.into(), &0.into())
    );
    let pod = &daemon_set["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let sources = pod["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|volume| volume["projected"]["sources"].as_array())
        .flatten();
    let lives: Vec<&Value> = sources
        .filter_map(|source| source.get("serviceAccountToken"))
        .map(|token| &token["expirationSeconds"])
        .collect();
    assert_eq!(lives, [&Value::from(3600)]);
    for containers in ["initContainers", "containers"] {
        assert!(
            pod[containers][0]["ports"].is_null(),
            "a port of the host cannot be had twice"
        );
    }
}
