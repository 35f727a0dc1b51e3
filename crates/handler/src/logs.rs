//! What libraries log through `log`, handed to `tracing`.
//!
//! nmstate prints whole states and profiles at its lower levels, secrets included (specification §18.7). So nothing of
//! it below `info` passes, and nothing below `warn` of its module `policy` or of other libraries.

use log::{Level, LevelFilter, Log, Metadata, Record};

/// The bridge. It holds nothing.
struct Bridge;

/// Sends what libraries log to `tracing` from now on. Calling it again changes nothing.
pub fn bridge() {
    if log::set_logger(&Bridge).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// The lowest level that passes for a module.
fn lowest(module: &str) -> Level {
    let is = |name: &str| {
        module == name
            || module
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with("::"))
    };
    if is("nmstate") && !is("nmstate::policy") {
        Level::Info
    } else {
        Level::Warn
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= lowest(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let module = record.target();
        match record.level() {
            Level::Error => tracing::error!(target: "handler::library", module, "{}", record.args()),
            Level::Warn => tracing::warn!(target: "handler::library", module, "{}", record.args()),
            // "Retrying on: ..." quotes values as its errors do; those that are final come to us as errors, masked.
            Level::Info | Level::Debug | Level::Trace => {
                tracing::info!(target: "handler::library", module, "{}", first_words(&record.args().to_string()));
            }
        }
    }

    fn flush(&self) {}
}

/// A message up to the values it quotes.
fn first_words(message: &str) -> &str {
    message
        .split_once(" desire ")
        .map_or(message, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_profiles_are_not_logged() {
        let passes = |module: &str, level: Level| {
            Bridge.enabled(&Metadata::builder().level(level).target(module).build())
        };
        assert!(passes("nmstate::query_apply::net_state", Level::Info));
        assert!(!passes("nmstate::nm::nm_dbus::nm_api", Level::Debug));
        assert!(!passes("nmstate::policy::capture", Level::Info));
        assert!(passes("nmstate::policy::capture", Level::Warn));
        assert!(!passes("nmstateless", Level::Info));
        assert!(!passes("nispor", Level::Info));
        assert!(passes("nispor::query", Level::Warn));
    }

    #[test]
    fn quoted_values_are_cut_off() {
        assert_eq!(
            first_words("Retrying on: Verification failure: e1.psk desire 'a', current 'b'"),
            "Retrying on: Verification failure: e1.psk"
        );
    }
}
