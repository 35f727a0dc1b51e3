//! A Node's addresses from the real agent of a guest, while it runs, while it hangs, and after that. Needs root, for the
//! guest's network namespace.

use std::time::Duration;

use testkit::eventually;
use testkit::proxmox::{GuestAgent, Limits, Privileges, Template, Vm};

use crate::ground::{New, PATIENCE, Site, TOKEN, addresses};

/// Waits until so many more queries have ended with this status.
async fn queries(site: &Site, status: u16, more: u64) {
    let ended = || {
        let counts = site.pve.counts();
        counts
            .get(&(Template::GuestInterfaces, status))
            .copied()
            .unwrap_or(0)
    };
    let wanted = ended() + more;
    eventually(PATIENCE, &format!("{more} queries end with {status}"), || async {
        let ended = ended();
        (ended >= wanted)
            .then_some(())
            .ok_or_else(|| format!("{ended} of {wanted}\n{}", site.pve.log_tail()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_a_node_are_those_of_its_real_guest() {
    let mut agent = GuestAgent::start(&["10.20.30.40/24", "2001:db8::10/64"])
        .await
        .expect("a guest");
    // A busy machine may let a process wait for a while.
    let limits = Limits {
        guest_ping: Duration::from_secs(2),
        guest_command: Duration::from_secs(10),
        ..Limits::quick()
    };
    let vm = Vm::new(131, "real").guest(agent.guest());
    let site = Site::build(|builder| {
        builder
            .limits(limits)
            .region("cluster-1")
            .host("pve-1")
            .vm(vm)
            .token(TOKEN.0, TOKEN.1, Privileges::all())
    })
    .await;
    site.node(New::tainted("real", 131)).await;
    let controller = site
        .start_with(&site.config("network: {mode: qemu}"), |options, _| {
            options.pass_period = Duration::from_millis(500);
        })
        .await;
    let first = "H real, I 10.20.30.40, I 2001:db8::10";
    site.has_addresses("real", first).await;

    // A second address, and one of a container network, which is nobody's business.
    agent.add_bridge("cni0", "10.244.0.1/24").expect("a bridge");
    agent
        .add_address("eth0", "10.20.30.41/32")
        .expect("a second address");
    let second = "H real, I 10.20.30.40, I 10.20.30.41, I 2001:db8::10";
    site.has_addresses("real", second).await;
    agent.del_address("eth0", "10.20.30.40/24").expect("one fewer");
    let third = "H real, I 10.20.30.41, I 2001:db8::10";
    site.has_addresses("real", third).await;

    // A guest that hangs says nothing, and nothing is concluded from that.
    agent.stop().expect("it stands still");
    queries(&site, 500, 3).await;
    assert_eq!(addresses(&site.get("real").await), third);
    agent
        .add_address("eth0", "10.20.30.42/32")
        .expect("a third address");
    agent.cont().expect("it goes on");
    let fourth = "H real, I 10.20.30.41, I 10.20.30.42, I 2001:db8::10";
    site.has_addresses("real", fourth).await;

    // Nor from an agent that has ended.
    agent.kill().await.expect("it ends");
    queries(&site, 500, 3).await;
    assert_eq!(addresses(&site.get("real").await), fourth);
    controller.stop().await;
}
