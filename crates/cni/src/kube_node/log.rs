//! `logfile` and `loglevel` (spec cni-ipam §5.2). A log that cannot be written is never an error.

use std::{
    cell::RefCell,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// Where lines go, and how many.
pub(super) struct Log {
    sink: RefCell<Sink>,
    debug: bool,
}

enum Sink {
    None,
    Stderr,
    File(File),
}

impl Log {
    /// No log at all.
    pub(super) fn none() -> Self {
        Self {
            sink: RefCell::new(Sink::None),
            debug: false,
        }
    }

    /// The log of this file and level. `stdout` belongs to the result.
    pub(super) fn open(file: Option<&str>, level: &str) -> Self {
        let sink = match file {
            None | Some("" | "stdout") => Sink::None,
            Some("stderr") => Sink::Stderr,
            // Not to hang on a pipe that nobody reads.
            Some(path) => {
                let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
                let opened = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o644)
                    .custom_flags(flags)
                    .open(path);
                opened.map_or(Sink::None, Sink::File)
            }
        };
        Self {
            sink: RefCell::new(sink),
            debug: is_verbose(level),
        }
    }

    /// Something changed, or was not as expected.
    pub(super) fn info(&self, text: &str) {
        self.line("INFO", text);
    }

    /// A decision on the way.
    pub(super) fn debug(&self, text: &str) {
        if self.debug {
            self.line("DEBUG", text);
        }
    }

    /// Why a call failed.
    pub(super) fn error(&self, text: &str) {
        self.line("ERROR", text);
    }

    fn line(&self, level: &str, text: &str) {
        let line = format!(
            "{} {level} kube-node[{}]: {}\n",
            now(),
            std::process::id(),
            text.replace('\n', " ")
        );
        // Never an error: the log is for reading, the call is for addresses.
        let _ = match &mut *self.sink.borrow_mut() {
            Sink::None => Ok(()),
            Sink::Stderr => io::stderr().write_all(line.as_bytes()),
            Sink::File(file) => file.write_all(line.as_bytes()),
        };
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Log")
            .field("debug", &self.debug)
            .finish_non_exhaustive()
    }
}

/// `debug`, `trace`, or a number other than zero; its sign is ignored.
fn is_verbose(level: &str) -> bool {
    let number = level.strip_prefix(['-', '+']).unwrap_or(level);
    matches!(level, "debug" | "trace") || number.parse::<u32>().is_ok_and(|number| number > 0)
}

/// RFC 3339 in UTC, to the second.
fn now() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar (years that start in March,
/// so that the leap day is the last).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{civil, is_verbose};

    #[test]
    fn days_become_dates() {
        let table = [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (20_818, (2026, 12, 31)),
        ];
        for (days, date) in table {
            assert_eq!(civil(days), date, "{days}");
        }
    }

    #[test]
    fn levels_are_words_or_numbers() {
        let verbose = ["debug", "trace", "1", "-2"].map(is_verbose);
        let quiet = ["", "info", "0", "-", "loud"].map(is_verbose);
        assert_eq!((verbose, quiet), ([true; 4], [false; 5]));
    }
}
