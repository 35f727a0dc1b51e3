//! The keys nmstate knows, without nmstate (spec §3.1): strict decoding for admission and the command line.
//!
//! `keys.json` is what the nmstate crate itself says it expects, place by place; a test in `handler`, which links the
//! crate, fails when the two differ.

mod check;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub use check::check;

/// JSON for a file under review: sorted keys, two spaces, one key per line, short objects on one line.
#[must_use]
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

/// Characters up to which an object stays on its line.
const LINE: usize = 100;

fn write(value: &Value, depth: usize, out: &mut String) {
    let short = super::document::canonical(value);
    let Some(object) = value.as_object().filter(|_| short.len() + 2 * depth > LINE) else {
        out.push_str(&short);
        return;
    };
    let sorted: BTreeMap<&String, &Value> = object.iter().collect();
    out.push_str("{\n");
    for (index, (key, value)) in sorted.iter().enumerate() {
        out.push_str(&"  ".repeat(depth + 1));
        out.push_str(&format!("{}:", Value::String((*key).clone())));
        out.push(' ');
        write(value, depth + 1, out);
        out.push_str(if index + 1 < sorted.len() { ",\n" } else { "\n" });
    }
    out.push_str(&"  ".repeat(depth));
    out.push('}');
}
