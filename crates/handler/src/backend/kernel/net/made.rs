//! What a link is made with.
//!
//! Kernels refuse options they were built without and options that do not go with others, even when they say what
//! is so anyway. So only what differs from the kernel's own choice is said.

use nispor::{BondConf, BridgeConf};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Kind;
use super::part::missing;

impl Kind {
    /// The same without options that a new link has anyway.
    #[must_use]
    pub fn to_make(&self) -> Self {
        match self {
            Self::Bridge(wish) => Self::Bridge(missing(wish, &bridge()).unwrap_or_default()),
            Self::Bond(wish) => {
                let mut rest = missing(wish, &bond()).unwrap_or_default();
                rest.mode = wish.mode;
                Self::Bond(rest)
            }
            other => other.clone(),
        }
    }
}

/// `br_dev_setup` and `br_multicast_init` of the kernel. Times in ticks of 10 ms.
fn bridge() -> BridgeConf {
    conf(json!({
        "ageing-time": 30000, "group-fwd-mask": 0, "group-address": [1, 128, 194, 0, 0, 0], "forward-delay": 1500,
        "hello-time": 200, "max-age": 2000, "stp-state": "disabled", "priority": 32768, "vlan-filtering": false,
        "vlan-protocol": "802.1q", "vlan-default-pvid": 1, "mcast-snooping": true, "mcast-router": "temp-query",
        "mcast-query-use-ifaddr": false, "mcast-querier": false, "mcast-hash-max": 4096,
        "mcast-last-member-count": 2, "mcast-startup-query-count": 2, "mcast-last-member-interval": 100,
        "mcast-membership-interval": 26000, "mcast-querier-interval": 25500, "mcast-query-interval": 12500,
        "mcast-query-response-interval": 1000, "mcast-igmp-version": 2, "mcast-mld-version": 1,
        "nf-call-iptables": false, "nf-call-ip6tables": false, "nf-call-arptables": false,
    }))
}

/// `bond_check_params` of the kernel without module parameters.
fn bond() -> BondConf {
    conf(json!({
        "miimon": 0, "updelay": 0, "downdelay": 0, "use-carrier": true, "arp-interval": 0, "arp-all-targets": "any",
        "arp-validate": "none", "primary-reselect": "always", "fail-over-mac": "none", "xmit-hash-policy": "layer2",
        "resend-igmp": 1, "num-unsol-na": 1, "all-ports-active": "dropped", "min-links": 0, "lp-interval": 1,
        "packets-per-port": 1, "lacp-rate": "slow", "ad-select": "stable", "ad-actor-sys-prio": 65535,
        "ad-user-port-key": 0, "ad-actor-system": "00:00:00:00:00:00", "tlb-dynamic-lb": true,
        "peer-notif-delay": 0, "lacp-active": true, "arp-missed-max": 2,
    }))
}

fn conf<T: DeserializeOwned + Default>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_the_kernels_choice_is_said() {
        let mut wish = bridge();
        assert_ne!(wish, BridgeConf::default(), "the list is readable");
        assert_eq!(
            Kind::Bridge(wish.clone()).to_make(),
            Kind::Bridge(BridgeConf::default())
        );
        wish.forward_delay = Some(400);
        assert!(
            matches!(Kind::Bridge(wish).to_make(), Kind::Bridge(made) if made.forward_delay == Some(400) && made.max_age.is_none())
        );
        let mut wish = bond();
        assert_ne!(wish, BondConf::default(), "the list is readable");
        wish.mode = Some(nispor::BondMode::Ieee8021AD);
        let mut bare = BondConf::default();
        bare.mode = wish.mode;
        assert_eq!(Kind::Bond(wish).to_make(), Kind::Bond(bare));
    }
}
