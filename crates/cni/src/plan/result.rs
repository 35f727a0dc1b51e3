use std::net::IpAddr;

use super::{Dns, Grant, Route};
use crate::json::{Json, Object};
use crate::protocol::CniVersion;

/// The result of an ADD in the shape of its CNI version (spec §3.1).
#[must_use]
pub fn result(version: CniVersion, grants: &[Grant], routes: &[Route], dns: &Dns) -> Json {
    let mut object = Object::from_iter([("cniVersion", Json::from(version.text()))]);
    if version < CniVersion::V0_3_0 {
        for (key, wanted_v4) in [("ip4", true), ("ip6", false)] {
            if let Some(grant) = grants.iter().find(|grant| grant.address.is_ipv4() == wanted_v4) {
                object.set(key, Json::Object(per_family(grant, routes)));
            }
        }
    } else {
        let with_version = version < CniVersion::V1_0_0;
        let ips = grants
            .iter()
            .map(|grant| Json::Object(listed(grant, with_version)));
        object.set("ips", ips.collect::<Vec<_>>().into());
        if !routes.is_empty() {
            let routes = routes.iter().map(|route| Json::Object(route.long()));
            object.set("routes", routes.collect::<Vec<_>>().into());
        }
    }
    let dns = dns.to_object();
    if version < CniVersion::V1_0_0 || dns != Object::default() {
        object.set("dns", Json::Object(dns));
    }
    Json::Object(object)
}

/// `ip4` and `ip6` of 0.1.0 and 0.2.0: each with the routes of its own family.
fn per_family(grant: &Grant, routes: &[Route]) -> Object {
    let mut object = Object::from_iter([("ip", Json::from(cidr(grant)))]);
    add_gateway(&mut object, grant.gateway);
    let own = routes
        .iter()
        .filter(|route| route.dst.address.is_ipv4() == grant.address.is_ipv4());
    let own: Vec<Json> = own.map(|route| Json::Object(route.short())).collect();
    if !own.is_empty() {
        object.set("routes", own.into());
    }
    object
}

fn listed(grant: &Grant, with_version: bool) -> Object {
    let mut object = Object::default();
    if with_version {
        object.set(
            "version",
            Json::from(if grant.address.is_ipv4() { "4" } else { "6" }),
        );
    }
    object.set("address", Json::from(cidr(grant)));
    add_gateway(&mut object, grant.gateway);
    object
}

fn cidr(grant: &Grant) -> String {
    format!("{}/{}", grant.address, grant.prefix_length)
}

fn add_gateway(object: &mut Object, gateway: Option<IpAddr>) {
    if let Some(gateway) = gateway {
        object.set("gateway", Json::from(gateway.to_string()));
    }
}
