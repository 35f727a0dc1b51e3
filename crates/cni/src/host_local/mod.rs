//! `host-local`: the allocator, one operation per command (spec §4). `kube-node` and `node-annotation` call the same
//! functions with a configuration of their own making.
//!
//! | command | function | needs |
//! |---|---|---|
//! | ADD | [`add`] | a [`Config`] |
//! | DEL | [`del`] | a data directory |
//! | CHECK | [`check`] | a [`Config`] |
//! | GC | [`gc`] | a data directory |
//! | STATUS | [`status`] | a [`Config`] |

mod add;
mod check;
mod del;
mod gc;
mod reclaim;
mod status;

use crate::error::{Error, code};
use crate::json::Json;
use crate::plan::{Config, Owner};
use crate::protocol::{Answer, Command, Invocation, Network, Plugin};

pub use crate::plan::data_dir;
pub use add::add;
pub use check::check;
pub use del::del;
pub use gc::gc;
pub use status::status;

/// The plugin of this name.
#[derive(Clone, Copy, Debug)]
pub struct HostLocal;

impl Plugin for HostLocal {
    fn name(&self) -> &'static str {
        "host-local"
    }

    fn call(&self, call: &Invocation, network: &Network) -> Result<Answer, Error> {
        match call.command {
            Command::Add => return add(call, network, &Config::read(network, &call.args)?),
            Command::Check => check(call, network, &Config::read(network, &call.args)?)?,
            Command::Del => del(call, network, &data_dir(network))?,
            Command::Gc => gc(network, &data_dir(network))?,
            Command::Status => status(network, &Config::read(network, "").map_err(|e| not_ready(&e))?)?,
        }
        Ok(Answer::nothing())
    }
}

/// STATUS: what ADD would say, under the code that says that there is no use in trying (spec §4.9).
#[must_use]
pub fn not_ready(error: &Error) -> Error {
    Error::new(code::NOT_AVAILABLE, "the allocator cannot serve an ADD").with_details(error.msg.as_str())
}

fn owner(call: &Invocation) -> Owner {
    Owner {
        id: call.container_id.clone(),
        ifname: call.ifname.clone(),
    }
}

/// Whether `ipam.cooldown` asks for released addresses to rest. Whatever else is written there: DEL and GC must not fail.
fn rests(network: &Network) -> bool {
    match network.ipam().and_then(|ipam| ipam.get("cooldown")) {
        Some(Json::Number(seconds)) => seconds.as_u64().is_some_and(|seconds| seconds > 0),
        _ => false,
    }
}

/// Several errors of a command that goes on after the first (code 999).
fn together(errors: &[Error]) -> Result<(), Error> {
    match errors {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => {
            let texts: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Error::allocator(texts.join("; ")))
        }
    }
}
