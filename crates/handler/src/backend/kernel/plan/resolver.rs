use serde_json::Value;

use super::target::{Allowance, Reading};
use crate::backend::kernel::net::Resolver;

/// What the file begins with, for whoever opens it.
const HEAD: &str = "# Written by cadastre-handler as a node network policy asks.\n";

/// The section `dns-resolver`.
pub(super) fn read(section: &Value, allowance: Allowance, reading: &mut Reading<'_>) {
    let Some(config) = section.get("config").filter(|config| config.is_object()) else {
        return;
    };
    if !allowance.resolver_file {
        return reading.refuse(
            "dns-resolver.config",
            "the kernel has no name servers; set dnsMode: File to let the handler write the resolver's file",
        );
    }
    reading.target.resolver = Some(Resolver {
        content: Some(content(config)),
        only_over: None,
    });
}

/// The file: `resolv.conf(5)`.
fn content(config: &Value) -> String {
    let words = |key: &str| -> Vec<&str> {
        let list = config.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut text = HEAD.to_owned();
    let search = words("search");
    if !search.is_empty() {
        text += &format!("search {}\n", search.join(" "));
    }
    for server in words("server") {
        text += &format!("nameserver {server}\n");
    }
    let options = words("options");
    if !options.is_empty() {
        text += &format!("options {}\n", options.join(" "));
    }
    text
}
