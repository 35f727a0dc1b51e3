//! Controllers that tests start, stop and kill.

use std::sync::Arc;

use jiff::Timestamp;
use pools::{
    announce::Announcer,
    controller::{self, Config, Current},
    plan::facts::Scope,
    world::{Options, Shared},
};
use testkit::ControlPlane;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Logs, PATIENCE};

/// A controller in a thread of its own, so that it outlives the runtime of the test that started it.
pub(crate) struct Controller {
    stop: CancellationToken,
    kill: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
    /// What it says.
    pub(crate) logs: Logs,
}

impl Drop for Controller {
    /// A test that failed leaves nobody behind who would go on writing.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Controller {
    /// Starts a controller on the given cluster and waits until it is ready.
    pub(crate) async fn start(plane: &ControlPlane, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(plane.kubeconfig().to_owned(), change).await
    }

    /// The same with another kubeconfig.
    pub(crate) async fn start_with(kubeconfig: std::path::PathBuf, change: impl FnOnce(&mut Config)) -> Self {
        let running = Self::launch(kubeconfig, change).await;
        running.ready().await;
        running.controller
    }

    /// Starts a controller without waiting for anything.
    pub(crate) async fn launch(kubeconfig: std::path::PathBuf, change: impl FnOnce(&mut Config)) -> Launched {
        let (ready, readiness) = watch::channel(Err("starting".to_owned()));
        let options = runtime::client::ClientOptions {
            kubeconfig: Some(kubeconfig),
            ..Default::default()
        };
        let config = runtime::client::load_config(&options)
            .await
            .expect("a kubeconfig");
        let (leading, is_leading) = watch::channel(true);
        let mut config_of_controller = Config {
            // Replaced below: a client belongs to the runtime it was made in.
            client: runtime::client::connect_with(config.clone(), &options).expect("a client"),
            scope: Scope::default(),
            identity: format!("test-{}", Timestamp::now().as_nanosecond()),
            shared: Shared {
                metrics: pools::metrics::Metrics::default(),
                announcer: Announcer::new(None),
                holds: Arc::new(|| true),
                options: Options::default(),
            },
            leading: is_leading,
            is_elected: false,
            readiness: Arc::new(move |state| {
                drop(ready.send_replace(state));
            }),
        };
        change(&mut config_of_controller);
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let (token, killed) = (stop.clone(), kill.clone());
        let logs = Logs::default();
        let ears = logs.clone();
        let thread = std::thread::spawn(move || {
            let _listening = ears.listen();
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            rt.block_on(async move {
                config_of_controller.client =
                    runtime::client::connect_with(config, &options).expect("a client");
                tokio::select! {
                    () = controller::run(config_of_controller, Current::default(), token) => {}
                    () = killed.cancelled() => {}
                }
                drop(leading);
            });
        });
        Launched {
            controller: Self {
                stop,
                kill,
                thread: Some(thread),
                logs,
            },
            readiness,
        }
    }

    /// Stops it in good order.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        self.join();
    }

    /// Ends it in the middle of whatever it is doing, as SIGKILL does: no request is finished, nothing is tidied up.
    pub(crate) fn kill(self) {
        self.kill.cancel();
        self.join();
    }

    fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the controller does not panic");
        }
    }
}

/// A controller that need not be ready yet.
pub(crate) struct Launched {
    pub(crate) controller: Controller,
    pub(crate) readiness: watch::Receiver<Result<(), String>>,
}

impl Launched {
    pub(crate) async fn ready(&self) {
        let mut readiness = self.readiness.clone();
        tokio::time::timeout(PATIENCE, readiness.wait_for(Result::is_ok))
            .await
            .expect("the controller is ready in time")
            .expect("the controller runs");
    }
}
