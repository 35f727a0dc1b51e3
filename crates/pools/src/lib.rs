//! Cluster API IPAM: pools give addresses to claims.

pub mod plan;
