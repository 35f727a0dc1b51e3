//! Probes for real: gateways and name servers in namespaces, a real API server (spec §10, §20).

mod api_server;
mod gateway;
mod ground;
mod servers;
