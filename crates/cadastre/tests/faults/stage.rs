//! A cluster of its own for one scenario, and the controllers on it.

use std::{
    fs::File,
    io::Write as _,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::Arc,
};

use kube::Client;
use testkit::{
    CapiVersion, ControlPlane, Options,
    controller::{Controller, Installation, Settings},
    eventually,
};

use crate::{ground::Plot, rig, witness::Witness};

/// Control plane, pools and witness.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) witness: Witness,
    test: &'static str,
    log: Arc<File>,
}

impl Drop for Stage {
    /// What became of every request is kept, where it was recorded at all.
    fn drop(&mut self) {
        if let Some(audit) = self.plane.audit_log() {
            // A copy that cannot be kept is no reason to fail.
            let _ = std::fs::copy(audit, kept(self.test, "audit"));
        }
    }
}

/// A file in cargo's folder for test files.
fn kept(test: &str, what: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.{what}"))
}

impl Stage {
    /// Starts everything but a controller. Namespaces `a` and `b` exist. The logs of all controllers end up in
    /// `<test>.log` in cargo's folder for test files.
    pub(crate) async fn set(test: &'static str, plots: &[Plot]) -> Self {
        let options = Options {
            capi: Some(CapiVersion::default()),
            audit_log: std::env::var_os("CADASTRE_AUDIT").is_some(),
            ..Options::default()
        };
        let plane = ControlPlane::start(options).await.expect("a control plane");
        testkit::install::install(plane.client(), None)
            .await
            .expect("our CRDs apply");
        for namespace in ["a", "b"] {
            let object = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}");
            plane.apply_yaml(&object).await.expect("a namespace");
        }
        let client = plane.client();
        for plot in plots {
            plot.create(&client).await;
        }
        let path = kept(test, "log");
        let log = Arc::new(File::create(&path).expect("a writable folder"));
        eprintln!("{test}: logs of the controllers in {}", path.display());
        let witness = Witness::new(plane.client()).await;
        Self {
            plane,
            witness,
            test,
            log,
        }
    }

    /// A place to start controllers with these arguments.
    pub(crate) async fn place(&self, kubeconfig: &Path, args: &[&str]) -> Place {
        let settings = Settings {
            args: args
                .iter()
                .map(|&a| a.to_owned())
                .chain(["--v=4".to_owned()])
                .collect(),
            webhooks: false,
        };
        let client = self.client();
        let installation = Installation::new(client, kubeconfig, Path::new(rig::BINARY), settings).await;
        Place {
            installation: installation.expect("our CRDs apply"),
            log: self.log.clone(),
        }
    }

    /// Waits until so many more addresses than now have been created or released.
    pub(crate) async fn progress(&self, events: u64) {
        self.progress_while(events, || {}).await;
    }

    /// As [`Stage::progress`], and does this before every look.
    ///
    /// How fast is for the machine to say (on two busy cores the API server takes a third of a second per request); what
    /// must not happen is that nothing happens.
    pub(crate) async fn progress_while(&self, events: u64, mut meanwhile: impl FnMut()) {
        let mut seen = self.witness.events();
        let goal = seen + events;
        while seen < goal {
            seen = eventually(rig::PATIENCE, "an address comes or goes", || {
                meanwhile();
                let now = self.witness.events();
                async move {
                    if now > seen {
                        Ok(now)
                    } else {
                        Err(format!("{now} events, on the way to {goal}"))
                    }
                }
            })
            .await;
        }
    }

    /// An administrator's client.
    pub(crate) fn client(&self) -> Client {
        self.plane.client()
    }
}

/// Where controllers are started.
pub(crate) struct Place {
    installation: Installation,
    log: Arc<File>,
}

impl Place {
    /// Starts a controller without waiting for anything.
    pub(crate) fn start(&self) -> Actor {
        Actor {
            controller: self.installation.start(&[]).expect("the binary starts"),
            log: self.log.clone(),
        }
    }

    /// Starts a controller that is ready.
    pub(crate) async fn ready(&self) -> Actor {
        let mut actor = self.start();
        actor.ready().await.expect("it gets ready");
        actor
    }
}

/// A controller whose log is kept, whatever becomes of it.
pub(crate) struct Actor {
    controller: Controller,
    log: Arc<File>,
}

impl Deref for Actor {
    type Target = Controller;

    fn deref(&self) -> &Controller {
        &self.controller
    }
}

impl DerefMut for Actor {
    fn deref_mut(&mut self) -> &mut Controller {
        &mut self.controller
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let process = &self.controller.process;
        // A log that cannot be kept is no reason to fail.
        let _ = writeln!(
            &*self.log,
            "=== controller with pid {}\n{}",
            process.pid(),
            process.log()
        );
    }
}

impl Actor {
    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.process.kill().expect("the controller was running");
        self.process
            .wait_exit(rig::PATIENCE)
            .await
            .expect("SIGKILL ends it");
        self.assert_sane();
    }

    /// SIGTERM; it must end well.
    pub(crate) async fn dismiss(mut self) {
        self.process.term().expect("the controller was running");
        let status = self
            .process
            .wait_exit(rig::PATIENCE)
            .await
            .expect("SIGTERM ends it");
        assert!(
            status.success(),
            "the controller ended with {status}: {}",
            self.process.log_tail()
        );
        self.assert_sane();
    }

    /// It must end by itself, and say that something was wrong.
    pub(crate) async fn gives_up(mut self) {
        let status = self
            .process
            .wait_exit(rig::PATIENCE)
            .await
            .expect("it ends by itself");
        assert!(
            !status.success(),
            "it ended as if all were well: {}",
            self.process.log_tail()
        );
        self.assert_sane();
    }

    fn assert_sane(&self) {
        let log = self.process.log();
        assert!(!log.contains("panicked at"), "a controller panicked: {log}");
    }
}
