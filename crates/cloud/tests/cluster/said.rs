//! What controllers say to the people who run them.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing_subscriber::filter::LevelFilter;

/// Everything that was logged by this process since somebody listened first. Controllers work on threads of their runtime,
/// so it is one for all; tests with a [`Site`](crate::ground::Site) run one after the other.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static LISTENING: Once = Once::new();

/// Log lines from a moment on.
pub(crate) struct Said {
    from: usize,
}

impl Said {
    /// From now on; before the controller in question is started.
    pub(crate) fn listen() -> Self {
        LISTENING.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(LevelFilter::INFO)
                .with_ansi(false)
                .with_writer(|| Writer)
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("nobody else listens in this process");
        });
        Self { from: log().len() }
    }

    /// The lines that contain all of these words.
    pub(crate) fn about(&self, words: &[&str]) -> Vec<String> {
        let log = log();
        let text = String::from_utf8_lossy(log.get(self.from..).unwrap_or_default());
        let is_about = |line: &&str| words.iter().all(|word| line.contains(word));
        text.lines().filter(is_about).map(str::to_owned).collect()
    }
}

fn log() -> MutexGuard<'static, Vec<u8>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        log().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
