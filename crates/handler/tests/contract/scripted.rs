//! The contract, on a back end without a network.

use handler::backend::Scripted;
use serde_json::json;

use super::{World, cases};

struct Node(Scripted);

impl Node {
    fn new() -> Self {
        Self(Scripted::new(json!({"interfaces": [{
            "name": "e1", "type": "ethernet", "state": "up", "mtu": 1500,
            "ipv4": {"enabled": false}, "ipv6": {"enabled": false},
        }]})))
    }
}

impl World for Node {
    type Backend = Scripted;

    fn backend(&self) -> Scripted {
        self.0.restarted()
    }
}

macro_rules! contract {
    ($($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                cases::$case(Node::new()).await;
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
