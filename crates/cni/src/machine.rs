//! Which machine this is, and which start of it.

use std::{fs, io};

/// Where a machine says who it is (machine-id(5)).
pub(crate) const MACHINE_ID: &str = "/etc/machine-id";

/// Another one after every start of the machine (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The lines of `/etc/machine-id` that say something; none where the file is missing.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn ids() -> io::Result<Vec<String>> {
    match fs::read_to_string(MACHINE_ID) {
        Ok(text) => Ok(lines(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Identity of the running system; empty where the kernel does not say.
pub(crate) fn boot_id() -> String {
    fs::read_to_string(BOOT_ID).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn empty_lines_say_nothing() {
        assert_eq!(lines("\n a \n\nb"), ["a", "b"]);
        assert_eq!(lines(" \n"), [""; 0]);
    }
}
