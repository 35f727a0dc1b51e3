//! A cluster of its own for one scenario, and the controllers on it.

use std::{fs::File, io::Write as _, path::Path};

use kube::Client;
use testkit::{
    CapiVersion, ControlPlane, Options,
    controller::{Controller, Installation, Settings},
};

use crate::{ground::Plot, rig, witness::Witness};

/// Control plane, installation, pools and witness.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) witness: Witness,
    log: File,
}

impl Stage {
    /// Starts everything but a controller. Namespaces `a` and `b` exist. Logs of controllers that were put away are in
    /// `<test>.log` in cargo's folder for test files.
    pub(crate) async fn set(test: &str, plots: &[Plot]) -> Self {
        let options = Options { capi: Some(CapiVersion::default()), ..Options::default() };
        let plane = ControlPlane::start(options).await.expect("a control plane");
        testkit::install::install(plane.client(), None).await.expect("our CRDs apply");
        for namespace in ["a", "b"] {
            let object = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}");
            plane.apply_yaml(&object).await.expect("a namespace");
        }
        let client = plane.client();
        for plot in plots {
            plot.create(&client).await;
        }
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.log"));
        let log = File::create(&path).expect("a writable folder");
        eprintln!("{test}: logs of the controllers in {}", path.display());
        let witness = Witness::new(plane.client()).await;
        Self { plane, witness, log }
    }

    /// A place to start controllers with these arguments.
    pub(crate) async fn installation(&self, kubeconfig: &Path, args: &[&str]) -> Installation {
        let settings = Settings { args: args.iter().map(|&a| a.to_owned()).collect(), webhooks: false };
        let installation = Installation::new(self.client(), kubeconfig, Path::new(rig::BINARY), settings).await;
        installation.expect("our CRDs apply")
    }

    /// An administrator's client.
    pub(crate) fn client(&self) -> Client {
        self.plane.client()
    }

    /// SIGKILL; its log is kept.
    pub(crate) async fn kill(&mut self, mut controller: Controller) {
        controller.process.kill().expect("the controller was running");
        controller.process.wait_exit(rig::PATIENCE).await.expect("SIGKILL ends it");
        self.keep_log(&controller);
    }

    /// SIGTERM; it must end well. Its log is kept.
    pub(crate) async fn dismiss(&mut self, mut controller: Controller) {
        controller.process.term().expect("the controller was running");
        let status = controller.process.wait_exit(rig::PATIENCE).await.expect("SIGTERM ends it");
        self.keep_log(&controller);
        assert!(status.success(), "the controller ended with {status}: {}", controller.process.log_tail());
    }

    /// Appends the log of a controller to the file.
    pub(crate) fn keep_log(&mut self, controller: &Controller) {
        let log = controller.process.log();
        let result = writeln!(self.log, "=== controller with pid {}\n{log}", controller.process.pid());
        result.expect("a writable file");
        assert!(!log.contains("panicked at"), "a controller panicked: {log}");
    }
}
