//! The contract, on the kernel itself in a namespace of its own.

use handler::backend::KernelBackend;
use handler::backend::kernel::{Settings, WatchdogCommand};
use tempfile::TempDir;
use testkit::netns::Netns;

use super::{World, cases};

struct Node {
    folder: TempDir,
}

impl Node {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

impl World for Node {
    type Backend = KernelBackend;

    fn backend(&self) -> KernelBackend {
        let mut settings = Settings::new(&self.folder.path().join("state")).unwrap();
        settings.resolver = self.folder.path().join("resolv.conf");
        settings.networkd = self.folder.path().join("netif");
        settings.watchdog = WatchdogCommand {
            program: env!("CARGO_BIN_EXE_cadastre-handler").into(),
            arguments: vec!["watchdog".to_owned()],
        };
        KernelBackend::new(settings)
    }
}

/// Runs a case where `e1` is the near end of a cable.
fn inside(case: impl AsyncFnOnce() + Send) {
    let space = Netns::new("contract").unwrap();
    space
        .ip(&["link", "add", "e1", "type", "veth", "peer", "name", "e1p"])
        .unwrap();
    space.ip(&["link", "set", "e1", "up"]).unwrap();
    space.ip(&["link", "set", "e1p", "up"]).unwrap();
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(case());
    };
    space.run(run).unwrap();
}

macro_rules! contract {
    ($($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                inside(async || cases::$case(Node::new()).await);
            }
        )*
    };
}

contract! {
    case_43_an_equal_state_is_no_change
    a_commit_is_final
    a_rollback_brings_back_what_was
    one_change_at_a_time
    case_33_an_unknown_key_is_refused_and_nothing_opened
    case_34_a_missing_interface_is_named_and_nothing_opened
    case_78_what_a_former_process_left_is_taken_back_once
    a_transaction_outlives_its_process_in_a_file
    the_time_limit_takes_back_what_nobody_commits
    case_44_the_time_limit_needs_no_process
}
