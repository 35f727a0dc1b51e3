//! The HTTP side: connections, TLS, proxies, limits of time and size. Knows nothing of Proxmox VE.

mod connect;
mod send;
mod tls;

pub use connect::ProxyError;
pub(super) use send::{Base, Bounds, Http, Reply, SendError};
pub use tls::TrustError;
pub(super) use tls::{Trust, config as tls_config};
