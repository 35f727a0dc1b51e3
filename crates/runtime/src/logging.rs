//! Logs on standard error, with a verbosity that can be changed while the process runs.

use std::env;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::Subscriber;
use tracing::subscriber::set_global_default;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

/// The environment variable that, when set, decides what is logged instead of [`Options::verbosity`].
pub const VARIABLE: &str = "RUST_LOG";

/// Crates whose messages follow the verbosity. Those of all others are shown from `warn` on.
const OURS: [&str; 6] = ["addr", "api", "cadastre", "cloud", "pools", "runtime"];

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As klog's `--v`: 0 to 3 shows `info` and up, 4 and 5 `debug`, 6 and more `trace`, of our own crates.
    pub verbosity: u8,
    /// One JSON object per line instead of text.
    pub json: bool,
}

/// Logging could not be changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot change the verbosity of the logs; logging was set up by somebody else")]
pub struct LogError(#[source] reload::Error);

/// Changes the verbosity at run time. Clones change the same logs.
#[derive(Clone, Debug)]
pub struct Verbosity {
    /// `None`: there are no logs behind it.
    filter: Option<reload::Handle<EnvFilter, Registry>>,
    level: Arc<AtomicU8>,
}

impl Verbosity {
    /// One that changes nothing but itself, for tests of what uses it.
    #[must_use]
    pub fn detached(level: u8) -> Self {
        Self {
            filter: None,
            level: Arc::new(AtomicU8::new(level)),
        }
    }

    /// The verbosity last set. While `RUST_LOG` decides, it is what it would be without.
    #[must_use]
    pub fn get(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    /// Shows messages as [`Options::verbosity`] describes from now on, whatever `RUST_LOG` said at the start.
    ///
    /// # Errors
    ///
    /// When these are not the logs of the process, see [`init`].
    pub fn set(&self, level: u8) -> Result<(), LogError> {
        if let Some(filter) = &self.filter {
            filter.reload(filter_for(level)).map_err(LogError)?;
        }
        self.level.store(level, Ordering::Relaxed);
        tracing::info!(verbosity = level, "changed the verbosity of the logs");
        Ok(())
    }
}

/// Starts logging to standard error. Call it once, at the start of `main`.
///
/// A `RUST_LOG` that cannot be read is reported and ignored. When somebody else has set a global subscriber
/// before, theirs stays and [`Verbosity::set`] fails.
#[must_use = "the handle is the only way to change the verbosity later"]
pub fn init(options: Options) -> Verbosity {
    let wish = env::var(VARIABLE).ok();
    let (filter, problem) = first_filter(options.verbosity, wish.as_deref());
    let (subscriber, handle) = subscriber(options, filter, io::stderr);
    if set_global_default(subscriber).is_err() {
        tracing::warn!("logging was set up twice; the first set-up stays");
    }
    if let Some(problem) = problem {
        let value = wish.unwrap_or_default();
        tracing::warn!(
            variable = VARIABLE,
            value,
            problem,
            "cannot read the log filter; using the verbosity"
        );
    }
    handle
}

/// The filter to start with, and why not the one wished for.
fn first_filter(verbosity: u8, wish: Option<&str>) -> (EnvFilter, Option<String>) {
    match wish
        .filter(|wish| !wish.trim().is_empty())
        .map(EnvFilter::try_new)
    {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (filter_for(verbosity), Some(error.to_string())),
        None => (filter_for(verbosity), None),
    }
}

/// On an answer it cannot decode, kube's client warns with the whole body: megabytes for a list, and perhaps a Secret.
/// Our own warning names the object instead.
const NO_BODIES: &str = "kube_client::client=error";

fn filter_for(verbosity: u8) -> EnvFilter {
    let level = match verbosity {
        0..=3 => LevelFilter::INFO,
        4..=5 => LevelFilter::DEBUG,
        6.. => LevelFilter::TRACE,
    };
    let start = EnvFilter::default()
        .add_directive(LevelFilter::WARN.into())
        .add_directive(
            NO_BODIES
                .parse()
                .expect("a crate name and a level are a directive"),
        );
    OURS.iter().fold(start, |filter, name| {
        let directive = format!("{name}={level}")
            .parse()
            .expect("a crate name and a level are a directive");
        filter.add_directive(directive)
    })
}

fn subscriber<W>(options: Options, filter: EnvFilter, writer: W) -> (impl Subscriber + Send + Sync, Verbosity)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, reload) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines = if options.json {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    let handle = Verbosity {
        filter: Some(reload),
        level: Arc::new(AtomicU8::new(options.verbosity)),
    };
    (Registry::default().with(filter).with(lines), handle)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use tracing::subscriber::with_default;

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn take(&self) -> String {
            let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8(std::mem::take(&mut *bytes)).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Starts logging into memory for the duration of `f`.
    fn logging(options: Options, wish: Option<&str>, f: impl FnOnce(&Verbosity, &Lines)) {
        let lines = Lines::default();
        let copy = lines.clone();
        let (filter, _) = first_filter(options.verbosity, wish);
        let (subscriber, handle) = subscriber(options, filter, move || copy.clone());
        with_default(subscriber, || f(&handle, &lines));
    }

    /// Which levels of a crate of ours and of another one are shown, as letters.
    fn shown(lines: &Lines) -> String {
        lines.take();
        tracing::info!(target: "pools::plan", "P");
        tracing::debug!(target: "pools::plan", "Q");
        tracing::trace!(target: "pools::plan", "R");
        tracing::warn!(target: "hyper", "x");
        tracing::info!(target: "hyper", "y");
        lines
            .take()
            .lines()
            .filter_map(|line| line.chars().last())
            .collect()
    }

    #[test]
    fn the_verbosity_is_that_of_klog_for_our_crates_only() {
        let expected = ["Px", "Px", "Px", "Px", "PQx", "PQx", "PQRx", "PQRx"];
        for (verbosity, expected) in (0..).zip(expected) {
            let options = Options {
                verbosity,
                json: false,
            };
            logging(options, None, |handle, lines| {
                assert_eq!(shown(lines), expected, "--v={verbosity}");
                assert_eq!(handle.get(), verbosity);
            });
        }
    }

    #[test]
    fn the_verbosity_can_be_changed_at_run_time() {
        logging(Options::default(), None, |handle, lines| {
            assert_eq!(shown(lines), "Px");
            handle.clone().set(10).unwrap();
            assert_eq!((shown(lines).as_str(), handle.get()), ("PQRx", 10));
            handle.set(2).unwrap();
            assert_eq!((shown(lines).as_str(), handle.get()), ("Px", 2));
        });
    }

    #[test]
    fn the_environment_wins_until_somebody_changes_the_verbosity() {
        logging(
            Options {
                verbosity: 6,
                json: false,
            },
            Some("warn,hyper=info"),
            |handle, lines| {
                assert_eq!(shown(lines), "xy");
                handle.set(0).unwrap();
                assert_eq!(shown(lines), "Px");
            },
        );
    }

    #[test]
    fn a_filter_nobody_can_read_is_reported_and_ignored() {
        let (filter, problem) = first_filter(4, Some("pools=loud"));
        assert!(problem.is_some());
        assert_eq!(filter.to_string(), filter_for(4).to_string());
        assert_eq!(first_filter(4, Some(" ")).1, None, "set but empty");
    }

    #[test]
    fn logs_that_are_gone_cannot_be_changed() {
        let (subscriber, handle) = subscriber(Options::default(), filter_for(0), io::sink);
        drop(subscriber);
        assert!(handle.set(4).is_err());
        assert_eq!(handle.get(), 0);
        let detached = Verbosity::detached(1);
        detached.set(4).unwrap();
        assert_eq!(detached.get(), 4);
    }

    #[test]
    fn json_has_the_fields_at_the_top() {
        logging(
            Options {
                verbosity: 0,
                json: true,
            },
            None,
            |_, lines| {
                tracing::info!(target: "pools", pool = "lan", free = 3, "address bound");
                let line: serde_json::Value = serde_json::from_str(lines.take().trim_end()).unwrap();
                assert_eq!(
                    (&line["level"], &line["message"]),
                    (&"INFO".into(), &"address bound".into())
                );
                assert_eq!((&line["pool"], &line["free"]), (&"lan".into(), &3.into()));
            },
        );
    }
}
