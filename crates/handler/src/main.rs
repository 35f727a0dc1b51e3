//! `cadastre-handler`: the process on every node.

use std::path::Path;
use std::process::ExitCode;

use handler::backend::kernel;

/// What `sysexits.h` calls a wrong command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [word, journal] if word == "watchdog" => watchdog(Path::new(journal)),
        _ => {
            eprintln!("usage: cadastre-handler watchdog JOURNAL");
            ExitCode::from(USAGE)
        }
    }
}

/// Started by the kernel back end beside every open change; see [`kernel::watch`].
fn watchdog(journal: &Path) -> ExitCode {
    match kernel::watch(journal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
