use std::process::ExitCode;

use super::{
    Answer, CniVersion, Command, Invocation, Network, Request, environment, input, namespace, network, output,
};
use crate::error::{Error, code};
use crate::json::{Json, Object};

/// One of the programs this binary can be.
pub trait Plugin {
    /// The name it is called by, such as `host-local`.
    fn name(&self) -> &'static str;

    /// Carries out one command. Environment, name and version are valid.
    ///
    /// # Errors
    /// What is printed as the CNI error object.
    fn call(&self, call: &Invocation, network: &Network) -> Result<Answer, Error>;

    /// What happens when `CNI_COMMAND` is not set; stdin was not read.
    fn without_command(&self) -> ExitCode {
        about(self.name());
        ExitCode::SUCCESS
    }
}

/// Says on stderr what this is and what it speaks: what a person sees who starts a plugin by hand (spec §2.1).
pub fn about(name: &str) {
    let versions = CniVersion::ALL.map(CniVersion::text).join(", ");
    output::warn(&format!(
        "CNI {name} plugin, cadastre {}",
        env!("CARGO_PKG_VERSION")
    ));
    output::warn(&format!("CNI protocol versions supported: {versions}"));
}

/// Runs a plugin as the CNI asks for it: once, from environment and stdin to stdout and exit status.
#[must_use]
pub fn run(plugin: &dyn Plugin) -> ExitCode {
    let mut version = String::new();
    match answer(plugin, &mut version) {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&error, &version);
            ExitCode::FAILURE
        }
    }
}

/// `version` is what the configuration says, as soon as it is known: errors are printed with it.
fn answer(plugin: &dyn Plugin, version: &mut String) -> Result<ExitCode, Error> {
    let asked = match environment::request(&|name| std::env::var_os(name))? {
        Request::Nothing => return Ok(plugin.without_command()),
        Request::Version => return Ok(print(Answer::document(versions()))),
        Request::Call(call) => Ok(call),
        Request::Unknown(command) => Err(unknown(&command)),
    };
    let document = network::decode(&input::read_stdin()?)?;
    if let Ok(written) = network::written_version(&document) {
        written.clone_into(version);
    }
    let name = network::name(&document)?.to_owned();
    // A bad configuration is reported before an unknown command.
    let call = asked?;
    let written_version = network::written_version(&document)?.to_owned();
    let network = Network {
        name,
        version: CniVersion::negotiate(&written_version, call.command)?,
        written_version,
        document,
    };
    Ok(print(guarded(plugin, &call, &network)?))
}

fn unknown(command: &str) -> Error {
    Error::new(code::ENVIRONMENT, format!("unknown CNI_COMMAND: {command}"))
}

/// ADD must not reserve for its own namespace, nor for nobody; DEL must release first (spec §2.6, §4.5).
fn guarded(plugin: &dyn Plugin, call: &Invocation, network: &Network) -> Result<Answer, Error> {
    if call.command == Command::Add {
        output::check_heard()?;
        namespace::guard(call)?;
    }
    let answer = plugin.call(call, network)?;
    if call.command == Command::Del {
        namespace::guard(call)?;
    }
    Ok(answer)
}

/// What cannot be told to the runtime is taken back; half a document may stand on stdout, so nothing is added to it.
fn print(answer: Answer) -> ExitCode {
    match answer.print() {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            let undone = if answer.undo() { ", so it was undone" } else { "" };
            output::warn(&format!("cannot write the result to stdout{undone}: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// Our own highest version, whatever stdin says (spec §2.4).
fn versions() -> Json {
    let supported = CniVersion::ALL.map(|version| Json::from(version.text()));
    Json::Object(Object::from_iter([
        ("cniVersion", Json::from(CniVersion::V1_1_0.text())),
        ("supportedVersions", Json::List(supported.into())),
    ]))
}
