//! The commands of a person (spec cni-ipam §6.5), and the run by hand (§6.6).

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use crate::{
    deadline::Deadline,
    delegate,
    error::Error,
    json::Json,
    node::Way,
    protocol::{self, Plugin as _},
};

use super::{
    NodeAnnotation,
    act::{NEXT_BUDGET, run_next},
    config::Config,
    expand::{annotation_key, expanded_ipam},
    failed, lookup,
};

/// Commands are run by people and scripts: as patient as the plugin.
const BUDGET: Duration = Duration::from_secs(15);

/// What errors of the commands of a person carry, as in the replaced program.
const ERROR_VERSION: &str = "0.4.0";

const HELP: &str = "\
node-annotation [command] [--opt=value] [args]
Commands:
  ipam
    Act as a CNI IPAM plugin: environment and stdin. This is the default.
  error_quit [msg]
    Print a CNI error object and exit with status 1.
  my_node
    Print the own node object as JSON.
  get_annotation [--node=name] <key>
    Print the value of an annotation, of the own node unless another is named.
";

/// The commands and one line each.
pub(super) fn help() -> ExitCode {
    print(HELP.as_bytes())
}

/// Prints an error object: for scripts.
pub(super) fn error_quit(args: &[String]) -> ExitCode {
    let words = args.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    fail(&failed(if words.is_empty() {
        "node-annotation"
    } else {
        &words
    }))
}

/// Prints the own node; nothing when there is none.
pub(super) fn my_node(config: &Config) -> ExitCode {
    match lookup::whole_own_node(&way(config), Deadline::after(BUDGET)) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(node)) => {
            let mut text =
                serde_json::to_vec(&node).expect("a tree of JSON values with text keys is always JSON");
            text.push(b'\n');
            print(&text)
        }
        Err(error) => fail(&error),
    }
}

/// Prints the raw value of an annotation.
pub(super) fn get_annotation(config: &Config, args: &[String]) -> ExitCode {
    match annotation(config, args) {
        Ok(value) => print(format!("{value}\n").as_bytes()),
        Err(error) => fail(&error),
    }
}

fn annotation(config: &Config, args: &[String]) -> Result<String, Error> {
    let (mut named, mut key) = (None, None);
    for arg in args {
        match arg.strip_prefix("--") {
            None => key = key.or(Some(arg)),
            Some(option) => match option.split_once('=') {
                Some(("node", name)) => named = Some(name).filter(|name| !name.is_empty()),
                _ => protocol::warn(&format!("unknown option {arg}; ignored")),
            },
        }
    }
    let key = key
        .filter(|key| !key.is_empty())
        .ok_or_else(|| failed("Parameter missing"))?;
    let deadline = Deadline::after(BUDGET);
    let node = match named {
        None => lookup::own_node(&way(config), None, deadline)?,
        Some(name) => lookup::node(&way(config), name, deadline)?
            .ok_or_else(|| failed("Annotation not found").with_details(format!("there is no node {name}")))?,
    };
    node.annotations
        .get(key)
        .cloned()
        .ok_or_else(|| failed("Annotation not found"))
}

/// Without `CNI_COMMAND`: expands the configuration on stdin and shows it to the next plugin, if one is set
/// (§6.6).
pub(super) fn expand(plugin: &NodeAnnotation) -> ExitCode {
    let stdin = protocol::read_stdin().unwrap_or_default();
    // Not JSON means that no annotation is named in it.
    let mut document = protocol::decode(&stdin).unwrap_or_default();
    let version = document
        .get("cniVersion")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let next = plugin.config.next.as_ref();
    let expanded = annotation_key(&document).map(str::to_owned).and_then(|key| {
        plugin.config.log(&format!("Ipam from annotation: [{key}]"));
        let node = lookup::own_node(&way(&plugin.config), None, Deadline::after(BUDGET))?;
        let text = node
            .annotations
            .get(&key)
            .ok_or_else(|| failed("Annotation not found"))?;
        expanded_ipam(&document, text, next)
    });
    let ran = expanded.and_then(|ipam| {
        document.set("ipam", Json::Object(ipam));
        let Some(next) = next else { return Ok(None) };
        let input =
            serde_json::to_vec(&document).expect("a tree of JSON values with text keys is always JSON");
        run_next(next, &input, Deadline::after(NEXT_BUDGET)).map(Some)
    });
    match ran {
        Ok(None) => {
            protocol::about(plugin.name());
            ExitCode::SUCCESS
        }
        Ok(Some(finished)) => {
            let printed = print(&finished.stdout);
            let status = delegate::exit_status(&finished);
            if status == 0 {
                printed
            } else {
                ExitCode::from(status)
            }
        }
        Err(error) => {
            plugin.config.log(&format!("ERROR: {error}"));
            protocol::print_error(&error, &version);
            ExitCode::FAILURE
        }
    }
}

fn way(config: &Config) -> Way {
    Way::new(config.kubeconfig.as_deref())
}

fn fail(error: &Error) -> ExitCode {
    protocol::print_error(error, ERROR_VERSION);
    ExitCode::FAILURE
}

fn print(bytes: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads: there is nobody to tell, either.
        Err(_) => ExitCode::FAILURE,
    }
}
