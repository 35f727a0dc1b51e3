//! The kernel of this machine: reading it and changing it. Blocking; whoever waits does so on a thread for that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::TryStreamExt as _;
use nispor::{NetConf, NetState, NetStateFilter, NetStateIfaceFilter};
use nmstate::NetworkState;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::{Handle, IpVersion};
use tokio::runtime::Runtime;

use super::files;
use super::net::{Net, Resolver};
use super::plan::{Step, document};
use super::wire::{self, Names};
use crate::backend::BackendError;

/// What the kernel answers when the thing is gone already.
const GONE: [i32; 4] = [-2, -3, -19, -99]; // ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL
/// What the kernel answers when the thing is there already.
const THERE: i32 = -17; // EEXIST

/// A way into the kernel. Belongs to the network namespace of the thread that opened it.
pub(super) struct Host {
    runtime: Runtime,
    handle: Handle,
    resolver: PathBuf,
}

impl Host {
    /// Opens it; `resolver` is the file of the name servers.
    ///
    /// # Errors
    /// When the kernel gives no netlink socket.
    pub(super) fn open(resolver: &Path) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (connection, handle, _) = {
            let _inside = runtime.enter();
            rtnetlink::new_connection()?
        };
        runtime.spawn(connection);
        Ok(Self {
            runtime,
            handle,
            resolver: resolver.to_owned(),
        })
    }

    /// The state as nmstate reports it.
    ///
    /// # Errors
    /// Those of nmstate.
    pub(super) fn report(&self) -> Result<NetworkState, nmstate::NmstateError> {
        let mut state = NetworkState::new();
        state.set_kernel_only(true);
        self.runtime.block_on(state.retrieve_async())?;
        Ok(state)
    }

    /// The network as it is now.
    ///
    /// # Errors
    /// The words of the kernel.
    pub(super) fn observe(&self) -> Result<Net, String> {
        let mut net = self.runtime.block_on(self.dump())?;
        for (name, link) in &mut net.links {
            let flag = ipv6_flag(name).and_then(|path| fs::read_to_string(path).ok());
            link.ipv6 = flag.map(|text| text.trim() == "0");
        }
        net.resolver = files::read_text(&self.resolver).map_err(|error| self.about_resolver(&error))?;
        Ok(net)
    }

    async fn dump(&self) -> Result<Net, String> {
        let mut interfaces = NetStateIfaceFilter::minimum();
        interfaces.include_bridge_vlan = true;
        let mut filter = NetStateFilter::minimum();
        filter.iface = Some(interfaces);
        let state = NetState::retrieve_with_filter_async(&filter).await;
        let state = state.map_err(|error| format!("cannot read the links: {error}"))?;
        let names = Names::new(
            state
                .ifaces
                .values()
                .map(|iface| (iface.index, iface.name.clone())),
        );
        let mut net = Net::default();
        for iface in state.ifaces.values() {
            net.links.insert(iface.name.clone(), wire::link::read(iface));
        }
        let words =
            |what: &'static str| move |error: rtnetlink::Error| format!("cannot read the {what}: {error}");
        let mut addresses = self.handle.address().get().execute();
        while let Some(message) = addresses.try_next().await.map_err(words("addresses"))? {
            net.addresses.extend(wire::address::read(&message, &names));
        }
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut all = RouteMessage::default();
            all.header.address_family = family;
            let mut routes = self.handle.route().get(all).execute();
            while let Some(message) = routes.try_next().await.map_err(words("routes"))? {
                net.routes.extend(wire::route::read(&message, &names));
            }
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let mut rules = self.handle.rule().get(version).execute();
            while let Some(message) = rules.try_next().await.map_err(words("rules"))? {
                net.rules.extend(wire::rule::read(&message));
            }
        }
        Ok(net)
    }

    /// Makes one change. One that is made already is no error.
    ///
    /// # Errors
    /// The words of the kernel, with the step.
    pub(super) fn act(&self, step: &Step) -> Result<(), String> {
        let done = match step {
            Step::Ipv6 { name, on } => set_ipv6(name, *on),
            Step::Resolver(wish) => self.write_resolver(wish),
            other => self.runtime.block_on(self.send(other)),
        };
        done.map_err(|words| format!("cannot {step}: {words}"))
    }

    async fn send(&self, step: &Step) -> Result<(), String> {
        if let Some(document) = document(step) {
            let mut all = NetConf::default();
            all.ifaces = Some(vec![document]);
            return all.apply_async().await.map_err(|error| error.to_string());
        }
        match step {
            Step::RemoveAddress(address) => {
                let message = wire::address::write(address, &self.names().await?);
                let Ok(message) = message else { return Ok(()) };
                removed(self.handle.address().del(message).execute().await)
            }
            Step::AddAddress(address) => {
                let message = wire::address::write(address, &self.names().await?)?;
                let mut request = self
                    .handle
                    .address()
                    .add(0, address.address, address.length)
                    .replace();
                *request.message_mut() = message;
                added(request.execute().await)
            }
            Step::RemoveRoute(route) => {
                let message = wire::route::write(route, &self.names().await?);
                let Ok(message) = message else { return Ok(()) };
                removed(self.handle.route().del(message).execute().await)
            }
            Step::AddRoute(route) => {
                let message = wire::route::write(route, &self.names().await?)?;
                match self.handle.route().add(message.clone()).execute().await {
                    // One of somebody else with the same key: ours is wished.
                    Err(error) if code(&error) == Some(THERE) => {
                        let again = self.handle.route().add(message).replace().execute().await;
                        again.map_err(|error| error.to_string())
                    }
                    done => added(done),
                }
            }
            Step::RemoveRule(rule) => {
                removed(self.handle.rule().del(wire::rule::write(rule)).execute().await)
            }
            Step::AddRule(rule) => {
                let mut request = self.handle.rule().add();
                *request.message_mut() = wire::rule::write(rule);
                added(request.execute().await)
            }
            _ => Ok(()),
        }
    }

    /// Numbers of the links as they are now: a link made anew has another one.
    async fn names(&self) -> Result<Names, String> {
        let mut links = self.handle.link().get().execute();
        let mut found = Vec::new();
        while let Some(link) = links.try_next().await.map_err(|error| error.to_string())? {
            let name = link.attributes.iter().find_map(|attribute| match attribute {
                rtnetlink::packet_route::link::LinkAttribute::IfName(name) => Some(name.clone()),
                _ => None,
            });
            found.extend(name.map(|name| (link.header.index, name)));
        }
        Ok(Names::new(found.into_iter()))
    }

    fn write_resolver(&self, wish: &Resolver) -> Result<(), String> {
        let done = match &wish.content {
            Some(content) => files::replace_text(&self.resolver, content),
            None => files::remove(&self.resolver),
        };
        done.map_err(|error| self.about_resolver(&error))
    }

    fn about_resolver(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.resolver.display())
    }
}

/// The kernel does not talk to us.
pub(super) fn no_netlink(error: &io::Error) -> BackendError {
    BackendError::Unavailable {
        service: "the kernel's netlink",
        reason: error.to_string(),
    }
}

fn code(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(std::num::NonZeroI32::get),
        _ => None,
    }
}

fn removed(done: Result<(), rtnetlink::Error>) -> Result<(), String> {
    match done {
        Err(error) if code(&error).is_some_and(|code| GONE.contains(&code)) => Ok(()),
        done => done.map_err(|error| error.to_string()),
    }
}

fn added(done: Result<(), rtnetlink::Error>) -> Result<(), String> {
    match done {
        Err(error) if code(&error) == Some(THERE) => Ok(()),
        done => done.map_err(|error| error.to_string()),
    }
}

/// The kernel's switch for IPv6 on a link; none for names that are no file name.
fn ipv6_flag(name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    plain.then(|| {
        Path::new("/proc/sys/net/ipv6/conf")
            .join(name)
            .join("disable_ipv6")
    })
}

fn set_ipv6(name: &str, on: bool) -> Result<(), String> {
    let path = ipv6_flag(name).ok_or_else(|| format!("`{name}` is no name of an interface"))?;
    let text = if on { "0" } else { "1" };
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
