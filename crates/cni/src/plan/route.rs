use std::net::IpAddr;

use super::address::{Cidr, parse_cidr};
use super::fields;
use crate::error::Error;
use crate::json::{Json, Object};

/// A route to be set in the container, passed on as it is (spec §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Destination; host bits are kept.
    pub dst: Cidr,
    /// Next hop; the main plugin fills in a missing one.
    pub gw: Option<IpAddr>,
    /// Largest packet in bytes; 0 is not said.
    pub mtu: i64,
    /// Largest TCP segment to announce, in bytes; 0 is not said.
    pub advmss: i64,
    /// Metric; 0 is not said.
    pub priority: i64,
    /// Routing table.
    pub table: Option<i64>,
    /// Scope as the kernel numbers it.
    pub scope: Option<i64>,
}

impl Route {
    /// Reads `ipam.routes`; a `null` among them is dropped.
    pub(super) fn read_all(ipam: &Object) -> Result<Vec<Self>, Error> {
        let routes = fields::list(ipam, "ipam", "routes")?.unwrap_or_default();
        let present = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| **route != Json::Null);
        present
            .map(|(i, route)| Self::read(route, &format!("ipam.routes[{i}]")))
            .collect()
    }

    fn read(route: &Json, path: &str) -> Result<Self, Error> {
        let of = route
            .as_object()
            .ok_or_else(|| fields::wrong_kind(path, "an object", route))?;
        let dst = fields::text(of, path, "dst")?;
        let dst =
            dst.ok_or_else(|| Error::allocator(format!("{path} has no dst; write one, such as 0.0.0.0/0")))?;
        let number = |key| Ok::<i64, Error>(fields::integer(of, path, key)?.unwrap_or(0));
        Ok(Self {
            dst: parse_cidr(dst).ok_or_else(|| fields::invalid_cidr(&fields::member(path, "dst"), dst))?,
            gw: fields::ip(of, path, "gw")?,
            mtu: number("mtu")?,
            advmss: number("advmss")?,
            priority: number("priority")?,
            table: fields::integer(of, path, "table")?,
            scope: fields::integer(of, path, "scope")?,
        })
    }

    /// `dst` and `gw`: all that results before 0.3.0 know.
    pub(super) fn short(&self) -> Object {
        let mut object = Object::from_iter([("dst", Json::from(self.dst.to_string()))]);
        if let Some(gw) = self.gw {
            object.set("gw", Json::from(gw.to_string()));
        }
        object
    }

    /// All fields that say something.
    pub(super) fn long(&self) -> Object {
        let mut object = self.short();
        let said = |value: i64| Some(value).filter(|value| *value != 0);
        let numbers = [
            ("mtu", said(self.mtu)),
            ("advmss", said(self.advmss)),
            ("priority", said(self.priority)),
            ("table", self.table),
            ("scope", self.scope),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                object.set(key, Json::Number(value.into()));
            }
        }
        object
    }
}
