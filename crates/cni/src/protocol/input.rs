use std::io::{self, Read};

use crate::error::{Error, code};

/// Longest configuration we read, in bytes. Real ones are a few kilobytes; with a GC list of all attachments of a
/// large node, a megabyte. As values it takes up to thirty times as much memory.
pub const MAX_INPUT: u64 = 4 << 20;

/// Reads stdin to its end.
///
/// # Errors
/// Code 5 when it cannot be read or goes on after [`MAX_INPUT`]; the rest is then not read.
pub fn read_stdin() -> Result<Vec<u8>, Error> {
    read(io::stdin().lock())
}

pub(super) fn read(input: impl Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let count = input
        .take(MAX_INPUT + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::new(code::IO, format!("error reading from stdin: {e}")))?;
    if u64::try_from(count).is_ok_and(|count| count > MAX_INPUT) {
        let limit = MAX_INPUT >> 20;
        return Err(Error::new(
            code::IO,
            format!("error reading from stdin: the network configuration is longer than {limit} MiB"),
        ));
    }
    Ok(bytes)
}
