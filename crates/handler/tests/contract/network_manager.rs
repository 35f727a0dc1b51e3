//! The contract, on a real NetworkManager in a namespace of its own.

use handler::backend::NetworkManager;
use tempfile::TempDir;
use testkit::network_manager::{Daemons, Options, inside};

use super::{World, cases};

struct Node {
    folder: TempDir,
    _daemons: Daemons,
}

impl Node {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            _daemons: Daemons::start_here().unwrap(),
        }
    }
}

impl World for Node {
    type Backend = NetworkManager;

    fn backend(&self) -> NetworkManager {
        NetworkManager::new(self.folder.path()).unwrap()
    }
}

macro_rules! contract {
    ($($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                inside(&Options::default(), async || cases::$case(Node::new()).await);
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
