//! Does the next hop answer: ICMP, else the protocol that finds neighbours.

use std::net::IpAddr;

use super::GatewayMode;
use super::outcome::Passed;
use super::target::Gateway;
use super::{icmp, neighbour};

/// Tries once, at most two seconds.
pub(super) async fn attempt(mode: GatewayMode, gateway: Option<&Gateway>) -> Result<Passed, String> {
    let gateway = gateway.ok_or_else(|| "there is no default route with a next hop".to_owned())?;
    match mode {
        GatewayMode::Icmp => pinged(gateway).await,
        GatewayMode::Neighbour => resolved(gateway, None).await,
        GatewayMode::Auto { pinged: Some(before) } if before == gateway.address => pinged(gateway)
            .await
            .map_err(|why| format!("{why}; it answered before")),
        GatewayMode::Auto { .. } => match pinged(gateway).await {
            Ok(passed) => Ok(passed),
            Err(why) => resolved(gateway, Some(why)).await,
        },
    }
}

async fn pinged(gateway: &Gateway) -> Result<Passed, String> {
    match icmp::echo(gateway.address, &gateway.interface).await {
        Ok(()) => Ok(Passed::Icmp {
            gateway: gateway.clone(),
        }),
        Err(error) => Err(format!("{gateway} does not answer ICMP: {error}")),
    }
}

async fn resolved(gateway: &Gateway, icmp: Option<String>) -> Result<Passed, String> {
    let resolution = super::outcome::resolution(gateway.address);
    let answer = match gateway.address {
        IpAddr::V4(address) => neighbour::arp(address, &gateway.interface).await,
        IpAddr::V6(address) => neighbour::solicit(address, &gateway.interface).await,
    };
    match (answer, icmp) {
        (Ok(()), icmp) => Ok(Passed::Neighbour {
            gateway: gateway.clone(),
            icmp,
        }),
        (Err(error), None) => Err(format!("{gateway} does not answer {resolution}: {error}")),
        (Err(error), Some(icmp)) => Err(format!("{icmp}; nor {resolution}: {error}")),
    }
}
