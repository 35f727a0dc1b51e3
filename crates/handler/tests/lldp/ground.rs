//! A node in a namespace, cables to switches, and the receiver on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use handler::lldp::{Announcement as Own, Facts, Links, Receiver};
use testkit::cable::{Announcement, Gateway, Switch};
use testkit::netns::Netns;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long anything may take before a test gives up: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Address of the switch.
pub(crate) const SWITCH: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

/// Runs a test in a namespace: sockets belong to the one of the thread that makes them.
pub(crate) fn inside<T: Send>(namespace: &Netns, work: impl AsyncFnOnce() -> T + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        runtime.block_on(work())
    };
    namespace.run(run).expect("the namespace can be entered")
}

/// Ids of all VLANs with a name that `interface` hears, sorted.
pub(crate) fn vlans(facts: &Facts, interface: &str) -> Vec<u16> {
    let neighbours = facts.neighbours(interface).iter();
    let mut ids: Vec<u16> = neighbours
        .flat_map(|neighbour| &neighbour.vlans)
        .map(|vlan| vlan.id)
        .collect();
    ids.sort_unstable();
    ids
}

/// A node and what its cables lead to.
pub(crate) struct Ground {
    pub(crate) node: Arc<Netns>,
    cables: BTreeMap<String, (Gateway, Arc<Switch>)>,
}

impl Ground {
    /// A node with these interfaces, each with a cable to a port of the switch.
    pub(crate) fn new(interfaces: &[&str]) -> Self {
        let mut ground = Self {
            node: Arc::new(Netns::new("node").expect("a namespace; tests of nodes need root")),
            cables: BTreeMap::new(),
        };
        for interface in interfaces {
            ground.cable(interface);
        }
        ground
    }

    pub(crate) fn node(&self) -> Arc<Netns> {
        Arc::clone(&self.node)
    }

    /// One more interface.
    pub(crate) fn cable(&mut self, interface: &str) {
        let far = Gateway::new(&self.node, interface).expect("a veth pair");
        let switch = Switch::on(far.namespace(), far.interface()).expect("a raw socket");
        self.cables.insert(interface.to_owned(), (far, Arc::new(switch)));
    }

    /// The interface is taken out of the machine.
    pub(crate) fn cut(&mut self, interface: &str) {
        self.node.ip(&["link", "del", interface]).expect("it was there");
        self.cables.remove(interface);
    }

    /// The cable is taken out of the switch.
    pub(crate) fn pull(&self, interface: &str) {
        self.far(interface, "down");
    }

    pub(crate) fn plug(&self, interface: &str) {
        self.far(interface, "up");
    }

    fn far(&self, interface: &str, state: &str) {
        let (far, _) = &self.cables[interface];
        let set = ["link", "set", far.interface(), state];
        far.namespace().ip(&set).expect("the far end is there");
    }

    /// The switch says something at the far end of this interface.
    pub(crate) fn say(&self, interface: &str, announcement: &Announcement) {
        self.cables[interface]
            .1
            .announce(announcement)
            .expect("it is sent");
    }

    pub(crate) fn send(&self, interface: &str, frame: &[u8]) {
        self.cables[interface].1.send(frame).expect("it is sent");
    }

    /// What the switch hears.
    pub(crate) async fn receive(&self, interface: &str) -> Vec<u8> {
        let switch = Arc::clone(&self.cables[interface].1);
        let heard = tokio::task::spawn_blocking(move || switch.receive(PATIENCE)).await;
        heard.expect("no panic").expect("the node says something")
    }

    /// The switch repeats itself, as switches do, until it was heard.
    pub(crate) async fn say_until(
        &self,
        handler: &mut Handler,
        interface: &str,
        announcement: &Announcement,
        heard: impl Fn(&Facts) -> bool,
    ) {
        let speak = async {
            loop {
                // A port whose carrier has just come back may not be ready for it.
                let _ = self.cables[interface].1.announce(announcement);
                let wait = handler.facts.wait_for(|facts| heard(facts));
                if timeout(Duration::from_millis(100), wait).await.is_ok() {
                    return;
                }
            }
        };
        timeout(PATIENCE, speak)
            .await
            .unwrap_or_else(|_| panic!("{interface} is not heard"));
    }

    /// Starts a receiver for these interfaces and waits until it listens.
    pub(crate) async fn listen(&self, interfaces: &[&str], own: Option<Own>) -> Handler {
        let (sender, links) = watch::channel(Links::default());
        let (receiver, facts) = Receiver::new(links, own);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let task = tasks.spawn(receiver.run(stop.clone()));
        let mut handler = Handler {
            links: sender,
            facts,
            seen: 0,
            stop,
            task,
        };
        handler.look(interfaces).await;
        handler
    }
}

/// A running receiver.
pub(crate) struct Handler {
    links: watch::Sender<Links>,
    facts: watch::Receiver<Facts>,
    seen: usize,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Handler {
    /// Tells it of the interfaces as they are now, and waits until it follows.
    pub(crate) async fn look(&mut self, interfaces: &[&str]) {
        let names = interfaces.iter().map(ToString::to_string).collect();
        let links = Links::of_host(&names).expect("the kernel lists its interfaces");
        let there: Vec<String> = links.listen.iter().map(|link| link.name.clone()).collect();
        self.links.send_replace(links);
        self.until("the receiver follows", |facts| {
            facts
                .interfaces()
                .map(|(name, _)| name)
                .eq(there.iter().map(String::as_str))
        })
        .await;
        self.seen = 0;
    }

    /// The same, as soon as the kernel tells that the carrier of the interface has come or gone, which it does with a
    /// delay of up to a second.
    pub(crate) async fn look_when(&mut self, interface: &str, carrier: bool) {
        let names = [interface.to_owned()].into();
        testkit::eventually(PATIENCE, "the carrier changes", async || {
            let links = Links::of_host(&names).expect("the kernel lists its interfaces");
            match &links.listen[..] {
                [link] if link.carrier == carrier => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        self.look(&[interface]).await;
    }

    pub(crate) fn links(&self) -> Links {
        self.links.borrow().clone()
    }

    pub(crate) fn known(&self) -> Facts {
        self.facts.borrow().clone()
    }

    /// Waits until this is true of what it knows.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Facts) -> bool) -> Facts {
        let wait = async {
            loop {
                let facts = self.facts.borrow_and_update().clone();
                if holds(&facts) {
                    return facts;
                }
                self.facts.changed().await.expect("the receiver runs");
                self.seen += 1;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(facts) => facts,
            Err(_) => panic!(
                "after {PATIENCE:?} still not: {what}; known: {:?}",
                self.facts.borrow()
            ),
        }
    }

    /// Changes seen while waiting, since the last look at the interfaces.
    pub(crate) fn changes(&self) -> usize {
        self.seen
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("it stops")
            .expect("without a panic");
    }
}
