//! Serving HTTP and HTTPS: addresses, TLS options, the accept loop.

mod address;
mod serve;
mod tls;

pub use address::{BindAddress, BindError, parse_bind_address};
pub use serve::{Limits, Transport, serve};
pub use tls::{TlsOptions, TlsOptionsError};

#[cfg(test)]
mod tests;
